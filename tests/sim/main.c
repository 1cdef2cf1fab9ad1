/* fan-sim - runs fan under seeds, and says which guarantee broke */
#include "tests/sim/run.h"
#include "tests/sim/script.h"

#include "common/base/mutant.h"

#include <getopt.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#ifdef WITH_MUTANTS
enum mutant mutant_on;
#endif

static void usage(void)
{
    fputs("usage: fan-sim [--seed X] [--seeds N] [--seconds S] [--jobs N]\n"
          "       fan-sim --one --seed X [--tasks N] [--workers N] "
          "[--faults MASK] [--trace]\n"
          "       fan-sim --replay [--seed X] [--seeds N]  each twice\n"
          "       fan-sim --schedules | --schedule NAME [--trace]\n"
#ifdef WITH_MUTANTS
          "       fan-sim --mutants [--seed X] [--seeds N] [--jobs N]\n"
          "       fan-sim --bite [--schedule NAME] [--page FILE] [--trace]\n"
#endif
          "Without --seed it is drawn. Without --jobs as many processes "
          "share the seeds\nas there are processors for them.\n",
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
    else if (option == 'j')
        options->jobs = at_most(number, JOBS_MAX);
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
    else if (option == 'S')
        options->schedules = true;
#ifdef WITH_MUTANTS
    else if (option == 'm')
        mutant_on = (enum mutant)number;
    else if (option == 'M')
        options->mutants = true;
    else if (option == 'b')
        options->bite = true;
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
        {"jobs", required_argument, NULL, 'j'},
        {"tasks", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'w'},
        {"faults", required_argument, NULL, 'f'},
        {"mutant", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 'p'},
        {"one", no_argument, NULL, '1'},
        {"replay", no_argument, NULL, 'r'},
        {"mutants", no_argument, NULL, 'M'},
        {"schedules", no_argument, NULL, 'S'},
        {"schedule", required_argument, NULL, 'c'},
        {"bite", no_argument, NULL, 'b'},
        {"page", required_argument, NULL, 'P'},
        {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1)
        if (option == 'c')
            options->schedule = optarg;
        else if (option == 'P')
            options->page = optarg;
        else if (!take(options, option, optarg ? strtoull(optarg, NULL, 0) : 0))
            return false;
    return optind == argc && options->jobs > 0;
}

static unsigned processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return at_most((uint64_t)CPU_COUNT(&set), JOBS_MAX);
}

int main(int argc, char **argv)
{
    struct options options = {.choice = {.faults = UINT32_MAX},
                              .seeds = UINT64_MAX,
                              .seconds = 20,
                              .jobs = processors()};
    if (getrandom(&options.choice.seed, 4, 0) != 4)
        return 2;
    if (!parse(argc, argv, &options)) {
        usage();
        return 2;
    }
    // Memory that one world gave back is the next one's: not the system's.
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 24);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 26);
    if (options.bite)
        return schedules_bite(options.schedule, options.page, options.print);
    if (options.schedules || options.schedule)
        return schedules_run(options.schedule, options.print);
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
