#include "command/addition.h"

#include "common/base/files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_SIZE = 256 << 10 };

static const char MARK[] = "\xef\xbb\xbf"; // of byte order

int addition_open(struct addition *addition, struct problem *problem)
{
    addition->file = tmpfile();
    if (!addition->file)
        return problem_set(problem, -errno, "cannot make a temporary file: %s",
                           strerrordesc_np(errno));
    return 0;
}

void addition_close(struct addition *addition)
{
    if (addition->file)
        fclose(addition->file);
    addition->file = NULL;
    buffer_free(&addition->header);
}

static void end_record(struct addition *addition)
{
    addition->tasks += addition->has_text || addition->blank;
    addition->quoting = AT_FIELD;
    addition->in_record = addition->has_text = false;
}

// Among NUL-ended records only the empty is blank.
static bool is_text(const struct addition *addition, uint8_t byte)
{
    return addition->separator == '\0' ||
           (byte != ' ' && byte != '\t' && byte != '\r');
}

static int put(struct addition *addition, struct span piece,
               struct problem *problem)
{
    for (size_t i = 0; i < piece.size; i++) {
        const uint8_t byte = piece.at[i];
        if (byte == (uint8_t)addition->separator &&
            addition->quoting != IN_QUOTES) {
            end_record(addition);
            continue;
        }
        addition->in_record = true;
        addition->has_text = addition->has_text || is_text(addition, byte);
        if (addition->quotes)
            addition->quoting = quoting_after(addition->quoting, byte);
    }
    if (fwrite(piece.at, 1, piece.size, addition->file) == piece.size)
        return 0;
    return problem_set(problem, -errno, "cannot write a temporary file: %s",
                       strerrordesc_np(errno));
}

static int end_last(struct addition *addition, struct problem *problem)
{
    const struct span separator = {(const uint8_t *)&addition->separator, 1};
    return addition->in_record ? put(addition, separator, problem) : 0;
}

int addition_value(struct addition *addition, const char *value,
                   struct problem *problem)
{
    const uint64_t before = addition->tasks;
    int error = put(addition, span_of_text(value), problem);
    if (error == 0 && addition->quoting == IN_QUOTES)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%.64s': a quote is never closed", value);
    if (error == 0 && addition->tasks > before)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%.64s' is more than one line, and each line is a "
                            "task; a run that was started with -0 takes it",
                            value);
    if (error == 0 && !addition->has_text && !addition->blank)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%.64s' is blank, and blank lines are no tasks of "
                            "a run that was not started with --blank",
                            value);
    addition->in_record = true;
    return error == 0 ? end_last(addition, problem) : error;
}

// What stands at the start of `begun` and is no record of a task: a mark of
// byte order, and the run's own header.
static size_t before_records(const struct addition *addition, struct span begun,
                             bool whole)
{
    const struct span header = buffer_span(&addition->header);
    size_t at = 0;
    if (addition->separator != '\0' && begun.size >= sizeof MARK - 1 &&
        memcmp(begun.at, MARK, sizeof MARK - 1) == 0)
        at = sizeof MARK - 1;
    if (header.size == 0 || begun.size - at < header.size ||
        memcmp(begun.at + at, header.at, header.size) != 0)
        return at;
    size_t behind = at + header.size;
    if (behind < begun.size && begun.at[behind] == '\r')
        behind++;
    if (behind == begun.size)
        return whole ? behind : at;
    return begun.at[behind] == (uint8_t)addition->separator ? behind + 1 : at;
}

static ssize_t read_some(int fd, uint8_t *room, size_t size)
{
    ssize_t got;
    while ((got = read(fd, room, size)) < 0 && errno == EINTR)
        ;
    return got;
}

static int put_file(struct addition *addition, int fd, const char *name,
                    struct problem *problem)
{
    static uint8_t piece[PIECE_SIZE];
    const size_t enough = addition->header.size + sizeof MARK + 1;
    size_t size = 0;
    bool begins = true;
    for (;;) {
        const ssize_t got = read_some(fd, piece + size, sizeof piece - size);
        if (got < 0)
            return problem_set(problem, -errno, "cannot read %.512s: %s", name,
                               strerrordesc_np(errno));
        size += (size_t)got;
        if (begins && got > 0 && size < enough && size < sizeof piece)
            continue;
        const struct span all = {piece, size};
        const size_t from =
            begins ? before_records(addition, all, got == 0) : 0;
        begins = false;
        const int error =
            put(addition, (struct span){piece + from, size - from}, problem);
        if (error != 0 || got == 0)
            return error;
        size = 0;
    }
}

int addition_file(struct addition *addition, int fd, const char *name,
                  struct problem *problem)
{
    const int error = put_file(addition, fd, name, problem);
    if (error != 0)
        return error;
    if (addition->quoting == IN_QUOTES)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "%.512s: a quote is never closed", name);
    return end_last(addition, problem);
}

int addition_copy(struct addition *addition, int fd)
{
    static uint8_t piece[PIECE_SIZE];
    size_t got;
    rewind(addition->file);
    while ((got = fread(piece, 1, sizeof piece, addition->file)) > 0) {
        const int error = files_write(fd, (struct span){piece, got});
        if (error != 0)
            return error;
    }
    return ferror(addition->file) ? -EIO : 0;
}
