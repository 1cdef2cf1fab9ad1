#include "worker/plugin.h"

#include "common/base/clock.h"
#include "worker/plugin_inside.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PLACES_MAX = 1024, // of one belt
    PLACES_MIN = 16,
    PLACES_ALL = 16384,     // of all belts
    LOOK_MS = 2,            // for what waits behind a task that takes long
    BUFFER_KEEP = 16 << 10, // memory a place keeps from task to task
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
};
static const double HAND_NS = 4e6;      // of work handed to a slot at a time
static const double MEAN_WEIGHT = 0.05; // of the newest

static uint32_t places_for(uint32_t slots)
{
    uint32_t places = PLACES_MAX;
    while (places > PLACES_MIN && (uint64_t)places * slots > PLACES_ALL)
        places /= 2;
    return places;
}

static int prepare_seat(struct plugin *plugin, struct plugin_seat *seat,
                        uint32_t slot)
{
    *seat = (struct plugin_seat){.plugin = plugin, .slot = slot};
    seat->task.seat = seat;
    seat->measured = true;
    belt_init(&seat->belt, plugin->places);
    atomic_init(&seat->open, SEAT_OPENING);
    seat->jobs = calloc(plugin->places, sizeof *seat->jobs);
    if (!seat->jobs)
        return -ENOMEM;
    return sem_init(&seat->wake, 0, 0) < 0 ? -errno : 0;
}

// Signals are for the loop.
static int start_threads(struct plugin *plugin)
{
    sigset_t all, before;
    sigfillset(&all);
    int code = -pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint32_t i = 0; i < plugin->settings.slots && code == 0; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        code = -pthread_create(&seat->thread, NULL, plugin_serve, seat);
        seat->started = code == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

struct plugin *plugin_create(const struct plugin_settings *settings,
                             struct problem *problem)
{
    assert(settings->slots >= 1);
    const size_t size = (sizeof(struct plugin) +
                         settings->slots * sizeof(struct plugin_seat) + 63) &
                        ~(size_t)63; // belts are aligned to cache lines
    struct plugin *plugin = aligned_alloc(64, size);
    if (!plugin) {
        (void)problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    memset(plugin, 0, size);
    plugin->settings = *settings;
    plugin->places = places_for(settings->slots);
    plugin->busy_ns = NS_PER_US - 1;
    plugin->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = plugin->fd < 0 ? -errno : 0;
    // All of them, so that there is something to clear.
    for (uint32_t i = 0; i < settings->slots; i++) {
        const int prepared = prepare_seat(plugin, &plugin->seat[i], i + 1);
        code = code == 0 ? prepared : code;
    }
    if (code == 0)
        code = start_threads(plugin);
    if (code == 0)
        return plugin;
    (void)problem_set(problem, code, "cannot start the plugin's threads: %s",
                      strerrordesc_np(-code));
    (void)plugin_stop(plugin, -1);
    plugin_destroy(&plugin);
    return NULL;
}

static bool has_left(const struct plugin_seat *seat)
{
    const int open = atomic_load(&seat->open);
    return !seat->started || open == SEAT_GONE || open == SEAT_FAILED;
}

static bool all_have_left(const struct plugin *plugin, bool but_the_stuck)
{
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        const struct plugin_seat *seat = &plugin->seat[i];
        if (!has_left(seat) && !(but_the_stuck && seat->told))
            return false;
    }
    return true;
}

bool plugin_stop(struct plugin *plugin, int64_t wait_ms)
{
    atomic_store(&plugin->over, true);
    for (uint32_t i = 0; i < plugin->settings.slots; i++)
        if (plugin->seat[i].started)
            (void)sem_post(&plugin->seat[i].wake);
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    eventfd_t unused;
    while (!all_have_left(plugin, true)) {
        const int64_t left_ms = until_ms - clock_monotonic_ms();
        if (wait_ms >= 0 && left_ms <= 0)
            return false;
        struct pollfd item = {.fd = plugin->fd, .events = POLLIN};
        (void)poll(&item, 1, wait_ms < 0 ? -1 : (int)left_ms);
        (void)eventfd_read(plugin->fd, &unused);
    }
    return all_have_left(plugin, false);
}

void plugin_destroy(struct plugin **plugin)
{
    struct plugin *gone = *plugin;
    if (!gone)
        return;
    for (uint32_t i = 0; i < gone->settings.slots; i++) {
        struct plugin_seat *seat = &gone->seat[i];
        if (seat->started)
            (void)pthread_join(seat->thread, NULL);
        for (uint32_t place = 0; seat->jobs && place < gone->places; place++) {
            buffer_free(&seat->jobs[place].out.bytes);
            buffer_free(&seat->jobs[place].err.bytes);
        }
        free(seat->jobs);
        plugin_task_clear(&seat->task);
        (void)sem_destroy(&seat->wake);
    }
    if (gone->fd >= 0)
        close(gone->fd);
    free(gone);
    *plugin = NULL;
}

int plugin_fd(const struct plugin *plugin)
{
    return plugin->fd;
}

// The job of that number, unless it has ended: a thread counts what it begins.
static struct plugin_job *running_job(struct plugin_seat *seat, uint64_t number)
{
    const uint32_t mask = seat->plugin->places - 1;
    uint32_t place;
    if (!belt_running(&seat->belt, &place) ||
        place != ((uint32_t)(number - 1) & mask))
        return NULL;
    return &seat->jobs[place];
}

// The first reason stands.
static void ask_to_stop(struct plugin *plugin, struct plugin_seat *seat,
                        uint64_t number, enum fail_class class, int64_t now_ms)
{
    struct plugin_job *job = running_job(seat, number);
    if (!job || seat->asked)
        return;
    job->class = class;
    seat->asked = true;
    const int64_t grace_ms = plugin->settings.grace_ms;
    seat->due_ms =
        grace_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + grace_ms;
    atomic_store(&seat->stop, number);
}

// Which task runs there, and since when. False: none.
static bool look_at(const struct plugin *plugin, struct plugin_seat *seat,
                    uint64_t *number)
{
    *number = atomic_load(&seat->running);
    const int64_t began_ms = atomic_load(&seat->began_ns) / NS_PER_MS;
    if (*number == 0 || seat->stuck || atomic_load(&seat->running) != *number)
        return false;
    if (*number != seat->watched) {
        const int64_t timeout_ms = plugin->settings.timeout_ms;
        seat->watched = *number;
        seat->asked = false;
        seat->due_ms = timeout_ms > INT64_MAX - began_ms
                           ? INT64_MAX
                           : began_ms + timeout_ms;
    }
    return true;
}

void plugin_turn(struct plugin *plugin, int64_t now_ms)
{
    eventfd_t unused;
    if (!atomic_exchange(&plugin->armed, false))
        (void)eventfd_read(plugin->fd, &unused);
    if (plugin->settings.timeout_ms == INT64_MAX && !plugin->watches)
        return;
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        uint64_t number;
        if (!look_at(plugin, seat, &number) || seat->due_ms > now_ms)
            continue;
        if (seat->asked)
            seat->stuck = true;
        else
            ask_to_stop(plugin, seat, number, CLASS_TIMEOUT, now_ms);
    }
}

void plugin_cancel(struct plugin *plugin, uint32_t slot, int64_t now_ms)
{
    assert(slot >= 1 && slot <= plugin->settings.slots);
    struct plugin_seat *seat = &plugin->seat[slot - 1];
    uint64_t number;
    plugin->watches = true;
    if (look_at(plugin, seat, &number))
        ask_to_stop(plugin, seat, number, CLASS_CANCELLED, now_ms);
}

static bool is_worth_a_turn(const struct plugin *plugin,
                            const struct plugin_seat *seat)
{
    const uint32_t ended = belt_ended(&seat->belt);
    if (seat->told)
        return false;
    return seat->stuck || ended >= plugin->places / 2 ||
           (ended > 0 && belt_idle(&seat->belt));
}

int64_t plugin_wait_ms(struct plugin *plugin, int64_t now_ms)
{
    const int64_t timeout_ms = plugin->settings.timeout_ms;
    int64_t wait_ms = timeout_ms;
    atomic_store(&plugin->armed, true);
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        uint64_t number;
        if (is_worth_a_turn(plugin, seat))
            return 0;
        // Those behind a long task are taken back, those before it told.
        if (belt_held(&seat->belt) > 1 && wait_ms > LOOK_MS && !seat->stuck)
            wait_ms = LOOK_MS;
        if ((timeout_ms == INT64_MAX && !plugin->watches) ||
            !look_at(plugin, seat, &number) || seat->due_ms == INT64_MAX)
            continue;
        const int64_t left_ms = seat->due_ms - now_ms;
        if (left_ms < wait_ms)
            wait_ms = left_ms > 0 ? left_ms : 0;
    }
    return wait_ms == INT64_MAX ? -1 : wait_ms;
}

bool plugin_is_ready(const struct plugin *plugin, struct problem *problem)
{
    bool ready = true;
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        const struct plugin_seat *seat = &plugin->seat[i];
        const int open = atomic_load(&seat->open);
        if (open == SEAT_FAILED)
            (void)problem_exit(problem, EXIT_USAGE, -EINVAL,
                               "the plugin cannot set up slot %u: %.512s",
                               seat->slot, seat->failure);
        ready = ready && open == SEAT_OPEN;
    }
    return ready;
}

static uint32_t depth(const struct plugin *plugin)
{
    if (plugin->mean_ns <= 0)
        return 1;
    const double count = HAND_NS / plugin->mean_ns;
    if (count >= plugin->places)
        return plugin->places;
    return count < 1 ? 1 : (uint32_t)count;
}

bool plugin_has_room(const struct plugin *plugin, uint32_t slot, uint32_t share)
{
    assert(slot >= 1 && slot <= plugin->settings.slots);
    const struct plugin_seat *seat = &plugin->seat[slot - 1];
    const bool slow =
        seat->slow != 0 && seat->slow == atomic_load(&seat->running);
    const uint32_t limit = slow ? 1 : depth(plugin);
    return !seat->stuck &&
           belt_held(&seat->belt) < (share < limit ? share : limit);
}

void plugin_hand(struct plugin *plugin, uint32_t slot,
                 const struct slot_task *task)
{
    struct plugin_seat *seat = &plugin->seat[slot - 1];
    struct plugin_job *job = &seat->jobs[belt_place(&seat->belt)];
    job->held = task;
    job->class = CLASS_NONE;
    belt_fill(&seat->belt);
}

void plugin_give(struct plugin *plugin, uint32_t slot)
{
    struct plugin_seat *seat = &plugin->seat[slot - 1];
    if (belt_give(&seat->belt) && atomic_load(&seat->asleep) &&
        atomic_exchange(&seat->asleep, false))
        (void)sem_post(&seat->wake);
}

static void take_back(struct plugin *plugin, struct plugin_seat *seat,
                      void (*take)(void *argument,
                                   const struct slot_task *task),
                      void *argument)
{
    uint32_t first;
    for (uint32_t left = belt_recall(&seat->belt, &first); left > 0; left--)
        take(argument,
             seat->jobs[(first + left - 1) & (plugin->places - 1)].held);
}

void plugin_take_back(struct plugin *plugin,
                      void (*take)(void *argument,
                                   const struct slot_task *task),
                      void *argument)
{
    for (uint32_t i = plugin->settings.slots; i > 0; i--)
        take_back(plugin, &plugin->seat[i - 1], take, argument);
}

void plugin_take_back_stuck(struct plugin *plugin, int64_t now_ms,
                            void (*take)(void *argument,
                                         const struct slot_task *task),
                            void *argument)
{
    if (now_ms - plugin->looked_ms < LOOK_MS)
        return;
    plugin->looked_ms = now_ms;
    for (uint32_t i = plugin->settings.slots; i > 0; i--) {
        struct plugin_seat *seat = &plugin->seat[i - 1];
        const uint64_t number = atomic_load(&seat->running);
        if (number != 0 && number == seat->looked_at) {
            seat->slow = number;
            take_back(plugin, seat, take, argument);
        }
        seat->looked_at = number;
    }
}

static enum fail_class class_of(const struct plugin *plugin,
                                const struct plugin_job *job)
{
    const bool cut = job->out.cut || job->err.cut;
    if (job->class != CLASS_NONE)
        return job->class;
    if (job->malformed)
        return CLASS_SPAWN;
    if (job->no_memory || (cut && !plugin->settings.truncate))
        return CLASS_OUTPUT;
    return job->code == 0 ? CLASS_NONE : CLASS_EXIT;
}

static struct span note_on(const struct plugin_job *job, enum fail_class class)
{
    if (job->malformed)
        return SPAN_OF("what the task holds is malformed");
    if (class == CLASS_OUTPUT && job->no_memory)
        return SPAN_OF("out of memory for its result");
    if (class == CLASS_OUTPUT)
        return SPAN_OF("its result is longer than --output-max");
    return (struct span){0};
}

static uint8_t exit_code_of(int code)
{
    return code >= 0 && code <= UINT8_MAX ? (uint8_t)code : UINT8_MAX;
}

static void learn(struct plugin *plugin, const struct plugin_job *job,
                  struct plugin_end *end)
{
    const double wall_ns = (double)job->wall_ns;
    plugin->mean_ns =
        plugin->mean_ns <= 0
            ? wall_ns + 1
            : plugin->mean_ns + MEAN_WEIGHT * (wall_ns - plugin->mean_ns);
    plugin->busy_ns += (uint64_t)job->wall_ns;
    end->busy_us = plugin->busy_ns / NS_PER_US;
    plugin->busy_ns %= NS_PER_US;
}

static void fill_end(struct plugin *plugin, const struct plugin_job *job,
                     struct plugin_end *end)
{
    const enum fail_class class = class_of(plugin, job);
    end->task = job->held;
    end->values = job->malformed ? (struct span){0} : job->values;
    end->stuck = false;
    end->end = (struct exec_end){
        .slot = job->held->slot,
        .class = class,
        .exit = job->malformed ? 0 : exit_code_of(job->code),
        .out_cut = job->out.cut,
        .err_cut = job->err.cut,
        .start_us = job->start_ns / NS_PER_US + plugin->utc_less_us,
        .wall_us = (uint64_t)job->wall_ns / NS_PER_US,
        .user_us = job->user_us,
        .sys_us = job->sys_us,
        .out = buffer_span(&job->out.bytes),
        .err = buffer_span(&job->err.bytes),
        .note = note_on(job, class),
    };
    learn(plugin, job, end);
}

// What its thread may still write is not read.
static void fill_stuck(const struct plugin *plugin,
                       const struct plugin_seat *seat,
                       const struct plugin_job *job, struct plugin_end *end)
{
    const int64_t began_ns = atomic_load(&seat->began_ns);
    const int64_t wall_ns = plugin_clock_ns() - began_ns;
    *end = (struct plugin_end){
        .task = job->held,
        .values = wire_command_values(job->held->payload),
        .stuck = true,
        .end = {.slot = job->held->slot,
                .class = job->class,
                .start_us = began_ns / NS_PER_US + plugin->utc_less_us,
                .wall_us = (uint64_t)wall_ns / NS_PER_US,
                .note = SPAN_OF("it did not stop when asked; its worker ended "
                                "for that")},
    };
}

static bool next_of(struct plugin *plugin, struct plugin_seat *seat,
                    struct plugin_end *end)
{
    uint32_t place;
    if (seat->told)
        return false;
    if (belt_next(&seat->belt, &place)) {
        fill_end(plugin, &seat->jobs[place], end);
        return true;
    }
    if (!seat->stuck)
        return false;
    const struct plugin_job *job = running_job(seat, seat->watched);
    if (!job) { // it has ended just now, and is told in the next turn
        seat->stuck = false;
        return false;
    }
    fill_stuck(plugin, seat, job, end);
    return true;
}

bool plugin_next(struct plugin *plugin, struct plugin_end *end)
{
    if (plugin->at == 0)
        plugin->utc_less_us = clock_utc_us() - clock_monotonic_us();
    for (; plugin->at < plugin->settings.slots; plugin->at++)
        if (next_of(plugin, &plugin->seat[plugin->at], end))
            return true;
    plugin->at = 0;
    return false;
}

static void reuse(struct plugin_stream *stream)
{
    if (stream->bytes.capacity > BUFFER_KEEP || stream->bytes.failed)
        buffer_free(&stream->bytes);
    else
        buffer_clear(&stream->bytes);
    stream->cut = false;
}

void plugin_release(struct plugin *plugin)
{
    struct plugin_seat *seat = &plugin->seat[plugin->at];
    uint32_t place;
    if (!belt_next(&seat->belt, &place)) {
        seat->told = true;
        return;
    }
    struct plugin_job *job = &seat->jobs[place];
    reuse(&job->out);
    reuse(&job->err);
    job->no_memory = job->malformed = false;
    belt_take(&seat->belt);
}
