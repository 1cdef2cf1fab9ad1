#include "ventilator/source_reader.h"

#include "common/base/quoting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 64 << 10,
    BUFFER_MAX = SOURCE_LINE_MAX + BLOCK,
};

struct source_reader {
    int fd, watch_fd;
    char *path, *end_path, *open_path;
    char separator;
    bool quotes, blank;
    uint8_t *at; // bytes of the file from `base`
    size_t size, capacity;
    size_t start;         // of the record, in `at`
    size_t scanned;       // no separator before it
    uint64_t base;        // file offset of at[0]
    uint64_t record;      // file offset of the record
    uint64_t end;         // of the file, once known; else UINT64_MAX
    uint64_t open_end;    // of an open one, so far
    uint64_t synced;      // bytes of a copy known to be durable
    enum quoting quoting; // at `scanned`
    bool skipping;        // the record is too long
};

static int system_problem(const struct source_reader *reader, int error,
                          struct problem *problem)
{
    return problem_set(problem, -error, "%.512s: %s", reader->path,
                       strerror(error));
}

// Reads a marker. Returns 1 when it is there, 0 when not yet.
static int read_marker(struct source_reader *reader, const char *path,
                       uint64_t *length, struct problem *problem)
{
    char text[32];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return system_problem(reader, error, problem);
    if (size == 0)
        return 0;
    text[size] = '\0';
    char *rest = NULL;
    errno = 0;
    const unsigned long long end = strtoull(text, &rest, 10);
    const char *const behind = text + size; // a NUL is no end
    if (text[0] < '0' || text[0] > '9' || errno != 0 ||
        (rest != behind && !(rest + 1 == behind && *rest == '\n')))
        return problem_set(problem, -EBADMSG, "%.512s holds no length", path);
    *length = end;
    return 1;
}

static int watch(struct source_reader *reader, const char *dir,
                 struct problem *problem)
{
    reader->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (reader->watch_fd < 0 ||
        inotify_add_watch(reader->watch_fd, reader->path, IN_MODIFY) < 0 ||
        inotify_add_watch(reader->watch_fd, dir,
                          IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
        return system_problem(reader, errno, problem);
    return 0;
}

static int open_file(struct source_reader *reader, const char *dir,
                     struct problem *problem)
{
    struct stat about;
    // Not to hang on a FIFO.
    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader->fd < 0 || fstat(reader->fd, &about) != 0)
        return system_problem(reader, errno, problem);
    if (S_ISDIR(about.st_mode))
        return system_problem(reader, EISDIR, problem);
    if (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode))
        return problem_exit(problem, EXIT_USAGE, -ESPIPE,
                            "%.512s cannot be read twice: give it to 'fan "
                            "run' by -a or on standard input, which it copies",
                            reader->path);
    if (!reader->end_path)
        return 0;
    // The watch comes first: a marker made meanwhile is not missed.
    const int error = watch(reader, dir, problem);
    if (error != 0)
        return error;
    const int known =
        read_marker(reader, reader->end_path, &reader->end, problem);
    return known < 0 ? known : 0;
}

struct source_reader *
source_reader_open(const struct source_reader_options *options,
                   struct problem *problem)
{
    struct source_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    reader->fd = reader->watch_fd = -1;
    reader->separator = options->separator;
    reader->quotes = options->quotes;
    reader->blank = options->blank;
    reader->end = UINT64_MAX;
    reader->path = strdup(options->path);
    reader->end_path = options->end_path ? strdup(options->end_path) : NULL;
    reader->open_path = options->open_path ? strdup(options->open_path) : NULL;
    reader->capacity = 2 * BLOCK;
    reader->at = malloc(reader->capacity);
    if (!reader->path || (options->end_path && !reader->end_path) ||
        (options->open_path && !reader->open_path) || !reader->at)
        problem_set(problem, -ENOMEM, "out of memory");
    else if (open_file(reader, options->dir, problem) == 0)
        return reader;
    source_reader_close(&reader);
    return NULL;
}

void source_reader_close(struct source_reader **reader)
{
    if (!*reader)
        return;
    if ((*reader)->fd >= 0)
        close((*reader)->fd);
    if ((*reader)->watch_fd >= 0)
        close((*reader)->watch_fd);
    free((*reader)->path);
    free((*reader)->end_path);
    free((*reader)->open_path);
    free((*reader)->at);
    free(*reader);
    *reader = NULL;
}

// Drops what is read and makes room for a block.
static int make_room(struct source_reader *reader, struct problem *problem)
{
    const size_t dropped = reader->skipping ? reader->size : reader->start;
    if (dropped > 0) {
        reader->size -= dropped;
        memmove(reader->at, reader->at + dropped, reader->size);
        reader->scanned -= dropped;
        reader->start = 0;
        reader->base += dropped;
    }
    if (reader->capacity - reader->size >= BLOCK)
        return 0;
    size_t capacity = reader->capacity * 2;
    if (capacity > BUFFER_MAX + BLOCK)
        capacity = BUFFER_MAX + BLOCK;
    uint8_t *grown = realloc(reader->at, capacity);
    if (!grown)
        return problem_set(problem, -ENOMEM, "out of memory");
    reader->at = grown;
    reader->capacity = capacity;
    return 0;
}

// Where reading has to stop for now. What is written behind the end of an open
// input may yet be taken back; before that is told, `fan run` alone writes, so
// that all there was before counts.
static int find_stop(struct source_reader *reader, uint64_t from,
                     uint64_t *stop, struct problem *problem)
{
    struct stat about;
    *stop = reader->end;
    if (!reader->open_path || reader->end != UINT64_MAX)
        return 0;
    *stop = reader->open_end;
    if (from < *stop)
        return 0;
    if (fstat(reader->fd, &about) != 0)
        return system_problem(reader, errno, problem);
    const int known =
        read_marker(reader, reader->open_path, &reader->open_end, problem);
    *stop = known > 0 ? reader->open_end : (uint64_t)about.st_size;
    return known < 0 ? known : 0;
}

// Returns bytes read, 0 at the file's end, -EAGAIN when a copy may grow.
static ssize_t fill(struct source_reader *reader, struct problem *problem)
{
    const int error = make_room(reader, problem);
    if (error != 0)
        return error;
    for (;;) {
        const uint64_t from = reader->base + reader->size;
        size_t wanted = reader->capacity - reader->size;
        if (from >= reader->end)
            return 0;
        uint64_t stop;
        const int unknown = find_stop(reader, from, &stop, problem);
        if (unknown != 0)
            return unknown;
        if (stop <= from)
            wanted = 0;
        else if (wanted > stop - from)
            wanted = (size_t)(stop - from);
        const ssize_t got =
            pread(reader->fd, reader->at + reader->size, wanted, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_problem(reader, errno, problem);
        reader->size += (size_t)got;
        if (got > 0 || !reader->end_path)
            return got;
        if (reader->end != UINT64_MAX)
            return problem_set(problem, -EBADMSG,
                               "%.512s is shorter than its end marker says",
                               reader->path);
        const int known =
            read_marker(reader, reader->end_path, &reader->end, problem);
        if (known <= 0)
            return known < 0 ? known : -EAGAIN;
        if (reader->end < from)
            return problem_set(problem, -EBADMSG,
                               "%.512s is longer than its end marker says",
                               reader->path);
    }
}

// A byte order mark is before the first field, not in it.
static bool in_mark(uint64_t offset, uint8_t byte)
{
    static const uint8_t MARK[] = {0xef, 0xbb, 0xbf};
    return offset < sizeof MARK && MARK[offset] == byte;
}

// Finds the record's separator among the bytes there; advances `scanned`.
static bool scan(struct source_reader *reader)
{
    const uint8_t separator = (uint8_t)reader->separator;
    if (!reader->quotes) {
        const size_t left = reader->size - reader->scanned;
        const uint8_t *found =
            left ? memchr(reader->at + reader->scanned, separator, left) : NULL;
        reader->scanned = found ? (size_t)(found - reader->at) : reader->size;
        return found;
    }
    for (; reader->scanned < reader->size; reader->scanned++) {
        const uint8_t byte = reader->at[reader->scanned];
        if (byte == separator && reader->quoting != IN_QUOTES)
            return true;
        if (!in_mark(reader->base + reader->scanned, byte))
            reader->quoting = quoting_after(reader->quoting, byte);
    }
    return false;
}

static int sync_copy(struct source_reader *reader, struct problem *problem)
{
    const uint64_t needed = reader->base + reader->scanned;
    struct stat about;
    if (!reader->end_path || reader->synced >= needed)
        return 0;
    if (fstat(reader->fd, &about) != 0 || fdatasync(reader->fd) != 0)
        return system_problem(reader, errno, problem);
    reader->synced = (uint64_t)about.st_size;
    return 0;
}

// A file's name may be a space: among NUL-ended ones only the empty is blank.
static bool is_blank(const struct source_reader *reader, struct span record)
{
    if (reader->separator == '\0')
        return record.size == 0;
    for (size_t i = 0; i < record.size; i++)
        if (record.at[i] != ' ' && record.at[i] != '\t' && record.at[i] != '\r')
            return false;
    return true;
}

// The record from start to scanned; the next one starts after the separator.
static enum record_result take(struct source_reader *reader, bool separated,
                               struct span *record, uint64_t *offset)
{
    *record = (struct span){reader->at + reader->start,
                            reader->scanned - reader->start};
    *offset = reader->record;
    const bool unclosed = !separated && reader->quoting == IN_QUOTES;
    const bool skipped =
        reader->skipping || record->size > (size_t)SOURCE_LINE_MAX;
    reader->scanned += separated;
    reader->start = reader->scanned;
    reader->record = reader->base + reader->start;
    reader->skipping = false;
    reader->quoting = AT_FIELD;
    if (skipped)
        return RECORD_LONG;
    if (unclosed)
        return RECORD_UNCLOSED;
    if (record->size > 0 && memchr(record->at, '\0', record->size))
        return RECORD_NUL;
    return RECORD_READ;
}

// Finds the end of the record. Returns 1, 0 at the end of the file without a
// separator, -EAGAIN or an error.
static int find_end(struct source_reader *reader, struct problem *problem)
{
    while (!scan(reader)) {
        if (reader->scanned - reader->start > (size_t)SOURCE_LINE_MAX)
            reader->skipping = true;
        const ssize_t got = fill(reader, problem);
        if (got <= 0)
            return (int)got;
        if (reader->skipping)
            reader->start = 0;
    }
    return 1;
}

enum record_result source_reader_next(struct source_reader *reader,
                                      struct span *record, uint64_t *offset,
                                      struct problem *problem)
{
    for (;;) {
        const int found = find_end(reader, problem);
        if (found == -EAGAIN)
            return RECORD_LATER;
        if (found < 0)
            return RECORD_ERROR;
        if (found == 0 && reader->base + reader->scanned == reader->record)
            return RECORD_END;
        if (sync_copy(reader, problem) != 0)
            return RECORD_ERROR;
        const enum record_result result =
            take(reader, found > 0, record, offset);
        if (result != RECORD_READ || reader->blank ||
            !is_blank(reader, *record))
            return result;
    }
}

uint64_t source_reader_offset(const struct source_reader *reader)
{
    return reader->record;
}

void source_reader_seek(struct source_reader *reader, uint64_t offset)
{
    const bool inside =
        offset >= reader->base && offset <= reader->base + reader->size;
    if (inside && !reader->skipping) {
        reader->start = (size_t)(offset - reader->base);
    } else {
        reader->base = offset;
        reader->size = reader->start = 0;
    }
    reader->scanned = reader->start;
    reader->record = offset;
    reader->quoting = AT_FIELD;
    reader->skipping = false;
}

uint64_t source_reader_size(const struct source_reader *reader)
{
    struct stat about;
    if (reader->end_path)
        return reader->end == UINT64_MAX ? 0 : reader->end;
    return fstat(reader->fd, &about) == 0 ? (uint64_t)about.st_size : 0;
}

int source_reader_fd(const struct source_reader *reader)
{
    return reader->end == UINT64_MAX ? reader->watch_fd : -1;
}

void source_reader_fd_clear(struct source_reader *reader)
{
    char events[4096];
    while (reader->watch_fd >= 0 &&
           read(reader->watch_fd, events, sizeof events) > 0)
        ;
}
