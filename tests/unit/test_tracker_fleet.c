#include "tests/testing.h"

#include "ventilator/tracker_inside.h"

#include <stdlib.h>

enum { WORKERS = 12, MESSAGES = 5000, MANY = 300 };

static const struct policy POLICY = {.on_fail = ANSWER_FAIL};

static struct tracker *tracker_of(size_t workers_max)
{
    const struct tracker_limits limits = {.window_tasks = 1,
                                          .window_bytes = 1,
                                          .losses_max = 1,
                                          .lone_deaths_max = 1,
                                          .prefetch_ms = 1,
                                          .heartbeat_ms = 1000,
                                          .liveness_ms = 4000,
                                          .rejoin_ms = 1,
                                          .workers_max = workers_max};
    struct tracker *tracker = tracker_create(&limits, &POLICY, 0);
    assert_non_null(tracker);
    return tracker;
}

// Three families, whose members begin alike.
static struct id128 id_of(unsigned i)
{
    struct id128 id = {{(uint8_t)(i % 3)}};
    id.byte[15] = (uint8_t)i;
    return id;
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    return *seed >> 33;
}

static void workers_whose_ids_begin_alike_are_told_apart(void **state)
{
    (void)state;
    struct tracker *tracker = tracker_of(WORKERS);
    uint32_t handles[WORKERS] = {0};
    uint64_t seed = 1;
    for (unsigned step = 0; step < 2000; step++) {
        const unsigned which = (unsigned)(draw(&seed) % WORKERS);
        const struct id128 chosen = id_of(which);
        if (handles[which]) {
            worker_close(tracker, handles[which]);
            handles[which] = 0;
        } else {
            handles[which] = worker_open(tracker, &chosen);
            assert_int_not_equal(handles[which], 0);
        }
        size_t families[3] = {0};
        for (unsigned i = 0; i < WORKERS; i++) {
            const struct id128 id = id_of(i);
            assert_int_equal(worker_find(tracker, &id), handles[i]);
            families[i % 3] += handles[i] != 0;
        }
        assert_int_equal(map_count(tracker->by_short_id),
                         (families[0] > 0) + (families[1] > 0) +
                             (families[2] > 0));
    }
    tracker_destroy(&tracker);
}

static void no_more_workers_than_there_may_be(void **state)
{
    (void)state;
    struct tracker *tracker = tracker_of(2);
    const struct id128 first = id_of(0), second = id_of(3), third = id_of(6);
    assert_int_equal(worker_open(tracker, &first), 1);
    assert_int_equal(worker_open(tracker, &second), 2);
    assert_int_equal(worker_open(tracker, &third), 0);
    assert_int_equal(worker_find(tracker, &third), 0);
    worker_close(tracker, 1);
    assert_int_equal(worker_open(tracker, &third), 1);
    assert_int_equal(worker_find(tracker, &third), 1);
    assert_int_equal(worker_find(tracker, &second), 2);
    tracker_destroy(&tracker);
}

// The places of what is under way stay theirs when the ring grows.
static void lane_messages_keep_their_counts(void **state)
{
    (void)state;
    struct worker *worker = calloc(1, sizeof *worker);
    assert_non_null(worker);
    uint64_t seed = 3, under_way = 0;
    size_t most = 0;
    for (uint32_t number = 1; number <= MESSAGES; number++) {
        assert_true(worker_sends(worker, number));
        assert_int_equal(worker->sent, number);
        under_way += number;
        most =
            number - worker->received > most ? number - worker->received : most;
        for (uint64_t n = draw(&seed) % 3;
             n > 0 && worker->received < worker->sent; n--) {
            worker->received++;
            const uint32_t count =
                worker->lane_counts[worker->received % worker->lane_room];
            assert_int_equal(count, worker->received);
            worker->unreceived -= count;
            under_way -= count;
        }
        assert_int_equal(worker->unreceived, under_way);
    }
    assert_true(worker->lane_room < 2 * most + 4);
    worker_free(worker);
}

static size_t closed_at(struct tracker *tracker, int64_t now_ms)
{
    struct tracker_action action;
    size_t closed = 0;
    tracker_turn(tracker, now_ms);
    while (tracker_next(tracker, &action))
        closed += action.kind == ACTION_CLOSE;
    return closed;
}

// Many are not looked at in each turn, but in each twentieth of a heartbeat.
static void silent_ones_among_many_are_lost(void **state)
{
    (void)state;
    struct tracker *tracker = tracker_of(MANY);
    for (unsigned i = 0; i < MANY; i++) {
        struct id128 id = {{(uint8_t)i, (uint8_t)(i >> 8)}};
        assert_int_equal(worker_open(tracker, &id), i + 1);
    }
    tracker->workers[MANY]->heard_ms = 1000;
    for (int64_t now_ms = 1000; now_ms < 4000; now_ms += 1000)
        assert_int_equal(closed_at(tracker, now_ms), 0);
    assert_int_equal(closed_at(tracker, 3990), 0);
    assert_int_equal(closed_at(tracker, 4010), 0);
    assert_int_equal(closed_at(tracker, 4040), MANY - 1);
    assert_int_equal(closed_at(tracker, 5060), 1);
    tracker_destroy(&tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_whose_ids_begin_alike_are_told_apart),
        cmocka_unit_test(no_more_workers_than_there_may_be),
        cmocka_unit_test(lane_messages_keep_their_counts),
        cmocka_unit_test(silent_ones_among_many_are_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
