#include "sink/matches.h"

#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUCKETS = 256, REPLAY_BYTES = 8 << 20, WRITE_AT = 1 << 20 };

struct entry {
    struct id128 key;
    uint64_t number;
    uint64_t taken; // of the key's first entry: how many of its entries are
};

struct matches {
    struct entry *entries; // mapped
    size_t size;           // bytes mapped
    uint64_t first[BUCKETS + 1];
    uint64_t left;
};

/* The log's tasks in the log's order, a task once for each of its records. */
struct gathering {
    int fd;
    struct buffer chunk;
    uint64_t counts[BUCKETS];
    uint64_t total;
};

static int flush(struct gathering *gathering)
{
    const int error =
        files_write(gathering->fd, buffer_span(&gathering->chunk));
    buffer_clear(&gathering->chunk);
    return error;
}

static int gather(void *argument, const struct record *record)
{
    struct gathering *gathering = argument;
    if (record->event != EVENT_NONE || id128_is_zero(&record->key))
        return 0;
    const struct entry entry = {.key = record->key, .number = record->task};
    buffer_append(&gathering->chunk, &entry, sizeof entry);
    if (gathering->chunk.failed)
        return -ENOMEM;
    gathering->counts[record->key.byte[0]]++;
    gathering->total++;
    return gathering->chunk.size >= (size_t)WRITE_AT ? flush(gathering) : 0;
}

static int open_nameless(const char *dir)
{
    const int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static struct entry *map(int fd, size_t size, int protection)
{
    void *at = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

static int read_log(struct journal *journal, struct gathering *gathering,
                    struct problem *problem)
{
    uint64_t at = 0;
    int error = 0;
    while (error == 0 && at < journal_position(journal))
        error = journal_replay(journal, &at, REPLAY_BYTES, gather, gathering,
                               problem);
    return error == 0 ? flush(gathering) : error;
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    const int order = memcmp(a->key.byte, b->key.byte, sizeof a->key.byte);
    if (order != 0)
        return order;
    return (a->number > b->number) - (a->number < b->number);
}

/* Sorts a bucket and keeps one entry of each number. */
static uint64_t settle(struct entry *at, uint64_t count)
{
    uint64_t kept = 0;
    if (count == 0)
        return 0;
    qsort(at, count, sizeof *at, compare);
    for (uint64_t i = 1; i < count; i++)
        if (compare(&at[i], &at[kept]) != 0)
            at[++kept] = at[i];
    return kept + 1;
}

static int arrange(struct matches *matches, const struct gathering *gathering)
{
    uint64_t place[BUCKETS], start = 0;
    struct entry *from = map(gathering->fd, matches->size, PROT_READ);
    if (!from)
        return -errno;
    for (int i = 0; i < BUCKETS; i++) {
        place[i] = start;
        start += gathering->counts[i];
    }
    for (uint64_t i = 0; i < gathering->total; i++)
        matches->entries[place[from[i].key.byte[0]]++] = from[i];
    munmap(from, matches->size);
    start = 0;
    for (int i = 0; i < BUCKETS; i++) {
        const uint64_t kept =
            settle(&matches->entries[start], gathering->counts[i]);
        memmove(&matches->entries[matches->left], &matches->entries[start],
                kept * sizeof(struct entry));
        start += gathering->counts[i];
        matches->first[i] = matches->left;
        matches->left += kept;
    }
    matches->first[BUCKETS] = matches->left;
    return 0;
}

static int fill(struct matches *matches, const struct gathering *gathering,
                const char *dir)
{
    if (gathering->total == 0)
        return 0;
    const int fd = open_nameless(dir);
    if (fd < 0)
        return fd;
    matches->size = gathering->total * sizeof(struct entry);
    // Room is taken now: a full disk under a mapping is a SIGBUS.
    int error = -posix_fallocate(fd, 0, (off_t)matches->size);
    if (error == 0) {
        matches->entries = map(fd, matches->size, PROT_READ | PROT_WRITE);
        error = matches->entries ? arrange(matches, gathering) : -errno;
    }
    close(fd);
    return error;
}

struct matches *matches_build(struct journal *journal, const char *dir,
                              struct problem *problem)
{
    struct matches *matches = calloc(1, sizeof *matches);
    struct gathering gathering = {.fd = open_nameless(dir)};
    int error = matches ? 0 : -ENOMEM;
    if (error == 0 && gathering.fd < 0)
        error = gathering.fd;
    if (error == 0)
        error = read_log(journal, &gathering, problem);
    if (error == 0)
        error = fill(matches, &gathering, dir);
    if (gathering.fd >= 0)
        close(gathering.fd);
    buffer_free(&gathering.chunk);
    if (error < 0) {
        if (problem->code == 0)
            problem_set(problem, error, "cannot index the log in '%s': %s", dir,
                        strerror(-error));
        matches_destroy(&matches);
    }
    return matches;
}

void matches_destroy(struct matches **matches)
{
    struct matches *gone = *matches;
    if (!gone)
        return;
    if (gone->entries)
        munmap(gone->entries, gone->size);
    free(gone);
    *matches = NULL;
}

uint64_t matches_take(struct matches *matches, const struct id128 *key)
{
    uint64_t low = matches->first[key->byte[0]];
    uint64_t high = matches->first[key->byte[0] + 1];
    const uint64_t end = high;
    const struct entry sought = {.key = *key};
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (compare(&matches->entries[middle], &sought) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == end || !id128_equal(&matches->entries[low].key, key))
        return 0;
    const uint64_t next = low + matches->entries[low].taken;
    if (next == end || !id128_equal(&matches->entries[next].key, key))
        return 0;
    matches->entries[low].taken++;
    matches->left--;
    return matches->entries[next].number;
}

uint64_t matches_left(const struct matches *matches)
{
    return matches->left;
}
