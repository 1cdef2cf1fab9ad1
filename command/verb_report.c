#include "command/reading.h"
#include "command/report.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/files.h"
#include "common/setting/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM = FOR_REPORT };

static int span_one(void *context, const struct record *record,
                    struct span line)
{
    (void)line;
    digest_span(context, record);
    return 0;
}

static int count_attempt(void *context, const struct record *record,
                         struct span line)
{
    (void)line;
    return digest_attempt(context, record);
}

static int count_result(void *context, const struct record *record,
                        struct span line)
{
    (void)line;
    return digest_result(context, record);
}

// One reading of the log; *exit is EXIT_DAMAGED where it ended early.
static int read_log(const char *dir, bool attempts, struct digest *digest,
                    int *exit, struct problem *problem)
{
    const struct selection all = {0};
    const struct gather_options options = {.all_attempts = attempts};
    struct reading *reading = reading_open(dir, options, &all, problem);
    int error = reading ? reading_survey(reading, attempts ? span_one : NULL,
                                         digest, problem)
                        : problem->code;
    if (error == 0)
        error = reading_take(reading, attempts ? count_attempt : count_result,
                             digest, problem);
    if (error == 0 && *exit == EXIT_OK)
        *exit = reading_judge(reading, PROGRAM);
    reading_close(&reading);
    return error;
}

static int write_page(const struct buffer *page, const char *path,
                      struct problem *problem)
{
    const int fd =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
             : STDOUT_FILENO;
    int error = fd < 0 ? -errno : files_write(fd, buffer_span(page));
    if (path && fd >= 0 && close(fd) != 0 && error == 0)
        error = -errno;
    return error == 0
               ? 0
               : problem_set(problem, error, "cannot write %s: %s",
                             path ? path : "the page", strerrordesc_np(-error));
}

static int make_page(const struct settings *settings, const char *dir,
                     const struct digest *digest, struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + sizeof PLAN_FILE];
    struct settings plan;
    struct buffer page = {0};
    settings_init(&plan);
    snprintf(path, sizeof path, "%s/%s", dir, PLAN_FILE);
    int error = settings_read_yaml(&plan, IN_PLAN, path, problem);
    if (error == 0) {
        report_put(digest, &plan, dir, &page);
        error = page.failed ? problem_set(problem, -ENOMEM, "out of memory")
                            : write_page(&page, settings->output_file, problem);
    }
    settings_clear(&plan);
    buffer_free(&page);
    return error;
}

static int run(const struct settings *settings)
{
    char dir[RUNDIR_PATH_SIZE];
    struct problem problem = {0};
    struct digest digest = {0};
    int exit = EXIT_OK;
    int error = rundir_find(settings, dir, &problem);
    if (error == 0)
        error = rundir_check(dir, &problem);
    if (error == 0)
        error = read_log(dir, true, &digest, &exit, &problem);
    if (error == 0)
        error = read_log(dir, false, &digest, &exit, &problem);
    digest_settle(&digest);
    if (error == 0)
        error = make_page(settings, dir, &digest, &problem);
    if (error == -EPIPE)
        exit = 128 + SIGPIPE; // the reader has had enough: nothing to say
    else if (error != 0)
        exit = verb_fail(PROGRAM, &problem);
    digest_clear(&digest);
    return exit;
}

int verb_report(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = run(&settings);
    settings_clear(&settings);
    return exit;
}
