/* What a person decides about held tasks goes to the ventilator, where one is
 * at work, else by fan-sink into the log. The log then says what was done. */
#include "command/decide.h"
#include "command/held.h"
#include "command/look.h"
#include "command/rundir.h"
#include "command/tell.h"
#include "command/verb.h"
#include "common/base/numset.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM = FOR_DECIDE, ROUNDS = 5 };

static int add_group(struct decide *decide, const struct held *held,
                     unsigned wanted, const char *typed,
                     struct problem *problem)
{
    uint64_t task = 0;
    unsigned group;
    if (wanted > held_group_last(held))
        return problem_exit(problem, EXIT_USAGE, -ENOENT,
                            "there is no group %s; the groups are shown by  "
                            "fan held %s",
                            typed, decide->quoted);
    while (held_next(held, &task, &group))
        if ((wanted == 0 || group == wanted) &&
            numset_add(decide->tasks, task) < 0)
            return problem_set(problem, -ENOMEM, "out of memory");
    return 0;
}

static int add_tasks(struct decide *decide, const struct held *held,
                     uint64_t first, uint64_t last, struct problem *problem)
{
    uint64_t task = first - 1;
    unsigned group;
    if (first == last && !held_has(held, first))
        return problem_exit(problem, EXIT_USAGE, -ENOENT,
                            "task %" PRIu64 " is not held; what is, tells  "
                            "fan held %s",
                            first, decide->quoted);
    while (held_next(held, &task, &group) && task <= last)
        if (numset_add(decide->tasks, task) < 0)
            return problem_set(problem, -ENOMEM, "out of memory");
    return 0;
}

// g3, 17, 20-30 or all.
static int add_operand(struct decide *decide, const struct held *held,
                       const char *typed, struct problem *problem)
{
    uint64_t first, last;
    char head[24] = "";
    if (strcmp(typed, "all") == 0)
        return add_group(decide, held, 0, typed, problem);
    if (typed[0] == 'g' && parse_count(typed + 1, 1, UINT32_MAX, &first) == 0)
        return add_group(decide, held, (unsigned)first, typed, problem);
    const char *const dash = strchr(typed, '-');
    const size_t size = dash ? (size_t)(dash - typed) : strlen(typed);
    if (size < sizeof head)
        memcpy(head, typed, size);
    if (parse_count(head, 1, NUMSET_NUMBER_MAX, &first) != 0 ||
        parse_count(dash ? dash + 1 : head, first, NUMSET_NUMBER_MAX, &last) !=
            0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%s' is no group such as g3, no task such as 17, "
                            "no range such as 20-30, and not all",
                            typed);
    return add_tasks(decide, held, first, last, problem);
}

static int choose(struct decide *decide, const struct settings *settings,
                  struct problem *problem)
{
    struct held *held = held_read(decide->dir, NULL, problem);
    int error = held && problem->code == 0 ? 0 : -EINVAL;
    for (size_t i = 0; i < settings->operands.count && error == 0; i++)
        error = add_operand(decide, held, settings->operands.at[i], problem);
    held_destroy(&held);
    decide->wanted = numset_count(decide->tasks);
    return error;
}

// What of this stands in the log by now, known by who and when. What was tried
// again meanwhile and is held once more is not decided once more.
static int look_again(struct decide *decide, struct problem *problem)
{
    const struct held_watch watch = {decide->user, decide->time_us,
                                     decide->done};
    struct held *held = held_read(decide->dir, &watch, problem);
    struct numset *left = held ? numset_create() : NULL;
    uint64_t task = 0;
    unsigned group;
    int error = left ? 0 : -ENOMEM;
    while (error == 0 && held_next(held, &task, &group))
        if (numset_has(decide->tasks, task) && !numset_has(decide->done, task))
            error = numset_add(left, task) < 0 ? -ENOMEM : 0;
    if (left) {
        numset_destroy(&decide->tasks);
        decide->tasks = left;
    }
    if (error != 0 && problem->code == 0)
        problem_set(problem, error, "out of memory");
    held_destroy(&held);
    return error == 0 ? 0 : problem->code;
}

static int store(struct decide *decide, struct problem *problem)
{
    int error = -EAGAIN;
    for (int i = 0; i < ROUNDS && (error == -EAGAIN || error == 0) &&
                    numset_count(decide->tasks) > 0;
         i++) {
        problem_clear(problem);
        decide->live = look_is_live(decide->dir);
        error = decide->live ? decide_live(decide, problem)
                             : decide_stopped(decide, problem);
        struct problem other = {0}; // it may have ended for what was decided
        if (error == -EAGAIN && look_again(decide, &other) == 0 &&
            numset_count(decide->tasks) == 0)
            return 0;
        if (error == 0)
            error = look_again(decide, problem);
        if (error == 0 && !decide->live)
            return 0;
    }
    return error;
}

static void tell_json(const struct decide *decide)
{
    struct buffer dir = {0};
    const uint64_t done = numset_count(decide->done);
    if (!text_put_quoted(&dir, span_of_text(decide->dir)))
        text_put_base64(&dir, span_of_text(decide->dir));
    printf("{\"v\":1,\"dir\":%.*s,\"decision\":\"%s\",\"decided\":%" PRIu64
           ",\"missing\":%" PRIu64 ",\"live\":%s}\n",
           (int)dir.size, (const char *)dir.at, held_answer(decide->status),
           done, done < decide->wanted ? decide->wanted - done : 0,
           decide->live ? "true" : "false");
    buffer_free(&dir);
}

static void tell(const struct decide *decide)
{
    const uint64_t done = numset_count(decide->done);
    printf("%" PRIu64 " %s: %s", done, done == 1 ? "task" : "tasks",
           held_answer(decide->status));
    if (done < decide->wanted)
        printf("; %" PRIu64 " %s not held any more", decide->wanted - done,
               decide->wanted - done == 1 ? "was" : "were");
    printf("\n");
    if (!decide->live)
        printf("  go on with it:  fan run --resume --results %s\n",
               decide->quoted);
}

static int check(const struct settings *settings, struct decide *decide,
                 struct problem *problem)
{
    if (settings->retry + settings->ignore + settings->drop != 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "say one of --retry, --ignore and --drop");
    if (settings->operands.count == 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "say what it is about: a group such as g3, tasks "
                            "such as 17 or 20-30, or all");
    if (settings->note && strpbrk(settings->note, "\n\r"))
        return problem_exit(problem, EXIT_USAGE, -EINVAL, "--note is one line");
    if (!settings->retry && (settings->edit || settings->new_mem > 0))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "%s goes with --retry",
                            settings->edit ? "--edit" : "--mem");
    decide->status = settings->retry    ? STATUS_REOPENED
                     : settings->ignore ? STATUS_IGNORED
                                        : STATUS_DROPPED;
    decide->note = settings->note ? settings->note : "";
    decide->edit = settings->edit;
    decide->mem_max = settings->new_mem;
    decide->time_us = tell_now_us();
    tell_put_user(decide->user);
    decide->tasks = numset_create();
    decide->done = numset_create();
    if (!decide->tasks || !decide->done)
        return problem_set(problem, -ENOMEM, "out of memory");
    struct settings looking = *settings; // the operands are no directories
    looking.operands = (struct texts){0};
    const int error = rundir_find(&looking, decide->dir, problem);
    decide->quoted = verb_quoted(&decide->quoting, decide->dir);
    return error;
}

static int decide(const struct settings *settings)
{
    struct problem problem = {0};
    struct decide decide = {.live = false};
    int error = check(settings, &decide, &problem);
    if (error == 0)
        error = choose(&decide, settings, &problem);
    if (error == 0 && numset_count(decide.tasks) == 0)
        error = problem_set(&problem, -ENOENT,
                            "none of these is held; what is, tells  fan held "
                            "%s",
                            decide.quoted);
    if (error == 0)
        error = decide_check_change(&decide, &problem);
    if (error == 0)
        error = store(&decide, &problem);
    if (error == 0 && settings->json)
        tell_json(&decide);
    else if (error == 0)
        tell(&decide);
    if (error == 0 && fflush(stdout) != 0)
        error = problem_set(&problem, -errno, "cannot write: %s",
                            strerrordesc_np(errno));
    if (decide.tasks)
        numset_destroy(&decide.tasks);
    if (decide.done)
        numset_destroy(&decide.done);
    buffer_free(&decide.quoting);
    return error == 0 ? EXIT_OK : verb_fail(PROGRAM, &problem);
}

int verb_decide(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = decide(&settings);
    settings_clear(&settings);
    return exit;
}
