/* schedules - all of them by name, and how they are run */
#include "tests/sim/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct schedule *const LISTS[] = {
    SCHEDULES_LIVES, SCHEDULES_LINKS, SCHEDULES_LOG,   SCHEDULES_TASKS,
    SCHEDULES_RUNS,  SCHEDULES_HELD,  SCHEDULES_COPIES};

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

static const char *const MUTANT_TEXTS[] = {
#define TEXT(name, text) text,
    MUTANTS(TEXT) SCHEDULE_MUTANTS(TEXT)};

// As a line of the table in docs/guarantees.md.
static bool bites(const struct schedule *schedule, const char *page, bool print)
{
    char line[400];
    struct outcome outcome;
    set_mutant(schedule->mutant);
    run(schedule, print, &outcome);
    set_mutant(MUTANT_NONE);
    const bool right =
        outcome.broke && strcmp(outcome.broke, schedule->breaks) == 0;
    snprintf(line, sizeof line, "| `%s` | %s | %s | %s |", schedule->name,
             schedule->rule, MUTANT_TEXTS[schedule->mutant],
             outcome.broke ? outcome.broke : "NOTHING");
    const bool there = !page || strstr(page, line);
    printf("%s%s%s%s\n", line,
           right ? "" : " WRONG: ", right ? "" : outcome.why,
           there ? "" : " NOT IN THE PAGE");
    return right && there;
}

static bool is_used(enum mutant mutant)
{
    const struct schedule *schedule;
    for (size_t i = 0; (schedule = schedule_at(i)); i++)
        if (schedule->mutant == mutant)
            return true;
    printf("no schedule shows: %s\n", MUTANT_TEXTS[mutant]);
    return false;
}

static bool read_page(const char *path, char *page, size_t size)
{
    FILE *file = fopen(path, "r");
    const size_t got = file ? fread(page, 1, size - 1, file) : 0;
    page[got] = '\0';
    if (file)
        fclose(file);
    return got > 0 && got < size - 1;
}

int schedules_bite(const char *name, const char *path, bool print)
{
    static char page[1 << 20];
    bool right = true, found = false;
    const struct schedule *schedule;
    if (path && !read_page(path, page, sizeof page)) {
        printf("cannot read %s\n", path);
        return 1;
    }
    for (size_t i = 0; (schedule = schedule_at(i)); i++) {
        if (name && strcmp(name, schedule->name) != 0)
            continue;
        found = true;
        right = bites(schedule, path ? page : NULL, print) && right;
    }
    for (enum mutant i = MUTANT_COUNT; !name && i < MUTANT_ALL; i++)
        right = is_used(i) && right;
    return right && found ? 0 : 1;
}

int schedules_run(const char *name, bool print)
{
    unsigned found = 0, wrong = 0;
    const struct schedule *schedule;
    for (size_t i = 0; (schedule = schedule_at(i)); i++) {
        if (name && strcmp(name, schedule->name) != 0)
            continue;
        found++;
        wrong += !is_kept(schedule, print);
    }
    printf("%u schedules, %u of them wrong\n", found, wrong);
    return found == 0 || wrong > 0 ? 1 : 0;
}
