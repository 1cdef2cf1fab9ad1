#include "page/decision.h"

#include "command/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 4096, NOTE_MAX = 160, GROUP_MAX = 12 };

struct words {
    char program[PATH_MAX], group[GROUP_MAX], answer[16], note[NOTE_MAX + 16];
};

static bool is_group(const char *text)
{
    const size_t size = text ? strlen(text) : 0;
    if (size == 0 || size >= GROUP_MAX)
        return false;
    return strcmp(text, "all") == 0 ||
           (text[0] == 'g' && size > 1 &&
            text[1 + strspn(text + 1, "0123456789")] == '\0');
}

static bool is_answer(const char *text)
{
    return text && (strcmp(text, "retry") == 0 || strcmp(text, "ignore") == 0 ||
                    strcmp(text, "drop") == 0);
}

static bool understand(const json_t *root, struct words *words)
{
    const char *const group = json_string_value(json_object_get(root, "group"));
    const char *const answer =
        json_string_value(json_object_get(root, "answer"));
    const json_t *const note = json_object_get(root, "note");
    const char *const text = note ? json_string_value(note) : "";
    if (!is_group(group) || !is_answer(answer) || !text ||
        strlen(text) > NOTE_MAX || strpbrk(text, "\r\n"))
        return false;
    snprintf(words->group, sizeof words->group, "%s", group);
    snprintf(words->answer, sizeof words->answer, "--%s", answer);
    snprintf(words->note, sizeof words->note, "--note=%s", text);
    return true;
}

static void become(const struct words *words, const char *dir, int out)
{
    // exec's parameter lacks a const that it keeps.
    union {
        const char *from[9];
        char *to[9];
    } line = {.from = {"fan", "decide", "--run", dir, words->answer,
                       words->note, words->group, NULL}};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(words->program, line.to);
    _exit(EXIT_ERROR);
}

static int start(struct decision *decision, const char *dir,
                 const struct words *words)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    const pid_t pid = fork();
    if (pid == 0)
        become(words, dir, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -EAGAIN;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    decision->pid = pid;
    decision->said_fd = ends[0];
    decision->number++;
    buffer_clear(&decision->said);
    return 0;
}

int decision_start(struct decision *decision, const char *dir, struct span body)
{
    struct words words;
    if (decision->pid != 0)
        return -EBUSY;
    json_t *const root =
        body.size > 0 ? json_loadb((const char *)body.at, body.size, 0, NULL)
                      : NULL;
    const bool understood = understand(root, &words);
    json_decref(root);
    if (!understood)
        return -EINVAL;
    const int error = verb_beside("fan", words.program, sizeof words.program);
    return error ? error : start(decision, dir, &words);
}

void decision_turn(struct decision *decision)
{
    char text[SAID_MAX];
    ssize_t got = 1;
    int status = 0;
    if (decision->pid == 0)
        return;
    while ((got = read(decision->said_fd, text, sizeof text)) > 0)
        if (decision->said.size + (size_t)got <= SAID_MAX)
            buffer_append(&decision->said, text, (size_t)got);
    if (got < 0) // there may be more
        return;
    // It has closed its end: it is about to leave.
    if (waitpid(decision->pid, &status, 0) == decision->pid)
        decision->exit = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ERROR;
    close(decision->said_fd);
    decision->said_fd = -1;
    decision->pid = 0;
}

void decision_close(struct decision *decision)
{
    if (decision->pid > 0) {
        kill(decision->pid, SIGTERM);
        (void)waitpid(decision->pid, NULL, 0);
        close(decision->said_fd);
    }
    buffer_free(&decision->said);
}
