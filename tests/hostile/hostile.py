"""hostile - what the tests of bad input share: a run by hand beside which
somebody misbehaves, and what must not come of it.

Each task takes one byte out of a FIFO, so that a test lets tasks run one by
one: while somebody attacks, and after it. Then every process must be there,
with the memory and the descriptors that it had.
"""
import contextlib
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../chaos"))
# pylint: disable=wrong-import-position
import chaos  # noqa: E402
import message  # noqa: E402
import system  # noqa: E402
import zmtp  # noqa: E402
from chaos import until  # noqa: E402

MIB = 1 << 20
FEED_S = 5
WORK = 'head -c1 gate >/dev/null; echo "$1" >>ran; echo "$1"'
QUICK = ("--heartbeat", "200ms", "--liveness", "5s")


class Place:
    """Memory and descriptors of a process."""

    def __init__(self, pid):
        self.pid = pid

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as it:
            it.write("5")

    def memory(self):
        """(now, at its peak since forget_peak), in bytes"""
        with open(f"/proc/{self.pid}/status", encoding="ascii",
                  errors="replace") as file:
            found = dict(re.findall(r"Vm(RSS|HWM):\s+(\d+) kB", file.read()))
        return int(found["RSS"]) << 10, int(found["HWM"]) << 10

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def ports(self):
        """TCP ports it listens at."""
        sockets = set()
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(f"/proc/{self.pid}/fd/{name}"))
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        return {int(row[1].partition(":")[2], 16) for row in rows
                if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


class Beside(chaos.ByHand):
    """Ventilator, sink and one good worker, over TCP."""
    TASKS = 100

    def begin(self, *options, tasks=None, workers=1):
        self.begin_ventilator(*QUICK, *options, work=WORK,
                              tasks=tasks or self.TASKS)
        self.add_sink(*QUICK)
        for _ in range(workers):
            self.add_worker(*QUICK)
        self.wires = []
        self.addCleanup(self.hang_up)
        self.let(2)
        self.run_id = bytes.fromhex(self.status()["run_id"])
        self.sink_refused = 0  # at least so many
        self.calm = {name: place.descriptors()
                     for name, place in self.vitals().items()}

    def connect(self, port, kind=None):
        wire = zmtp.connect(port, kind)
        self.wires.append(wire)
        return wire

    def to_ventilator(self):
        return self.connect(self.ports["control"], b"DEALER")

    def to_sink(self):
        return self.connect(self.sink_port(), b"PUSH")

    def hang_up(self):
        for wire in self.wires:
            wire.close()
        self.wires = []

    def make(self, kind, body=b"", **header):
        """A message of this run."""
        return message.message(kind, body, **{"run": self.run_id, **header})

    # What is seen of the run

    def status(self, wire=None):
        asking = wire or zmtp.connect(self.ports["control"], b"DEALER")
        asking.send(message.message(message.ASK, message.ask()))
        while True:
            heard = message.Heard(asking.receive())
            if heard.kind == message.ANSWER:
                break
        if not wire:
            asking.close()
        return json.loads(heard.body[8:])

    def let(self, count=1):
        """So many more tasks run and are stored. A copy of a task that was
        given up may eat what another waits for: then there is more."""
        wanted = self.status()["done"] + count
        os.write(self.gated.held, bytes(count))
        self.fed_s = time.monotonic()

        def stored():
            if time.monotonic() > self.fed_s + FEED_S:
                os.write(self.gated.held, b"x")
                self.fed_s = time.monotonic()
            return self.status()["done"] >= wanted
        until(f"{wanted} tasks are stored", stored)

    def vitals(self):
        return {role.program: Place(role.pid())
                for role in (self.ventilator, self.sink, self.workers[0])}

    @contextlib.contextmanager
    def unharmed(self, memory=16 * MIB, refused=0, ends=True):
        """What is done within harms nobody. `refused` so many messages are
        counted by the ventilator."""
        places = self.vitals()
        before = {}
        for name, place in places.items():
            place.forget_peak()
            before[name] = place.memory()[0], place.descriptors()
        counted = self.status()["refused"]
        yield
        self.let()  # while they are still connected
        if ends:
            self.hang_up()
        if refused:
            until(f"{refused} messages are counted",
                  lambda: self.status()["refused"] >= counted + refused)
        self.let()
        for role in (self.ventilator, self.sink, *self.workers):
            self.assertIsNone(role.process.poll(), role.text())
        for name, place in places.items():
            rss, descriptors = before[name]
            descriptors = max(descriptors, self.calm[name])
            now, peak = place.memory()
            self.assertLess(now - rss, memory, f"memory of {name}")
            self.assertLess(peak - rss, memory, f"peak memory of {name}")
            until(f"{name} has its {descriptors} descriptors again, not "
                  f"{place.descriptors()}",
                  lambda: place.descriptors() <= descriptors)

    def attack(self, attacks, **how):
        """Each attack of a table, by name, is harmless."""
        for name, attack in attacks.items():
            with self.subTest(attack=name), self.unharmed(**how):
                attack()

    def end_well(self):
        """The run ends as if nobody had been there."""
        self.hang_up()
        os.write(self.gated.held, bytes(self.tasks))
        self.assertEqual(self.ventilator.ends(), system.OK,
                         self.ventilator.text())
        self.assertEqual(self.sink.ends(), system.OK, self.sink.text())
        for worker in self.workers:
            self.assertEqual(worker.ends(), system.OK, worker.text())
        self.assert_whole(self.tasks)
        self.assert_log_is_ours(self.ventilator, self.sink, *self.workers)
        refused = int(re.search(r"refused=(\d+)", self.sink.text())[1])
        self.assertGreaterEqual(refused, self.sink_refused)

    def assert_log_is_ours(self, *roles):
        """No text of another made a line or a control character."""
        for role in roles:
            for line in role.text().splitlines():
                self.assertRegex(line, r"^fan-\w+: ")
                self.assertNotRegex(line, "[\x00-\x1f\x7f-\x9f]")


main = chaos.main
