#include "tests/sim/run.h"

#include "common/base/mutant.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BROKEN_MAX = 5 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void run_plan(const struct choice *choice, bool print, struct outcome *outcome)
{
    struct plan plan;
    plan_draw(&plan, choice);
    world_run(&plan, print, outcome);
}

int run_one(const struct options *options)
{
    struct outcome outcome;
    run_plan(&options->choice, options->print, &outcome);
    printf("seed %" PRIu64 " hash %016" PRIx64 " events %" PRIu64
           " ended %.3f s: %s %s\n",
           options->choice.seed, outcome.hash, outcome.steps,
           (double)outcome.ended_ms / 1000,
           outcome.broke ? outcome.broke : "kept", outcome.why);
    return outcome.broke ? 1 : 0;
}

int run_replay(const struct options *options)
{
    struct choice choice = options->choice;
    for (uint64_t i = 0; i < options->seeds; i++, choice.seed++) {
        struct outcome first, second;
        run_plan(&choice, false, &first);
        run_plan(&choice, false, &second);
        if (first.hash != second.hash || first.steps != second.steps) {
            printf("seed %" PRIu64 " is not the same twice\n", choice.seed);
            return 1;
        }
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ": the same twice\n",
           options->seeds, options->choice.seed);
    return 0;
}

/* -- several processes ----------------------------------------------------- */

// A mistake, and how it was found.
struct found {
    uint64_t seeds;
    char guarantee[16], why[sizeof((struct outcome *)0)->why];
};

// What the processes tell each other and who started them.
struct shared {
    atomic_uint broken, taken;
    struct job {
        uint64_t done, events, seed; // the seed that runs now
        bool ended;
    } job[JOBS_MAX];
    struct found found[];
};

static struct shared *share(size_t founds)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared + founds * sizeof shared->found[0],
             PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    return shared;
}

typedef void work_fn(const struct options *options, struct shared *shared,
                     unsigned job);

// One that dies has found something, too: its seed is told.
static void run_jobs(const struct options *options, struct shared *shared,
                     work_fn *work)
{
    pid_t children[JOBS_MAX];
    fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        children[i] = fork();
        if (children[i] < 0)
            abort();
        if (children[i] == 0) {
            work(options, shared, i);
            shared->job[i].ended = true;
            exit(0);
        }
    }
    for (unsigned i = 0; i < options->jobs; i++) {
        int status;
        if (waitpid(children[i], &status, 0) != children[i])
            abort();
        if (shared->job[i].ended && status == 0)
            continue;
        printf("seed %" PRIu64 " ends the process, status %#x\n",
               shared->job[i].seed, (unsigned)status);
        atomic_fetch_add(&shared->broken, 1);
    }
}

static void many(const struct options *options, struct shared *shared,
                 unsigned number)
{
    const double end = seconds_now() + options->seconds;
    struct job *job = &shared->job[number];
    struct choice choice = options->choice;
    for (uint64_t i = number; i < options->seeds && seconds_now() < end &&
                              atomic_load(&shared->broken) < BROKEN_MAX;
         i += options->jobs) {
        struct outcome outcome;
        choice.seed = job->seed = options->choice.seed + i;
        run_plan(&choice, false, &outcome);
        job->done++;
        job->events += outcome.steps;
        if (outcome.broke) {
            atomic_fetch_add(&shared->broken, 1);
            tell_broken(&choice, &outcome);
        }
    }
}

int run_many(const struct options *options)
{
    const double start = seconds_now();
    struct shared *shared = share(0);
    run_jobs(options, shared, many);
    const double took = seconds_now() - start;
    const unsigned broken = atomic_load(&shared->broken);
    uint64_t done = 0, events = 0;
    for (unsigned i = 0; i < options->jobs; i++) {
        done += shared->job[i].done;
        events += shared->job[i].events;
    }
    printf("%" PRIu64 " schedules from seed %" PRIu64
           ", %.0f events each, %.0f a minute by %u: %u broken\n",
           done, options->choice.seed, done ? (double)events / (double)done : 0,
           took > 0 ? (double)done * 60 / took : 0, options->jobs, broken);
    munmap(shared, sizeof *shared);
    return broken ? 1 : 0;
}

#ifdef WITH_MUTANTS
static void find_mutants(const struct options *options, struct shared *shared,
                         unsigned number)
{
    unsigned mutant;
    while ((mutant = atomic_fetch_add(&shared->taken, 1) + 1) < MUTANT_COUNT) {
        struct found *found = &shared->found[mutant];
        struct choice choice = options->choice;
        struct outcome outcome = {0};
        mutant_on = (enum mutant)mutant;
        while (found->seeds < options->seeds && !outcome.broke) {
            shared->job[number].seed = choice.seed;
            run_plan(&choice, false, &outcome);
            choice.seed++;
            found->seeds++;
        }
        snprintf(found->guarantee, sizeof found->guarantee, "%s",
                 outcome.broke ? outcome.broke : "");
        memcpy(found->why, outcome.why, sizeof found->why);
    }
}

int run_mutants(const struct options *options)
{
    static const char *const NAMES[] = {
#define MUTANT_TEXT(name, text) text,
        MUTANTS(MUTANT_TEXT)};
    unsigned alive = 0;
    struct shared *shared = share(MUTANT_COUNT);
    run_jobs(options, shared, find_mutants);
    printf("%-52s %8s  %s\n", "mutant", "seeds", "guarantee");
    for (unsigned i = 1; i < MUTANT_COUNT; i++) {
        const struct found *found = &shared->found[i];
        const bool lives = !found->guarantee[0];
        printf("%-52s %8" PRIu64 "  %s: %s\n", NAMES[i], found->seeds,
               lives ? "ALIVE" : found->guarantee, found->why);
        alive += lives;
    }
    printf("%u of %d mutants live\n", alive, MUTANT_COUNT - 1);
    return alive || atomic_load(&shared->broken) ? 1 : 0;
}
#endif
