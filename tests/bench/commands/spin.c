/* spin - a task of known length that needs its CPU: works until it has had so
 * many microseconds of it. Static. */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static int64_t had_ns(void)
{
    struct timespec had;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &had);
    return (int64_t)had.tv_sec * 1000000000 + had.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    const int64_t until_ns = had_ns() + strtol(argv[1], NULL, 10) * 1000;
    while (had_ns() < until_ns)
        ;
    return 0;
}
