/* sim_sink - what the two files of the simulated sink share */
#ifndef TESTS_SIM_SIM_SINK_H
#define TESTS_SIM_SIM_SINK_H

#include "tests/sim/sim.h"

enum { SINK_TICK_MS = 1000 };

struct group {
    uint64_t from;
    struct buffer text;
    struct record *records; // without their texts
    size_t count, capacity;
};

/* Gone with the process. */
struct sink_life {
    struct id128 ventilator;
    bool welcomed, synced, full;
    uint64_t told, behind;
    int64_t behind_ms, retry_ms, tick_ms;
    struct buffer out, scratch;
};

struct sink {
    struct ledger *ledger;
    struct sink_life life;
    unsigned port;
    struct group *groups; // the log, as the page cache has it
    size_t group_count, group_capacity;
    size_t durable_groups; // of these the disk has for good
    uint64_t cached;       // bytes
    struct group group;    // the next one
    bool open;             // something is in it
};

struct wire_header sink_header(const struct world *world);
void sink_send(struct world *world);
void sink_send_news(struct world *world, uint64_t from, uint64_t to,
                    const struct ledger_news *news);
bool sink_store(struct world *world, const struct record *record);
bool sink_commit(struct world *world);
void sink_hello(struct world *world);
void sink_hear(struct world *world, enum socket socket);

#endif
