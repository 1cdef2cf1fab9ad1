#include "common/base/memory.h"

#include <malloc.h>

void memory_keep(bool *kept)
{
    if (*kept)
        return;
    *kept = true;
#ifdef M_TRIM_THRESHOLD // glibc's
    enum { MAPPED_MIN = 32 << 20, KEPT = 16 << 20 };
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_MIN);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}
