"""A hostile ventilator and a hostile sink, as a good worker and a good sink
see them."""
import struct
import time

import hostile
import message
import system
import zmtp
from hostile import MIB, until
from message import refs, text
from test_messages import FORGED
from zmtp import frame

RUN, ANOTHER = b"the run we forge", b"another run's id"
US = b"this ventilator!"
STATUSES = 11


def welcome(lane=1, lane_endpoint=b"", results_endpoint=b"", heartbeat=200,
            liveness=5000, most=MIB, definition=(), sink=bytes(16)):
    return struct.pack("<BIIIQIH16s", 1, lane, heartbeat, liveness, most, 1, 0,
                       sink) + text(lane_endpoint) + text(
                           results_endpoint) + struct.pack(
                               "<I", len(definition)) + b"".join(
                                   text(name) + message.sized(value)
                                   for name, value in definition)


def tasks(number, addressee, *numbers, lane=1, attempt=1, args=None):
    args = args or [b"echo", b"done"]
    command = b"\0" + struct.pack("<H", len(args)) + b"".join(
        map(message.sized, args)) + bytes(4) + bytes(4) + bytes(4)
    return struct.pack("<I16sQI", lane, addressee, number,
                       len(numbers)) + b"".join(
        struct.pack("<QIIIHQQ16s", task, 0, attempt, 0, 0, 0, 0, bytes(16))
        + message.sized(command) for task in numbers)


def end(code=0):
    return struct.pack("<BB", code, 1) + bytes(8 * STATUSES)


class Peer(hostile.chaos.ChaosTest):
    """Somebody at the address that a role was given."""

    def setUp(self):
        super().setUp()
        self.control = self.listen(b"ROUTER")
        self.endpoint = self.control.endpoint.decode()

    def listen(self, kind):
        listener = zmtp.Listener(kind)
        self.addCleanup(listener.close)
        return listener

    def accept(self, listener):
        wire = listener.accept()
        self.addCleanup(wire.close)
        return wire

    @staticmethod
    def make(kind, body=b"", **header):
        return message.message(kind, body,
                               **{"run": RUN, "sender": US, **header})

    def hear(self, wire, kind, true=lambda heard: True):
        until_s = time.monotonic() + system.PATIENCE_S
        while time.monotonic() < until_s:
            heard = message.Heard(wire.receive())
            if heard.kind == kind and true(heard):
                return heard
        raise AssertionError(f"message {kind} never comes")

    def bad_frames(self):
        """Of all kinds, none of which anybody may take."""
        bad = [b"", b"F", bytes(52), b"\xff" * 5000]
        for whole in message.vectors().values():
            whole = whole[:20] + RUN + whole[36:]
            bad += [whole[:size] for size in range(0, len(whole), 3)]
            bad += [whole + b"\0", b"FAN2" + whole[4:],
                    whole[:4] + b"\2" + whole[5:],
                    whole[:20] + ANOTHER + whole[36:]]
        return [data for data in bad if data[5:6] != b"\3"]  # not REFUSED


class WorkersView(Peer):
    def begin(self, **said):
        self.worker = hostile.chaos.Role(self, "fan-worker", self.endpoint,
                                         "--jobs", "2", "--verbose",
                                         "--wait", "1h")
        self.wire = self.accept(self.control)
        self.name = self.hear(self.wire, message.HELLO).sender
        lane, results = self.listen(b"PUSH"), self.listen(b"PULL")
        self.wire.send(self.make(message.WELCOME, welcome(**{
            "lane_endpoint": lane.endpoint, "sink": US,
            "results_endpoint": results.endpoint, **said})))
        self.lane, self.results = self.accept(lane), self.accept(results)
        self.hear(self.wire, message.REPORT)
        self.number = 0
        self.place = hostile.Place(self.worker.pid())
        self.before = self.place.memory()[0], self.place.descriptors()

    def does_a_task(self, number):
        self.number += 1
        self.lane.send(self.make(message.TASKS, tasks(self.number, self.name,
                                                      number)))
        heard = self.hear(self.results, message.RESULTS)
        self.assertEqual(struct.unpack_from("<Q", heard.body, 20)[0], number)
        self.assertTrue(heard.body.endswith(message.sized(b"done\n")
                                            + message.sized(b"")))

    def goes_on(self, memory=16 * MIB):
        """And ends when it is told to."""
        self.does_a_task(1000)
        self.assertLess(self.place.memory()[1] - self.before[0], memory)
        until("descriptors", lambda: self.place.descriptors()
              <= self.before[1])
        self.wire.send(self.make(message.END, end()))
        self.hear(self.wire, message.BYE)
        self.assertEqual(self.worker.ends(), system.OK, self.worker.text())

    def dropped(self, count):
        self.hear(self.wire, message.REPORT, lambda heard: struct.unpack_from(
            "<Q", heard.body, 48)[0] >= count)

    def test_bad_messages_are_dropped_and_counted(self):
        self.begin()
        bad = self.bad_frames()
        self.wire.write(b"".join(map(frame, bad)))
        self.lane.write(b"".join(map(frame, bad)))
        self.wire.write((frame(b"x", 1) * 1000 + frame(b"end")) * 2)
        self.wire.write(frame(b"") * 100000)
        self.dropped(2 * len(bad) + 100002)
        self.goes_on()

    def test_tasks_that_are_not_to_be_taken(self):
        self.begin()
        self.does_a_task(1)
        make, name = self.make, self.name
        bad = [make(message.TASKS, tasks(2, US, 2)),
               make(message.TASKS, tasks(2, name, 2, lane=7)),
               make(message.TASKS, tasks(4, name, 2)),
               make(message.TASKS, tasks(2**64 - 1, name, 2)),
               make(message.TASKS, tasks(1, name, 2)),
               make(message.TASKS, tasks(2, name, 2, attempt=0))[:-9],
               make(message.TASKS, tasks(2, name, 2), generation=0),
               make(message.TASKS, tasks(2, name, 2), run=ANOTHER)]
        for data in bad:
            self.lane.send(data)
        self.dropped(len(bad) - 1)  # one is a duplicate
        self.goes_on()

    def test_command_that_cannot_be_is_a_failed_task(self):
        self.begin()
        for task, args in ((1, [b"a\0b"]), (2, [b""]), (3, [b"/"]),
                           (4, [b"echo", b"x" * 200000])):
            self.number += 1
            self.lane.send(self.make(message.TASKS, tasks(
                self.number, self.name, task, args=args)))
            heard = self.hear(self.results, message.RESULTS)
            self.assertEqual(heard.body[20:28], struct.pack("<Q", task))
            self.assertEqual(heard.body[56], 6)  # class spawn
        self.goes_on()

    def test_words_about_what_it_does_not_have(self):
        self.begin()
        most = 2**64 - 1
        every = refs((1, 2**32 - 1, 1, 1), (most - 5, 5, 1, 1))
        for kind, body in (
                (message.CANCEL, every), (message.CANCEL, refs()),
                (message.RECALL, struct.pack("<II", 1, 2**32 - 1)),
                (message.RECALL, struct.pack("<II", 9, 1)),
                (message.RETIRE, struct.pack("<Q", most)),
                (message.RESEND, struct.pack("<Q16s", most, US) + text(b"")),
                (message.RESEND, struct.pack("<Q16s", 0, US) + text(b"")),
                (message.WELCOME, welcome(lane=9)),
                (message.REFUSED, struct.pack("<H", 8) + text(FORGED)),
                (message.REFUSED, struct.pack("<H", 5) + text(FORGED))):
            self.wire.send(self.make(kind, body))
        self.dropped(3)
        self.goes_on()
        self.assertRegex(self.worker.text(), "refused reason=.*forged by")
        hostile.Beside.assert_log_is_ours(self, self.worker)

    def test_definition_of_nonsense(self):
        self.begin(heartbeat=1, liveness=2**32 - 1, most=2**63, definition=[
            (b"timeout", FORGED), (b"no-such", b"x"), (FORGED, FORGED),
            (b"grace", b"-1"), (b"output-max", b"999999999999999999999"),
            (b"", b""), (b"retain-max", b"1e999"), (b"seed", b"010x")])
        self.goes_on()
        hostile.Beside.assert_log_is_ours(self, self.worker)

    def test_refusal_is_told_in_one_line(self):
        worker = hostile.chaos.Role(self, "fan-worker", self.endpoint)
        wire = self.accept(self.control)
        self.hear(wire, message.HELLO)
        wire.send(self.make(message.REFUSED, struct.pack("<H", 2)
                            + text(FORGED)))
        self.assertEqual(worker.ends(), system.ERROR)
        self.assertEqual(worker.text().count("\n"), 1, worker.text())
        self.assertNotRegex(worker.text().rstrip("\n"), "[\x00-\x1f]")

    def test_endpoints_that_are_none(self):
        for endpoint in (b"", FORGED, b"tcp://192.0.2.1:1", b"inproc://x",
                         b"x" * 1024):
            with self.subTest(endpoint=endpoint[:9]):
                worker = hostile.chaos.Role(self, "fan-worker", self.endpoint)
                wire = self.accept(self.control)
                self.hear(wire, message.HELLO)
                wire.send(self.make(message.WELCOME, welcome(
                    lane_endpoint=endpoint)))
                self.assertEqual(worker.ends(), system.ERROR)
                self.assertIn("cannot connect to the lane", worker.text())
                hostile.Beside.assert_log_is_ours(self, worker)


class SinksView(Peer):
    def begin(self, **said):
        self.sink = hostile.chaos.Role(
            self, "fan-sink", self.endpoint, "--results", "run", "--verbose",
            "--wait", "1h")
        self.wire = self.accept(self.control)
        self.name = self.hear(self.wire, message.HELLO).sender
        self.wire.send(self.make(message.WELCOME, welcome(0)))
        self.sync()
        self.place = hostile.Place(self.sink.process.pid)
        self.before = self.place.memory()[0], self.place.descriptors()

    def sync(self, sender=US, generation=0, position=0, **header):
        self.wire.send(self.make(
            message.SYNC, struct.pack("<QI16s", position, generation,
                                      bytes(16)),
            sender=sender, generation=generation, **header))

    def goes_on(self, refused):
        self.hear(self.wire, message.STORED)
        self.assertLess(self.place.memory()[1] - self.before[0], 80 * MIB)
        self.wire.send(self.make(message.END, end()))
        bye = self.hear(self.wire, message.BYE)
        self.assertEqual(self.sink.ends(), system.OK, self.sink.text())
        self.assertGreaterEqual(struct.unpack_from("<BQQ", bye.body)[2],
                                refused)
        self.fan("verify", "run")

    def test_bad_messages_are_dropped_and_counted(self):
        self.begin()
        bad = [data for data in self.bad_frames()  # at which it may leave
               if data[5:6] != b"\2" or ANOTHER not in data]
        self.wire.write(b"".join(map(frame, bad)))
        self.wire.write((frame(b"x", 1) * 1000 + frame(b"end")) * 2)
        self.wire.write(frame(b"") * 100000)
        self.goes_on(len(bad) + 100002)

    def test_records_that_cannot_be(self):
        self.begin()
        self.hear(self.wire, message.SYNCED)

        def record(number, kind, status=0, task=0, turn=0, a=0, b=0,
                   generation=1, attempt=1, why=0):
            return struct.pack("<QBBBBIIIIQQQQ16s16s", number, kind, status,
                               why, 0, turn, generation, attempt, 0, task, a,
                               b, 0, US, bytes(16)) + text(FORGED)

        def records(*entries, kept=1):
            return struct.pack("<QQI", kept, 0, len(entries)) + b"".join(
                entries)
        bad = [record(2, 3), record(2**64 - 1, 3), record(0, 3)]
        for entry in bad:  # gaps
            self.wire.send(self.make(message.RECORD, records(entry)))
        most = 2**64 - 1
        odd = [(1, 2, most), (1, 2, 0), (1, 1, 1), (2, 5, most), (4, 0, 0),
               (6, 0, 5), (6, 0, most), (7, 1, most)]
        number = 0
        for kind, status, task in odd:
            number += 1
            self.wire.send(self.make(message.RECORD, records(
                record(number, kind, status, task))))
        number += 1
        self.wire.send(self.make(message.RECORD, records(
            record(number, 5, a=1, b=most))))
        for header in (dict(generation=0), dict(generation=2),
                       dict(sender=self.name), dict(run=ANOTHER)):
            self.wire.send(self.make(message.RECORD, records(
                record(number + 1, 3)), **header))
        self.goes_on(len(bad) + len(odd) + 5 - 2)

    def test_fenced_ventilator_is_told_so(self):
        self.begin()
        self.hear(self.wire, message.SYNCED)
        self.sync(sender=b"a new ventilator")
        self.hear(self.wire, message.SYNCED)
        self.sync(generation=1)
        refused = self.hear(self.wire, message.REFUSED)
        self.assertEqual(refused.body[:2], b"\6\0")

    def test_refusal_is_told_in_one_line(self):
        sink = hostile.chaos.Role(self, "fan-sink", self.endpoint,
                                  "--results", "run")
        wire = self.accept(self.control)
        self.hear(wire, message.HELLO)
        wire.send(self.make(message.REFUSED, struct.pack("<H", 5)
                            + text(FORGED)))
        self.assertEqual(sink.ends(), system.ERROR)
        self.assertEqual(sink.text().count("\n"), 1, sink.text())
        self.assertNotRegex(sink.text().rstrip("\n"), "[\x00-\x1f]")


class VentilatorsView(hostile.Beside):
    """A sink that is none."""

    def begin_alone(self):
        self.begin_ventilator(*hostile.QUICK, work=hostile.WORK)
        self.wire = zmtp.connect(self.ports["control"], b"DEALER")
        self.addCleanup(self.wire.close)
        self.wire.send(message.message(
            message.HELLO, message.hello(role=message.SINK,
                                         endpoint=b"tcp://127.0.0.1:1")))
        welcome_ = message.Heard(self.wire.receive())
        self.run_id = welcome_.run

    def test_fenced_ventilator_leaves(self):
        self.begin_alone()
        self.wire.send(self.make(message.REFUSED, struct.pack("<H", 6)
                                 + text(b"a later ventilator")))
        self.assertEqual(self.ventilator.ends(), system.ERROR)
        self.assertIn("later ventilator", self.ventilator.text())


if __name__ == "__main__":
    hostile.main()
