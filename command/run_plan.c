#include "command/run.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"
#include "common/store/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENDPOINT_NAME "endpoint"
#define CONTROL_NAME  "control"

enum {
    PATH_SIZE = 4400,
    LOCK_QUIET_MS = 500,
    LOCK_WAIT_MS = 10000,
    LOCK_RETRY_MS = 20
};

static int read_operand(struct run *run, struct problem *problem)
{
    const struct texts *const operands = &run->settings.operands;
    struct stat found;
    if (operands->count == 0)
        return 0;
    if (stat(operands->at[0], &found) != 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "there is no file '%s'. A command stands after "
                            "--: fan run -- %s",
                            operands->at[0], operands->at[0]);
    if (operands->count > 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "one YAML file is enough; '%s' is another. A "
                            "command stands after --",
                            operands->at[1]);
    return settings_read_yaml(&run->settings, FOR_RUN, operands->at[0],
                              problem);
}

static bool is_used(const char *dir)
{
    return rundir_has(dir, PLAN_FILE) || rundir_has(dir, LOG_FILE_NAME) ||
           rundir_has(dir, RUN_INPUT_NAME) || rundir_has(dir, STAGES_FILE);
}

// fan-runs/TIME, with a number behind where there is one already.
static int make_by_time(struct run *run, struct problem *problem)
{
    struct tm parts;
    char stamp[32];
    const time_t now = time(NULL);
    int error = rundir_make(RUNDIR_PARENT);
    if (!localtime_r(&now, &parts) ||
        strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts) == 0)
        stamp[0] = '\0';
    for (unsigned i = 1; !error; i++) {
        if (i == 1)
            snprintf(run->dir, sizeof run->dir, RUNDIR_PARENT "/%s", stamp);
        else
            snprintf(run->dir, sizeof run->dir, RUNDIR_PARENT "/%s-%u", stamp,
                     i);
        error = files_make_dir(run->dir);
        if (!error) {
            run->made = true;
            return 0;
        }
        if (error == -EEXIST)
            error = 0;
    }
    return problem_set(problem, error, "cannot make a directory in %s: %s",
                       RUNDIR_PARENT, strerror(-error));
}

// A directory that holds a run is not taken for a new one.
static int refuse_used(const struct run *run, struct problem *problem)
{
    struct buffer quoted = {0};
    int error = 0;
    if (rundir_is_live(run->dir))
        error = problem_exit(problem, EXIT_USAGE, -EEXIST,
                             "another 'fan run' is at work in %.200s: for a "
                             "new run name another directory; to see it, say "
                             " fan status %.600s",
                             run->dir, verb_quoted(&quoted, run->dir));
    else if (is_used(run->dir))
        error = problem_exit(
            problem, EXIT_USAGE, -EEXIST,
            "%.200s holds a run already: for a new run name "
            "another directory; to go on with it, add "
            "--resume; to see it, say  fan %s %.600s",
            run->dir, rundir_has(run->dir, STAGES_FILE) ? "status" : "results",
            verb_quoted(&quoted, run->dir));
    buffer_free(&quoted);
    return error;
}

// --resume with a run file for a directory of stages, and without for others.
static int refuse_other_kind(const struct run *run, struct problem *problem)
{
    struct buffer quoted = {0};
    int error = 0;
    if (!run->staged && rundir_has(run->dir, STAGES_FILE))
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "%.200s holds a run with stages: to go on with "
                             "it, give its file again, or its copy there: add "
                             " %.600s/" STAGES_FILE,
                             run->dir, verb_quoted(&quoted, run->dir));
    else if (run->staged && rundir_has(run->dir, PLAN_FILE))
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "%.200s holds a run without stages: name another "
                             "directory",
                             run->dir);
    buffer_free(&quoted);
    return error;
}

static int choose_directory(struct run *run, struct problem *problem)
{
    const struct settings *const set = &run->settings;
    if (set->results)
        snprintf(run->dir, sizeof run->dir, "%s", set->results);
    else if (set->name)
        snprintf(run->dir, sizeof run->dir, RUNDIR_PARENT "/%s", set->name);
    else if (!set->resume || rundir_newest(run->dir) != 0)
        return make_by_time(run, problem);
    const size_t length = strlen(run->dir);
    if (length > 1 && run->dir[length - 1] == '/')
        run->dir[length - 1] = '\0';
    if (rundir_check_name(run->dir, problem) != 0)
        return problem->code;
    const bool there = access(run->dir, F_OK) == 0;
    if (there && !set->resume && refuse_used(run, problem) != 0)
        return problem->code;
    if (there && refuse_other_kind(run, problem) != 0)
        return problem->code;
    const int error = rundir_make(run->dir);
    if (error)
        return problem_set(problem, error, "cannot make %s: %s", run->dir,
                           strerror(-error));
    run->made = !there;
    return 0;
}

// After a kill the roles of the run before may still be leaving.
static void wait_for_roles(const char *dir)
{
    static const char *const LOCKS[] = {"lock.ventilator", "lock.sink"};
    const int64_t until_ms = clock_monotonic_ms() + LOCK_WAIT_MS;
    for (size_t i = 0; i < sizeof LOCKS / sizeof LOCKS[0]; i++) {
        int fd;
        while ((fd = files_lock(dir, LOCKS[i])) == -EAGAIN &&
               clock_monotonic_ms() < until_ms)
            poll(NULL, 0, LOCK_RETRY_MS);
        if (fd >= 0)
            close(fd);
    }
}

static int take_lock(struct run *run, struct problem *problem)
{
    const bool waits = run->settings.resume;
    run->lock = rundir_lock(run->dir, waits ? LOCK_QUIET_MS : 0);
    if (run->lock == -EAGAIN && waits) {
        fprintf(stderr, "fan run: waiting for the 'fan run' at work in %s\n",
                run->dir);
        run->lock = rundir_lock(run->dir, LOCK_WAIT_MS);
    }
    if (run->lock == -EAGAIN)
        return problem_set(problem, -EAGAIN,
                           "another 'fan run' is at work in %s", run->dir);
    return run->lock < 0 ? problem_set(problem, run->lock, "cannot lock %s: %s",
                                       run->dir, strerror(-run->lock))
                         : 0;
}

// Without its plan nobody knows what run a log belongs to.
static int refuse_planless(const struct run *run, struct problem *problem)
{
    if (!run->settings.resume || rundir_has(run->dir, PLAN_FILE) ||
        !rundir_has(run->dir, LOG_FILE_NAME))
        return 0;
    struct buffer quoted = {0};
    const int error =
        problem_exit(problem, EXIT_DAMAGED, -ENOENT,
                     "%.200s has results but its " PLAN_FILE
                     " is gone: this run cannot go on. Start a new one in "
                     "another directory; what there is, shows  fan results "
                     "%.600s",
                     run->dir, verb_quoted(&quoted, run->dir));
    buffer_free(&quoted);
    return error;
}

static int check_chdir(const char *dir, struct problem *problem)
{
    struct stat found;
    if (!dir || (stat(dir, &found) == 0 && S_ISDIR(found.st_mode)))
        return 0;
    return problem_exit(problem, EXIT_USAGE, -ENOTDIR,
                        "there is no directory '%s' for --chdir", dir);
}

int run_plan_place(struct run *run, struct problem *problem)
{
    const int error = choose_directory(run, problem);
    return error ? error : take_lock(run, problem);
}

int run_plan_open(struct run *run, struct problem *problem)
{
    run->input = (struct run_input){.from = -1, .to = -1};
    run->lock = run->signal_fd = run->watch_fd = -1;
    if (read_operand(run, problem) != 0 ||
        plan_check(&run->settings, problem) != 0 ||
        check_chdir(run->settings.chdir, problem) != 0)
        return problem->code;
    if ((!run->settings.resume || run->settings.dry_run) &&
        run_input_open(&run->input, &run->settings, false, problem) != 0)
        return problem->code;
    if (run->settings.dry_run)
        return 0;
    if (run_plan_place(run, problem) != 0 || refuse_planless(run, problem) != 0)
        return problem->code;
    run->resumed = run->settings.resume && rundir_has(run->dir, PLAN_FILE);
    if (run->resumed)
        wait_for_roles(run->dir);
    if (run->settings.resume && !run->resumed)
        return run_input_open(&run->input, &run->settings, false, problem);
    return 0;
}

// The plan comes last: what has no whole plan has not begun.
int run_plan_write(struct run *run, int argc, char **argv,
                   struct problem *problem)
{
    int error = run->resumed ? run_resume(run, problem)
                             : run_identify(run, argc, argv, problem);
    if (!error)
        error = run->resumed ? run_input_continue(&run->input, run->dir,
                                                  &run->settings, problem)
                             : run_input_create(&run->input, run->dir, problem);
    return error ? error : plan_write(&run->settings, run->dir, problem);
}

static void remove_sockets(const char *dir)
{
    char path[PATH_SIZE];
    // The roles leave theirs behind when they are killed.
    static const char *const KNOWN[] = {CONTROL_NAME, CONTROL_NAME ".results"};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, KNOWN[i]);
        unlink(path);
    }
    rundir_empty(dir, CONTROL_NAME "-lane-");
    rmdir(dir);
}

// What a `fan run` that was killed could not remove itself.
static void remove_old_sockets(const struct run *run)
{
    char endpoint[ENDPOINT_SIZE] = "";
    if (rundir_read(run->dir, ENDPOINT_NAME, endpoint, sizeof endpoint) != 0 ||
        strncmp(endpoint, "ipc:///", 7) != 0)
        return;
    char *const slash = strrchr(endpoint, '/');
    *slash = '\0';
    if (strstr(endpoint, "/fan-") && strcmp(slash + 1, CONTROL_NAME) == 0)
        remove_sockets(endpoint + 6);
}

int run_plan_sockets(struct run *run, struct problem *problem)
{
    enum { ROOM = SOCKET_DIR_SIZE - 12 };
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
    const char *const folder = getenv("TMPDIR");
    const bool fits = folder && folder[0] == '/' && strlen(folder) < ROOM;
    remove_old_sockets(run);
    snprintf(run->socket_dir, sizeof run->socket_dir, "%.*s/fan-XXXXXX", ROOM,
             fits ? folder : "/tmp");
    if (!mkdtemp(run->socket_dir)) {
        const int error = -errno;
        run->socket_dir[0] = '\0';
        return problem_set(problem, error,
                           "cannot make a directory for sockets in %s: %s",
                           fits ? folder : "/tmp", strerror(-error));
    }
    snprintf(run->endpoint, sizeof run->endpoint, "ipc://%s/" CONTROL_NAME,
             run->socket_dir);
    const int error =
        files_put(run->dir, ENDPOINT_NAME, span_of_text(run->endpoint));
    return error ? problem_set(problem, error, "cannot write %s/%s: %s",
                               run->dir, ENDPOINT_NAME, strerror(-error))
                 : 0;
}

static void remove_made(const struct run *run)
{
    static const char *const NAMES[] = {
        PLAN_FILE,       STAGES_FILE,      LOG_FILE_NAME,     RUN_INPUT_NAME,
        (RUN_INPUT_END), (RUN_INPUT_OPEN), "generation",      "printed",
        "lock.run",      "lock.sink",      "lock.ventilator", "page-token"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", run->dir, NAMES[i]);
        unlink(path);
    }
    rmdir(run->dir);
    rmdir(RUNDIR_PARENT); // where this was its only run
}

void run_plan_note_exit(const struct run *run, int exit)
{
    char text[PATH_SIZE];
    if (exit < 0) {
        snprintf(text, sizeof text, "%s/" RUNDIR_EXIT, run->dir);
        unlink(text);
        return;
    }
    // Where it cannot be written, the log tells nearly the same.
    snprintf(text, sizeof text, "%d\n", exit);
    (void)files_put(run->dir, RUNDIR_EXIT, span_of_text(text));
}

void run_plan_close(struct run *run, bool nothing_ran)
{
    char path[PATH_SIZE];
    run_input_close(&run->input);
    if (run->socket_dir[0]) {
        remove_sockets(run->socket_dir);
        snprintf(path, sizeof path, "%s/" ENDPOINT_NAME, run->dir);
        unlink(path);
    }
    if (run->made && nothing_ran)
        remove_made(run);
    if (run->lock >= 0)
        close(run->lock);
    run->lock = -1;
}

static int run_dry(const char *dir, struct problem *problem)
{
    char program[PATH_SIZE], plan[PATH_SIZE];
    int status = 0;
    const int error = verb_beside("fan-ventilator", program, sizeof program);
    if (error)
        return problem_set(problem, error, "cannot find fan-ventilator");
    snprintf(plan, sizeof plan, "%s/" PLAN_FILE, dir);
    char self[24];
    snprintf(self, sizeof self, "%ld", (long)getpid());
    const pid_t pid = fork();
    if (pid == 0) {
        setenv("FAN_SUPERVISOR", self, 1); // it speaks for `fan run`
        execl(program, "fan-ventilator", "--dry-run", "--plan", plan, "--dir",
              dir, (char *)NULL);
        _exit(EXIT_ERROR);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0)
        return problem_set(problem, -errno, "cannot start fan-ventilator: %s",
                           strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_plan_dry(struct run *run, int argc, char **argv,
                 struct problem *problem)
{
    char dir[] = "/tmp/fan-dry-XXXXXX", path[PATH_SIZE];
    int exit = EXIT_ERROR;
    if (!mkdtemp(dir))
        return problem_set(problem, -errno, "cannot make %s: %s", dir,
                           strerror(errno));
    int error = run_identify(run, argc, argv, problem);
    if (!error)
        error = run_input_create(&run->input, dir, problem);
    while (!error && run->input.to >= 0)
        error = run_input_copy(&run->input, dir, problem);
    if (!error)
        error = plan_write(&run->settings, dir, problem);
    if (!error)
        exit = run_dry(dir, problem);
    snprintf(path, sizeof path, "%s/" PLAN_FILE, dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/" RUN_INPUT_NAME, dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/" RUN_INPUT_END, dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/" RUN_INPUT_OPEN, dir);
    unlink(path);
    rmdir(dir);
    return exit;
}
