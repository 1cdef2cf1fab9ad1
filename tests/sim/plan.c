#include "tests/sim/sim.h"

#include <limits.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

const struct failure SIM_KIND[SIM_KINDS] = {
    {CLASS_EXIT, 1}, {CLASS_EXIT, 65}, {CLASS_SIGNAL, 9}, {CLASS_TIMEOUT, 0}};

static uint32_t draw(uint64_t *state, uint32_t from, uint32_t to)
{
    return from + (uint32_t)(random_next(state) % (to - from + UINT64_C(1)));
}

static bool chance(uint64_t *state, uint32_t of_100)
{
    return draw(state, 1, 100) <= of_100;
}

// Most schedules are small: as many more of them are tried in the same time.
struct scale {
    uint32_t of_100;
    uint32_t tasks_min, tasks_max, workers, faults;
    uint32_t span_ms, length_ms; // when faults come, how long they last
    uint32_t task_ms, restart_ms, dial_ms, rejoin_ms, backoff_ms;
};
static const struct scale SCALES[] = {
    {80, 1, 4, 2, 3, 1000, 1500, 300, 300, 1000, 1500, 400},
    {13, 3, 20, 4, 8, 4000, 6000, 1500, 1500, 1000, 6000, 2000},
    {7, 5, SIM_TASKS, SIM_WORKERS, SIM_FAULTS, 20000, 12000, 4000, 4000, 1000,
     15000, 3000},
};

static const struct scale *draw_scale(uint64_t *state)
{
    const struct scale *scale = SCALES;
    uint32_t rest = draw(state, 1, 100);
    while (rest > scale->of_100)
        rest -= scale++->of_100;
    return scale;
}

// Of a task's own, so that a seed's tasks stay as they are when there are
// fewer.
static void draw_tasks(struct plan *plan, const struct scale *scale,
                       uint64_t *state)
{
    const bool failing = chance(state, 60);
    const bool killing = chance(state, 15);
    const uint32_t long_ms = chance(state, 50)   ? 100
                             : chance(state, 75) ? scale->task_ms
                                                 : 6000;
    uint64_t own = random_next(state);
    for (unsigned i = 1; i <= plan->tasks; i++) {
        struct task_plan *task = &plan->task[i];
        task->ms = (int32_t)draw(&own, 0, long_ms);
        task->bad = chance(&own, 1);
        task->fails = failing && chance(&own, 25) ? draw(&own, 1, 3) : 0;
        task->killer = killing && chance(&own, 4);
    }
}

// Some tasks take long at some of the workers. From a sequence of its own, as
// it has to say how many tasks there are.
static void draw_stragglers(struct plan *plan)
{
    enum { TASKS_MIN = 5 };
    uint64_t own = ~plan->choice.seed;
    plan->limits.speculate = chance(&own, 40) && plan->workers > 1;
    if (!plan->limits.speculate)
        return;
    if (plan->tasks < TASKS_MIN && !plan->choice.tasks)
        plan->tasks = TASKS_MIN;
    const uint32_t slow = draw(&own, 10, 60);
    for (unsigned i = 1; i <= SIM_TASKS; i++)
        if (chance(&own, slow))
            plan->task[i].slow = 1U
                                 << draw(&own, WORK, WORK + plan->workers - 1);
}

// One host at which all fails at once, and tasks enough that it is noticed.
static void draw_bad_host(struct plan *plan)
{
    enum { TASKS_MIN = 40 };
    uint64_t own = ~plan->choice.seed ^ UINT64_C(0x5bd1e995);
    plan->limits.bar_ms = draw(&own, 500, 20000);
    if (!chance(&own, 20) || plan->workers < 2)
        return;
    plan->bad = draw(&own, WORK, WORK + plan->workers - 1);
    if (plan->tasks < TASKS_MIN && !plan->choice.tasks)
        plan->tasks = TASKS_MIN;
}

static void draw_limits(struct plan *plan, const struct scale *scale,
                        uint64_t *state)
{
    plan->limits = (struct tracker_limits){
        .speculate = plan->limits.speculate,
        .bar_ms = plan->limits.bar_ms,
        .priorities = plan->choice.seed % 3 == 0,
        .window_tasks = chance(state, 50) ? 10000 : draw(state, 4, 30),
        .window_bytes = 1 << 20,
        .order_window = chance(state, 80) ? 0 : draw(state, 3, 20),
        .losses_max = 10,
        .lone_deaths_max = SIM_LONE_DEATHS,
        .prefetch_ms = 50,
        .heartbeat_ms = 1000,
        .liveness_ms = (int64_t)draw(state, 3, 5) * 1000,
        .rejoin_ms = (int64_t)draw(state, 1000, scale->rejoin_ms),
        .workers_max = SIM_PEERS};
    plan->policy = (struct policy){
        .on_fail = chance(state, 85) ? ANSWER_FAIL : ANSWER_IGNORE,
        .retries_max = draw(state, 0, 3) + (plan->bad ? 2 : 0),
        .backoff_min_ms =
            chance(state, 50) ? 0 : draw(state, 1, scale->backoff_ms),
        .backoff_max_ms = 10000};
    plan->retain_max = chance(state, 80) ? 1 << 20 : draw(state, 100, 1000);
}

// Rules for classes and for one exit code, so that some fit together.
static void draw_rules(struct plan *plan, uint64_t state)
{
    static const struct policy_rule RULES[] = {
        {.class = CLASS_EXIT, .code_last = UINT8_MAX},
        {.class = CLASS_EXIT, .code_first = 65, .code_last = 65},
        {.class = CLASS_SIGNAL, .code_last = UINT8_MAX},
        {.class = CLASS_TIMEOUT, .code_last = UINT8_MAX}};
    for (unsigned i = 1; i <= plan->tasks; i++)
        for (unsigned how = 0; how < SIM_HOWS; how++)
            plan->task[i].how[how] = (uint8_t)draw(&state, 0, SIM_KINDS - 1);
    if (chance(&state, 50))
        return;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        struct policy_rule rule = RULES[i];
        rule.answer = chance(&state, 70)   ? ANSWER_RETRY
                      : chance(&state, 50) ? ANSWER_FAIL
                                           : ANSWER_IGNORE;
        rule.retries_max = draw(&state, 0, 2);
        if (chance(&state, 60))
            (void)policy_add_rule(&plan->policy, &rule);
    }
    for (size_t i = 0; i < plan->policy.rule_count; i++)
        plan->policy.rules[i].other_host = chance(&state, 40);
}

static void draw_world(struct plan *plan, const struct scale *scale,
                       uint64_t *state)
{
    plan->delay_ms = chance(state, 70)   ? (int32_t)draw(state, 1, 10)
                     : chance(state, 80) ? (int32_t)draw(state, 10, 500)
                                         : 1500;
    plan->dial_ms = (int32_t)draw(state, 1, scale->dial_ms);
    plan->restart_ms = (int32_t)draw(state, 1, scale->restart_ms);
    plan->input_ms = chance(state, 80) ? 0 : (int32_t)draw(state, 1, 500);
    plan->notice = chance(state, 50) ? 100 : draw(state, 0, 100);
    plan->ports = chance(state, 60) ? 60000 : draw(state, 2, 12);
    plan->deaf = chance(state, 80) ? 0 : draw(state, 1, 100);
    plan->ghosts = chance(state, 90) ? 0 : draw(state, 1, 300);
    plan->batch = chance(state, 80) ? UINT_MAX : draw(state, 2, 20);
    plan->part_max = chance(state, 60) ? 256 : draw(state, 1, 4);
}

// Short, long, or just as long as a worker may be silent.
static int64_t draw_length(const struct plan *plan, const struct scale *scale,
                           uint64_t *state)
{
    const uint32_t which = draw(state, 1, 100);
    if (which <= 60)
        return draw(state, 1, 1000);
    if (which <= 80)
        return plan->limits.liveness_ms + draw(state, 0, 2000) - 500;
    return draw(state, 1, scale->length_ms);
}

// Two at once are what is easily got wrong, and one as another ends.
static int64_t draw_when(const struct fault *last, uint32_t span_ms,
                         uint64_t *state)
{
    const uint32_t which = draw(state, 1, 100);
    if (!last || which <= 55)
        return draw(state, 1, span_ms);
    if (which <= 80)
        return last->at_ms + draw(state, 0, 100);
    return last->at_ms + draw(state, 0, (uint32_t)last->length_ms + 200);
}

static void draw_faults(struct plan *plan, const struct scale *scale,
                        uint64_t *state)
{
    const uint32_t span_ms =
        chance(state, 50) && scale->span_ms > 3000 ? 3000 : scale->span_ms;
    uint32_t kinds = (uint32_t)random_next(state) & ((1U << FAULT_KINDS) - 1);
    if (kinds == 0 || chance(state, 30))
        kinds = UINT32_MAX;
    plan->faults = chance(state, 10) ? 0 : draw(state, 1, scale->faults);
    plan->crash = chance(state, 60) ? 0 : draw(state, 1, 300);
    for (unsigned i = 0; i < plan->faults; i++) {
        struct fault *fault = &plan->fault[i];
        do
            fault->kind = (uint8_t)draw(state, 0, FAULT_KINDS - 1);
        while (!(kinds >> fault->kind & 1));
        fault->victim = chance(state, 50)
                            ? (uint8_t)draw(state, VENT, SINK)
                            : (uint8_t)draw(state, WORK, PROCESSES - 1);
        fault->detail = (uint8_t)draw(state, 0, 255);
        fault->at_ms = draw_when(i ? fault - 1 : NULL, span_ms, state);
        fault->length_ms = draw_length(plan, scale, state);
    }
}

static void draw_lives(struct plan *plan, const struct scale *scale,
                       uint64_t *state)
{
    plan->resumes = chance(state, 82) ? 0 : draw(state, 1, SIM_RESUMES);
    for (unsigned i = 0; i < SIM_RESUMES; i++)
        plan->cut_ms[i] =
            chance(state, 40) ? 0 : (int64_t)draw(state, 1, 2 * scale->span_ms);
    plan->survive = chance(state, 50) ? 0 : draw(state, 0, 100);
}

// Behind all else, so that a seed's other events stay as they are.
static void draw_person(struct plan *plan, uint64_t *state)
{
    if (!chance(state, 20))
        return;
    plan->policy.on_fail = ANSWER_HOLD;
    for (size_t i = 0; i < plan->policy.rule_count; i++)
        if (chance(state, 30))
            plan->policy.rules[i].answer = ANSWER_HOLD;
    plan->limits.held_wait = chance(state, 40);
    plan->decides = chance(state, 30) ? 0 : draw(state, 1, 100);
}

static void choose_faults(struct plan *plan, uint32_t mask)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < plan->faults; i++) {
        const struct fault fault = plan->fault[i];
        if (!(mask >> i & 1))
            continue;
        if (fault.at_ms + fault.length_ms > plan->quiet_from_ms)
            plan->quiet_from_ms = fault.at_ms + fault.length_ms;
        plan->fault[kept++] = fault;
    }
    plan->faults = kept;
}

// Never the first: one there is who does it all. Of a state of its own, so that
// seeds stay what they were.
static void draw_unfit(struct plan *plan, uint64_t seed)
{
    uint64_t state = seed ^ UINT64_C(0x756e666974);
    if (plan->workers > 1 && draw(&state, 1, 8) == 1)
        plan->unfit = UINT32_C(1) << draw(&state, 1, plan->workers - 1);
}

// A person pauses the run, at any time and for a while.
static void draw_pause(struct plan *plan, uint64_t seed)
{
    enum { ASKS_AGAIN_MS = 20000 };
    uint64_t state = seed ^ UINT64_C(0x7061757365);
    if (!chance(&state, 12))
        return;
    plan->pause_ms =
        chance(&state, 60) ? draw(&state, 1, 1000) : draw(&state, 1, 10000);
    plan->paused_ms =
        chance(&state, 70) ? draw(&state, 1, 1000) : draw(&state, 1, 10000);
    const int64_t over_ms = plan->pause_ms + plan->paused_ms + ASKS_AGAIN_MS;
    if (plan->quiet_from_ms < over_ms)
        plan->quiet_from_ms = over_ms;
}

// A person cancels a task, or some in a row, or all.
static void draw_cancel(struct plan *plan, uint64_t seed)
{
    enum { ASKS_AGAIN_MS = 20000 };
    uint64_t state = seed ^ UINT64_C(0x63616e63656c);
    if (!chance(&state, 12))
        return;
    plan->cancel.at_ms =
        chance(&state, 60) ? draw(&state, 1, 1000) : draw(&state, 1, 10000);
    plan->cancel.first = chance(&state, 25) ? 1 : draw(&state, 1, plan->tasks);
    plan->cancel.last =
        chance(&state, 50)
            ? plan->cancel.first
            : draw(&state, (uint32_t)plan->cancel.first, plan->tasks);
    plan->calm = false;
    if (plan->quiet_from_ms < plan->cancel.at_ms + ASKS_AGAIN_MS)
        plan->quiet_from_ms = plan->cancel.at_ms + ASKS_AGAIN_MS;
}

void plan_draw(struct plan *plan, const struct choice *choice)
{
    *plan = (struct plan){.choice = *choice};
    uint64_t state = choice->seed;
    const struct scale *scale = draw_scale(&state);
    plan->workers = draw(&state, 1, scale->workers);
    for (unsigned i = 0; i < SIM_WORKERS; i++)
        plan->slots[i] = draw(&state, 1, SIM_SLOTS);
    plan->tasks = draw(&state, scale->tasks_min, scale->tasks_max);
    if (choice->tasks)
        plan->tasks = choice->tasks;
    if (choice->workers)
        plan->workers = choice->workers;
    draw_stragglers(plan);
    draw_bad_host(plan);
    draw_tasks(plan, scale, &state);
    draw_limits(plan, scale, &state);
    draw_rules(plan, choice->seed ^ UINT64_C(0x5eed0fa11e1e5));
    draw_world(plan, scale, &state);
    // At a bad host tasks are sent and given back often enough without.
    if (plan->bad && plan->delay_ms > 10)
        plan->delay_ms = 10;
    draw_faults(plan, scale, &state);
    draw_lives(plan, scale, &state);
    draw_unfit(plan, choice->seed);
    draw_person(plan, &state);
    choose_faults(plan, choice->faults);
    draw_pause(plan, choice->seed);
    bool cut = false;
    for (unsigned i = 0; i < plan->resumes; i++)
        cut = cut || plan->cut_ms[i] > 0;
    bool killers = false;
    for (unsigned i = 1; i <= plan->tasks; i++)
        killers = killers || plan->task[i].killer;
    if (plan->faults == 0)
        plan->crash = 0;
    plan->calm = plan->faults == 0 && !plan->bad && !killers && !cut;
    draw_cancel(plan, choice->seed);
}
