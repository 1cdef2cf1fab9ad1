/* tracker_world - the tracker that is fuzzed, and what its peers know */
#ifndef TESTS_FUZZ_TRACKER_WORLD_H
#define TESTS_FUZZ_TRACKER_WORLD_H

#include "tests/fuzz/draw.h"
#include "ventilator/tracker_inside.h"

enum { TASKS = 10, WORKERS = 3, RECORDS = 1024, HELD = 16, SLOTS_MAX = 3 };

enum op {
    TURN,
    OFFER,
    SINK_HELLO,
    SYNCED,
    STORED,
    HELLO,
    REPORT,
    RETURNED,
    GONE,
    FETCHED,
    ENDED,
    DRAIN,
    DECIDE,
    STEER,
    OPS
};

struct peer { // an incarnation
    uint32_t lane, slots;
    uint64_t sent, received, made, retired;
    uint32_t told; // tasks it was last heard to hold
    uint32_t unreceived[256];
    bool idle_word, rostered, shut, speed;
};

struct world {
    struct tracker *tracker;
    struct reader bytes;
    int64_t now_ms;
    enum op op;
    enum entry_state before[TASKS + 1];
    bool due[TASKS + 1], final[TASKS + 1], offered[TASKS + 1];
    uint64_t newest[TASKS + 1]; // attempt sent, with its generation
    uint64_t mark, record_seen, ordinal;
    struct wire_record record[RECORDS]; // by number
    struct peer peer[WORKERS + 1];
    unsigned of_handle[WORKERS + 1];
    size_t payloads;
    bool fetching[TASKS + 1], drained;
    struct buffer frame;
};

#endif
