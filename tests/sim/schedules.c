/* schedules - all of them by name, and how they are run */
#include "tests/sim/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct schedule *const LISTS[] = {SCHEDULES_LIVES, SCHEDULES_LINKS,
                                               SCHEDULES_LOG, SCHEDULES_TASKS};

const struct schedule *schedule_at(size_t at)
{
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++)
        for (const struct schedule *one = LISTS[i]; one->name; one++)
            if (at-- == 0)
                return one;
    return NULL;
}

static void run(const struct schedule *schedule, bool print,
                struct outcome *outcome)
{
    struct plan plan;
    script_plan(&plan, schedule);
    world_run(&plan, print, outcome);
}

static void set_mutant(enum mutant mutant)
{
#ifdef WITH_MUTANTS
    mutant_on = mutant;
#else
    (void)mutant;
#endif
}

static bool is_kept(const struct schedule *schedule, bool print)
{
    struct outcome outcome, again;
    run(schedule, print, &outcome);
    run(schedule, false, &again);
    const bool same = outcome.hash == again.hash;
    printf("%-28s %s %s  %" PRIu64 " events, %.3f s%s\n", schedule->name,
           outcome.broke ? outcome.broke : "kept", outcome.why, outcome.steps,
           (double)outcome.ended_ms / 1000, same ? "" : ", NOT THE SAME TWICE");
    return !outcome.broke && same;
}

// As a line of the table in docs/guarantees.md.
static bool bites(const struct schedule *schedule, bool print)
{
    static const char *const TEXTS[] = {
#define TEXT(name, text) text,
        MUTANTS(TEXT) SCHEDULE_MUTANTS(TEXT)};
    struct outcome outcome;
    set_mutant(schedule->mutant);
    run(schedule, print, &outcome);
    set_mutant(MUTANT_NONE);
    const bool right =
        outcome.broke && strcmp(outcome.broke, schedule->breaks) == 0;
    printf("| `%s` | %s | %s | %s |", schedule->name, schedule->rule,
           TEXTS[schedule->mutant], outcome.broke ? outcome.broke : "NOTHING");
    if (!right)
        printf(" WRONG: %s", outcome.why);
    puts("");
    return right;
}

int schedules_run(const char *name, bool bite, bool print)
{
    unsigned found = 0, wrong = 0;
    const struct schedule *schedule;
    for (size_t i = 0; (schedule = schedule_at(i)); i++) {
        if (name && strcmp(name, schedule->name) != 0)
            continue;
        found++;
        wrong += !(bite ? bites(schedule, print) : is_kept(schedule, print));
    }
    if (!bite || wrong > 0)
        printf("%u schedules, %u of them wrong\n", found, wrong);
    return found == 0 || wrong > 0 ? 1 : 0;
}
