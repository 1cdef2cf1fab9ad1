"""Bad networks between the roles: each link cut, stalled, slow, or reset at
any byte; and peers that are not what they should be."""
import random
import socket
import threading

import chaos
import proxy
import system
from chaos import LIVENESS, STEADY, STEADY_S, ByHand, pause

UP, DOWN = proxy.UP, proxy.DOWN


class Network(ByHand):
    """Everything that worker and sink connect to goes through the proxy."""

    def begin_proxied(self, *options, **more):
        preload = self.proxied()
        self.begin_ventilator(*options, **more)
        self.add_sink(**preload)
        self.add_worker(**preload)

    def begin(self, *options, **more):
        self.begin_proxied(*options, **more)
        self.free_done()
        worker = {link.port: link for link in self.proxy.links.values()
                  if link.program == "fan-worker"}
        self.links = {
            "control": worker.pop(self.ports["control"]),
            "results": worker.pop(self.sink_port()),
            "sink": self.proxy.link("fan-sink", self.ports["control"])}
        self.links["lane"], = worker.values()

    def partition(self, name, *directions):
        """Nothing passes for longer than the liveness; what was on its way
        when it heals comes late."""
        self.begin(*STEADY)
        self.links[name].stall(*directions)
        self.gated.open()
        pause(1.3 * STEADY_S)
        self.now()
        self.links[name].heal()
        self.end_whole()
        self.assertLessEqual(self.recomputed(), self.lost())

    def test_f38_control_of_the_worker_stalls(self):
        self.partition("control")

    def given_up(self, *directions):
        """The worker is given up while two of its tasks run."""
        self.begin(*LIVENESS)
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.links["control"].stall(*directions)
        self.ventilator.says("worker-gone")
        self.now()
        self.links["control"].heal()
        self.ventilator.says("worker-gone(?s:.*)worker-joined")
        self.end_whole()

    def test_f38_worker_that_was_given_up_comes_back(self):
        self.given_up()

    def test_f38_worker_that_is_not_heard_comes_back(self):
        self.given_up(UP)

    def each_way(self, name, recomputed=None):
        for direction in (UP, DOWN):
            with self.subTest(direction=direction):
                self.partition(name, direction)
                self.assertLessEqual(self.recomputed(),
                                     self.lost() if recomputed is None
                                     else recomputed)
            self.afresh()

    def test_f38_control_of_the_worker_stalls_one_way(self):
        self.each_way("control")

    def test_f39_lane_stalls(self):
        self.partition("lane")

    def test_f39_lane_stalls_one_way(self):
        self.each_way("lane")

    def test_f40_results_stall_one_way(self):
        self.each_way("results", recomputed=0)

    def test_f40_results_stall(self):
        self.partition("results")
        self.assertEqual(self.recomputed(), 0)

    def test_f41_control_of_the_sink_stalls(self):
        self.partition("sink")
        self.assertEqual(self.recomputed(), 0)

    def test_f41_control_of_the_sink_stalls_one_way(self):
        self.each_way("sink", recomputed=0)

    def test_f40_connections_that_are_refused_for_a_while(self):
        self.begin(*STEADY)
        for name in ("results", "sink"):
            self.links[name].refuse()
            self.links[name].reset()
        self.gated.open()
        pause(1)
        self.now()
        for name in ("results", "sink"):
            self.links[name].heal()
        self.end_whole(recomputed=0)

    def test_f38_half_closed_connections(self):
        self.begin(*LIVENESS)
        for direction in (UP, DOWN):
            for link in self.links.values():
                link.half_close(direction)
        self.now()
        self.end_whole()

    def reset_at(self, offsets):
        """Every new link, those of new lanes too, is reset at these bytes."""
        preload = self.proxied()
        self.proxy.new_link = lambda link: link.cut_at(offsets())
        self.begin_ventilator(*LIVENESS, free=self.TASKS)
        self.add_sink(**preload)
        self.add_worker(**preload)
        self.now()
        self.end_whole()
        self.assertGreater(
            sum(link.count for link in self.proxy.links.values()), 10)

    def test_f42_connections_reset_within_the_greeting(self):
        self.reset_at(lambda: range(0, 64, 9))

    def test_f42_connections_reset_within_messages(self):
        """Other bytes each time; all of them, in turns, with CHAOS_LONG."""
        turns = range(170) if chaos.LONG else (
            random.SystemRandom().randrange(170),)
        for first in turns:
            with self.subTest(first=first):
                self.reset_at(lambda: range(64 + first, 1600, 170))
            self.afresh()

    def test_f43_delay_and_jitter(self):
        self.begin("--heartbeat", "100ms", "--liveness", "2s")
        dice = random.Random(43)
        for link in self.links.values():
            link.delay(lambda: dice.uniform(0, 0.3))
        self.now()
        self.end_whole(recomputed=0)  # 1 in 100 would be allowed

    def test_f43_delay_beyond_the_liveness(self):
        """Some are given up for it, and nothing comes to harm."""
        self.begin("--heartbeat", "100ms", "--liveness", "500ms",
                   "--max-losses", "1000")
        dice = random.Random(44)
        for link in self.links.values():
            link.delay(lambda: dice.choice((0, 0, 0, 1.2)))
        self.gated.open()
        pause(5)
        for link in list(self.proxy.links.values()):
            link.heal()
        self.now()
        self.end_whole()
        self.assertLessEqual(self.recomputed(), self.lost())

    def test_f44_slow_link_of_results_starves_no_heartbeat(self):
        big = ('echo "$1" >>ran; '
               'head -c 400000 /dev/urandom | base64 >&2; echo "$1"')
        preload = self.proxied()
        self.begin_ventilator(*STEADY, work=big, tasks=5)
        self.add_sink()
        port = self.sink_port()
        self.proxy.new_link = lambda link: link.throttle(
            400000 if link.port == port else None)
        self.add_worker(**preload)
        self.end_whole(recomputed=0)
        self.assert_nobody_lost()

    def test_f42_everything_at_once(self):
        dice = random.Random(42)
        preload = self.proxied()

        def trouble(link):
            link.cut_at([dice.randrange(4000) for _ in range(12)])
            link.delay(lambda: dice.choice((0, 0, 0, 0.05)))
        self.proxy.new_link = trouble
        self.begin_ventilator(*LIVENESS, free=300, tasks=300)
        self.add_sink(**preload)
        for _ in range(3):
            self.add_worker(**preload)
        self.end_whole()


class Strangers(ByHand):
    def listener(self, answer):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def serve():
            held = []
            try:
                while True:
                    peer, _ = server.accept()
                    held.append(peer)
                    if answer:
                        peer.sendall(answer)
            except OSError:
                for peer in held:
                    peer.close()
        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)
        return server.getsockname()[1]

    def test_f46_peer_that_is_no_ventilator_is_given_up(self):
        for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            self.ports["control"] = self.listener(answer)
            roles = [self.add_worker("--wait", "1s"),
                     self.add_sink("--wait", "1s", results=f"r{len(answer)}")]
            for role in roles:
                with self.subTest(answer=answer, role=role.program):
                    self.assertNotEqual(role.ends(), system.OK)
                    self.assertTrue(role.text().strip())

    def test_f46_strangers_at_the_ventilator_change_nothing(self):
        self.begin(*STEADY)
        said = (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n",
                b"\xff" + b"\0" * 8 + b"\x7f",
                b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + b"\0" * 48
                + b"\xff" * 64, random.Random(46).randbytes(1000))
        for port in (self.ports["control"], self.sink_port()):
            for text in said:
                stranger = socket.create_connection(("127.0.0.1", port))
                self.addCleanup(stranger.close)
                try:
                    stranger.sendall(text)
                except OSError:
                    pass
        self.end_whole(recomputed=0)


class Clock(ByHand):
    YEAR_S = 365 * 86400

    def jump(self, seconds):
        self.begin_ventilator(
            *STEADY, **self.preload(
                CHAOS_JUMP=f"{seconds}:{self.path('jump')}"))
        jump = self.preload(CHAOS_JUMP=f"{seconds}:{self.path('jump')}")
        self.add_sink(**jump)
        self.add_worker(**jump)
        self.free_done()
        self.write("jump", "")
        pause(1)
        self.now()
        self.end_whole(recomputed=0)
        self.assert_nobody_lost()
        years = {record["start"][:4] for record in self.finals().values()}
        self.assertEqual(len(years), 2, years)

    def test_f47_clock_jumps_a_year_on(self):
        self.jump(self.YEAR_S)

    def test_f47_clock_jumps_a_year_back(self):
        self.jump(-self.YEAR_S)


if __name__ == "__main__":
    chaos.main()
