/* story_read - a log's story of one task */
#include "command/look.h"
#include "command/story.h"
#include "common/store/logread.h"

#include <string.h>

static int take_one(struct story *story, const struct record *record,
                    struct span line, story_line *take, void *context)
{
    const enum story_part part = story_take(story, record);
    return take && part != STORY_OTHER ? take(context, part, line) : 0;
}

int story_read(struct story *story, const char *dir, story_line *take,
               void *context, struct problem *problem)
{
    // Asked first: what ends meanwhile is at most taken for whole.
    const bool live = look_is_live(dir);
    struct logread *log = logread_open(dir, 0, problem);
    struct record record;
    struct span line;
    int error = log ? 0 : problem->code;
    for (bool more = error == 0; more && error == 0;) {
        switch (logread_next(log, &record, &line, problem)) {
        case LOGREAD_RECORD:
            error = take_one(story, &record, line, take, context);
            if (error != 0)
                problem_set(problem, error, "cannot write: %s",
                            strerrordesc_np(-error));
            break;
        case LOGREAD_DAMAGED:
            story->damaged = true;
            more = false;
            break;
        case LOGREAD_END: // while somebody writes, it is the end and no more
            story->damaged = !live && logread_ends_badly(log);
            more = false;
            break;
        case LOGREAD_ERROR:
            error = problem->code;
            break;
        }
    }
    logread_close(&log);
    return error;
}
