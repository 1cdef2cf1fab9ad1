#include "common/setting/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

bool cgroup_read(const char *dir, const char *name, char *text, int size)
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

// The least from the group up to the root `mount`.
static uint64_t least_below(const char *mount, const char *group,
                            uint64_t (*of)(const char *dir))
{
    char dir[PATH_MAX];
    const size_t root = strlen(mount);
    uint64_t least = UINT64_MAX;
    const int length = snprintf(dir, sizeof dir, "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof dir)
        return least;
    for (;;) {
        const uint64_t here = of(dir);
        least = here < least ? here : least;
        char *const slash = strrchr(dir, '/');
        if (strlen(dir) <= root || !slash)
            return least;
        *slash = '\0';
    }
}

// Is it one of those in "cpu,cpuacct"?
static bool is_among(const char *controllers, const char *controller)
{
    for (const char *at = controllers; *at; at += *at == ',') {
        const size_t length = strcspn(at, ",");
        if (length == strlen(controller) &&
            strncmp(at, controller, length) == 0)
            return true;
        at += length;
    }
    return false;
}

uint64_t cgroup_least(const char *controller, uint64_t (*of)(const char *dir))
{
    char line[PATH_MAX], mount[64];
    uint64_t least = UINT64_MAX;
    FILE *const file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *const controllers = strchr(line, ':');
        char *const group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group = '\0';
        const bool unified = controllers[1] == '\0';
        if (!unified && !is_among(controllers + 1, controller))
            continue;
        snprintf(mount, sizeof mount, "/sys/fs/cgroup%s%s", unified ? "" : "/",
                 unified ? "" : controller);
        const uint64_t here = least_below(mount, group + 1, of);
        least = here < least ? here : least;
    }
    if (file)
        fclose(file);
    return least;
}
