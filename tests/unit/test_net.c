#include "tests/testing.h"

#include "common/net/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct net_options OPTIONS = {.linger_ms = 100};

struct place {
    char dir[64], endpoint[128];
};

static int setup(void **state)
{
    static struct place place;
    snprintf(place.dir, sizeof place.dir, "/tmp/fan-test-XXXXXX");
    if (!mkdtemp(place.dir))
        return -1;
    snprintf(place.endpoint, sizeof place.endpoint, "ipc://%s/socket",
             place.dir);
    *state = &place;
    return 0;
}

static int teardown(void **state)
{
    const struct place *place = *state;
    (void)unlink(place->endpoint + strlen("ipc://"));
    return rmdir(place->dir);
}

// Waits until a message is there; the ctest timeout bounds it.
static void receive(struct net_socket *socket, struct net_message *message)
{
    struct net_poll_item item = {.socket = socket, .want = NET_READ};
    while (net_receive(socket, message) != 0)
        net_poll(&item, 1, -1);
}

static void dealer_is_answered_by_its_routing_id(void **state)
{
    const struct place *place = *state;
    struct problem problem = {0};
    struct net_socket *router =
        net_bind(NET_ROUTER, place->endpoint, &OPTIONS, &problem);
    struct net_socket *dealer =
        net_connect(NET_DEALER, place->endpoint, &OPTIONS, &problem);
    struct net_message message;
    assert_non_null(router);
    assert_non_null(dealer);
    assert_int_equal(net_send(dealer, NULL, SPAN_OF("question")), 0);
    receive(router, &message);
    assert_false(message.malformed);
    assert_true(span_equal(message.frame, SPAN_OF("question")));
    assert_int_equal(net_send(router, &message.peer, SPAN_OF("answer")), 0);
    net_release(&message);
    receive(dealer, &message);
    assert_true(span_equal(message.frame, SPAN_OF("answer")));
    net_release(&message);
    assert_true(net_reconnected(dealer));
    assert_false(net_reconnected(dealer));
    net_close(&dealer);
    net_close(&router);
    assert_null(router);
}

static void connection_wakes_a_wait_once(void **state)
{
    enum { PATIENCE_MS = 10000 };
    const struct place *place = *state;
    struct problem problem = {0};
    struct net_socket *router =
        net_bind(NET_ROUTER, place->endpoint, &OPTIONS, &problem);
    struct net_socket *dealer =
        net_connect(NET_DEALER, place->endpoint, &OPTIONS, &problem);
    assert_non_null(router);
    assert_non_null(dealer);
    struct net_poll_item item = {.socket = dealer, .want = NET_READ};
    assert_int_equal(net_poll(&item, 1, PATIENCE_MS), 1);
    assert_int_equal(item.got, 0);
    assert_int_equal(net_poll(&item, 1, 0), 0);
    assert_true(net_reconnected(dealer));
    net_close(&dealer);
    net_close(&router);
}

static void sending_to_a_stranger_is_unreachable(void **state)
{
    const struct place *place = *state;
    struct problem problem = {0};
    const struct net_peer stranger = {5, {0, 1, 2, 3, 4}};
    struct net_socket *router =
        net_bind(NET_ROUTER, place->endpoint, &OPTIONS, &problem);
    assert_non_null(router);
    assert_int_equal(net_send(router, &stranger, SPAN_OF("x")), -EHOSTUNREACH);
    net_close(&router);
}

// Else the programs would end seconds late; this one would, after an hour.
static void what_is_for_nobody_holds_up_no_end(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };
    const struct place *place = *state;
    const struct net_options patient = {.linger_ms = HOUR_MS};
    struct problem problem = {0};
    struct net_socket *dealer =
        net_connect(NET_DEALER, place->endpoint, &patient, &problem);
    assert_non_null(dealer);
    assert_int_equal(net_send(dealer, NULL, SPAN_OF("hello")), 0);
    net_close(&dealer);
    net_stop();
    assert_int_equal(net_start(&problem), 0);
}

// The other half: what somebody can still take is sent by the close.
static void what_is_queued_for_somebody_arrives_after_the_close(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };
    const struct place *place = *state;
    const struct net_options patient = {.linger_ms = HOUR_MS};
    struct problem problem = {0};
    struct net_message message;
    struct net_socket *router =
        net_bind(NET_ROUTER, place->endpoint, &OPTIONS, &problem);
    struct net_socket *dealer =
        net_connect(NET_DEALER, place->endpoint, &patient, &problem);
    assert_non_null(router);
    assert_non_null(dealer);
    while (!net_reconnected(dealer)) {
        struct net_poll_item item = {.socket = dealer, .want = NET_READ};
        assert_true(net_poll(&item, 1, HOUR_MS) >= 0);
    }
    assert_int_equal(net_send(dealer, NULL, SPAN_OF("bye")), 0);
    net_close(&dealer);
    receive(router, &message);
    assert_true(span_equal(message.frame, SPAN_OF("bye")));
    net_release(&message);
    net_close(&router);
}

static void lane_without_a_worker_pushes_back(void **state)
{
    const struct place *place = *state;
    struct problem problem = {0};
    struct net_socket *push =
        net_bind(NET_PUSH, place->endpoint, &OPTIONS, &problem);
    assert_non_null(push);
    assert_int_equal(net_send(push, NULL, SPAN_OF("task")), -EAGAIN);
    net_close(&push);
}

static void free_port_is_told(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct net_socket *pull =
        net_bind(NET_PULL, "tcp://127.0.0.1:*", &OPTIONS, &problem);
    assert_non_null(pull);
    assert_null(strchr(net_endpoint(pull), '*'));
    net_close(&pull);
}

static void off_loopback_is_refused_with_what_to_do(void **state)
{
    (void)state;
    static const char *const FAR[] = {"tcp://*:7700",
                                      "tcp://0.0.0.0:7700",
                                      "tcp://10.0.0.1:7700",
                                      "tcp://head:7700",
                                      "udp://127.0.0.1:1",
                                      "ipc://",
                                      ""};
    for (size_t i = 0; i < sizeof FAR / sizeof FAR[0]; i++) {
        struct problem problem = {0};
        assert_true(net_check_endpoint(FAR[i], &problem) < 0);
        assert_int_equal(problem.exit, EXIT_USAGE);
        assert_non_null(strstr(problem.text, "tcp://127.0.0.1:PORT"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dealer_is_answered_by_its_routing_id),
        TEST(connection_wakes_a_wait_once),
        TEST(sending_to_a_stranger_is_unreachable),
        TEST(what_is_for_nobody_holds_up_no_end),
        TEST(what_is_queued_for_somebody_arrives_after_the_close),
        TEST(lane_without_a_worker_pushes_back),
        TEST(free_port_is_told),
        TEST(off_loopback_is_refused_with_what_to_do),
    };
    struct problem problem = {0};
    if (net_start(&problem) != 0)
        return 1;
    const int failed = cmocka_run_group_tests_name("net", tests, NULL, NULL);
    net_stop();
    return failed;
}
