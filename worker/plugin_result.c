#include "worker/plugin_inside.h"
#include "worker/result.h"

#include <errno.h>
#include <stdlib.h>

enum { NS_PER_US = 1000 };
static const double MEAN_WEIGHT = 0.05; // of the newest

/* -- the thread's ---------------------------------------------------------- */

static bool cut(const struct fan_task *task)
{
    return task->out.cut || task->err.cut;
}

// The first reason stands; the loop gives one before it asks to stop.
static enum fail_class class_of(const struct fan_task *task, uint32_t place)
{
    const struct plugin_seat *seat = task->seat;
    if (atomic_load(&seat->stop) == task->number)
        return seat->jobs[place].class;
    if (task->malformed)
        return CLASS_SPAWN;
    if (task->no_memory || (cut(task) && !seat->plugin->settings.truncate))
        return CLASS_OUTPUT;
    return task->code == 0 ? CLASS_NONE : CLASS_EXIT;
}

static struct span note_on(const struct fan_task *task, enum fail_class class)
{
    if (task->malformed)
        return SPAN_OF("what the task holds is malformed");
    if (class == CLASS_OUTPUT && task->no_memory)
        return SPAN_OF("out of memory for its result");
    if (class == CLASS_OUTPUT)
        return SPAN_OF("its result is longer than --output-max");
    return (struct span){0};
}

uint8_t plugin_exit_code(int code)
{
    return code >= 0 && code <= UINT8_MAX ? (uint8_t)code : UINT8_MAX;
}

static struct exec_end end_of(const struct fan_task *task, uint32_t place)
{
    const enum fail_class class = class_of(task, place);
    return (struct exec_end){
        .slot = task->seat->slot,
        .class = class,
        .exit = plugin_exit_code(task->code),
        .out_cut = task->out.cut,
        .err_cut = task->err.cut,
        .start_us = task->start_ns / NS_PER_US +
                    atomic_load_explicit(&task->seat->plugin->utc_less_us,
                                         memory_order_relaxed),
        .wall_us = (uint64_t)task->wall_ns / NS_PER_US,
        .user_us = task->user_us,
        .sys_us = task->sys_us,
        .out = buffer_span(&task->out.bytes),
        .err = buffer_span(&task->err.bytes),
        .note = note_on(task, class),
    };
}

// Where one is full, the next is begun. Without memory for that, there are
// results missing, which its user is told.
static void make_room(struct plugin_seat *seat, size_t size)
{
    struct plugin_made *made = &seat->made;
    if (made->count == 0 || (made->frame.size + size <= RESULTS_BYTES &&
                             made->count < WIRE_TASKS_MAX))
        return;
    struct plugin_made *full = malloc(sizeof *full);
    if (!full) {
        made->frame.failed = true;
        return;
    }
    *full = *made;
    full->next = NULL;
    struct plugin_made **last = &seat->full;
    while (*last)
        last = &(*last)->next;
    *last = full;
    *made = (struct plugin_made){0};
    seat->usual = full->frame.size;
}

// In one with the end on the belt: the loop finds both or none.
void plugin_put_result(struct plugin_seat *seat, uint32_t place)
{
    const struct fan_task *task = &seat->task;
    const struct exec_end end = end_of(task, place);
    (void)pthread_mutex_lock(&seat->lock);
    make_room(seat, result_size_max(task->values, &end));
    if (seat->made.frame.capacity == 0) // growing would copy it
        (void)buffer_reserve(&seat->made.frame, seat->usual);
    result_add(&seat->made.frame, task->held, task->values, &end);
    seat->made.count++;
    seat->made.wall_ns += (uint64_t)task->wall_ns;
    belt_end(&seat->belt);
    (void)pthread_mutex_unlock(&seat->lock);
}

/* -- the loop's ------------------------------------------------------------ */

void plugin_clear_results(struct plugin_seat *seat)
{
    while (seat->full) {
        struct plugin_made *full = seat->full;
        seat->full = full->next;
        buffer_free(&full->frame);
        free(full);
    }
    buffer_free(&seat->made.frame);
}

// The oldest that is there: true when it is the last, too. The memory of
// `spare` goes to the next.
static bool take(struct plugin_seat *seat, struct buffer *spare,
                 struct plugin_made *taken)
{
    buffer_clear(spare);
    (void)pthread_mutex_lock(&seat->lock);
    struct plugin_made *full = seat->full;
    *taken = full ? *full : seat->made;
    if (full) {
        seat->full = full->next;
    } else {
        seat->made = (struct plugin_made){.frame = *spare};
        seat->usual = taken->frame.size + taken->frame.size / 8;
    }
    (void)pthread_mutex_unlock(&seat->lock);
    if (full)
        buffer_free(spare);
    free(full);
    return !full;
}

// As if each had been learnt by itself.
static void learn(struct plugin *plugin, const struct plugin_made *made)
{
    enum { FORGOTTEN = 100 }; // after so many, what was is no more
    const double wall_ns = (double)made->wall_ns / made->count;
    double keep = plugin->mean_ns <= 0 ? 0 : 1;
    for (uint32_t i = 0; i < made->count && i < FORGOTTEN; i++)
        keep *= 1 - MEAN_WEIGHT;
    plugin->mean_ns = wall_ns + 1 + keep * (plugin->mean_ns - wall_ns - 1);
    plugin->busy_ns += made->wall_ns;
}

static void tell(struct plugin_seat *seat, uint32_t count,
                 void (*ended)(void *argument, const struct slot_task *task),
                 void *argument)
{
    uint32_t place;
    for (; count > 0 && belt_next(&seat->belt, &place); count--) {
        ended(argument, seat->jobs[place].held);
        belt_take(&seat->belt);
    }
}

bool plugin_next(struct plugin *plugin, struct plugin_pack *pack,
                 void (*ended)(void *argument, const struct slot_task *task),
                 void *argument)
{
    for (; plugin->at < plugin->settings.slots; plugin->at++) {
        struct plugin_seat *seat = &plugin->seat[plugin->at];
        uint32_t place;
        if (seat->told || !belt_next(&seat->belt, &place))
            continue;
        struct plugin_made made;
        const bool last = take(seat, &pack->frame, &made);
        learn(plugin, &made);
        *pack = (struct plugin_pack){.frame = made.frame,
                                     .count = made.count,
                                     .busy_us = plugin->busy_ns / NS_PER_US};
        plugin->busy_ns %= NS_PER_US;
        tell(seat, made.count, ended, argument);
        plugin->at += last; // what ends meanwhile is for the next turn
        return true;
    }
    plugin->at = 0;
    return false;
}
