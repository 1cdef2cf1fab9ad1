#include "tests/bench/drivers/depth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct depth_times *map_times(uint64_t *count)
{
    const char *path = getenv("BENCH_DEPTH");
    struct stat status;
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &status) < 0)
        abort();
    void *at = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
                    MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        abort();
    *count = (uint64_t)status.st_size / sizeof(struct depth_times);
    return at;
}

struct depth_times *depth_of(uint64_t task)
{
    static struct depth_times *times;
    static uint64_t count;
    if (!times)
        times = map_times(&count);
    return task < count ? &times[task] : NULL;
}

int64_t depth_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
