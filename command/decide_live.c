/* decide_live - a decision about tasks of a run that goes on */
#include "command/decide.h"
#include "command/tell.h"
#include "common/base/numset.h"
#include "common/store/text.h"

#include <inttypes.h>

enum { TASKS_AT_A_TIME = 4096 };

struct saying {
    const struct decide *decide;
    uint64_t from;
};

// The next tasks, in runs; false when there are none.
static bool put_question(void *with, struct buffer *out)
{
    struct saying *const saying = with;
    const struct decide *const decide = saying->decide;
    uint64_t first, count;
    size_t tasks = 0;
    tell_begin(out, "decide", decide->user, decide->time_us, decide->note);
    if (decide->mem_max > 0)
        buffer_printf(out, ",\"mem_max\":%" PRIu64, decide->mem_max);
    if (decide->edit) {
        buffer_append_text(out, ",\"edit\":");
        text_put_quoted(out, span_of_text(decide->edit)); // is UTF-8
    }
    buffer_printf(out, ",\"status\":\"%s\",\"tasks\":[",
                  status_name(decide->status));
    while (tasks < TASKS_AT_A_TIME &&
           numset_next_run(decide->tasks, saying->from, &first, &count)) {
        if (count > TASKS_AT_A_TIME - tasks)
            count = TASKS_AT_A_TIME - tasks;
        buffer_printf(out, "%s[%" PRIu64 ",%" PRIu64 "]", tasks > 0 ? "," : "",
                      first, count);
        tasks += count;
        saying->from = first + count;
    }
    buffer_append_text(out, "]}");
    return tasks > 0;
}

static bool is_stored(void *with, const struct ask_status *status)
{
    (void)with;
    return status->decided == 0;
}

int decide_live(const struct decide *decide, struct problem *problem)
{
    struct saying saying = {.decide = decide};
    const struct tell tell = {.dir = decide->dir,
                              .verb = "decide",
                              .next = put_question,
                              .done = is_stored,
                              .with = &saying};
    return tell_live(&tell, NULL, problem);
}
