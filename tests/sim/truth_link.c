/* truth_link - the four numbered links: TASKS, RESULTS, RECORD, STORED
 *
 * Who counts a number as received has taken all that came before it, but what
 * the sender no longer keeps. It may take one again: a sink forgets the links
 * of workers that have left.
 */
#include "tests/sim/truth.h"

#include <inttypes.h>

static void takes(struct world *world, const char *what, struct true_link *link,
                  uint64_t number, uint64_t kept)
{
    if (kept > link->taken + 1)
        link->taken = kept - 1;
    if (number > link->taken + 1)
        world_broke(world, "link", "%s %" PRIu64 " is taken after %" PRIu64,
                    what, number, link->taken);
    if (number > link->taken)
        link->taken = number;
}

void truth_takes_tasks(struct world *world, const struct id128 *worker,
                       uint32_t lane, uint64_t number)
{
    struct true_link *link = &world->truth->lane[id_process(worker) - WORK];
    if (!id128_equal(&link->sender, worker) || link->turn != lane)
        *link = (struct true_link){.sender = *worker, .turn = lane};
    takes(world, "TASKS", link, number, 1);
    if (world->plan->unfit >> (id_process(worker) - WORK) & 1)
        world_broke(world, "fit", "tasks are sent to %u, where none fits",
                    (unsigned)id_process(worker));
}

void truth_takes_results(struct world *world, const struct id128 *worker,
                         uint64_t number, uint64_t kept)
{
    struct true_link *link = &world->truth->results[id_process(worker) - WORK];
    if (!id128_equal(&link->sender, worker))
        *link = (struct true_link){.sender = *worker, .taken = kept - 1};
    takes(world, "RESULTS", link, number, kept);
}

void truth_takes_record(struct world *world, uint32_t generation,
                        uint64_t number, uint64_t kept)
{
    struct true_link *link = &world->truth->records;
    if (link->turn != generation)
        *link = (struct true_link){.turn = generation};
    takes(world, "RECORD", link, number, kept);
}

void truth_takes_stored(struct world *world, uint64_t from, uint64_t position)
{
    if (from != position)
        world_broke(world, "link",
                    "STORED from %" PRIu64 " is taken at %" PRIu64, from,
                    position);
}

void truth_sink_starts(struct world *world)
{
    struct truth *truth = world->truth;
    for (unsigned i = 0; i < SIM_WORKERS; i++)
        truth->results[i] = (struct true_link){0};
    truth->records = (struct true_link){.turn = truth->generation,
                                        .taken = truth->record_durable};
}
