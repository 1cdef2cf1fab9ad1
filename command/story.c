#include "command/story.h"

#include "command/row.h"
#include "common/store/text.h"

#include <inttypes.h>

void story_clear(struct story *story)
{
    buffer_free(&story->values);
    buffer_free(&story->out.tail);
    buffer_free(&story->err.tail);
    buffer_free(&story->lines);
    *story = (struct story){0};
}

static void put_time(struct buffer *out, int64_t utc_us)
{
    char text[TEXT_TIME_SIZE + 1] = "";
    if (utc_us <= 0 || utc_us > TEXT_TIME_MAX_US)
        return;
    text_put_time(text, utc_us);
    buffer_printf(out, "%.10s %.8sZ", text, text + 11);
}

static void put_seconds(struct buffer *out, uint64_t us)
{
    const uint64_t whole = us / 1000000;
    if (whole < 60)
        buffer_printf(out, "%.3f s", (double)us / 1e6);
    else if (whole < 3600)
        buffer_printf(out, "%" PRIu64 " min %02" PRIu64 " s", whole / 60,
                      whole % 60);
    else
        buffer_printf(out, "%" PRIu64 " h %02" PRIu64 " min", whole / 3600,
                      whole / 60 % 60);
}

static void put_size(struct buffer *out, uint64_t bytes)
{
    static const char *const UNITS[] = {"KiB", "MiB", "GiB", "TiB"};
    double amount = (double)bytes / 1024;
    size_t unit = 0;
    while (amount >= 1024 && unit < 3) {
        amount /= 1024;
        unit++;
    }
    buffer_printf(out, "%.1f %s", amount, UNITS[unit]);
}

void story_put_why(struct buffer *out, enum fail_class class, unsigned exit,
                   unsigned signal)
{
    if (class == CLASS_EXIT)
        buffer_printf(out, "exit %u", exit);
    else if (class == CLASS_SIGNAL)
        buffer_printf(out, "signal %u", signal);
    else
        buffer_append_text(out, class_name(class));
}

static void put_note(struct buffer *out, const struct record *record)
{
    if (record->note.size > 0) {
        buffer_append_text(out, ": ");
        row_put_plain(out, record->note);
    }
    put_u8(out, '\n');
}

static void put_ran(struct story *story, const struct record *record)
{
    struct buffer *const out = &story->lines;
    put_time(out, record->start_us);
    buffer_append_text(out, " on ");
    row_put_plain(out, record->host);
    buffer_printf(out, ", slot %" PRIu32 ": ", record->slot);
    if (record->class == CLASS_NONE)
        buffer_append_text(out, status_name(record->status));
    else
        story_put_why(out, record->class, record->exit, record->signal);
    buffer_append_text(out, " after ");
    put_seconds(out, record->wall_us);
    buffer_append_text(out, ", cpu ");
    put_seconds(out, record->user_us + record->sys_us);
    if (record->maxrss_bytes > 0) {
        buffer_append_text(out, ", memory ");
        put_size(out, record->maxrss_bytes);
    }
    if (record->copy)
        buffer_append_text(out, ", as a second copy");
    if (record->edited)
        buffer_append_text(out, ", edited");
}

static void put_attempt(struct story *story, const struct record *record)
{
    struct buffer *const out = &story->lines;
    buffer_printf(out, "  try %-6" PRIu32, record->attempt);
    if (record->status != STATUS_LOST)
        put_ran(story, record);
    else
        buffer_printf(out, "lost with its worker, %s%s%s",
                      record->ran     ? "running"
                      : record->crash ? "not begun"
                                      : "not begun, as far as is known",
                      record->crash ? ", which died" : "",
                      record->alone ? "; it ran alone" : "");
    put_note(out, record);
}

static const char *word_of(const struct record *record)
{
    if (record->event == EVENT_REOPENED || record->status == STATUS_REOPENED)
        return "again";
    return status_name(record->status);
}

// What a person has changed of it.
static void put_change(struct buffer *out, const struct record *record)
{
    if (record->mem_max > 0) {
        buffer_append_text(out, ", with memory ");
        put_size(out, record->mem_max);
    }
    if (record->edit.size > 0) {
        buffer_append_text(out, ", edited to ");
        row_put_plain(out, record->edit);
    }
}

// By a person there is a time, else it follows from the attempt.
static void put_word(struct story *story, const struct record *record)
{
    struct buffer *const out = &story->lines;
    buffer_printf(out, "  %-10s", word_of(record));
    if (record->user.size > 0) {
        put_time(out, record->start_us);
        buffer_append_text(out, " by ");
        row_put_plain(out, record->user);
        put_change(out, record);
    } else if (record->status == STATUS_HELD) {
        buffer_append_text(out, "for a person to decide");
    } else {
        buffer_append_text(out, record->status == STATUS_FAILED
                                    ? "for good: it is not tried again"
                                    : "by the rules of the run");
    }
    put_note(out, record);
}

static void keep(struct story_output *output, struct span text, bool cut)
{
    const size_t size = text.size < STORY_TAIL ? text.size : STORY_TAIL;
    buffer_clear(&output->tail);
    buffer_append(&output->tail, text.at + (text.size - size), size);
    output->size = text.size;
    output->cut = cut;
}

static void take_attempt(struct story *story, const struct record *record)
{
    put_attempt(story, record);
    if (record->status == STATUS_LOST) {
        story->losses++;
        return;
    }
    story->attempts++;
    story->attempt = record->attempt;
    story->slot = record->slot;
    keep(&story->out, record->out, record->out_cut);
    keep(&story->err, record->err, record->err_cut);
    story->has_args = record->has_args;
    buffer_clear(&story->values);
    buffer_append(&story->values, record->values.at, record->values.size);
}

static bool is_final_and_good(const struct story *story)
{
    return story->final &&
           (story->status == STATUS_OK || story->status == STATUS_IGNORED ||
            story->status == STATUS_DROPPED);
}

bool story_has_failed(const struct story *story)
{
    return story->final && !is_final_and_good(story);
}

// What failed is done again from here on, and has no record of that. What a
// person has cancelled stays so.
static void take_resumed(struct story *story)
{
    story->complete = false;
    if (!story_has_failed(story) || story->status == STATUS_CANCELLED)
        return;
    story->final = false;
    buffer_append_text(&story->lines, "  again     by fan run --resume\n");
}

static void take_end(struct story *story, const struct record *record)
{
    const bool again =
        record->event == EVENT_REOPENED || record->status == STATUS_REOPENED;
    story->held = record->status == STATUS_HELD;
    story->final = !again && record->final;
    story->status = again ? STATUS_REOPENED : record->status;
    if (again)
        return;
    story->class = record->class;
    if (record_of_worker(record)) {
        story->exit = record->exit;
        story->signal = record->signal;
    }
}

enum story_part story_take(struct story *story, const struct record *record)
{
    if (record->event == EVENT_RESUMED)
        take_resumed(story);
    if (record->event == EVENT_COMPLETE) {
        story->complete = true;
        story->tasks = record->a;
    }
    const bool about = record->event == EVENT_NONE ||
                       record->event == EVENT_DECISION ||
                       record->event == EVENT_REOPENED;
    if (!about || record->task != story->task || record->task == 0)
        return STORY_OTHER;
    const bool attempt =
        record->event == EVENT_NONE &&
        (record->status == STATUS_LOST || record_of_worker(record));
    if (record->event == EVENT_NONE) {
        story->key = record->key;
        story->round = record->round;
    }
    if (attempt)
        take_attempt(story, record);
    else
        put_word(story, record);
    if (record->status != STATUS_LOST)
        take_end(story, record);
    return attempt ? STORY_ATTEMPT : STORY_WORD;
}

const char *story_state(const struct story *story)
{
    return story->final  ? status_name(story->status)
           : story->held ? "held"
                         : "open";
}

// The command that goes on, for a state that asks for it.
void story_put_hint(const struct story *story, const char *dir, bool live,
                    struct buffer *out)
{
    const unsigned long long task = story->task;
    if (is_final_and_good(story) ||
        (story->final && story->status == STATUS_CANCELLED)) // for good
        buffer_printf(out, "fan logs %llu %s", task, dir);
    else if (story->held)
        buffer_printf(out, "fan decide --run %s %llu --retry", dir, task);
    else if (live)
        buffer_printf(out, "fan explain %llu %s", task, dir);
    else
        buffer_printf(out, "fan run --resume --results %s", dir);
}

const char *story_advice(enum fail_class class)
{
    static const char *const ADVICE[CLASSES] = {
        [CLASS_TIMEOUT] = "it may run longer with a larger --timeout",
        [CLASS_OOM] = "it wants more memory: --mem says how much a task takes, "
                      "so that fewer run at once",
        [CLASS_SPAWN] = "its command could not be started: is it there, and "
                        "executable, on that host?",
        [CLASS_OUTPUT] = "it wrote more than --output-max; --truncate keeps "
                         "the beginning",
        [CLASS_QUARANTINED] = "its worker died each time it ran: try it by "
                              "hand, or give it less memory",
    };
    return class < CLASSES ? ADVICE[class] : NULL;
}
