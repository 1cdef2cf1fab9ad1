#include "common/setting/cgroup.h"
#include "common/setting/setting.h"

#include <stdlib.h>
#include <unistd.h>

// The limit of one control group, of either version; UINT64_MAX without one.
static uint64_t limit_of(const char *dir)
{
    char text[64];
    if (!cgroup_read(dir, "memory.max", text, sizeof text) &&
        !cgroup_read(dir, "memory.limit_in_bytes", text, sizeof text))
        return UINT64_MAX;
    const uint64_t limit = strtoull(text, NULL, 10); // "max": 0
    return limit > 0 ? limit : UINT64_MAX;
}

uint64_t memory_usable(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    const uint64_t all =
        pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
    const uint64_t limit = cgroup_least("memory", limit_of);
    return limit < all ? limit : all;
}
