#include "command/cell.h"
#include "command/look.h"
#include "command/remake.h"
#include "command/row.h"
#include "command/rundir.h"
#include "command/selection.h"
#include "command/story.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// `fan show`: all that is known of one task.

enum { PROGRAM = FOR_SHOW, FLUSH_SIZE = 1 << 16, TAIL_LINES = 10 };

struct show {
    char dir[RUNDIR_PATH_SIZE];
    struct buffer quoting;
    const char *quoted; // the directory, for a shell
    bool json, live;
    struct settings plan;
    struct story story;
    struct buffer out, words; // of JSON: what is printed, the decisions
    uint64_t attempts;        // printed
};

static int flush(struct show *show)
{
    if (show->out.failed)
        return -ENOMEM;
    const int error = files_write(STDOUT_FILENO, buffer_span(&show->out));
    buffer_clear(&show->out);
    return error;
}

static void put_field(struct buffer *out, const char *name, struct span text)
{
    const struct cell cell = cell_text(text);
    if (cell.kind == CELL_NOTHING)
        buffer_printf(out, "\"%s\":\"\"", name);
    else
        cell_put_json(&cell, span_of_text(name), out);
}

static void put_opening(struct show *show)
{
    buffer_append_text(&show->out, "{\"v\":1,");
    put_field(&show->out, "dir", span_of_text(show->dir));
    buffer_printf(&show->out, ",\"task\":%" PRIu64 ",\"attempts\":[",
                  show->story.task);
}

static int put_record(struct show *show, enum story_part part, struct span line)
{
    struct buffer *const out =
        part == STORY_ATTEMPT ? &show->out : &show->words;
    if (part == STORY_ATTEMPT && show->attempts++ == 0)
        put_opening(show);
    else if (part == STORY_ATTEMPT || show->words.size > 0)
        put_u8(out, ',');
    buffer_append(out, line.at, line.size);
    return show->out.size >= FLUSH_SIZE ? flush(show) : 0;
}

static int take(void *context, enum story_part part, struct span line)
{
    struct show *const show = context;
    return show->json ? put_record(show, part, line) : 0;
}

// The task as a record has it, for its command and its values.
static struct record record_of(const struct show *show)
{
    const struct story *const story = &show->story;
    return (struct record){.task = story->task,
                           .slot = story->slot,
                           .has_args = story->has_args,
                           .values = buffer_span(&story->values)};
}

static void put_command(const struct show *show, struct buffer *out)
{
    const struct record record = record_of(show);
    struct remake *remake = remake_create(&show->plan);
    if (remake)
        remake_put(remake, &record, out);
    remake_destroy(&remake);
}

static void put_args(const struct show *show, struct buffer *out)
{
    struct buffer args = {0};
    const bool utf8 = record_put_args(&args, buffer_span(&show->story.values));
    buffer_printf(out, ",\"%s\":", utf8 ? "args" : "args_base64");
    buffer_append(out, args.at, args.size);
    buffer_free(&args);
}

static void put_result(const struct show *show, struct buffer *out)
{
    const struct story *const story = &show->story;
    struct buffer text = {0};
    char key[ID128_TEXT_SIZE];
    buffer_printf(out, ",\"state\":\"%s\",\"round\":%" PRIu32,
                  story_state(story), story->round);
    if (story->class != CLASS_NONE)
        buffer_printf(out, ",\"class\":\"%s\",\"exit\":%u,\"signal\":%u",
                      class_name(story->class), story->exit, story->signal);
    if (story->has_args) {
        id128_text(&story->key, key);
        buffer_printf(out, ",\"key\":\"%s\"", key);
        put_args(show, out);
        put_u8(out, ',');
        put_command(show, &text);
        put_field(out, "command", buffer_span(&text));
    }
    buffer_clear(&text);
    story_put_hint(story, show->quoted, show->live, &text);
    buffer_append_text(out, ",\"live\":");
    buffer_append_text(out, show->live ? "true," : "false,");
    put_field(out, "hint", buffer_span(&text));
    buffer_free(&text);
}

static void finish_json(struct show *show)
{
    if (show->attempts == 0)
        put_opening(show);
    buffer_append_text(&show->out, "],\"decisions\":[");
    buffer_append(&show->out, show->words.at, show->words.size);
    put_u8(&show->out, ']');
    put_result(show, &show->out);
    buffer_append_text(&show->out, "}\n");
}

// A line, with its tabs.
static void put_line(struct buffer *out, struct span line)
{
    for (const uint8_t *tab;
         (tab = line.size > 0 ? memchr(line.at, '\t', line.size) : NULL);) {
        const size_t size = (size_t)(tab - line.at);
        row_put_plain(out, (struct span){line.at, size});
        put_u8(out, '\t');
        line = (struct span){tab + 1, line.size - size - 1};
    }
    row_put_plain(out, line);
}

// Each line ends, and `before` stands before all but the first.
static void put_lines(struct buffer *out, struct span text, const char *before)
{
    for (bool first = true; text.size > 0; first = false) {
        const uint8_t *const end = memchr(text.at, '\n', text.size);
        const size_t size = end ? (size_t)(end - text.at) : text.size;
        buffer_append_text(out, first ? "" : before);
        put_line(out, (struct span){text.at, size});
        put_u8(out, '\n');
        text.at += end ? size + 1 : size;
        text.size -= end ? size + 1 : size;
    }
}

static struct span last_lines(struct span text)
{
    size_t from = text.size, lines = 0;
    if (from > 0 && text.at[from - 1] == '\n')
        from--;
    while (from > 0 && (text.at[from - 1] != '\n' || ++lines < TAIL_LINES))
        from--;
    return (struct span){text.at + from, text.size - from};
}

static void put_output(struct show *show, const char *name,
                       const struct story_output *output, const char *path)
{
    struct buffer *const out = &show->out;
    if (path) {
        buffer_printf(out, "  %-10sin the file of --%s: ", name, name);
        row_put_plain(out, span_of_text(path));
        put_u8(out, '\n');
        return;
    }
    if (output->size == 0) {
        buffer_printf(out, "  %-10sempty\n", name);
        return;
    }
    const struct span tail = last_lines(buffer_span(&output->tail));
    buffer_printf(out, "  %-10sof try %" PRIu32, name, show->story.attempt);
    if (tail.size < output->size)
        buffer_printf(out, ", the end of %" PRIu64 " bytes", output->size);
    buffer_printf(out, "%s:\n    ",
                  output->cut ? "; it wrote more, which was not kept" : "");
    put_lines(out, tail, "    ");
}

static void put_head(struct show *show)
{
    const struct story *const story = &show->story;
    struct buffer *const out = &show->out;
    buffer_printf(out, "task %" PRIu64 " of ", story->task);
    row_put_plain(out, span_of_text(show->dir));
    buffer_printf(out, ": %s", story_state(story));
    if (story->class != CLASS_NONE) {
        buffer_append_text(out, ", ");
        story_put_why(out, story->class, story->exit, story->signal);
    }
    if (story->attempts + story->losses == 0)
        buffer_append_text(out, ", nothing of it is stored");
    put_u8(out, '\n');
}

static void put_what_now(struct show *show)
{
    struct buffer *const out = &show->out;
    const struct story *const story = &show->story;
    const char *const advice = story_advice(story->class);
    const bool bad = story_has_failed(story) || story->held;
    if (bad && advice)
        buffer_printf(out, "  perhaps   %s\n", advice);
    if (bad && (story->out.size > STORY_TAIL || story->err.size > STORY_TAIL))
        buffer_printf(out, "  all of it fan logs --err %" PRIu64 " %s\n",
                      story->task, show->quoted);
    buffer_append_text(out, "  what now  ");
    story_put_hint(story, show->quoted, show->live, out);
    put_u8(out, '\n');
}

static void put_text(struct show *show)
{
    const struct record record = record_of(show);
    struct buffer *const out = &show->out;
    struct buffer command = {0};
    put_head(show);
    if (show->story.has_args) {
        buffer_append_text(out, "  values    ");
        row_put_values(&record, out);
        buffer_append_text(out, "\n  command   ");
        put_command(show, &command);
        put_lines(out, buffer_span(&command), "            ");
        buffer_free(&command);
    }
    buffer_append(out, show->story.lines.at, show->story.lines.size);
    if (show->story.attempts > 0) {
        put_output(show, "stderr", &show->story.err, show->plan.stderr_path);
        put_output(show, "stdout", &show->story.out, show->plan.stdout_path);
    }
    put_what_now(show);
}

static int print(struct show *show, struct problem *problem)
{
    const struct story *const story = &show->story;
    if (story->complete && story->task > story->tasks && story->attempts == 0)
        return problem_exit(problem, EXIT_USAGE, -ENOENT,
                            "there is no task %" PRIu64 ": %s has %" PRIu64,
                            story->task, show->dir, story->tasks);
    if (show->json)
        finish_json(show);
    else
        put_text(show);
    int error = story->lines.failed || show->words.failed ? -ENOMEM : 0;
    if (error == 0)
        error = flush(show);
    return error != 0 ? problem_set(problem, error, "cannot write: %s",
                                    strerrordesc_np(-error))
                      : 0;
}

static int choose(struct show *show, struct settings *settings,
                  struct problem *problem)
{
    struct selection selection;
    int error = selection_read(&selection, settings, clock_utc_us(), problem);
    if (error == 0 && !selection_is_one(&selection))
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "one task is shown: name its number, as in  "
                             "fan show 17");
    if (error == 0)
        show->story.task = selection.ranges[0].first;
    selection_clear(&selection);
    if (error == 0)
        error = rundir_find(settings, show->dir, problem);
    if (error == 0)
        error = rundir_check(show->dir, problem);
    show->json = settings->json;
    return error;
}

static int read_plan(struct show *show, struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + sizeof PLAN_FILE];
    if (!rundir_has(show->dir, PLAN_FILE))
        return 0; // the sink's own directory, by hand
    snprintf(path, sizeof path, "%s/%s", show->dir, PLAN_FILE);
    return settings_read_yaml(&show->plan, IN_PLAN, path, problem);
}

static int show_task(struct settings *settings)
{
    struct show show = {0};
    struct problem problem = {0};
    int exit = EXIT_OK;
    settings_init(&show.plan);
    int error = choose(&show, settings, &problem);
    show.live = error == 0 && look_is_live(show.dir);
    show.quoted = verb_quoted(&show.quoting, show.dir);
    if (error == 0)
        error = read_plan(&show, &problem);
    if (error == 0)
        error = story_read(&show.story, show.dir, take, &show, &problem);
    if (error == 0)
        error = print(&show, &problem);
    if (error == 0 && show.story.damaged)
        error = problem_exit(&problem, EXIT_DAMAGED, -EBADMSG,
                             "the log of %s is damaged: only what stands "
                             "before was read; more tells  fan verify %s",
                             show.dir, show.quoted);
    if (error == -EPIPE)
        exit = 128 + SIGPIPE; // the reader has had enough: nothing to say
    else if (error != 0)
        exit = verb_fail(PROGRAM, &problem);
    story_clear(&show.story);
    settings_clear(&show.plan);
    buffer_free(&show.quoting);
    buffer_free(&show.out);
    buffer_free(&show.words);
    return exit;
}

int verb_show(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = show_task(&settings);
    settings_clear(&settings);
    return exit;
}
