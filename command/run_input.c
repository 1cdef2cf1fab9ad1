#include "command/run.h"

#include "common/base/files.h"
#include "common/setting/plan.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_SIZE = 256 << 10, AHEAD_MAX = 64 << 20, PATH_SIZE = 4200 };

// That of an open run is copied whatever it is, for others to write behind it.
static const char *fifo_of(const struct settings *set)
{
    const char *const path = set->arg_file ? set->arg_file : set->ndjson;
    struct stat found;
    return path && stat(path, &found) == 0 && !S_ISDIR(found.st_mode) &&
                   (set->open || !S_ISREG(found.st_mode))
               ? path
               : NULL;
}

bool run_input_is_stream(const struct settings *settings)
{
    return plan_reads_standard_input(settings) || fifo_of(settings);
}

// All tasks are to be added.
static int open_nothing(struct run_input *input, struct problem *problem)
{
    input->from = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return input->from >= 0
               ? 0
               : problem_set(problem, -errno, "cannot open /dev/null: %s",
                             strerror(errno));
}

int run_input_open(struct run_input *input, const struct settings *settings,
                   bool optional, struct problem *problem)
{
    const char *const fifo = fifo_of(settings);
    struct stat found;
    *input =
        (struct run_input){.from = -1,
                           .to = -1,
                           .open = settings->open,
                           .separator = settings->null_separated ? '\0' : '\n',
                           .ahead_max = AHEAD_MAX};
    if (plan_reads_standard_input(settings)) {
        input->copied_here = true;
        if (isatty(STDIN_FILENO) && input->open)
            return open_nothing(input, problem);
        if (isatty(STDIN_FILENO) && optional)
            return 0;
        if (isatty(STDIN_FILENO))
            return problem_exit(
                problem, EXIT_USAGE, -EINVAL,
                "there is no input: standard input is a terminal. Give tasks "
                "by '< FILE', ':::' or -a. Try 'fan run --help'.");
        input->from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        snprintf(input->source, sizeof input->source, "standard input");
    } else if (fifo) {
        input->copied_here = true;
        input->from = open(fifo, O_RDONLY | O_CLOEXEC);
        snprintf(input->source, sizeof input->source, "%.200s", fifo);
    } else {
        return 0;
    }
    if (input->from < 0)
        return problem_exit(problem, EXIT_USAGE, -errno, "cannot read %s: %s",
                            input->source, strerror(errno));
    if (fstat(input->from, &found) != 0)
        return 0;
    if (S_ISDIR(found.st_mode))
        return problem_exit(problem, EXIT_USAGE, -EISDIR,
                            "cannot read %s: it is a directory", input->source);
    if (S_ISREG(found.st_mode))
        input->size = (uint64_t)found.st_size;
    if (input->open && S_ISREG(found.st_mode))
        input->ahead_max = UINT64_MAX; // it is soon there to be added to
    return 0;
}

static int open_copy(struct run_input *input, const char *dir, int flags,
                     struct problem *problem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" RUN_INPUT_NAME, dir);
    input->to = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0666);
    if (input->to < 0)
        return problem_set(problem, -errno, "cannot write %s: %s", path,
                           strerror(errno));
    return 0;
}

int run_input_create(struct run_input *input, const char *dir,
                     struct problem *problem)
{
    return input->copied_here ? open_copy(input, dir, O_TRUNC, problem) : 0;
}

bool run_input_wants(const struct run_input *input, uint64_t offset)
{
    return input->to >= 0 && (input->copied < offset ||
                              input->copied - offset < input->ahead_max);
}

// What is added begins a line of its own.
static int end_line(struct run_input *input)
{
    char last;
    if (!input->open || input->copied == 0)
        return 0;
    if (pread(input->to, &last, 1, (off_t)input->copied - 1) != 1)
        return -EIO;
    if (last == input->separator)
        return 0;
    const int error = files_write(
        input->to, (struct span){(const uint8_t *)&input->separator, 1});
    input->copied += error == 0;
    return error;
}

// The mark says that the copy is the whole input, or that others may add to it:
// data first.
static int mark_end(struct run_input *input, const char *dir)
{
    char text[32];
    const int ended = end_line(input);
    if (ended != 0)
        return ended;
    const int length =
        snprintf(text, sizeof text, "%" PRIu64 "\n", input->copied);
    if (fdatasync(input->to) != 0)
        return -errno;
    const int error =
        files_replace(dir, input->open ? RUN_INPUT_OPEN : RUN_INPUT_END,
                      (struct span){(const uint8_t *)text, (size_t)length});
    if (!error) {
        input->size = input->copied;
        run_input_close(input);
    }
    return error;
}

static uint64_t count_lines(int fd, uint64_t size, char separator,
                            uint64_t *last)
{
    static char piece[PIECE_SIZE];
    uint64_t count = 0, done = 0;
    *last = 0;
    while (done < size) {
        const ssize_t got = pread(fd, piece, sizeof piece, (off_t)done);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            if (piece[i] == separator) {
                count++;
                *last = done + (uint64_t)i + 1;
            }
        done += (uint64_t)got;
    }
    return count;
}

// Nothing was given: the copy is the input, if it is whole.
static int take_copy(struct run_input *input, const char *dir,
                     const struct settings *settings, uint64_t size,
                     struct problem *problem)
{
    uint64_t last;
    const uint64_t lines = count_lines(
        input->to, size, settings->null_separated ? '\0' : '\n', &last);
    if (!settings->accept_partial && input->open)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the input of this run was cut after %" PRIu64
                            " lines; say --accept-partial to go on with these, "
                            "and give the rest by fan add",
                            lines);
    if (!settings->accept_partial)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the input of this run was cut after %" PRIu64
                            " lines; give it again, or say --accept-partial "
                            "to do without the rest",
                            lines);
    input->copied = last;
    const int error =
        ftruncate(input->to, (off_t)last) != 0 ? -errno : mark_end(input, dir);
    return error
               ? problem_set(problem, error, "cannot mark the input's end: %s",
                             strerror(-error))
               : 0;
}

// Something is given: it takes the old copy's place from its first byte on.
static int replace_copy(struct run_input *input, const char *dir,
                        struct problem *problem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/" RUN_INPUT_END, dir);
    if ((unlink(path) != 0 && errno != ENOENT) || ftruncate(input->to, 0) != 0)
        return problem_set(problem, -errno, "cannot replace %s: %s", path,
                           strerror(errno));
    return 0;
}

int run_input_continue(struct run_input *input, const char *dir,
                       const struct settings *settings, struct problem *problem)
{
    char first = '\0';
    struct stat found;
    if (!input->copied_here)
        return 0;
    if (open_copy(input, dir, 0, problem) != 0)
        return problem->code;
    ssize_t got = 0;
    if (input->from >= 0)
        while ((got = read(input->from, &first, 1)) < 0 && errno == EINTR)
            ;
    if (got < 0 || fstat(input->to, &found) != 0)
        return problem_set(problem, -errno, "cannot read %s: %s", input->source,
                           strerror(errno));
    if (got > 0) {
        input->ahead_max = UINT64_MAX; // all of it is matched before a start
        const int error = replace_copy(input, dir, problem);
        if (error ||
            files_write(input->to, (struct span){(const uint8_t *)&first, 1}) ==
                0) {
            input->copied = 1;
            return error;
        }
        return problem_set(problem, -EIO, "cannot write the input's copy");
    }
    if (!rundir_has(dir, RUN_INPUT_END) && !rundir_has(dir, RUN_INPUT_OPEN))
        return take_copy(input, dir, settings, (uint64_t)found.st_size,
                         problem);
    run_input_close(input);
    return 0;
}

int run_input_copy(struct run_input *input, const char *dir,
                   struct problem *problem)
{
    static char piece[PIECE_SIZE];
    const ssize_t got = read(input->from, piece, sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got < 0)
        return problem_set(problem, -errno, "cannot read %s: %s", input->source,
                           strerror(errno));
    const int error =
        got > 0 ? files_write(input->to, (struct span){(const uint8_t *)piece,
                                                       (size_t)got})
                : mark_end(input, dir);
    if (error)
        return problem_set(problem, error,
                           "cannot copy %s to %s/" RUN_INPUT_NAME ": %s",
                           input->source, dir, strerror(-error));
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
