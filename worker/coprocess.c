#include "worker/coprocess.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/coprocess_inside.h"
#include "worker/talk_inside.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 128,
    DESCRIPTORS = 8, // of a process, while it starts
    LOOK_MS = 2,     // for what waits behind a task that takes long
    GROUP_POLL_MS = 2,
    WEIGH_MS = 100,  // between two looks at a process's memory
    WARN_MS = 10000, // of a process that does not greet
    US_PER_MS = 1000,
};
static const double AHEAD_US = 1000;    // of work written to a slot at a time
static const double MEAN_WEIGHT = 0.05; // of the newest

static void raise_descriptors(uint32_t slots)
{
    struct rlimit limit;
    const rlim_t need = (rlim_t)slots * DESCRIPTORS + 128;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int64_t us_of(int64_t ms)
{
    return ms > INT64_MAX / US_PER_MS ? INT64_MAX : ms * US_PER_MS;
}

static int open_seats(struct coprocess *coprocess)
{
    int code = 0;
    for (uint32_t i = 0; i < coprocess->settings.slots; i++) {
        struct seat *seat = &coprocess->seat[i];
        *seat = (struct seat){.coprocess = coprocess,
                              .slot = i + 1,
                              .pidfd = -1,
                              .in_fd = -1,
                              .back_fd = -1,
                              .out_fd = -1,
                              .err_fd = -1};
        // All of them, so that there is something to clear.
        const int opened = talk_init(&seat->talk, &coprocess->talk, i + 1);
        code = code == 0 ? opened : code;
    }
    return code;
}

struct coprocess *coprocess_create(const struct coprocess_settings *settings,
                                   struct problem *problem)
{
    assert(settings->slots >= 1);
    struct coprocess *coprocess = calloc(
        1, sizeof *coprocess + settings->slots * sizeof coprocess->seat[0]);
    if (!coprocess) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    coprocess->settings = *settings;
    coprocess->talk =
        (struct talk_settings){.framing = settings->framing,
                               .timeout_us = us_of(settings->timeout_ms),
                               .grace_us = us_of(settings->grace_ms),
                               .output_max = settings->output_max,
                               .truncate = settings->truncate,
                               .seed = settings->seed,
                               .tasks_max = settings->tasks_max};
    raise_descriptors(settings->slots);
    coprocess->epoll = epoll_create1(EPOLL_CLOEXEC);
    int code = coprocess->epoll < 0 ? -errno : 0;
    const int opened = open_seats(coprocess);
    code = code == 0 ? opened : code;
    coprocess->line =
        settings->command ? coprocess_line(settings->command) : NULL;
    if (launcher_open(&coprocess->launcher, &coprocess->settings.launch) < 0 ||
        (settings->command && !coprocess->line))
        code = -ENOMEM;
    if (code == 0)
        return coprocess;
    problem_set(problem, code, "cannot prepare for coprocesses: %s",
                strerrordesc_np(-code));
    coprocess_destroy(&coprocess);
    return NULL;
}

void coprocess_destroy(struct coprocess **coprocess)
{
    struct coprocess *gone = *coprocess;
    if (!gone)
        return;
    for (uint32_t i = 0; i < gone->settings.slots; i++) {
        struct seat *seat = &gone->seat[i];
        seat_kill(seat, SIGKILL);
        seat_shut(&seat->pidfd);
        seat_shut(&seat->in_fd);
        seat_shut(&seat->back_fd);
        seat_shut(&seat->out_fd);
        seat_shut(&seat->err_fd);
        talk_clear(&seat->talk);
    }
    launcher_close(&gone->launcher);
    free(gone->line);
    seat_shut(&gone->epoll);
    free(gone);
    *coprocess = NULL;
}

int coprocess_fd(const struct coprocess *coprocess)
{
    return coprocess->epoll;
}

/* -- turns -- */

static void take_event(struct coprocess *coprocess, uint64_t what,
                       int64_t now_ms)
{
    struct seat *seat = &coprocess->seat[(what >> 2) - 1];
    if (seat->pidfd < 0)
        return;
    switch ((enum coprocess_source)(what & 3)) {
    case FROM_PROCESS:
        seat_reap(seat, now_ms);
        return;
    case FROM_OUT:
    case FROM_ERR:
        seat_hear(seat);
        return;
    case FROM_IN:
        seat_write(seat);
        return;
    }
}

static void warn(struct seat *seat, int64_t now_ms)
{
    if (seat->warned || seat->coprocess->settings.argv ||
        seat->talk.state != TALK_STARTING ||
        now_ms - seat->started_ms < WARN_MS)
        return;
    seat->warned = true;
    log_event(LOG_WARNING, "coprocess-silent",
              "slot=%u reason=\"it has not greeted for 10 s; a plain filter "
              "needs --framing lines\"",
              seat->slot);
}

static void weigh(struct seat *seat, int64_t now_ms)
{
    const uint64_t most = seat->coprocess->settings.resident_max;
    if (most == UINT64_MAX || seat->talk.state != TALK_READY ||
        seat->talk.answers == 0 || now_ms - seat->weighed_ms < WEIGH_MS)
        return;
    seat->weighed_ms = now_ms;
    if (seat_resident(seat) > most)
        talk_recycle(&seat->talk, clock_monotonic_us());
}

// What is too large to be written ahead waits for the answers before it.
static void write_next(struct seat *seat)
{
    if (seat->talk.sent > 0 || seat->talk.held == seat->talk.ended)
        return;
    talk_fill(&seat->talk, clock_monotonic_us());
    seat_write(seat);
}

static void do_due(struct seat *seat, int64_t now_ms)
{
    if (seat->ending)
        seat_see_off(seat, now_ms);
    if (seat->pidfd < 0)
        return;
    talk_turn(&seat->talk, us_of(now_ms));
    write_next(seat);
    warn(seat, now_ms);
    weigh(seat, now_ms);
    seat_obey(seat);
}

void coprocess_turn(struct coprocess *coprocess, int64_t now_ms)
{
    struct epoll_event events[EVENTS_MAX];
    const int count = epoll_wait(coprocess->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        take_event(coprocess, events[i].data.u64, now_ms);
    for (uint32_t i = 0; i < coprocess->settings.slots; i++)
        do_due(&coprocess->seat[i], now_ms);
}

static uint32_t waiting(const struct seat *seat)
{
    return seat->talk.held - seat->talk.ended;
}

// Does something stand behind a task that may turn out to be long?
static bool may_be_stuck(const struct seat *seat)
{
    return waiting(seat) > 1 && seat->slow != talk_running(&seat->talk);
}

static int64_t due_ms(const struct coprocess *coprocess,
                      const struct seat *seat, int64_t now_ms)
{
    const struct talk *talk = &seat->talk;
    int64_t due = talk_due_us(talk);
    due = due == INT64_MAX ? due : due / US_PER_MS + 1;
    if (seat->ending)
        return now_ms + GROUP_POLL_MS;
    if (talk_next(talk) || (seat->pidfd < 0 && waiting(seat) > 0))
        return now_ms;
    if (may_be_stuck(seat) && due > now_ms + LOOK_MS)
        due = now_ms + LOOK_MS;
    if (talk->state == TALK_STARTING && !seat->warned &&
        due > seat->started_ms + WARN_MS)
        due = seat->started_ms + WARN_MS;
    const int64_t start = talk->start_us / US_PER_MS + 1;
    if (talk->state == TALK_DOWN && !talk->failure.pending &&
        coprocess->wanted > 0 && due > start)
        due = start;
    return due;
}

int64_t coprocess_wait_ms(const struct coprocess *coprocess, int64_t now_ms)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < coprocess->settings.slots; i++) {
        const int64_t at = due_ms(coprocess, &coprocess->seat[i], now_ms);
        due = at < due ? at : due;
    }
    if (due == INT64_MAX)
        return -1;
    return due <= now_ms ? 0 : due - now_ms;
}

/* -- tasks -- */

void coprocess_want(struct coprocess *coprocess, uint32_t count)
{
    const int64_t now_us = clock_monotonic_us();
    uint32_t wanted = count;
    for (uint32_t i = 0; i < coprocess->settings.slots && wanted > 0; i++)
        wanted -= coprocess->seat[i].talk.state == TALK_STARTING ||
                  talk_has_room(&coprocess->seat[i].talk, 1);
    for (uint32_t i = 0; i < coprocess->settings.slots && wanted > 0; i++) {
        struct seat *seat = &coprocess->seat[i];
        if (seat->ending || !talk_may_start(&seat->talk, now_us))
            continue;
        seat_start(seat);
        wanted--;
    }
    coprocess->wanted = wanted;
}

static uint32_t depth(const struct coprocess *coprocess)
{
    if (coprocess->mean_us <= 0)
        return 1;
    const double count = AHEAD_US / coprocess->mean_us;
    return count >= TALK_PLACES ? TALK_PLACES : count < 1 ? 1 : (uint32_t)count;
}

bool coprocess_has_room(const struct coprocess *coprocess, uint32_t slot,
                        uint32_t share)
{
    assert(slot >= 1 && slot <= coprocess->settings.slots);
    const struct seat *seat = &coprocess->seat[slot - 1];
    const uint64_t running = talk_running(&seat->talk);
    const uint32_t most = depth(coprocess);
    if (running != 0 && running == seat->slow)
        return false;
    return talk_has_room(&seat->talk, share < most ? share : most);
}

void coprocess_hand(struct coprocess *coprocess, uint32_t slot,
                    const struct slot_task *task)
{
    talk_hand(&coprocess->seat[slot - 1].talk, task);
}

void coprocess_give(struct coprocess *coprocess, uint32_t slot)
{
    struct seat *seat = &coprocess->seat[slot - 1];
    talk_fill(&seat->talk, clock_monotonic_us());
    seat_write(seat);
    seat_obey(seat);
}

void coprocess_take_back(struct coprocess *coprocess, coprocess_taker *take,
                         void *argument)
{
    for (uint32_t i = coprocess->settings.slots; i > 0; i--) {
        struct seat *seat = &coprocess->seat[i - 1];
        seat_unwrite(seat);
        talk_give_back(&seat->talk, take, argument);
    }
}

void coprocess_take_back_waiting(struct coprocess *coprocess, int64_t now_ms,
                                 coprocess_taker *take, void *argument)
{
    const bool look = now_ms - coprocess->looked_ms >= LOOK_MS;
    if (look)
        coprocess->looked_ms = now_ms;
    for (uint32_t i = coprocess->settings.slots; i > 0; i--) {
        struct seat *seat = &coprocess->seat[i - 1];
        const uint64_t running = talk_running(&seat->talk);
        if (seat->talk.state != TALK_READY && running == 0)
            talk_give_back(&seat->talk, take, argument);
        if (!look || running == 0)
            continue;
        if (running == seat->looked_at && running != seat->slow) {
            seat->slow = running;
            if (waiting(seat) > 1)
                seat_unwrite(seat);
            talk_give_back(&seat->talk, take, argument);
        }
        seat->looked_at = running;
    }
}

void coprocess_cancel(struct coprocess *coprocess, const struct slot_task *task)
{
    struct seat *seat = &coprocess->seat[task->slot - 1];
    // Another is at work there: this one has not begun, and CANCEL comes again.
    if (talk_running_task(&seat->talk) != task)
        return;
    talk_cancel(&seat->talk, clock_monotonic_us());
    seat_obey(seat);
}

static void learn(struct coprocess *coprocess, const struct talk_job *job)
{
    const double wall_us = (double)job->wall_us;
    coprocess->mean_us =
        coprocess->mean_us <= 0
            ? wall_us + 1
            : coprocess->mean_us + MEAN_WEIGHT * (wall_us - coprocess->mean_us);
}

static void fill_end(const struct coprocess *coprocess,
                     const struct talk_job *job, struct coprocess_end *end)
{
    *end = (struct coprocess_end){
        .task = job->held,
        .end = {.slot = job->held->slot,
                .class = job->class,
                .exit = job->exit,
                .signal = job->signal,
                .out_cut = job->out_cut,
                .err_cut = job->err_cut,
                .start_us = job->began_us + coprocess->utc_less_us,
                .wall_us = (uint64_t)job->wall_us,
                .user_us = job->user_us,
                .sys_us = job->sys_us,
                .out = buffer_span(&job->out),
                .err = buffer_span(&job->err),
                .note = span_of_text(job->note)}};
}

void coprocess_list_longest(const struct coprocess *coprocess, int64_t least_ms,
                            struct wire_longest *longest)
{
    const int64_t now_us = clock_monotonic_us();
    for (uint32_t i = 0; i < coprocess->settings.slots; i++) {
        const struct talk *talk = &coprocess->seat[i].talk;
        if (talk->sent == 0)
            continue;
        const struct talk_job *job = talk_current(talk);
        const int64_t wall_ms = (now_us - job->began_us) / 1000;
        const struct wire_long task = {.task = job->held->task,
                                       .slot = i + 1,
                                       .wall_ms = (uint64_t)wall_ms,
                                       .done = progress_done(&talk->progress),
                                       .text = progress_text(&talk->progress)};
        if (wall_ms >= least_ms)
            wire_add_longest(longest, &task);
    }
}

bool coprocess_next(struct coprocess *coprocess, struct coprocess_end *end)
{
    if (coprocess->at == 0)
        coprocess->utc_less_us = clock_utc_us() - clock_monotonic_us();
    for (; coprocess->at < coprocess->settings.slots; coprocess->at++) {
        const struct talk_job *job =
            talk_next(&coprocess->seat[coprocess->at].talk);
        if (!job)
            continue;
        fill_end(coprocess, job, end);
        return true;
    }
    coprocess->at = 0;
    return false;
}

void coprocess_release(struct coprocess *coprocess)
{
    struct talk *talk = &coprocess->seat[coprocess->at].talk;
    learn(coprocess, talk_next(talk));
    talk_release(talk);
}

bool coprocess_is_ready(const struct coprocess *coprocess,
                        struct problem *problem)
{
    bool ready = true;
    if (coprocess->settings.framing != FRAMING_PLUGIN)
        return true;
    for (uint32_t i = 0; i < coprocess->settings.slots; i++) {
        const struct talk *talk = &coprocess->seat[i].talk;
        const struct talk_failure *why = talk_refused(talk);
        if (why)
            (void)problem_exit(problem, EXIT_USAGE, -EINVAL, "%s", why->note);
        ready = ready && talk->served;
    }
    return ready;
}

/* -- the end -- */

static uint32_t still_there(const struct coprocess *coprocess)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < coprocess->settings.slots; i++)
        count += coprocess->seat[i].pid > 0;
    return count;
}

void coprocess_stop(struct coprocess *coprocess, int64_t wait_ms)
{
    const int64_t from_ms = clock_monotonic_ms();
    bool killed = false;
    for (uint32_t i = 0; i < coprocess->settings.slots; i++) {
        struct seat *seat = &coprocess->seat[i];
        talk_recycle(&seat->talk, clock_monotonic_us());
        seat_obey(seat);
        if (seat->talk.state != TALK_STOPPING || seat->talk.sent > 0)
            seat_kill(seat, SIGKILL);
    }
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        coprocess_turn(coprocess, now_ms);
        if (still_there(coprocess) == 0 || now_ms - from_ms >= wait_ms)
            return;
        if (!killed && now_ms - from_ms >= wait_ms / 2) {
            killed = true;
            for (uint32_t i = 0; i < coprocess->settings.slots; i++)
                seat_kill(&coprocess->seat[i], SIGKILL);
        }
        struct pollfd item = {.fd = coprocess->epoll, .events = POLLIN};
        (void)poll(&item, 1, 10);
    }
}
