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
    PLACES_MAX = 4096, // of one belt
    PLACES_MIN = 16,
    PLACES_ALL = 65536, // of all belts
    LOOK_MS = 2,        // for what waits behind a task that takes long
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
};
static const double HAND_NS = 4e6; // of work handed to a slot at a time

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
    (void)pthread_mutex_init(&seat->lock, NULL);
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
        free(seat->jobs);
        plugin_task_clear(&seat->task);
        plugin_clear_results(seat);
        (void)pthread_mutex_destroy(&seat->lock);
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
        // What is not running any more is due never, whatever is said here.
        const struct plugin_job *job = running_job(seat, *number);
        const int64_t timeout_ms = job && job->held->timeout_ms > 0
                                       ? job->held->timeout_ms
                                       : plugin->settings.timeout_ms;
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
    atomic_store(&plugin->utc_less_us, clock_utc_us() - clock_monotonic_us());
    if (!atomic_exchange(&plugin->armed, false))
        (void)eventfd_read(plugin->fd, &unused);
    if (plugin->settings.timeout_ms == INT64_MAX && !plugin->watches)
        return;
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        uint64_t number;
        if (!look_at(plugin, seat, &number) || seat->due_ms > now_ms)
            continue;
        plugin->stuck += seat->asked;
        if (seat->asked)
            seat->stuck = true;
        else
            ask_to_stop(plugin, seat, number, CLASS_TIMEOUT, now_ms);
    }
}

void plugin_cancel(struct plugin *plugin, const struct slot_task *task,
                   int64_t now_ms)
{
    assert(task->slot >= 1 && task->slot <= plugin->settings.slots);
    struct plugin_seat *seat = &plugin->seat[task->slot - 1];
    uint64_t number;
    plugin->watches = true;
    if (!look_at(plugin, seat, &number))
        return;
    // It may have ended, and the next have begun, before we are told.
    const struct plugin_job *job = running_job(seat, number);
    if (job && job->held == task)
        ask_to_stop(plugin, seat, number, CLASS_CANCELLED, now_ms);
}

void plugin_list_longest(struct plugin *plugin, int64_t least_ms,
                         struct wire_longest *longest)
{
    const int64_t now_ns = plugin_clock_ns();
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        const int64_t began_ns = atomic_load(&seat->began_ns);
        uint64_t number;
        if (!look_at(plugin, seat, &number) ||
            now_ns - began_ns < least_ms * NS_PER_MS)
            continue;
        const struct plugin_job *job = running_job(seat, number);
        if (!job)
            continue;
        progress_clear(&seat->shown);
        (void)pthread_mutex_lock(&seat->lock);
        if (seat->progress_of == number)
            seat->shown = seat->progress;
        (void)pthread_mutex_unlock(&seat->lock);
        const struct wire_long task = {
            .task = job->held->task,
            .slot = seat->slot,
            .wall_ms = (uint64_t)(now_ns - began_ns) / NS_PER_MS,
            .done = progress_done(&seat->shown),
            .text = progress_text(&seat->shown)};
        wire_add_longest(longest, &task);
    }
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

static bool some_are_opening(const struct plugin *plugin)
{
    for (uint32_t i = 0; i < plugin->settings.slots; i++)
        if (atomic_load(&plugin->seat[i].open) == SEAT_OPENING)
            return true;
    return false;
}

int64_t plugin_wait_ms(struct plugin *plugin, int64_t now_ms)
{
    const int64_t timeout_ms = plugin->settings.timeout_ms;
    int64_t wait_ms = timeout_ms;
    (void)atomic_exchange(&plugin->armed, true);
    if (!plugin->settled && !some_are_opening(plugin))
        return 0;
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

bool plugin_is_ready(struct plugin *plugin, struct problem *problem)
{
    bool ready = true;
    plugin->settled = true;
    for (uint32_t i = 0; i < plugin->settings.slots; i++) {
        const struct plugin_seat *seat = &plugin->seat[i];
        const int open = atomic_load(&seat->open);
        if (open == SEAT_FAILED)
            (void)problem_exit(problem, EXIT_USAGE, -EINVAL,
                               "the plugin cannot set up slot %u: %.512s",
                               seat->slot, seat->failure);
        ready = ready && open == SEAT_OPEN;
        plugin->settled = plugin->settled && open != SEAT_OPENING;
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
        .end = {.slot = job->held->slot,
                .class = job->class,
                .start_us =
                    began_ns / NS_PER_US + atomic_load(&plugin->utc_less_us),
                .wall_us = (uint64_t)wall_ns / NS_PER_US,
                .note = SPAN_OF("it did not stop when asked; its worker ended "
                                "for that")},
    };
}

bool plugin_given_up(struct plugin *plugin, struct plugin_end *end)
{
    for (uint32_t i = 0; i < plugin->settings.slots && plugin->stuck > 0; i++) {
        struct plugin_seat *seat = &plugin->seat[i];
        if (!seat->stuck || seat->told)
            continue;
        const struct plugin_job *job = running_job(seat, seat->watched);
        plugin->stuck--;
        seat->told = job;
        seat->stuck = job; // else it has ended just now, and is told as ended
        if (!job)
            continue;
        fill_stuck(plugin, seat, job, end);
        return true;
    }
    return false;
}
