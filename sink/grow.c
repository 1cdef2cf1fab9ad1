#include "sink/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return 0;
    const size_t wanted = *capacity > 0 ? *capacity * 2 : 8;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *at = reallocarray(old, wanted, size);
    if (at == NULL)
        return -ENOMEM;
    memcpy(array, &at, sizeof at);
    *capacity = wanted;
    return 0;
}
