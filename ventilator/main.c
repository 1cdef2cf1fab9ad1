/* fan-ventilator - sends out the tasks of a run and knows what becomes of them
 */
#include "common/base/files.h"
#include "common/base/log.h"
#include "common/base/version.h"
#include "common/setting/plan.h"
#include "common/setting/setting.h"
#include "ventilator/ventilator.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void ignore_signals(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
}

// Nothing outlives the `fan run` that started it.
static void follow_supervisor(void)
{
    const char *supervisor = getenv("FAN_SUPERVISOR");
    if (!supervisor)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)strtol(supervisor, NULL, 10))
        _exit(EXIT_ERROR);
}

static int print(struct buffer *text)
{
    fwrite(text->at, 1, text->size, stdout);
    buffer_free(text);
    return EXIT_OK;
}

static int fail(const struct problem *problem)
{
    // Who typed `fan run` knows of no ventilator.
    const char *const name =
        getenv("FAN_SUPERVISOR") ? "fan run" : "fan ventilator";
    fprintf(stderr, "%s: %s\n", name, problem->text);
    if (problem->exit == EXIT_USAGE)
        fprintf(stderr, "Try '%s --help'.\n", name);
    return problem->exit ? (int)problem->exit : EXIT_ERROR;
}

// By hand, without --plan: the ventilator makes a plan of what it was told, so
// that it can be started again after a crash.
static int make_plan(struct settings *settings, struct problem *problem)
{
    char path[PATH_MAX];
    const char *dir = settings->dir;
    if (!dir)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "give --dir DIR for this run's plan, or --plan "
                            "FILE to go on with one");
    if (plan_reads_standard_input(settings))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "a ventilator cannot read tasks from standard "
                            "input: give them by -a FILE or after :::, or "
                            "use 'fan run'");
    const int made = files_make_dir(dir);
    if (made && made != -EEXIST)
        return problem_set(problem, made, "cannot make %s: %s", dir,
                           strerrordesc_np(-made));
    snprintf(path, sizeof path, "%s/" PLAN_FILE, dir);
    if (access(path, F_OK) == 0)
        return problem_exit(problem, EXIT_USAGE, -EEXIST,
                            "%s holds a run already: to go on with it say "
                            "--plan %s --dir %s and nothing else",
                            dir, path, dir);
    const int error = plan_identify(settings, problem);
    return error == 0 ? plan_write(settings, dir, problem) : error;
}

static int serve(struct settings *settings, struct problem *problem)
{
    if (settings->dry_run) {
        const int exit = ventilator_dry_run(settings, problem);
        return problem->code ? fail(problem) : exit;
    }
    if (!settings->plan && make_plan(settings, problem) != 0)
        return fail(problem);
    const int exit = ventilator_serve(settings, problem);
    if (problem->code)
        return fail(problem);
    return exit;
}

// A plan says it all: the environment that it was made in is no part of it.
static int read_settings(struct settings *settings, int argc, char **argv,
                         enum settings_parsed *parsed, struct problem *problem)
{
    const int error = settings_read_flags(settings, FOR_VENTILATOR, argc, argv,
                                          parsed, problem);
    if (error || *parsed != SETTINGS_GO)
        return error;
    if (settings->plan)
        return settings_read_yaml(settings, IN_PLAN, settings->plan, problem);
    return settings_read_environment(settings, FOR_VENTILATOR, problem);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    enum settings_parsed parsed = SETTINGS_GO;
    struct buffer text = {0};
    files_open_standard();
    follow_supervisor();
    ignore_signals();
    settings_init(&settings);
    int exit = EXIT_USAGE;
    if (read_settings(&settings, argc, argv, &parsed, &problem) != 0) {
        exit = fail(&problem);
    } else if (parsed == SETTINGS_HELP) {
        settings_help(FOR_VENTILATOR, &text);
        exit = print(&text);
    } else if (parsed == SETTINGS_VERSION) {
        buffer_printf(&text, "fan ventilator %s\n", version_text());
        exit = print(&text);
    } else {
        log_open("fan-ventilator", settings.verbose ? LOG_INFO : LOG_WARNING);
        exit = serve(&settings, &problem);
    }
    settings_clear(&settings);
    return exit;
}
