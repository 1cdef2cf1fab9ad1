/* grow - room for one more element in an array that doubles */
#ifndef SINK_GROW_H
#define SINK_GROW_H

#include <stddef.h>

/* `array` points to the array's pointer. Returns 0, or -ENOMEM with nothing
 * changed. Amortised O(1). */
int grow(void *array, size_t *capacity, size_t count, size_t size);

#endif
