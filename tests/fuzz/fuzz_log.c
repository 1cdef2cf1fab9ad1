/* fuzz_log - a log that was damaged in drawn places, recovered and read
 * covers: sink/journal.c sink/journal_recover.c common/store/logfile.c
 * covers: common/store/logread.c common/store/verify.c
 *
 * Recovery refuses or recovers; what it recovers is a beginning of what was
 * written, stays the same when it is recovered again, is sound to verify, and
 * is what a reader reads. What stands in front of the first change is kept.
 */
#include "common/store/logread.h"
#include "common/store/member.h"
#include "common/store/verify.h"
#include "sink/journal.h"
#include "tests/fuzz/draw.h"
#include "tests/fuzz/folder.h"

#include <assert.h>
#include <errno.h>

enum { MEMBERS_MAX = 5 };

struct log {
    struct buffer bytes;
    uint64_t before[MEMBERS_MAX + 1]; // records in front of each member
    size_t starts[MEMBERS_MAX + 1], members;
};

struct seen {
    uint64_t count, sum, last;
};

static int see(void *argument, const struct record *record)
{
    struct seen *seen = argument;
    seen->count++;
    seen->sum = seen->sum * 31 + record->task;
    return 0;
}

// A sink's log: a few members, each made when all before was durable.
static void make_log(struct log *log, struct reader *bytes)
{
    uint64_t task = 0;
    log->members = 1 + draw(bytes, MEMBERS_MAX);
    for (size_t i = 0; i < log->members; i++) {
        struct buffer text = {0};
        log->starts[i] = log->bytes.size;
        log->before[i] = task;
        for (unsigned k = draw(bytes, 4); k > 0; k--) {
            const struct record record = {.task = ++task,
                                          .final = true,
                                          .status = STATUS_OK,
                                          .attempt = 1,
                                          .generation = 1,
                                          .out = SPAN_OF("text")};
            record_write(&text, &record);
        }
        const int error =
            member_write(&log->bytes, buffer_span(&text),
                         (enum member_form)draw(bytes, 2), log->starts[i]);
        assert(error == 0);
        buffer_free(&text);
    }
    log->starts[log->members] = log->bytes.size;
    log->before[log->members] = task;
}

// Changes it; returns where the first change is.
static size_t spoil(struct log *log, struct reader *bytes)
{
    struct buffer *all = &log->bytes;
    size_t first = all->size;
    for (unsigned i = draw(bytes, 4); i > 0 && all->size > 0; i--) {
        const unsigned how = draw(bytes, 6);
        const size_t at = read_u16(bytes) % all->size;
        if (how == 0) {
            all->at[at] ^= (uint8_t)(1U << draw(bytes, 8));
        } else if (how == 1) {
            all->size = at;
        } else if (how == 2) {
            for (size_t k = at; k < all->size && k < at + 64; k++)
                all->at[k] = 0;
        } else if (how == 3) { // a member again, at the end
            const size_t from =
                log->starts[draw(bytes, MEMBERS_MAX) % log->members];
            struct buffer copy = {0};
            if (from < all->size)
                buffer_append(&copy, all->at + from, all->size - from);
            if (all->size < first)
                first = all->size;
            buffer_append(all, copy.at, copy.size);
            buffer_free(&copy);
            continue;
        } else if (how == 4) { // strange bytes at the end
            const struct span rest =
                read_bytes(bytes, draw(bytes, 64) % (reader_left(bytes) + 1));
            if (all->size < first)
                first = all->size;
            if (rest.size > 0)
                buffer_append(all, rest.at, rest.size);
            continue;
        } else {
            continue;
        }
        first = at < first ? at : first;
    }
    return first;
}

static void ignore(void *argument, const struct verify_fault *fault)
{
    (void)argument;
    assert(fault->end >= fault->offset);
}

static bool recover(const char *dir, struct seen *seen, uint64_t *position)
{
    struct problem problem = {0};
    *seen = (struct seen){0};
    struct journal *journal = journal_open(dir, see, seen, &problem);
    assert(!journal == (problem.code != 0));
    if (!journal) {
        assert(problem.exit == EXIT_DAMAGED);
        return false;
    }
    *position = journal_position(journal);
    journal_close(&journal);
    return true;
}

// Reads all; returns how it ended.
static enum logread_result read_all(const char *dir, struct seen *seen)
{
    struct problem problem = {0};
    struct record record;
    struct span line;
    enum logread_result result;
    struct logread *logread = logread_open(dir, 0, &problem);
    assert(logread);
    *seen = (struct seen){0};
    while ((result = logread_next(logread, &record, &line, &problem)) ==
           LOGREAD_RECORD)
        see(seen, &record);
    assert(logread_end(logread) >= logread_offset(logread));
    logread_close(&logread);
    return result;
}

static void check(const char *dir, const struct log *log, size_t first)
{
    struct seen read, found, again;
    struct problem problem = {0};
    struct verify_summary sound;
    uint64_t position = 0, later = 0;
    size_t whole = 0;
    while (whole < log->members && log->starts[whole + 1] <= first)
        whole++;
    const enum logread_result result = read_all(dir, &read);
    assert(read.count >= log->before[whole]);
    int error = verify_log(dir, ignore, NULL, &sound, &problem);
    assert(error == 0);
    if (!recover(dir, &found, &position)) {
        assert(sound.faults > 0);
        return;
    }
    assert(found.count >= log->before[whole]);
    assert(result == LOGREAD_END || result == LOGREAD_ERROR ||
           result == LOGREAD_DAMAGED);
    const bool same = recover(dir, &again, &later);
    assert(same && later == position && again.sum == found.sum);
    assert(read_all(dir, &read) == LOGREAD_END && read.sum == found.sum);
    error = verify_log(dir, ignore, NULL, &sound, &problem);
    assert(error == 0 && sound.bytes == position);
    assert(sound.records == found.count);
    // A record may stand twice, where a member does; nothing else is wrong.
    assert(sound.faults == sound.doubles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log log = {0};
    struct reader bytes = reader_over((struct span){data, size});
    const char *dir = folder_empty();
    make_log(&log, &bytes);
    const size_t first = spoil(&log, &bytes);
    folder_put(dir, LOG_FILE_NAME, buffer_span(&log.bytes));
    check(dir, &log, first);
    buffer_free(&log.bytes);
    return 0;
}
