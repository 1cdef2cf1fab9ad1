#include "command/ways.h"

#include "command/failing.h"
#include "common/store/logread.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHOWN = 5, WAY = 12, WAY_SIZE = 32 };

static bool take_log(const char *dir, struct failing *failing)
{
    struct problem problem = {0};
    struct record record;
    struct logread *log = logread_open(dir, 0, &problem);
    bool fine = log && failing;
    if (log)
        logread_glance(log);
    while (fine && logread_next(log, &record, NULL, &problem) == LOGREAD_RECORD)
        fine = failing_take(failing, &record) == 0;
    logread_close(&log);
    return fine;
}

// Its line is folded already: no control character is in it.
static void print_one(const struct failing_group *group, bool first)
{
    char way[WAY_SIZE];
    failing_way(group, way, sizeof way);
    printf("  %-8s %5" PRIu64 "  %-*s %s, such as task %" PRIu64 "\n",
           first ? "failed" : "", group->failed, WAY, way,
           *group->line ? group->line : "(nothing on stderr)", group->example);
}

void ways_print(const char *dir)
{
    const struct failing_group *groups[FAILING_GROUPS];
    struct failing *failing = failing_create();
    size_t shown = 0, more = 0;
    const size_t count =
        take_log(dir, failing) ? failing_groups(failing, groups) : 0;
    for (size_t i = 0; i < count; i++) {
        if (groups[i]->failed == 0)
            continue;
        if (shown < SHOWN)
            print_one(groups[i], shown++ == 0);
        else
            more++;
    }
    if (more > 0)
        printf("           in %zu other ways, too; fan top shows them\n", more);
    failing_destroy(&failing);
}
