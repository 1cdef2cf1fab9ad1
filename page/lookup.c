#include "page/lookup.h"

#include "common/store/logread.h"

#include <errno.h>
#include <inttypes.h>

enum {
    PARTS_MAX = 256,   // of one task, the last
    RECORDS_MAX = 100, // shown
    OUTPUT_SHOWN = 64 << 10,
};

typedef bool lookup_use(void *context, const struct record *record);

// Gives the records of one part; false from `use` ends it.
static int read_part(const struct lookup *lookup, uint64_t from, uint64_t end,
                     lookup_use *use, void *context)
{
    struct problem problem = {0};
    struct record record;
    bool goes_on = true;
    struct logread *log = logread_open(lookup->dir, from, &problem);
    if (!log)
        return problem.code;
    while (goes_on &&
           logread_next(log, &record, NULL, &problem) == LOGREAD_RECORD &&
           logread_offset(log) < end)
        if (record.task == lookup->task)
            goes_on = use(context, &record);
    logread_close(&log);
    return problem.code;
}

static int read_all(const struct lookup *lookup, lookup_use *use, void *context,
                    struct problem *problem)
{
    uint64_t from[PARTS_MAX], end[PARTS_MAX];
    uint32_t part = 0;
    size_t count = 0;
    int error = 0;
    while (count < PARTS_MAX && places_next(lookup->places, lookup->task, &part,
                                            &from[count], &end[count]))
        count++;
    if (count == 0)
        return problem_set(problem, -ENOENT, "no record of task %" PRIu64,
                           lookup->task);
    while (count > 0 && !error) {
        count--;
        error = read_part(lookup, from[count], end[count], use, context);
    }
    return error ? problem_set(problem, error, "cannot read the log: %s",
                               strerrordesc_np(-error))
                 : 0;
}

// The last part of it, from a character's start.
static struct span tail(struct span text, bool *cut)
{
    size_t from = 0;
    if (text.size > OUTPUT_SHOWN) {
        *cut = true;
        from = text.size - OUTPUT_SHOWN;
        while (from < text.size && (text.at[from] & 0xc0) == 0x80)
            from++;
    }
    return (struct span){text.at + from, text.size - from};
}

struct putting {
    struct buffer *out;
    unsigned count;
};

static bool put_one(void *context, const struct record *record)
{
    struct putting *const putting = context;
    struct record shown = *record;
    bool out_cut = false, err_cut = false;
    if (record->out.size > 0)
        shown.out = tail(record->out, &out_cut);
    if (record->err.size > 0)
        shown.err = tail(record->err, &err_cut);
    buffer_printf(putting->out,
                  "%s{\"stdout_bytes\":%zu,\"stderr_bytes\":%zu,"
                  "\"stdout_cut\":%s,\"stderr_cut\":%s,\"record\":",
                  putting->count > 0 ? "," : "", record->out.size,
                  record->err.size, out_cut ? "true" : "false",
                  err_cut ? "true" : "false");
    record_write(putting->out, &shown);
    put_u8(putting->out, '}');
    return ++putting->count < RECORDS_MAX && !putting->out->failed;
}

int lookup_put(const struct lookup *lookup, struct buffer *out,
               struct problem *problem)
{
    struct putting putting = {.out = out};
    buffer_printf(out, "{\"v\":1,\"task\":%" PRIu64 ",\"records\":[",
                  lookup->task);
    const int error = read_all(lookup, put_one, &putting, problem);
    buffer_append_text(out, "]}");
    if (error)
        return error;
    return out->failed ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}

struct taking {
    struct buffer *out;
    uint64_t left;
    bool of_stderr;
};

static bool take_one(void *context, const struct record *record)
{
    struct taking *const taking = context;
    if (--taking->left > 0)
        return true;
    const struct span text = taking->of_stderr ? record->err : record->out;
    buffer_append(taking->out, text.at, text.size);
    return false;
}

int lookup_output(const struct lookup *lookup, uint64_t nth, bool of_stderr,
                  struct buffer *out, struct problem *problem)
{
    struct taking taking = {.out = out, .left = nth, .of_stderr = of_stderr};
    const int error =
        nth == 0 ? problem_set(problem, -ENOENT, "records count from 1")
                 : read_all(lookup, take_one, &taking, problem);
    if (error)
        return error;
    if (taking.left > 0)
        return problem_set(problem, -ENOENT, "there is no such record");
    return out->failed ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}
