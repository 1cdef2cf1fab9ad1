/* append - 4 KiB at the end of a file and fdatasync, again and again
 *
 * usage: append ROUNDS FILE
 *
 * What a durable acknowledgement costs at least. Prints p50 and p99 in
 * microseconds.
 */
#include "yardstick.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: append ROUNDS FILE\n");
        return 2;
    }
    const long rounds = count_of(argv[1], 1);
    static char block[4096];
    int64_t *ns = calloc((size_t)rounds, sizeof *ns);
    const int fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0666);
    need(fd >= 0 && ns, argv[2]);
    memset(block, 'x', sizeof block);
    for (long i = 0; i < rounds; i++) {
        const int64_t began_ns = now_ns();
        need(write(fd, block, sizeof block) == sizeof block &&
                 fdatasync(fd) == 0,
             argv[2]);
        ns[i] = now_ns() - began_ns;
    }
    print_percentiles(ns, (size_t)rounds);
    return 0;
}
