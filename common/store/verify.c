#include "common/store/verify.h"

#include "common/base/files.h"
#include "common/base/map.h"
#include "common/base/numset.h"
#include "common/store/logfile.h"
#include "common/store/logread.h"
#include "common/store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A (task, round) as one number: tasks stay below NUMSET_NUMBER_MAX, 2^40.
enum { ROUND_BITS = 24 };

struct verify {
    struct logfile file;
    struct buffer scratch;
    struct numset *final;   // tasks with a final record in any round
    struct map *rounds;     // (task, round) of those beyond round 0
    struct map *status;     // task -> status, where it is not ok
    struct numset *held;    // tasks that wait for a person
    struct numset *retired; // numbers that a resume passed over
    uint64_t highest;       // task with a final record
    uint64_t mark;          // tasks beyond it were not sent
    uint32_t generation;    // highest granted
    bool gap, resumed;
    verify_report *report;
    void *argument;
    struct verify_summary *summary;
};

static void fault(struct verify *verify, const struct verify_fault *found)
{
    verify->summary->faults++;
    if (verify->report)
        verify->report(verify->argument, found);
}

// Is it the first final record of its (task, round)? 1, 0 or -errno.
static int first_of_round(struct verify *verify, const struct record *record)
{
    uint64_t seen;
    const int added = numset_add(verify->final, record->task);
    if (added < 0 || record->round == 0)
        return added;
    const uint64_t round = record->round & ((1U << ROUND_BITS) - 1);
    const uint64_t key = record->task << ROUND_BITS | round;
    if (map_get(verify->rounds, key, &seen))
        return 0;
    const int put = map_put(verify->rounds, key, 1);
    if (put != 0)
        return put;
    if (added == 0) { // the earlier round's status is no more in force
        uint64_t status = STATUS_OK;
        (void)map_get(verify->status, record->task, &status);
        verify->summary->finals[status]--;
        (void)map_remove(verify->status, record->task);
    }
    return 1;
}

static int take_final(struct verify *verify, const struct record *record,
                      uint64_t offset)
{
    const int first = first_of_round(verify, record);
    if (first < 0)
        return first;
    if (first == 0) {
        verify->summary->doubles++;
        fault(verify, &(struct verify_fault){.kind = VERIFY_DOUBLE_FINAL,
                                             .offset = offset,
                                             .end = offset,
                                             .task = record->task,
                                             .count = 1});
        return 0;
    }
    verify->summary->finals[record->status]++;
    if (record->task > verify->highest)
        verify->highest = record->task;
    if (record->status == STATUS_OK)
        return 0;
    return map_put(verify->status, record->task, record->status);
}

// A resumed run gives what had no final record a number of its own above all
// that were used. Where something is damaged nobody knows which these are.
static int retire(struct verify *verify)
{
    const uint64_t last =
        verify->mark > verify->highest ? verify->mark : verify->highest;
    uint64_t first = numset_next_absent(verify->final, 1);
    while (first <= last) {
        uint64_t next, count;
        if (!numset_next_run(verify->final, first, &next, &count) ||
            next > last)
            next = last + 1;
        const int result = numset_add_run(verify->retired, first, next - first);
        if (result != 0)
            return result;
        first = numset_next_absent(verify->final, next);
    }
    return 0;
}

static int take_decision(struct verify *verify, const struct record *record)
{
    const int changed = record->status == STATUS_HELD
                            ? numset_add(verify->held, record->task)
                            : numset_remove(verify->held, record->task);
    return changed < 0 ? changed : 0;
}

static int take_event(struct verify *verify, const struct record *record)
{
    if (record->event == EVENT_GENERATION) {
        if (record->generation > verify->generation)
            verify->generation = record->generation;
    } else if (record->event == EVENT_COMPLETE) {
        verify->summary->complete = true;
        verify->summary->tasks = record->a;
    } else if (record->event == EVENT_MARK && record->a > verify->mark &&
               record->a <= NUMSET_NUMBER_MAX) {
        verify->mark = record->a;
    } else if (record->event == EVENT_DECISION) {
        return take_decision(verify, record);
    } else if (record->event == EVENT_RESUMED) {
        verify->summary->complete = false;
        verify->resumed = true;
        return verify->gap ? 0 : retire(verify);
    }
    return 0;
}

static int take_line(struct verify *verify, struct span line, uint64_t offset)
{
    struct record record;
    int result = record_read(line, &verify->scratch, &record);
    if (result == 0 && record.task > NUMSET_NUMBER_MAX)
        result = -EBADMSG;
    if (result == -EBADMSG) {
        verify->gap = true;
        fault(verify, &(struct verify_fault){.kind = VERIFY_NO_RECORD,
                                             .offset = offset,
                                             .end = offset});
        return 0;
    }
    if (result != 0)
        return result;
    verify->summary->records++;
    if (record.event != EVENT_NONE)
        return take_event(verify, &record);
    if (record.final && numset_remove(verify->held, record.task) < 0)
        return -ENOMEM;
    return record.final ? take_final(verify, &record, offset) : 0;
}

static int take_member(struct verify *verify, uint64_t offset)
{
    struct span text = buffer_span(&verify->file.text), line;
    int result = 0;
    verify->summary->members++;
    while (result == 0 && logfile_line(&text, &line))
        result = take_line(verify, line, offset);
    return result;
}

// Reports the bad member at *offset and moves on to the next whole one.
static int pass_over(struct verify *verify, enum member_fault bad,
                     uint64_t *offset)
{
    uint64_t next = *offset;
    bool damaged = bad == MEMBER_DAMAGED;
    int result = logfile_next(&verify->file, *offset + 1, &next);
    if (result != 0 && result != -ENOENT)
        return result;
    if (result == 0) {
        damaged = true;
    } else {
        next = verify->file.size;
        result = damaged ? 0 : logfile_lies(&verify->file, *offset, &damaged);
        if (result != 0)
            return result;
    }
    verify->gap = verify->gap || damaged;
    fault(verify, &(struct verify_fault){.kind = damaged ? VERIFY_DAMAGED
                                                         : VERIFY_UNFINISHED,
                                         .offset = *offset,
                                         .end = next});
    *offset = next;
    return 0;
}

static int read_log(struct verify *verify)
{
    int result = logfile_measure(&verify->file);
    verify->summary->bytes = verify->file.size;
    for (uint64_t at = 0; result == 0 && at < verify->file.size;) {
        struct member member;
        enum member_fault bad;
        result = logfile_read(&verify->file, at, &member, &bad);
        if (result == 0 && bad != MEMBER_WHOLE) {
            result = pass_over(verify, bad, &at);
        } else if (result == 0) {
            result = take_member(verify, at);
            at += member.size;
        }
    }
    return result;
}

static void report_missing(struct verify *verify, uint64_t first,
                           uint64_t count)
{
    verify->summary->missing += count;
    fault(verify, &(struct verify_fault){
                      .kind = VERIFY_MISSING, .task = first, .count = count});
}

static void count_missing(struct verify *verify)
{
    struct verify_summary *summary = verify->summary;
    const uint64_t found = numset_count(verify->final);
    if (!summary->complete)
        summary->tasks = found;
    if (summary->complete ? verify->resumed && found == summary->tasks
                          : !verify->gap)
        return;
    const uint64_t last = summary->complete && !verify->resumed
                              ? summary->tasks
                              : verify->highest;
    for (uint64_t at = 1;;) {
        uint64_t next, count;
        at = numset_next_absent(verify->final, at);
        if (at > last)
            break;
        if (numset_has(verify->retired, at)) {
            at = numset_next_absent(verify->retired, at);
            continue;
        }
        if (!numset_next_run(verify->final, at, &next, &count) || next > last)
            next = last + 1;
        uint64_t passed;
        if (numset_next_run(verify->retired, at, &passed, &count) &&
            passed < next)
            next = passed;
        report_missing(verify, at, next - at);
        at = next;
    }
    if (summary->complete && found + summary->missing < summary->tasks)
        report_missing(verify, 0, summary->tasks - found - summary->missing);
}

// What the ventilator noted: the log has it, and had it before.
static unsigned long noted_generation(const char *dir)
{
    char *path = NULL, text[32] = "";
    const int fd =
        asprintf(&path, "%s/generation", dir) < 0 ? -ENOMEM : files_open(path);
    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) < 0)
            text[0] = '\0';
        close(fd);
    }
    free(path);
    return strtoul(text, NULL, 10);
}

static void check_generation(struct verify *verify, unsigned long noted)
{
    if (noted > verify->generation)
        fault(verify, &(struct verify_fault){.kind = VERIFY_CUT,
                                             .offset = verify->file.size,
                                             .end = verify->file.size,
                                             .count = noted});
}

static int run(struct verify *verify, const char *dir, const char *path)
{
    verify->final = numset_create();
    verify->rounds = map_create();
    verify->status = map_create();
    verify->retired = numset_create();
    verify->held = numset_create();
    if (!verify->final || !verify->rounds || !verify->status ||
        !verify->retired || !verify->held)
        return -ENOMEM;
    verify->file.fd = files_open(path);
    if (verify->file.fd < 0)
        return verify->file.fd;
    // Noted after this, it need not be in what is read of a live run's log.
    const unsigned long noted = noted_generation(dir);
    const int result = read_log(verify);
    close(verify->file.fd);
    if (result == 0)
        check_generation(verify, noted);
    if (result == 0)
        count_missing(verify);
    verify->summary->held = numset_count(verify->held);
    return result;
}

int verify_log(const char *dir, verify_report *report, void *argument,
               struct verify_summary *summary, struct problem *problem)
{
    char *path;
    *summary = (struct verify_summary){0};
    if (asprintf(&path, "%s/%s", dir, LOG_FILE_NAME) < 0)
        return problem_set(problem, -ENOMEM, "out of memory");
    struct verify verify = {
        .report = report, .argument = argument, .summary = summary};
    const int result = run(&verify, dir, path);
    if (result != 0)
        problem_set(problem, result, "cannot read %s: %s", path,
                    strerrordesc_np(-result));
    numset_destroy(&verify.final);
    numset_destroy(&verify.retired);
    numset_destroy(&verify.held);
    map_destroy(&verify.rounds);
    map_destroy(&verify.status);
    logfile_clear(&verify.file);
    buffer_free(&verify.scratch);
    free(path);
    return result;
}
