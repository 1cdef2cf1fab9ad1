/* starve - makes allocations of our own code fail, one or all from one on
 *
 * A program linked with it (see CMakeLists.txt) has its calls of malloc,
 * calloc, realloc, reallocarray, strdup, strndup and asprintf wrapped; what
 * libraries allocate inside is not, but jansson's memory is after
 * starve_json. A program's main can be told by the environment:
 *
 * STARVE=PROGRAM:N[+]:FILE   the N-th allocation of PROGRAM fails, and with +
 *                            all after it; once, in the first process that
 *                            gets there, which makes FILE
 */
#ifndef TESTS_MEMORY_STARVE_H
#define TESTS_MEMORY_STARVE_H

#include <stdbool.h>

/* The `number`-th from now on fails, from 1; `onward`: all after it, too. */
void starve_at(unsigned long number, bool onward);
void starve_stop(void);
bool starve_struck(void); /* has one failed since starve_at? */
void starve_json(void);

#endif
