/* decide_stopped - a decision about tasks of a run that nobody works on */
#include "command/decide.h"
#include "command/verb.h"
#include "common/base/files.h"
#include "common/base/numset.h"
#include "common/store/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 1 << 16, PATH_ROOM = 4200 };

static int put_tasks(const struct decide *decide, int to)
{
    struct buffer out = {0};
    uint64_t first, count, from = 0;
    const bool again = decide->status == STATUS_REOPENED;
    int error = 0;
    while (error == 0 && numset_next_run(decide->tasks, from, &first, &count)) {
        for (uint64_t i = 0; i < count && error == 0; i++) {
            record_write(&out, &(struct record){
                                   .event = again ? EVENT_DECISION : EVENT_NONE,
                                   .task = first + i,
                                   .final = !again,
                                   .status = decide->status,
                                   .start_us = decide->time_us,
                                   .user = span_of_text(decide->user),
                                   .note = span_of_text(decide->note),
                                   .mem_max = decide->mem_max,
                                   .edit = span_of_text(decide->edit)});
            if (out.size < PIECE)
                continue;
            error = files_write(to, buffer_span(&out));
            buffer_clear(&out);
        }
        from = first + count;
    }
    if (error == 0 && out.failed)
        error = -ENOMEM;
    if (error == 0)
        error = files_write(to, buffer_span(&out));
    buffer_free(&out);
    return error;
}

static void be_sink(const struct decide *decide, const char *program, int from)
{
    const int null = open("/dev/null", O_WRONLY);
    if (dup2(from, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0)
        execl(program, "fan-sink", "--results", decide->dir, "--decisions", "-",
              (char *)NULL);
    _exit(EXIT_ERROR);
}

static int run_sink(const struct decide *decide, struct problem *problem)
{
    char program[PATH_ROOM];
    int pipes[2], status = 0;
    const int error = verb_beside("fan-sink", program, sizeof program);
    if (error || pipe2(pipes, O_CLOEXEC) != 0)
        return problem_set(problem, -EIO, "cannot start fan-sink");
    const pid_t pid = fork();
    if (pid == 0)
        be_sink(decide, program, pipes[0]);
    close(pipes[0]);
    // Where it leaves early, it has said why.
    signal(SIGPIPE, SIG_IGN);
    const int written = pid > 0 ? put_tasks(decide, pipes[1]) : -errno;
    close(pipes[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (written != 0 && written != -EPIPE)
        return problem_set(problem, written, "cannot tell fan-sink: %s",
                           strerror(-written));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return problem_exit(problem,
                            WIFEXITED(status)
                                ? (enum exit_code)WEXITSTATUS(status)
                                : EXIT_ERROR,
                            -EIO, "the decision was not stored");
    return written;
}

int decide_stopped(const struct decide *decide, struct problem *problem)
{
    const int lock = rundir_lock(decide->dir, 0);
    if (lock == -EAGAIN)
        return problem_set(problem, -EAGAIN,
                           "somebody has begun to work on %s; decide again",
                           decide->dir);
    if (lock < 0)
        return problem_set(problem, lock, "cannot lock %s: %s", decide->dir,
                           strerror(-lock));
    const int error = run_sink(decide, problem);
    close(lock);
    return error;
}
