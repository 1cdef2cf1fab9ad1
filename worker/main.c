/* fan-worker - runs tasks in its slots */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/net/net.h"
#include "common/setting/setting.h"
#include "worker/shepherd.h"
#include "worker/worker.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int tell(const struct problem *problem)
{
    // Who typed `fan run` knows of no worker. NOLINTNEXTLINE(concurrency-*)
    const bool supervised = getenv("FAN_SUPERVISOR");
    (void)fprintf(stderr, "%s: %s\n", supervised ? "fan run" : "fan-worker",
                  problem->text);
    if (problem->exit == EXIT_USAGE && !supervised)
        (void)fprintf(stderr, "Try 'fan worker --help'.\n");
    return (int)problem->exit;
}

static int work(struct settings *settings, pid_t parent)
{
    struct problem problem = {0};
    if (net_start(&problem) < 0)
        return tell(&problem);
    struct worker *worker = worker_create(settings, parent, &problem);
    int code = EXIT_ERROR;
    if (worker)
        code = worker_run(worker, &problem);
    const bool stuck = worker && worker_is_stuck(worker);
    worker_destroy(&worker);
    net_stop();
    if (problem.code != 0)
        code = tell(&problem);
    if (stuck)
        _exit(code);
    return code;
}

static int print_help(void)
{
    struct buffer help = {0};
    settings_help(FOR_WORKER, &help);
    const size_t size = fwrite(help.at, 1, help.size, stdout);
    const int code = size == help.size && !help.failed ? EXIT_OK : EXIT_ERROR;
    buffer_free(&help);
    return code;
}

static int go(struct settings *settings, int argc, char **argv)
{
    struct problem problem = {0};
    enum settings_parsed parsed;
    if (settings_read_flags(settings, FOR_WORKER, argc, argv, &parsed,
                            &problem) < 0)
        return tell(&problem);
    if (parsed == SETTINGS_HELP)
        return print_help();
    if (parsed == SETTINGS_VERSION) {
        (void)printf("fan worker %s\n", version_text());
        return EXIT_OK;
    }
    if (settings_read_environment(settings, FOR_WORKER, &problem) < 0)
        return tell(&problem);
    if (!settings->endpoint) {
        problem_exit(&problem, EXIT_USAGE, -1,
                     "the ventilator's endpoint is missing");
        return tell(&problem);
    }
    int code = EXIT_ERROR;
    pid_t parent = 0;
    switch (shepherd_split(&code, &parent, &problem)) {
    case SHEPHERD_PARENT:
        return code;
    case SHEPHERD_FAILED:
        return tell(&problem);
    case SHEPHERD_WORKER:
        break;
    }
    log_open("fan-worker", settings->verbose ? LOG_INFO : LOG_WARNING);
    return work(settings, parent);
}

int main(int argc, char **argv)
{
    files_open_standard();
    (void)signal(SIGPIPE, SIG_IGN);
    struct settings settings;
    settings_init(&settings);
    const int code = go(&settings, argc, argv);
    settings_clear(&settings);
    return code;
}
