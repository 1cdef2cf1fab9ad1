/* fan-plugin - a slot of a plugin, for fan-worker: see isolated.h
 *
 *     fan-plugin PATH[:FUNCTION]                   can it be loaded?
 *     fan-plugin PATH[:FUNCTION] SEED OUTPUT_MAX   serve slot $FAN_SLOT
 *
 * It is started by fan-worker, with pipes as its standard streams. The answers
 * go where standard output went; that becomes standard error, so that a plugin
 * which prints does no harm.
 */
#include "common/base/files.h"
#include "common/base/version.h"
#include "worker/isolated.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_usage(void)
{
    (void)fprintf(stderr,
                  "fan-plugin is started by fan-worker, for --isolate\n");
    return EXIT_USAGE;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = text ? strtoull(text, &end, 10) : 0;
    return text && errno == 0 && end != text && *end == '\0';
}

// The streams get other numbers, and theirs lead to nothing and to stderr.
static int set_aside(int *in, int *out)
{
    *in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    *out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (*in < 0 || *out < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return -errno;
    (void)close(nothing);
    return 0;
}

static int check(const char *plugin, int out)
{
    struct problem problem = {0};
    if (isolated_check(plugin, &problem) == 0)
        return EXIT_OK;
    (void)dprintf(out, "%s\n", problem.text);
    return (int)problem.exit;
}

static int serve(char **argv, int in, int out)
{
    struct isolated_settings settings = {.plugin = argv[1]};
    struct problem problem = {0};
    uint64_t slot;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread so far
    if (!read_number(getenv("FAN_SLOT"), &slot) || slot == 0 ||
        slot > UINT32_MAX || !read_number(argv[2], &settings.seed) ||
        !read_number(argv[3], &settings.output_max))
        return print_usage();
    settings.slot = (uint32_t)slot;
    if (isolated_serve(&settings, in, out, &problem) == 0)
        return EXIT_OK;
    (void)fprintf(stderr, "fan-plugin: %s\n", problem.text);
    return EXIT_ERROR;
}

int main(int argc, char **argv)
{
    int in, out;
    files_open_standard();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("fan-plugin %s\n", version_text());
        return EXIT_OK;
    }
    if (argc != 2 && argc != 4)
        return print_usage();
    const int code = set_aside(&in, &out);
    if (code < 0) {
        (void)fprintf(stderr, "fan-plugin: %s\n", strerrordesc_np(-code));
        return EXIT_ERROR;
    }
    return argc == 2 ? check(argv[1], out) : serve(argv, in, out);
}
