#include "command/top.h"

#include <jansson.h>
#include <string.h>

enum { SECOND_US = 1000000, NARROW_US = 500000 };

void top_begin(struct top *top, const char *dir, int64_t now_us)
{
    *top = (struct top){.dir = dir, .now_us = now_us};
    curve_begin(&top->curve, now_us, NARROW_US);
}

static void take_text(const json_t *object, const char *key, char *to,
                      size_t size)
{
    const json_t *const value = json_object_get(object, key);
    const char *const text = json_string_value(value);
    const size_t whole = json_string_length(value);
    const size_t length = whole < size ? whole : size - 1;
    for (size_t i = 0; i < length; i++)
        if ((to[i] = text[i]) == '\0')
            to[i] = '?';
    to[length] = '\0';
}

static uint64_t number(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void take_host(struct top *top, const json_t *said)
{
    if (top->host_count == TOP_HOSTS)
        return;
    struct top_host *const host = &top->hosts[top->host_count++];
    *host = (struct top_host){.slots = number(said, "slots"),
                              .running = number(said, "running"),
                              .passed = number(said, "passed"),
                              .failed = number(said, "failed"),
                              .barred_s = real(said, "quarantined_s")};
    take_text(said, "host", host->name, sizeof host->name);
}

static void take_task(struct top *top, const json_t *said)
{
    if (top->task_count == TOP_TASKS)
        return;
    struct top_task *const task = &top->tasks[top->task_count++];
    *task = (struct top_task){
        .task = number(said, "task"),
        .slot = number(said, "slot"),
        .wall_s = real(said, "wall_s"),
        .done = json_object_get(said, "done") ? real(said, "done") : -1};
    take_text(said, "host", task->host, sizeof task->host);
    take_text(said, "text", task->text, sizeof task->text);
}

static void take_lists(struct top *top, struct span json)
{
    json_t *const root = json_loadb((const char *)json.at, json.size, 0, NULL);
    const json_t *said;
    size_t i;
    top->host_count = top->task_count = 0;
    json_array_foreach(json_object_get(root, "hosts"), i, said)
        take_host(top, said);
    json_array_foreach(json_object_get(root, "longest"), i, said)
        take_task(top, said);
    said = json_array_get(json_object_get(root, "held_back"), 0);
    take_text(said, "why", top->waits, sizeof top->waits);
    json_decref(root);
}

static const struct top_sample *sample(const struct top *top, size_t back)
{
    return &top->samples[(top->sample_count - 1 - back) % TOP_SAMPLES];
}

// What is done while it starts was done by a ventilator before it.
static void measure(struct top *top)
{
    const uint64_t done = top->status.done;
    if (strcmp(top->status.state, "starting") == 0 ||
        (top->sample_count > 0 && done < sample(top, 0)->done)) {
        top->sample_count = 0;
        return;
    }
    if (top->sample_count > 0)
        curve_add(&top->curve, sample(top, 0)->at_us, top->now_us,
                  (double)(done - sample(top, 0)->done));
    top->samples[top->sample_count++ % TOP_SAMPLES] =
        (struct top_sample){top->now_us, done};
}

void top_answer(struct top *top, const struct ask_status *status,
                struct span json, int64_t now_us)
{
    top->live = true;
    top->silent_ms = 0;
    top->now_us = now_us;
    top->status = *status;
    take_lists(top, json);
    measure(top);
}

double top_rate(const struct top *top, int64_t over_us)
{
    const size_t kept =
        top->sample_count < TOP_SAMPLES ? top->sample_count : TOP_SAMPLES;
    size_t back = 0;
    if (kept < 2)
        return -1;
    while (back + 1 < kept &&
           sample(top, 0)->at_us - sample(top, back)->at_us < over_us)
        back++;
    const int64_t passed_us = sample(top, 0)->at_us - sample(top, back)->at_us;
    if (passed_us <= 0)
        return -1;
    return (double)(sample(top, 0)->done - sample(top, back)->done) *
           SECOND_US / (double)passed_us;
}

size_t top_groups(const struct top *top,
                  const struct failing_group *groups[FAILING_GROUPS])
{
    return top->failing ? failing_groups(top->failing, groups) : 0;
}

static size_t choices(const struct top *top)
{
    const struct failing_group *groups[FAILING_GROUPS];
    return top->task_count + top_groups(top, groups);
}

static void move(struct top *top, bool down)
{
    if (top->view == TOP_SHOW) {
        if (down)
            top->scroll++;
        else if (top->scroll > 0)
            top->scroll--;
        return;
    }
    const size_t count = choices(top);
    if (top->chosen >= count)
        top->chosen = count > 0 ? count - 1 : 0;
    if (down && top->chosen + 1 < count)
        top->chosen++;
    else if (!down && top->chosen > 0)
        top->chosen--;
}

static void go(struct top *top, enum top_view view)
{
    top->view = top->view == view ? TOP_MAIN : view;
    top->scroll = 0;
}

// What is shown stays, wherever it stands in its list meanwhile.
static void show(struct top *top)
{
    const struct failing_group *groups[FAILING_GROUPS];
    const size_t count = top_groups(top, groups);
    const size_t tasks = top->task_count;
    if (top->view != TOP_MAIN) {
        go(top, top->view);
        return;
    }
    if (tasks + count == 0)
        return;
    if (top->chosen >= tasks + count)
        top->chosen = tasks + count - 1;
    top->shown_task = top->chosen < tasks ? top->tasks[top->chosen].task : 0;
    top->shown_group = top->chosen < tasks ? NULL : groups[top->chosen - tasks];
    top->shown_of = top->failing;
    go(top, TOP_SHOW);
}

enum top_act top_press(struct top *top, uint32_t key)
{
    switch (key) {
    case 'q':
    case 'Q':
    case TOP_ESCAPE:
        if (top->view == TOP_MAIN && key != TOP_ESCAPE)
            return TOP_QUIT;
        go(top, top->view);
        break;
    case 'p':
        return top->live && top->view == TOP_MAIN ? TOP_PAUSE : TOP_STAY;
    case 'h':
    case '?':
        go(top, TOP_HELP);
        break;
    case 's':
    case TOP_ENTER:
        show(top);
        break;
    case 'j':
    case TOP_DOWN:
    case 'k':
    case TOP_UP:
        move(top, key == 'j' || key == TOP_DOWN);
        break;
    default:
        break;
    }
    return TOP_STAY;
}
