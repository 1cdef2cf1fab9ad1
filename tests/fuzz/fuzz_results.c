/* fuzz_results - any lines as a log, for all that looks at its records
 * covers: command/follow.c command/gather.c command/fields.c command/cell.c
 * covers: command/spill.c
 *
 * Of each task's round one output is printed, and by a process that goes on at
 * the place of another none of those again.
 */
#include "command/fields.h"
#include "command/follow.h"
#include "command/gather.h"
#include "common/store/logfile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t printed;

static void print(void *context, const struct follow_output *output)
{
    volatile uint8_t sum = 0;
    (void)context;
    for (size_t i = 0; i < output->out.size; i++)
        sum ^= output->out.at[i];
    for (size_t i = 0; i < output->values.size; i++)
        sum ^= output->values.at[i];
    (void)sum;
    printed++;
}

static int emit(void *context, const struct record *record, struct span line)
{
    struct buffer *out = context;
    (void)line;
    struct problem problem = {0};
    for (unsigned i = FIELDS_NDJSON; i <= FIELDS_TSV; i++) {
        struct fields *fields = fields_create((enum fields_format)i, NULL,
                                              &(struct texts){0}, &problem);
        assert(fields);
        int error = fields_learn(fields, record);
        assert(error == 0);
        fields_put_names(fields, out);
        fields_put(fields, record, out);
        assert(!out->failed);
        buffer_clear(out);
        fields_destroy(&fields);
    }
    return 0;
}

static void each_line(struct span text,
                      void (*take)(void *, const struct record *, struct span),
                      void *context)
{
    struct span line;
    struct buffer scratch = {0};
    struct record record;
    while (logfile_line(&text, &line))
        if (record_read(line, &scratch, &record) == 0 && record.task < 1 << 20)
            take(context, &record, line);
    buffer_free(&scratch);
}

struct walk {
    struct follow *follow;
    struct gather *gather;
    uint64_t end, finals;
    struct buffer out;
};

static void follow_one(void *context, const struct record *record,
                       struct span line)
{
    struct walk *walk = context;
    (void)line;
    walk->finals += record->final && record->event == EVENT_NONE;
    const int error = follow_record(walk->follow, record, ++walk->end);
    assert(error == 0);
}

static void survey_one(void *context, const struct record *record,
                       struct span line)
{
    (void)line;
    const int error = gather_survey(((struct walk *)context)->gather, record);
    assert(error == 0);
}

static void take_one(void *context, const struct record *record,
                     struct span line)
{
    struct walk *walk = context;
    const int error = gather_take(walk->gather, record, line, emit, &walk->out);
    assert(error == 0 || error == -EBADMSG);
}

static struct follow_place walk_follow(struct span text, bool order,
                                       const struct follow_place *place)
{
    struct walk walk = {.follow = follow_create(order, place, print, NULL)};
    assert(walk.follow);
    printed = 0;
    each_line(text, follow_one, &walk);
    const int error = follow_finish(walk.follow);
    assert(error == 0);
    assert(printed <= walk.finals);
    const struct follow_place end = follow_place(walk.follow);
    follow_destroy(&walk.follow);
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct span text = {data + 1, size - 1};
    const bool order = data[0] & 1;
    const struct follow_place start = {0};
    const struct follow_place end = walk_follow(text, order, &start);
    walk_follow(text, order, &end);
    assert(printed == 0);
    struct walk walk = {
        .gather = gather_create((struct gather_options){
            .failed = data[0] & 2, .all_attempts = data[0] & 4})};
    assert(walk.gather);
    each_line(text, survey_one, &walk);
    each_line(text, take_one, &walk);
    gather_destroy(&walk.gather);
    buffer_free(&walk.out);
    return 0;
}
