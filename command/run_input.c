#include "command/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_SIZE = 256 << 10, AHEAD_MAX = 64 << 20 };

static bool is_dash(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static bool reads_standard_input(const struct settings *set)
{
    const bool given = set->sources.count > 0 || set->arg_file || set->ndjson ||
                       set->array;
    const bool in_sources = set->sources.count > 1 &&
                            strcmp(set->sources.at[0], "::::") == 0 &&
                            is_dash(set->sources.at[1]);
    return !given || is_dash(set->arg_file) || is_dash(set->ndjson) ||
           in_sources;
}

static const char *fifo_of(const struct settings *set)
{
    const char *const path = set->arg_file ? set->arg_file : set->ndjson;
    struct stat found;
    return path && stat(path, &found) == 0 && !S_ISREG(found.st_mode) &&
                   !S_ISDIR(found.st_mode)
               ? path
               : NULL;
}

int run_input_open(struct run_input *input, const struct settings *settings,
                   struct problem *problem)
{
    const char *const fifo = fifo_of(settings);
    *input = (struct run_input){.from = -1, .to = -1};
    if (reads_standard_input(settings)) {
        if (isatty(STDIN_FILENO))
            return problem_exit(
                problem, EXIT_USAGE, -EINVAL,
                "there is no input: standard input is a terminal. Give tasks "
                "by '< FILE', ':::' or -a. Try 'fan run --help'.");
        input->from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        snprintf(input->source, sizeof input->source, "standard input");
    } else if (fifo) {
        input->from = open(fifo, O_RDONLY | O_CLOEXEC);
        snprintf(input->source, sizeof input->source, "%.200s", fifo);
    } else {
        return 0;
    }
    if (input->from < 0)
        return problem_exit(problem, EXIT_USAGE, -errno, "cannot read %s: %s",
                            input->source, strerror(errno));
    snprintf(input->name, sizeof input->name, "input");
    return 0;
}

int run_input_create(struct run_input *input, const char *dir,
                     struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + 64];
    if (!input->name[0])
        return 0;
    for (unsigned i = 2; rundir_has(dir, input->name); i++)
        snprintf(input->name, sizeof input->name, "input-%u", i);
    snprintf(path, sizeof path, "%s/%s", dir, input->name);
    input->to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (input->to < 0)
        return problem_set(problem, -errno, "cannot write %s: %s", path,
                           strerror(errno));
    return 0;
}

bool run_input_wants(const struct run_input *input, uint64_t offset)
{
    return input->to >= 0 && (input->copied < offset ||
                              input->copied - offset < AHEAD_MAX);
}

static int write_all(int fd, const char *at, size_t size)
{
    while (size > 0) {
        const ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}

// The mark says that the copy is the whole input: data first.
static int mark_end(struct run_input *input, const char *dir)
{
    char name[48], text[32];
    const int length =
        snprintf(text, sizeof text, "%" PRIu64 "\n", input->copied);
    snprintf(name, sizeof name, "%s.end", input->name);
    if (fdatasync(input->to) != 0)
        return -errno;
    const int error = rundir_write(
        dir, name, (struct span){(const uint8_t *)text, (size_t)length});
    if (!error) {
        input->ended = true;
        run_input_close(input);
    }
    return error;
}

int run_input_copy(struct run_input *input, const char *dir,
                   struct problem *problem)
{
    static char piece[PIECE_SIZE];
    const ssize_t got = read(input->from, piece, sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got < 0)
        return problem_set(problem, -errno, "cannot read %s: %s",
                           input->source, strerror(errno));
    const int error = got > 0 ? write_all(input->to, piece, (size_t)got)
                              : mark_end(input, dir);
    if (error)
        return problem_set(problem, error, "cannot copy %s to %s/%s: %s",
                           input->source, dir, input->name, strerror(-error));
    input->copied += (uint64_t)got;
    return 0;
}

void run_input_close(struct run_input *input)
{
    if (input->from >= 0)
        close(input->from);
    if (input->to >= 0)
        close(input->to);
    input->from = input->to = -1;
}
