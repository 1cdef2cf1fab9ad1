/* fan-sim - runs fan under seeds, and says which guarantee broke */
#include "tests/sim/sim.h"

#include "common/base/mutant.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#ifdef WITH_MUTANTS
enum mutant mutant_on;
#endif

struct options {
    struct choice choice;
    uint64_t seeds;
    double seconds;
    bool print, one, replay, mutants;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(const struct choice *choice, bool print,
                struct outcome *outcome)
{
    struct plan plan;
    plan_draw(&plan, choice);
    world_run(&plan, print, outcome);
}

static bool still_breaks(const struct choice *choice)
{
    struct outcome outcome;
    run(choice, false, &outcome);
    return outcome.broke != NULL;
}

static unsigned fewer(struct choice *choice, unsigned *number, unsigned now)
{
    for (unsigned less = 1; less < now; less++) {
        *number = less;
        if (still_breaks(choice))
            return less;
    }
    *number = now;
    return now;
}

// Fewer faults, workers, tasks, as long as something still breaks.
static struct choice shrink(struct choice choice)
{
    struct plan plan;
    plan_draw(&plan, &choice);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < SIM_FAULTS; i++) {
            struct choice tried = choice;
            tried.faults &= ~(1U << i);
            if (tried.faults != choice.faults && still_breaks(&tried))
                choice = tried;
        }
        fewer(&choice, &choice.workers,
              choice.workers ? choice.workers : plan.workers);
        fewer(&choice, &choice.tasks, choice.tasks ? choice.tasks : plan.tasks);
    }
    return choice;
}

static void tell(const struct choice *choice, const struct outcome *outcome)
{
    printf("seed %" PRIu64 " broke %s after %" PRIu64 " events, %.3f s: %s\n",
           choice->seed, outcome->broke, outcome->steps,
           (double)outcome->ended_ms / 1000, outcome->why);
    const struct choice small = shrink(*choice);
    struct outcome again;
    run(&small, false, &again);
    printf("shrunk: %s after %" PRIu64 " events: %s\nreplay: fan-sim --one "
           "--seed %" PRIu64 " --tasks %u --workers %u --faults %#x --trace\n",
           again.broke ? again.broke : "?", again.steps, again.why, small.seed,
           small.tasks, small.workers, small.faults);
}

static int run_one(const struct options *options)
{
    struct outcome outcome;
    run(&options->choice, options->print, &outcome);
    printf("seed %" PRIu64 " hash %016" PRIx64 " events %" PRIu64
           " ended %.3f s: %s %s\n",
           options->choice.seed, outcome.hash, outcome.steps,
           (double)outcome.ended_ms / 1000,
           outcome.broke ? outcome.broke : "kept", outcome.why);
    return outcome.broke ? 1 : 0;
}

static int run_replay(const struct options *options)
{
    struct choice choice = options->choice;
    for (uint64_t i = 0; i < options->seeds; i++, choice.seed++) {
        struct outcome first, second;
        run(&choice, false, &first);
        run(&choice, false, &second);
        if (first.hash != second.hash || first.steps != second.steps) {
            printf("seed %" PRIu64 " is not the same twice\n", choice.seed);
            return 1;
        }
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ": the same twice\n",
           options->seeds, options->choice.seed);
    return 0;
}

static int run_many(const struct options *options)
{
    const double start = seconds_now();
    struct choice choice = options->choice;
    uint64_t done = 0, steps = 0;
    int broken = 0;
    while (done < options->seeds && seconds_now() - start < options->seconds &&
           broken < 5) {
        struct outcome outcome;
        run(&choice, false, &outcome);
        done++;
        steps += outcome.steps;
        if (outcome.broke) {
            tell(&choice, &outcome);
            broken++;
        }
        choice.seed++;
    }
    const double took = seconds_now() - start;
    printf("%" PRIu64 " schedules from seed %" PRIu64
           ", %.0f events each, %.0f a minute: %d broken\n",
           done, options->choice.seed, done ? (double)steps / (double)done : 0,
           took > 0 ? (double)done * 60 / took : 0, broken);
    return broken ? 1 : 0;
}

#ifdef WITH_MUTANTS
static int run_mutants(const struct options *options)
{
    static const char *const NAMES[] = {
#define MUTANT_TEXT(name, text) text,
        MUTANTS(MUTANT_TEXT)};
    int alive = 0;
    printf("%-52s %8s  %s\n", "mutant", "seeds", "guarantee");
    for (int i = 1; i < MUTANT_COUNT; i++) {
        mutant_on = (enum mutant)i;
        struct choice choice = options->choice;
        struct outcome outcome = {0};
        uint64_t seeds = 0;
        while (seeds < options->seeds && !outcome.broke) {
            run(&choice, false, &outcome);
            choice.seed++;
            seeds++;
        }
        printf("%-52s %8" PRIu64 "  %s: %s\n", NAMES[i], seeds,
               outcome.broke ? outcome.broke : "ALIVE", outcome.why);
        fflush(stdout);
        alive += !outcome.broke;
    }
    printf("%d of %d mutants live\n", alive, MUTANT_COUNT - 1);
    return alive ? 1 : 0;
}
#endif

static void usage(void)
{
    fputs("usage: fan-sim [--seed X] [--seeds N] [--seconds S]\n"
          "       fan-sim --one --seed X [--tasks N] [--workers N] "
          "[--faults MASK] [--trace]\n"
          "       fan-sim --replay [--seed X] [--seeds N]  each twice\n"
#ifdef WITH_MUTANTS
          "       fan-sim --mutants [--seed X] [--seeds N]\n"
#endif
          "Without --seed it is drawn.\n",
          stdout);
}

static unsigned at_most(uint64_t number, unsigned most)
{
    return number < most ? (unsigned)number : most;
}

static bool take(struct options *options, int option, uint64_t number)
{
    if (option == 'x')
        options->choice.seed = number;
    else if (option == 'n')
        options->seeds = number;
    else if (option == 's')
        options->seconds = (double)number;
    else if (option == 't')
        options->choice.tasks = at_most(number, SIM_TASKS);
    else if (option == 'w')
        options->choice.workers = at_most(number, SIM_WORKERS);
    else if (option == 'f')
        options->choice.faults = (uint32_t)number;
    else if (option == 'p')
        options->print = true;
    else if (option == '1')
        options->one = true;
    else if (option == 'r')
        options->replay = true;
#ifdef WITH_MUTANTS
    else if (option == 'm')
        mutant_on = (enum mutant)number;
    else if (option == 'M')
        options->mutants = true;
#endif
    else
        return false;
    return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option LONG[] = {
        {"seed", required_argument, NULL, 'x'},
        {"seeds", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},
        {"tasks", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'w'},
        {"faults", required_argument, NULL, 'f'},
        {"mutant", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 'p'},
        {"one", no_argument, NULL, '1'},
        {"replay", no_argument, NULL, 'r'},
        {"mutants", no_argument, NULL, 'M'},
        {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1)
        if (!take(options, option, optarg ? strtoull(optarg, NULL, 0) : 0))
            return false;
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct options options = {
        .choice = {.faults = UINT32_MAX}, .seeds = UINT64_MAX, .seconds = 20};
    if (getrandom(&options.choice.seed, 4, 0) != 4)
        return 2;
    if (!parse(argc, argv, &options)) {
        usage();
        return 2;
    }
    // What SYNC asks for and hardly uses is not to be cleared each time.
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 18);
    if (options.one)
        return run_one(&options);
    if (options.replay)
        return run_replay(&options);
#ifdef WITH_MUTANTS
    if (options.mutants)
        return run_mutants(&options);
#endif
    return run_many(&options);
}
