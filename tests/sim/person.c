/* person - who decides about held tasks, whenever it suits
 *
 * While the run goes on, the ventilator is asked, as `fan decide` does it. Of a
 * run that has stopped, the decision is written to the log by itself, as
 * fan-sink --decisions does it. Who gets no answer asks again.
 */
#include "tests/sim/person.h"

#include "common/base/mutant.h"
#include "sink/convert.h"
#include "tests/sim/sim_sink.h"
#include "tests/sim/truth.h"

#include <stdlib.h>

enum { THINKS_MS = 4000, AGAIN_MS = 3000, RETRIES_MAX = 4 };

static const enum status DECISIONS[] = {STATUS_REOPENED, STATUS_REOPENED,
                                        STATUS_REOPENED, STATUS_IGNORED,
                                        STATUS_DROPPED};

// Who has tried often enough gives up.
static enum status draw_decision(struct world *world, uint64_t task)
{
    if (truth_task(world, task)->retried >= RETRIES_MAX)
        return STATUS_DROPPED;
    const size_t count = sizeof DECISIONS / sizeof *DECISIONS;
    return world->script ? STATUS_REOPENED
                         : DECISIONS[world_draw(world, (uint32_t)count)];
}

static void thinks(struct world *world, uint64_t task, int64_t ms)
{
    world_at(world, world->now_ms + ms,
             (struct step){.kind = STEP_DECIDES, .detail = (uint32_t)task});
}

void person_learns(struct world *world, uint64_t task)
{
    const uint32_t decides = world->plan->decides;
    if (!world->plan->limits.held_wait && world_draw(world, 100) >= decides)
        return;
    thinks(world, task, 1 + world_draw(world, THINKS_MS));
}

void person_decides(struct world *world, uint64_t task)
{
    struct true_task *is = truth_task(world, task);
    if (is->finals > 0 || !is->held || world->over)
        return;
    const enum status status = draw_decision(world, task);
    if (world->process[VENT].alive && vent_decides(world, task, status)) {
        world_note(world, "decides", (int64_t)task, (int64_t)status, 0);
        is->asked |= 1U << status;
    }
    thinks(world, task, AGAIN_MS);
}

void person_pauses(struct world *world, bool paused)
{
    if (world->over)
        return;
    const bool so = world->truth->paused == paused;
    if (so && !paused)
        return;
    if (!so && world->process[VENT].alive && vent_pauses(world, paused))
        world_note(world, "pauses", paused, 0, 0);
    world_at(world, world->now_ms + (so ? world->plan->paused_ms : AGAIN_MS),
             (struct step){.kind = STEP_PAUSES, .detail = paused && !so});
}

void person_cancels(struct world *world)
{
    bool open = false;
    if (world->over || world->resumes > 0)
        return;
    const uint64_t first = world->plan->cancel.first;
    const uint64_t last = world->plan->cancel.last;
    for (uint64_t i = first; i <= last; i++)
        open = open || truth_task(world, i)->finals == 0;
    if (!open)
        return;
    if (world->process[VENT].alive && vent_cancels(world, first, last)) {
        world_note(world, "cancels", (int64_t)first, (int64_t)last, 0);
        for (uint64_t i = first; i <= last; i++)
            truth_cancels(world, i);
    }
    world_at(world, world->now_ms + AGAIN_MS,
             (struct step){.kind = STEP_CANCELS});
}

// As fan-sink does it, and with the same chances to be killed.
static void write_decision(struct world *world, uint64_t task,
                           enum status status)
{
    const struct sink *sink = world->sink;
    const bool again = status == STATUS_REOPENED;
    const struct wire_record record = {
        .kind = again ? RECORD_DECISION : RECORD_FINAL,
        .status = (uint8_t)status,
        .flags = RECORD_PERSON,
        .task = task,
        .round = ledger_round(sink->ledger, task),
        .a = 1,
        .text = SPAN_OF("eve\nwhy")};
    const enum ledger_verdict verdict = ledger_record(sink->ledger, &record);
    struct record made =
        record_of_wire(&record, ledger_generation(sink->ledger));
    ledger_fill_final(sink->ledger, &made);
    world_note(world, "writes", (int64_t)task, (int64_t)status,
               (int64_t)verdict);
    if (!ledger_stores(verdict)) {
        world_broke(world, "held", "task %u cannot be decided", (unsigned)task);
        return;
    }
    truth_task(world, task)->asked |= 1U << status;
    sink_store(world, &made);
}

void person_decides_stopped(struct world *world)
{
    if (!world->sink || world->process[SINK].alive)
        return;
    bool opened = false;
    for (unsigned i = 1; i <= world->plan->tasks && !world->broke; i++) {
        const struct true_task *task = truth_task(world, i);
        if (!task->held || task->finals > 0 ||
            (!world->script && world_chance(world, 5000)))
            continue;
        if (!opened) {
            sink_start(world);
            opened = true;
        }
        // A write of before may be in the cache only, until now.
        if (task->held && task->finals == 0)
            write_decision(world, i, draw_decision(world, i));
    }
    if (!opened)
        return;
    sink_commit(world);
    world->process[SINK].power =
        world->process[SINK].dying && world_chance(world, 5000);
    sink_stop(world);
    world->process[SINK].dying = false;
}
