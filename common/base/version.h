/* version - what was built */
#ifndef COMMON_BASE_VERSION_H
#define COMMON_BASE_VERSION_H

const char *version_text(void); /* "0.1.0" */

#endif
