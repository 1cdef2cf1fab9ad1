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

static bool read_text(const char *dir, const char *name, char *text, int size)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *const file = fopen(path, "re");
    if (!file)
        return false;
    const bool good = fgets(text, size, file) != NULL;
    fclose(file);
    return good;
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
    if (read_text(dir, "cpu.max", text, sizeof text)) {
        const long long quota = strtoll(text, &end, 10); // "max": 0
        return whole_cpus(quota, strtoll(end, NULL, 10));
    }
    if (!read_text(dir, "cpu.cfs_quota_us", text, sizeof text))
        return UINT_MAX;
    const long long quota = strtoll(text, NULL, 10);
    if (!read_text(dir, "cpu.cfs_period_us", text, sizeof text))
        return UINT_MAX;
    return whole_cpus(quota, strtoll(text, NULL, 10));
}

// The least quota from the group up to the root `mount`.
static unsigned cpus_below(const char *mount, const char *group)
{
    char dir[PATH_MAX];
    const size_t root = strlen(mount);
    unsigned least = UINT_MAX;
    const int length = snprintf(dir, sizeof dir, "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof dir)
        return least;
    for (;;) {
        const unsigned here = cpus_of_group(dir);
        least = here < least ? here : least;
        char *const slash = strrchr(dir, '/');
        if (strlen(dir) <= root || !slash)
            return least;
        *slash = '\0';
    }
}

// Is `cpu` one of the controllers in "cpu,cpuacct"?
static bool has_cpu(const char *controllers)
{
    for (const char *at = controllers; *at; at += *at == ',') {
        const size_t length = strcspn(at, ",");
        if (length == 3 && strncmp(at, "cpu", 3) == 0)
            return true;
        at += length;
    }
    return false;
}

static unsigned cpus_by_quota(void)
{
    char line[PATH_MAX];
    unsigned least = UINT_MAX;
    FILE *const file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *const controllers = strchr(line, ':');
        char *const group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group = '\0';
        const char *const mount = controllers[1] == '\0' ? "/sys/fs/cgroup"
                                  : has_cpu(controllers + 1)
                                      ? "/sys/fs/cgroup/cpu"
                                      : NULL;
        const unsigned here = mount ? cpus_below(mount, group + 1) : UINT_MAX;
        least = here < least ? here : least;
    }
    if (file)
        fclose(file);
    return least;
}

unsigned cpus_usable(void)
{
    const unsigned allowed = cpus_by_affinity(), quota = cpus_by_quota();
    const unsigned cpus = allowed < quota ? allowed : quota;
    return cpus > 0 ? cpus : 1;
}

unsigned settings_slots(const struct settings *settings)
{
    if (settings->jobs)
        return (unsigned)settings->jobs;
    if (!settings->jobs_percent)
        return cpus_usable();
    const uint64_t slots = cpus_usable() * settings->jobs_percent / 100;
    return slots > 65535 ? 65535 : slots > 0 ? (unsigned)slots : 1;
}
