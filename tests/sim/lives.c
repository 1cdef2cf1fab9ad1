/* lives - a run that is resumed: all ends, or is ended, and begins again
 *
 * As `fan run` has it: the next life of the ventilator asks the sink by a token
 * of its own to open again what ended badly. A worker that was started by hand
 * may see more than one life of a run.
 */
#include "tests/sim/person.h"
#include "tests/sim/truth.h"

struct id128 lives_token(const struct world *world)
{
    struct id128 token = {{0}};
    if (world->resumes > 0)
        token = (struct id128){{0x52, (uint8_t)world->resumes}};
    return token;
}

static void begin(struct world *world)
{
    const int64_t cut_ms = world->plan->cut_ms[world->resumes];
    world->began_ms = world->now_ms;
    world->complete = false;
    if (cut_ms > 0 && world->resumes < world->plan->resumes)
        world_at(
            world, world->now_ms + cut_ms,
            (struct step){.kind = STEP_LIFE_ENDS, .detail = world->resumes});
}

void lives_begin(struct world *world)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        world->process[i].turn_ms = -1;
    begin(world);
}

void lives_complete(struct world *world)
{
    if (world->ended < world->truth->generation)
        return; // a second ventilator has gone on with what this one parked
    world->complete = true;
    if (world->resumes == world->plan->resumes)
        world->over = true;
    else
        world_at(
            world, world->now_ms,
            (struct step){.kind = STEP_LIFE_ENDS, .detail = world->resumes});
}

void lives_end(struct world *world, uint32_t life)
{
    if (life != world->resumes)
        return;
    if (world->complete && world->ended == world->truth->generation)
        truth_at_end(world);
    world_note(world, "life-ends", life, world->complete, 0);
    world->resumes++;
    twin_ends(world);
    const bool power = world_chance(world, 3000);
    for (unsigned i = 0; i < WORK + world->plan->workers; i++) {
        const bool stays = !power && i >= WORK && work_may_stay(world, i) &&
                           world_draw(world, 100) < world->plan->survive;
        if (stays)
            continue;
        if (world->process[i].alive)
            world_kill(world, i, power);
        else
            world_restart(world, i);
    }
    if (!power || world_chance(world, 5000))
        person_decides_stopped(world);
    begin(world);
}
