/* talk - what workers and the sink say to a tracker, as it would arrive
 *
 * Encoded and decoded again, in a frame that the caller keeps and frees. Each
 * returns false when the codec refuses what was said.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "common/wire/wire.h"
#include "ventilator/tracker.h"

/* By value: both are the caller's. */
struct talk {
    struct tracker *tracker;
    struct buffer *frame;
};

static inline struct wire_header talk_header(struct talk talk,
                                             enum wire_type type)
{
    buffer_clear(talk.frame);
    return (struct wire_header){.version = WIRE_VERSION, .type = (uint8_t)type};
}

/* The body of the frame; an empty one when it is refused. */
static inline struct span talk_body(struct talk talk)
{
    struct wire_header header;
    struct span body;
    struct buffer none = {0}; // nothing is deflated
    return wire_open(buffer_span(talk.frame), WIRE_CONTROL_MAX, &none, &header,
                     &body) == WIRE_FINE
               ? body
               : (struct span){0};
}

static inline bool talk_stored(struct talk talk, const struct wire_stored *head,
                               const struct wire_stored_out *lists,
                               int64_t now_ms)
{
    const struct wire_header header = talk_header(talk, WIRE_STORED);
    struct wire_stored got;
    wire_put_stored(talk.frame, &header, head, lists);
    if (!wire_get_stored(talk_body(talk), &got))
        return false;
    tracker_stored(talk.tracker, &got, now_ms);
    return true;
}

static inline bool talk_synced(struct talk talk, const struct wire_synced *head,
                               const struct wire_synced_out *lists,
                               int64_t now_ms)
{
    const struct wire_header header = talk_header(talk, WIRE_SYNCED);
    struct wire_synced got;
    wire_put_synced(talk.frame, &header, head, lists);
    if (!wire_get_synced(talk_body(talk), &got))
        return false;
    tracker_synced(talk.tracker, &got, now_ms);
    return true;
}

/* A worker's word, in REPORT or HELLO: what it has queued and what it runs. */
struct talk_held {
    struct wire_refs_out queued, running;
};

/* *known: the tracker has this worker on this lane. */
static inline bool talk_report(struct talk talk, const struct id128 *worker,
                               const struct wire_report *report,
                               struct talk_held held, int64_t now_ms,
                               bool *known)
{
    const struct wire_header header = talk_header(talk, WIRE_REPORT);
    struct wire_report got;
    wire_put_report(talk.frame, &header, report, held.queued, held.running);
    if (!wire_get_report(talk_body(talk), &got))
        return false;
    *known = tracker_report(talk.tracker, worker,
                            tracker_generation(talk.tracker), &got, now_ms);
    return true;
}

/* HELLO from a worker of this host, slots, lane and flags. */
static inline bool talk_hello(struct talk talk, const struct id128 *worker,
                              struct wire_hello hello, struct talk_held held,
                              int64_t now_ms, enum hello_verdict *verdict)
{
    const struct wire_header header = talk_header(talk, WIRE_HELLO);
    struct wire_hello got;
    unsigned handle;
    hello.version_min = hello.version_max = WIRE_VERSION;
    hello.role = ROLE_WORKER;
    hello.kept = 1;
    wire_put_hello(talk.frame, &header, &hello, held.queued, held.running,
                   (struct wire_pairs_out){0});
    if (!wire_get_hello(talk_body(talk), &got))
        return false;
    *verdict = tracker_hello(talk.tracker, worker, &got, now_ms, &handle);
    return true;
}

#endif
