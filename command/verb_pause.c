/* What goes on is told to its ventilator, which starts nothing more, or starts
 * tasks again, and has that stored. */
#include "command/tell.h"
#include "command/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct pause {
    const struct settings *settings;
    bool paused; // what is wanted
    bool asked;
    char user[TELL_USER_SIZE];
    int64_t time_us;
    struct ask_status status;
};

static const char *verb_of(const struct pause *pause)
{
    return pause->paused ? "pause" : "resume";
}

static bool put_question(void *with, struct buffer *question)
{
    struct pause *const pause = with;
    const char *const note = pause->settings->note;
    if (pause->asked)
        return false;
    pause->asked = true;
    tell_begin(question, pause->paused ? "pause" : "unpause", pause->user,
               pause->time_us, note ? note : "");
    buffer_append_text(question, "}");
    return true;
}

static bool is_so(void *with, const struct ask_status *status)
{
    struct pause *const pause = with;
    pause->status = *status;
    return status->paused == pause->paused && status->unsaved == 0;
}

static void print(const struct pause *pause, const char *dir)
{
    struct buffer quoting = {0};
    const char *const quoted = verb_quoted(&quoting, dir);
    const uint64_t running = pause->status.running;
    if (pause->paused) {
        printf("%s is paused: no task is started\n", dir);
        if (running > 0)
            printf("  %" PRIu64 " %s\n", running,
                   running == 1 ? "task still runs" : "tasks still run");
        printf("  go on with it:  fan resume %s\n", quoted);
    } else {
        printf("%s goes on\n", dir);
    }
    buffer_free(&quoting);
}

// Who ends a run that is paused goes on with it in another way.
static int tell_stopped(const char *dir, bool paused, struct problem *problem)
{
    struct buffer quoting = {0};
    const char *const quoted = verb_quoted(&quoting, dir);
    problem_clear(problem);
    if (paused)
        problem_set(problem, -EAGAIN,
                    "nobody is at work on the run in %s: there is nothing to "
                    "pause",
                    dir);
    else
        problem_set(problem, -EAGAIN,
                    "nobody is at work on the run in %s; go on with what is "
                    "left of it:  fan run --resume --results %s",
                    dir, quoted);
    buffer_free(&quoting);
    return problem->code;
}

static int tell(struct pause *pause, struct problem *problem)
{
    char dir[RUNDIR_PATH_SIZE];
    struct buffer json = {0};
    if (pause->settings->note && strpbrk(pause->settings->note, "\n\r"))
        return problem_exit(problem, EXIT_USAGE, -EINVAL, "--note is one line");
    pause->time_us = tell_now_us();
    tell_put_user(pause->user);
    int error = tell_find(pause->settings, dir, problem);
    const struct tell tell = {.dir = dir,
                              .verb = verb_of(pause),
                              .next = put_question,
                              .done = is_so,
                              .with = pause};
    if (error == 0)
        error = tell_live(&tell, &json, problem);
    if (error == -EAGAIN)
        error = tell_stopped(dir, pause->paused, problem);
    if (error == 0 && pause->settings->json)
        printf("%.*s\n", (int)json.size, (const char *)json.at);
    else if (error == 0)
        print(pause, dir);
    buffer_free(&json);
    return error;
}

static int run(unsigned program, bool paused, int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    int exit = verb_open(&settings, program, argc, argv);
    if (exit == VERB_GO) {
        struct pause pause = {.settings = &settings, .paused = paused};
        int error = tell(&pause, &problem);
        if (error == 0 && fflush(stdout) != 0)
            error = problem_set(&problem, -errno, "cannot write: %s",
                                strerrordesc_np(errno));
        exit = error == 0 ? EXIT_OK : verb_fail(program, &problem);
    }
    settings_clear(&settings);
    return exit;
}

int verb_pause(int argc, char **argv)
{
    return run(FOR_PAUSE, true, argc, argv);
}

int verb_resume(int argc, char **argv)
{
    return run(FOR_RESUME, false, argc, argv);
}
