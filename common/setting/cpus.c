#include "common/setting/cgroup.h"
#include "common/setting/setting.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned cpus_by_affinity(void)
{
    enum { CPUS_MAX = 1 << 16 };
    for (size_t count = CPU_SETSIZE; count <= CPUS_MAX; count *= 2) {
        cpu_set_t *const set = CPU_ALLOC(count);
        if (!set)
            return 1;
        const size_t size = CPU_ALLOC_SIZE(count);
        const int error = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
        const int found = error ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (found > 0)
            return (unsigned)found;
        if (error != EINVAL)
            break;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

static unsigned whole_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return UINT_MAX;
    const long long cpus = quota / period + (quota % period != 0);
    return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

// The quota of one control group, of either version; UINT_MAX without one.
static unsigned cpus_of_group(const char *dir)
{
    char text[64];
    char *end;
    if (cgroup_read(dir, "cpu.max", text, sizeof text)) {
        const long long quota = strtoll(text, &end, 10); // "max": 0
        return whole_cpus(quota, strtoll(end, NULL, 10));
    }
    if (!cgroup_read(dir, "cpu.cfs_quota_us", text, sizeof text))
        return UINT_MAX;
    const long long quota = strtoll(text, NULL, 10);
    if (!cgroup_read(dir, "cpu.cfs_period_us", text, sizeof text))
        return UINT_MAX;
    return whole_cpus(quota, strtoll(text, NULL, 10));
}

static uint64_t quota_of(const char *dir)
{
    return cpus_of_group(dir);
}

unsigned cpus_usable(void)
{
    const unsigned allowed = cpus_by_affinity();
    const uint64_t quota = cgroup_least("cpu", quota_of);
    const unsigned cpus = allowed < quota ? allowed : (unsigned)quota;
    return cpus > 0 ? cpus : 1;
}

unsigned settings_slots(const struct settings *settings)
{
    if (settings->jobs)
        return (unsigned)settings->jobs;
    const uint64_t cpus =
        settings->own_cpus ? settings->own_cpus : cpus_usable();
    if (!settings->jobs_percent)
        return (unsigned)cpus;
    const uint64_t slots = cpus * settings->jobs_percent / 100;
    return slots > 65535 ? 65535 : slots > 0 ? (unsigned)slots : 1;
}
