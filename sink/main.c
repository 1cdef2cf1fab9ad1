/* fan-sink - writes what workers found into the run's log, once and durably */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/setting/setting.h"
#include "sink/decisions.h"
#include "sink/sink.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A descriptor that is readable once INT or TERM came, or -1. */
static int watch_signals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 ||
        sigaction(SIGHUP, &ignore, NULL) < 0 ||
        sigprocmask(SIG_BLOCK, &stop, NULL) < 0)
        return -1;
    return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Nothing outlives the `fan run` that started it. */
static void follow_supervisor(void)
{
    const char *supervisor = getenv("FAN_SUPERVISOR");
    if (supervisor == NULL)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)strtol(supervisor, NULL, 10))
        _exit(EXIT_ERROR);
}

static int fail(const struct problem *problem, int exit)
{
    fprintf(stderr, "fan sink: %s\n", problem->text);
    if (exit == EXIT_USAGE)
        fprintf(stderr, "Try 'fan sink --help'.\n");
    return exit;
}

static int print(struct buffer *text)
{
    const bool whole = fwrite(text->at, 1, text->size, stdout) == text->size;
    buffer_free(text);
    return whole && fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR;
}

static int serve(const struct settings *settings, struct problem *problem)
{
    log_open("fan-sink", settings->verbose ? LOG_INFO : LOG_WARNING);
    const int stop_fd = watch_signals();
    if (stop_fd < 0) {
        problem_set(problem, -1, "cannot watch for signals");
        return fail(problem, EXIT_ERROR);
    }
    const enum exit_code exit = sink_run(settings, stop_fd, problem);
    close(stop_fd);
    return problem->code == 0 ? (int)exit : fail(problem, (int)exit);
}

static int decide(const struct settings *settings, struct problem *problem)
{
    if (!settings->results) {
        problem_exit(problem, EXIT_USAGE, -EINVAL,
                     "--decisions needs the run directory: --results DIR");
        return fail(problem, EXIT_USAGE);
    }
    const enum exit_code exit =
        decisions_store(settings->results, settings->decisions, problem);
    return exit == EXIT_OK ? EXIT_OK : fail(problem, (int)exit);
}

int main(int argc, char **argv)
{
    files_open_standard();
    follow_supervisor();
    struct settings settings;
    struct problem problem = {0};
    struct buffer text = {0};
    enum settings_parsed parsed = SETTINGS_GO;
    settings_init(&settings);
    int exit = EXIT_OK;
    if (settings_read_flags(&settings, FOR_SINK, argc, argv, &parsed,
                            &problem) < 0 ||
        settings_read_environment(&settings, FOR_SINK, &problem) < 0) {
        exit = fail(&problem, EXIT_USAGE);
    } else if (parsed == SETTINGS_HELP) {
        settings_help(FOR_SINK, &text);
        exit = print(&text);
    } else if (parsed == SETTINGS_VERSION) {
        buffer_printf(&text, "fan sink %s\n", version_text());
        exit = print(&text);
    } else if (settings.decisions) {
        exit = decide(&settings, &problem);
    } else {
        exit = serve(&settings, &problem);
    }
    settings_clear(&settings);
    return exit;
}
