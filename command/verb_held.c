#include "command/held.h"
#include "command/look.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/base/log.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROGRAM = FOR_HELD, EDIT_SHOWN = 200 };

static void put_text(struct buffer *out, const char *text)
{
    if (!text_put_quoted(out, span_of_text(text)))
        text_put_base64(out, span_of_text(text));
}

static void put_tasks(struct buffer *out, const struct held *held,
                      unsigned number)
{
    uint64_t task = 0;
    unsigned group;
    const char *comma = "";
    buffer_append_text(out, ",\"tasks\":[");
    while (held_next(held, &task, &group)) {
        if (group != number)
            continue;
        buffer_printf(out, "%s%" PRIu64, comma, task);
        comma = ",";
    }
    put_u8(out, ']');
}

static void put_group(struct buffer *out, const struct held *held,
                      const struct held_group *group)
{
    buffer_printf(out,
                  "{\"group\":\"g%u\",\"count\":%" PRIu64
                  ",\"class\":\"%s\",\"exit\":%u,\"signal\":%u,\"line\":",
                  group->number, group->count, class_name(group->class),
                  group->exit, group->signal);
    put_text(out, group->line);
    buffer_printf(out, ",\"example\":%" PRIu64 ",\"hosts\":[", group->example);
    for (size_t i = 0; i < group->host_count; i++) {
        if (i > 0)
            put_u8(out, ',');
        put_text(out, group->hosts[i]);
    }
    buffer_printf(out, "],\"more_hosts\":%s",
                  group->more_hosts ? "true" : "false");
    put_tasks(out, held, group->number);
    put_u8(out, '}');
}

static void put_decision(struct buffer *out,
                         const struct held_decision *decision)
{
    char time[TEXT_TIME_SIZE + 1] = "";
    if (decision->time_us > 0 && decision->time_us <= TEXT_TIME_MAX_US)
        text_put_time(time, decision->time_us);
    buffer_printf(out,
                  "{\"decision\":\"%s\",\"group\":\"g%u\",\"count\":%" PRIu64
                  ",\"first\":%" PRIu64 ",\"start\":\"%s\",\"user\":",
                  held_answer(decision->status), decision->group,
                  decision->count, decision->first, time);
    put_text(out, decision->user);
    buffer_append_text(out, ",\"note\":");
    put_text(out, decision->note);
    if (decision->mem_max > 0)
        buffer_printf(out, ",\"mem_max_bytes\":%" PRIu64, decision->mem_max);
    if (*decision->edit) {
        buffer_append_text(out, ",\"edit\":");
        put_text(out, decision->edit);
    }
    put_u8(out, '}');
}

static void put_json(struct buffer *out, const struct held *held,
                     const char *dir)
{
    buffer_append_text(out, "{\"v\":1,\"dir\":");
    put_text(out, dir);
    buffer_printf(out, ",\"held\":%" PRIu64 ",\"groups\":[", held_count(held));
    for (size_t i = 0; i < held_group_count(held); i++) {
        if (i > 0)
            put_u8(out, ',');
        put_group(out, held, held_group_at(held, i));
    }
    buffer_append_text(out, "],\"decisions\":[");
    for (size_t i = 0; i < held_decision_count(held); i++) {
        if (i > 0)
            put_u8(out, ',');
        put_decision(out, held_decision_at(held, i));
    }
    buffer_append_text(out, "]}\n");
}

static void put_way(struct buffer *out, const struct held_group *group)
{
    if (group->class == CLASS_EXIT)
        buffer_printf(out, "exit %u", group->exit);
    else if (group->class == CLASS_SIGNAL)
        buffer_printf(out, "signal %u", group->signal);
    else
        buffer_append_text(out, class_name(group->class));
}

static void put_row(struct buffer *out, const struct held_group *group)
{
    struct buffer way = {0};
    put_way(&way, group);
    buffer_printf(out, "  g%-4u %7" PRIu64 " %-4s  %-10.*s  %s\n",
                  group->number, group->count,
                  group->count == 1 ? "task" : "tasks", (int)way.size,
                  (const char *)way.at,
                  *group->line ? group->line : "(nothing on stderr)");
    buffer_printf(out, "        such as task %" PRIu64 ", on ", group->example);
    for (size_t i = 0; i < group->host_count; i++)
        buffer_printf(out, "%s%s", i > 0 ? ", " : "", group->hosts[i]);
    buffer_append_text(out, group->more_hosts ? " and others\n" : "\n");
    buffer_free(&way);
}

// What was changed of tasks before they were tried again, if anything.
static void put_change(struct buffer *out, const struct held_decision *decision)
{
    char time[TEXT_TIME_SIZE + 1] = "", edit[EDIT_SHOWN], user[EDIT_SHOWN];
    if (decision->mem_max == 0 && !*decision->edit)
        return;
    log_escape(span_of_text(decision->edit), edit, sizeof edit);
    log_escape(span_of_text(decision->user), user, sizeof user);
    if (decision->time_us > 0 && decision->time_us <= TEXT_TIME_MAX_US)
        text_put_time(time, decision->time_us);
    buffer_printf(out, "  changed:   g%u, %" PRIu64 " %s", decision->group,
                  decision->count, decision->count == 1 ? "task" : "tasks");
    if (decision->mem_max > 0)
        buffer_printf(out, ", %" PRIu64 "M of memory", decision->mem_max >> 20);
    if (*decision->edit)
        buffer_printf(out, ", arguments %s", edit);
    buffer_printf(out, "  (%s, %.16s)\n", user, time);
}

static void put_table(struct buffer *out, const struct held *held,
                      const char *dir)
{
    struct buffer quoted = {0};
    const char *const name = verb_quoted(&quoted, dir);
    const size_t groups = held_group_count(held);
    if (groups == 0)
        buffer_printf(out, "%s: no task is held\n", dir);
    else
        buffer_printf(out, "%s: %" PRIu64 " %s held, in %zu %s\n", dir,
                      held_count(held),
                      held_count(held) == 1 ? "task is" : "tasks are", groups,
                      groups == 1 ? "group" : "groups");
    for (size_t i = 0; i < groups; i++)
        put_row(out, held_group_at(held, i));
    for (size_t i = 0; i < held_decision_count(held); i++)
        put_change(out, held_decision_at(held, i));
    if (groups > 0)
        buffer_printf(out,
                      "  read one:  fan show %" PRIu64 " %s\n"
                      "  decide:    fan decide --run %s g%u --retry   "
                      "(or --ignore, --drop)\n",
                      held_group_at(held, 0)->example, name, name,
                      held_group_at(held, 0)->number);
    buffer_free(&quoted);
}

static int print(const struct settings *settings, const struct held *held,
                 const char *dir, struct problem *problem)
{
    struct buffer out = {0};
    if (settings->json)
        put_json(&out, held, dir);
    else
        put_table(&out, held, dir);
    int error = out.failed ? -ENOMEM : 0;
    if (!error && (fwrite(out.at, 1, out.size, stdout) != out.size ||
                   fflush(stdout) != 0))
        error = -errno;
    buffer_free(&out);
    return error ? problem_set(problem, error, "cannot write: %s",
                               strerrordesc_np(-error))
                 : 0;
}

static int held(const struct settings *settings)
{
    struct problem problem = {0};
    char dir[RUNDIR_PATH_SIZE];
    if (rundir_find(settings, dir, &problem) != 0)
        return verb_fail(PROGRAM, &problem);
    struct held *found = held_read(dir, NULL, &problem);
    const int damage = problem.code;
    if (found && print(settings, found, dir, &problem) == 0 && !damage) {
        held_destroy(&found);
        return EXIT_OK;
    }
    held_destroy(&found);
    return verb_fail(PROGRAM, &problem);
}

int verb_held(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = held(&settings);
    settings_clear(&settings);
    return exit;
}
