/* doze - what a loop that sleeps takes for each sleep
 *
 * usage: doze COUNT MICROSECONDS THREADS
 *
 * Each thread sleeps COUNT times; prints the mean microseconds of a sleep.
 */
#include "tests/bench/doze.h"
#include "yardstick.h"

#include <pthread.h>

enum { THREADS_MAX = 64 };

struct loop {
    pthread_t thread;
    long count, us;
};

static void *run(void *argument)
{
    const struct loop *loop = argument;
    for (long i = 0; i < loop->count; i++)
        need(doze(loop->us) == 0, "clock_nanosleep");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: doze COUNT MICROSECONDS THREADS\n");
        return 2;
    }
    struct loop loops[THREADS_MAX];
    const long count = count_of(argv[1], 1);
    const long us = count_of(argv[2], 0);
    const long threads = count_of(argv[3], 1);
    need(threads <= THREADS_MAX, "threads");
    const int64_t began_ns = now_ns();
    for (long i = 0; i < threads; i++) {
        loops[i] = (struct loop){.count = count, .us = us};
        errno = pthread_create(&loops[i].thread, NULL, run, &loops[i]);
        need(errno == 0, "pthread_create");
    }
    for (long i = 0; i < threads; i++)
        (void)pthread_join(loops[i].thread, NULL);
    printf("%.3f\n", (double)(now_ns() - began_ns) / 1000.0 / (double)count);
    return 0;
}
