/* memory - how the process keeps what it frees
 *
 * Where pieces of a megabyte come and go all the time, what goes back to the
 * system each time is faulted in again, page by page. Where all are small, the
 * least memory is best, and that is how a process starts.
 */
#ifndef COMMON_BASE_MEMORY_H
#define COMMON_BASE_MEMORY_H

#include <stdbool.h>

/* From the first call with the same `*kept`, false before, some megabytes of
 * what is freed stay with the process. Does nothing without glibc. */
void memory_keep(bool *kept);

#endif
