/* sim_vent - what the two files of the simulated ventilator share */
#ifndef TESTS_SIM_SIM_VENT_H
#define TESTS_SIM_SIM_VENT_H

#include "tests/sim/sim.h"

struct lane_frame {
    uint64_t number;
    struct buffer frame;
};
struct vent_peer {
    bool used, bye, leaves;
    bool drains; // has said that it takes no new tasks
    struct id128 id;
    uint32_t epoch; // of its connection: its address
    uint32_t lane;
    unsigned port;
    unsigned rotate;
    struct lane_frame *frames;
    size_t frame_count, frame_capacity, frame_sent;
};
struct vent {
    struct tracker *tracker;
    struct vent_peer peers[SIM_PEERS + 1];
    bool sink_there, sink_bye, placed, ending;
    struct id128 sink;
    uint32_t sink_epoch;
    struct span results; // endpoint
    uint8_t results_bytes[8];
    uint32_t generation_known; // when it was started, or granted since
    uint64_t mark, next[2];    // of each cursor
    int64_t end_until_ms, end_again_ms;
    struct id128 gone[PROCESSES]; // deaths that were told
    size_t gone_count;
    int64_t placed_ms;
    struct id128 awaited[SIM_PEERS]; // of the roster, neither seen nor gone
    size_t awaited_count;
    struct buffer out, scratch;
};

int64_t vent_now(const struct world *world);
struct wire_header vent_header(const struct world *world, enum wire_type type);
void vent_reply(struct world *world, unsigned process, uint32_t epoch);
void vent_say_tasks(struct world *world, const struct tracker_action *action);
void vent_say_numbered(struct world *world,
                       const struct tracker_action *action);
void vent_say_records(struct world *world, const struct tracker_action *action);
void vent_say_sync(struct world *world, uint64_t position);
void vent_forget_frames(struct vent_peer *peer, uint64_t number);
void vent_say_end(struct world *world);
void vent_hear(struct world *world);
void vent_act(struct world *world);
void vent_flush(struct world *world, struct vent_peer *peer);
void vent_close_lane(struct world *world, struct vent_peer *peer);
unsigned vent_free_port(struct world *world);

#endif
