"""Well-framed ZeroMQ with wrong messages of fan in it, at ventilator and sink,
from somebody who knows the run's id."""
import csv
import io
import json
import struct
import zlib

import hostile
import message
import system
from hostile import MIB, until
from message import (deflated, hello, refs, report, result, results, text)
from zmtp import frame

ME = b"hostile stranger"
CONTROL_MAX = 64 * MIB
FORGED_TEXT = ("a\nfan-sink: error forged by=me\r\n\x1b[31mred\x1b[0m"
               "\x1b]0;title\a\0\x7f\x9b\u2028\u202e\"\\").encode()
FORGED = FORGED_TEXT + b"\xff\xc3\xed\xa0\x80"
# As in docs/protocol.md: what a role hears.
AT_VENTILATOR = ("hello", "report", "returned", "stored", "synced", "bye",
                 "matched", "ask", "progress")


def patched(frame_, run):
    """A vector, as one of this run."""
    return frame_[:20] + run + frame_[36:]


def with_size(kind, body, size, **header):
    return message.message(kind, body, size=size, **header)


class Bad(hostile.Beside):
    def setUp(self):
        super().setUp()
        self.begin()

    def say(self, *messages, wire=None):
        wire = wire or self.to_ventilator()
        wire.write(b"".join(frame(data) for data in messages))
        return wire

    def push(self, *messages):
        """To the sink; all of them are refused."""
        self.to_sink().write(b"".join(frame(data) for data in messages))
        self.sink_refused += len(messages)

    def headers(self, kind, body):
        """One fault of a header in each."""
        make = self.make
        return [make(kind, body, magic=b"FAN2"), make(kind, body, magic=b""),
                make(kind, body, version=0), make(kind, body, version=2),
                make(kind, body, version=255), make(0, body),
                make(22, body), make(255, body), make(kind, body, flags=2),
                make(kind, body, flags=0x8001), make(kind, body, inflated=9),
                make(kind, body, size=len(body) - 1),
                make(kind, body, size=len(body) + 1),
                make(kind, body, size=0), make(kind, body, size=2**31),
                make(kind, body, size=2**32 - 1),
                make(kind, body, run=b"another run's id"),
                make(kind, body) + b"\0", make(kind, body + b"\0"), b"",
                b"F", bytes(52), b"\xff" * 5000]

    def packed(self, kind, body):
        """Faults of compression, one in each."""
        good = zlib.compress(body, 9)
        bomb = zlib.compress(bytes(CONTROL_MAX + MIB), 9)

        def make(packed, inflated):
            return deflated(kind, b"", packed=packed, inflated=inflated,
                            run=self.run_id)
        return [make(bomb, CONTROL_MAX + MIB), make(bomb, 2**32 - 1),
                make(bomb, 60 * MIB), make(bomb, len(body)),
                make(good[:-1], len(body)), make(good[:5], len(body)),
                make(good[:-4] + b"\0\0\0\0", len(body)),
                make(good, len(body) - 1), make(good, len(body) + 1),
                make(good, 0), make(good + b"\0", len(body)),
                make(good + good, len(body)), make(b"", len(body)),
                make(b"\x78\xda" + b"\xa5" * 500, 5000),
                make(bytes(1000), 1000), make(zlib.compress(b""), 2**31)]

    def test_every_prefix_of_every_message(self):
        cut = [patched(whole, self.run_id)[:size]
               for whole in message.vectors().values()
               for size in range(len(whole))]
        with self.unharmed(refused=len(cut)):
            self.say(*cut)
            self.push(*cut)
        self.end_well()

    def test_every_whole_message_with_other_bytes(self):
        """What changed bytes mean is not known; that they harm nobody is."""
        changed = []
        for whole in message.vectors().values():
            whole = patched(whole, self.run_id)
            for at in range(36, len(whole), 2):
                changed.append(whole[:at] + bytes([whole[at] ^ 0xff])
                               + whole[at + 1:])
        with self.unharmed(memory=64 * MIB):
            self.say(*changed)
            self.to_sink().write(b"".join(map(frame, changed)))
        self.end_well()

    def test_wrong_headers(self):
        bad = self.headers(message.REPORT, report())
        with self.unharmed(refused=len(bad)):
            self.say(*bad)
        with self.unharmed():
            self.push(*self.headers(message.RESULTS, results(1, result())))
        self.end_well()

    def test_wrong_compression(self):
        kinds = ((message.REPORT, report() + bytes(300)),
                 (message.HELLO, hello(host=b"x" * 300)))
        for kind, body in kinds:
            bad = self.packed(kind, body)
            with self.unharmed(memory=80 * MIB, refused=len(bad)):
                self.say(*bad)
        with self.unharmed(memory=80 * MIB):
            self.push(*self.packed(message.RESULTS,
                                   results(1, result(out=b"x" * 300))))
        self.end_well()

    def test_lengths_that_lie(self):
        most = b"\xff\xff\xff\xff"
        lies = [(message.REPORT, report()[:-8] + most + most),
                (message.REPORT, report()[:-4] + struct.pack("<I", 1000)),
                (message.REPORT, report(queued=refs((1, 0, 1, 1)))),
                (message.REPORT, report(queued=refs((2**64 - 1, 2, 1, 1)))),
                (message.HELLO, hello()[:-16] + text(b"")[:1]),
                (message.HELLO, hello(host=b"x" * 1025)),
                (message.HELLO, hello(host=b"x" * 65535)),
                (message.HELLO, hello(role=0)), (message.HELLO, hello(role=9)),
                (message.HELLO, hello(versions=(2, 1))),
                (message.STORED, message.stored()[:-4] + most),
                (message.ASK, struct.pack("<II", 1, 2**32 - 1) + b"{"),
                (message.BYE, message.bye(9)),
                (message.RETURNED, struct.pack("<II", 1, 2**32 - 1))]
        bad = [self.make(kind, body) for kind, body in lies
               if kind != message.STORED]
        with self.unharmed(refused=len(bad)):
            self.say(*bad)
        entry = result()
        with self.unharmed():
            self.push(*(self.make(message.RESULTS, body) for body in (
                struct.pack("<QQI", 1, 1, 2**32 - 1),
                struct.pack("<QQI", 1, 1, 2) + entry,
                results(1, entry[:-8] + most + most),
                results(1, entry[:-4] + struct.pack("<I", 2**31)),
                results(1, result(why=10)), results(1, result(why=255)),
                results(1, result(note=b"x" * 1025)),
                results(0, entry), results(1, entry, kept=0),
                results(1, entry, kept=2))))
        self.end_well()

    def test_a_host_name_of_a_megabyte(self):
        """A text's length has 16 bits: what does not fit is left over."""
        bad = [self.make(message.HELLO, hello()[:-16] + b"\xff\xff"
                         + b"x" * MIB)]
        with self.unharmed(refused=1):
            self.say(*bad)
        self.end_well()

    def test_who_never_said_hello(self):
        said = [self.make(kind, body, sender=ME) for kind, body in (
            (message.REPORT, report()), (message.STORED, message.stored()),
            (message.RETURNED, struct.pack("<I", 1) + refs((1, 1, 1, 1))),
            (message.SYNCED, patched(message.vectors()["synced"],
                                     self.run_id)[52:]),
            (message.MATCHED, patched(message.vectors()["matched"],
                                      self.run_id)[52:]))]
        with self.unharmed(refused=len(said)):
            wire = self.say(*said)
            for _ in said:
                heard = message.Heard(wire.receive())
                self.assertEqual(heard.kind, message.REFUSED)
                self.assertEqual(heard.body[:2], b"\1\0")
        # Tasks that were and were not sent, from somebody nobody knows.
        with self.unharmed():
            self.push(*(self.make(message.RESULTS,
                                  results(number, result(task=number + 2,
                                                         out=b"forged")))
                        for number in range(1, 200)))
        self.end_well()

    def test_what_is_not_for_this_role(self):
        heard = message.vectors()
        wrong = [patched(whole, self.run_id) for name, whole in heard.items()
                 if name.partition("-")[0] not in AT_VENTILATOR]
        with self.unharmed(refused=len(wrong)):
            self.say(*wrong)
        with self.unharmed():
            self.push(*(patched(whole, self.run_id)
                        for name, whole in heard.items()
                        if not name.startswith("results")))
        self.end_well()

    def test_other_runs_and_versions_are_told_so(self):
        for code, said in ((2, self.make(message.HELLO, hello(),
                                         run=b"another run's id")),
                           (3, self.make(message.HELLO,
                                         hello(versions=(2, 9))))):
            with self.unharmed():
                wire = self.say(said)
                heard = message.Heard(wire.receive())
                self.assertEqual(heard.kind, message.REFUSED)
                self.assertEqual(heard.body[0], code)
        self.end_well()


class Worker(hostile.Beside):
    """Somebody who is let in as a worker, and then misbehaves."""
    LIVENESS = ("--liveness", "2s")

    def setUp(self):
        super().setUp()
        self.begin(*self.LIVENESS)
        self.number = 0

    def join(self, **said):
        self.number += 1
        self.me = struct.pack("<Q", self.number) + b" hostile"
        wire = self.to_ventilator()
        wire.send(self.make(message.HELLO, hello(**said), sender=self.me))
        heard = message.Heard(wire.receive())
        self.assertEqual(heard.kind, message.WELCOME)
        return wire

    def say(self, wire, kind, body, **header):
        wire.send(self.make(kind, body, **{"sender": self.me, **header}))

    def known(self):
        """The sink knows us as a worker, too."""
        until("we have joined", lambda: any(
            record.get("worker") == self.me.hex() for record in self.stored()))

    def test_hello_again_and_again(self):
        with self.unharmed():
            wire = self.join()
            for _ in range(1000):
                self.say(wire, message.HELLO, hello())
            for lane in range(2, 200):
                self.say(wire, message.HELLO, hello(lane=lane))
            self.status(wire)
        self.end_well()

    def test_many_workers_that_say_only_hello(self):
        # About 150 kB each, until their silence ends them.
        with self.unharmed(memory=32 * MIB):
            for _ in range(60):
                self.join()
        self.end_well()

    def test_tasks_that_it_cannot_have(self):
        far = 2**40
        claims = [refs((1, 1000000, 1, 1)),
                  refs(*((1 + 1000 * n, 1000, 1, 1) for n in range(1000))),
                  refs((far, 1, 1, 1)), refs((2**63, 1000, 1, 1)),
                  refs((0, 1, 1, 1)), refs((50, 1, 0, 1)),
                  refs((51, 1, 1, 0)), refs((52, 1, 2**32 - 1, 2**32 - 1)),
                  refs((1, 2**32 - 1, 1, 1)),
                  refs(*[(1, 2**32 - 1, 1, 1)] * 50000)]
        with self.unharmed(memory=32 * MIB, refused=2 * len(claims)):
            wire = self.join()
            for lane, claim in enumerate(claims, 2):
                # It takes no new tasks, lest the good one has to wait.
                for lists in (dict(queued=claim), dict(running=claim)):
                    self.say(wire, message.REPORT,
                             report(lane - 1, flags=2, **lists))
                self.say(wire, message.RETURNED,
                         struct.pack("<I", lane - 1) + claim)
                self.say(wire, message.HELLO, hello(lane=lane, queued=claim))
                self.say(wire, message.HELLO, hello(lane=lane, running=claim))
            self.status(wire)
        self.end_well()

    def test_reports_that_cannot_be(self):
        most = 2**64 - 1
        with self.unharmed():
            wire = self.join()
            for said in (dict(received=most), dict(received=5),
                         dict(kept=most, made=most), dict(made=most),
                         dict(kept=0), dict(kept=most, made=5),
                         dict(lane=0), dict(lane=7), dict(flags=2**32 - 1),
                         dict(finished=most, busy_us=most),
                         dict(finished=1, busy_us=most),
                         dict(finished=most, busy_us=0)):
                self.say(wire, message.REPORT, report(**said))
            self.status(wire)
        self.end_well()

    def test_slots_without_number(self):
        with self.unharmed():
            wire = self.join(slots=2**32 - 1)
            self.say(wire, message.REPORT, report())
            self.status(wire)
            self.hang_up()  # its silence gives the tasks back
        self.end_well()

    def test_who_was_given_up_is_told_to_say_hello(self):
        with self.unharmed():
            wire = self.join()
            self.let(4)
            until("it is given up", lambda: self.status()["workers"] == 1)
            self.say(wire, message.REPORT, report())
            while True:
                heard = message.Heard(wire.receive())
                if heard.kind == message.REFUSED:
                    break
            self.assertEqual(heard.body[:2], b"\1\0")
        self.end_well()

    def test_stored_from_a_worker(self):
        counted = self.status()["refused"]
        with self.unharmed():
            wire = self.join()
            self.say(wire, message.STORED, message.stored(0, 10, 10))
            self.say(wire, message.SYNCED,
                     message.vectors()["synced"][52:])
            self.status(wire)
        self.assertGreaterEqual(self.status()["refused"], counted + 2)
        self.end_well()

    def test_results_that_cannot_be(self):
        with self.unharmed():
            self.join()
            self.known()
            wire = self.to_sink()
            bad = [result(task=0), result(task=10**6), result(task=2**64 - 1),
                   result(task=90, attempt=0), result(task=90, generation=0),
                   result(task=90, generation=2),
                   result(task=90, generation=2**32 - 1),
                   result(task=90, turn=1), result(task=90, turn=2**32 - 1),
                   result(task=90, why=5), result(task=90, why=8)]
            for number, entry in enumerate(bad, 1):
                wire.send(self.make(message.RESULTS, results(number, entry),
                                    sender=self.me))
            self.sink_refused += len(bad)
            # One of a task that is final, and gaps.
            for number in [12] * 1000 + [15, 2**64 - 1]:
                wire.send(self.make(message.RESULTS, results(
                    number, result(task=1, out=b"forged")), sender=self.me))
            self.sink_refused += 2
        self.end_well()
        self.assertRegex(self.sink.text(), r"duplicates=1\d\d\d ")

    def test_texts_forge_no_line(self):
        self.join(host=FORGED, endpoint=FORGED)
        self.known()
        self.say(self.to_ventilator(), message.HELLO,
                 hello(role=message.SINK, host=FORGED, endpoint=FORGED))
        wire = self.to_sink()
        for number, (task, text_) in enumerate(((60, FORGED),
                                                (61, FORGED_TEXT)), 1):
            wire.send(self.make(message.RESULTS, results(number, result(
                task=task, note=text_, out=text_, err=text_,
                values=[(text_, text_)])), sender=self.me))
        until("they are records", lambda: {60, 61} <= self.finals_quietly())
        self.assert_log_is_ours(self.ventilator, self.sink)
        self.assertEqual(len([record for record in self.records()
                              if record.get("event") == "joined"]), 2)
        finals = len(self.finals())

        def printed(*how):
            done = self.program("fan", "results", "run", *how)
            self.assertEqual(done.returncode, system.OK, done.stderr)
            return done.stdout
        for how in ((), ("--all",), ("--format", "ndjson")):
            lines = printed(*how).removesuffix("\n").split("\n")
            self.assertEqual(len(lines), finals)
            for line in lines:
                self.assertIn("task", json.loads(line))
                self.assertNotRegex(line, "[\x00-\x1f]")
        self.assertEqual(printed("--format", "tsv").count("\n"), finals + 1)
        rows = list(csv.reader(io.StringIO(printed("--format", "csv"),
                                           newline="")))
        self.assertEqual(len(rows), finals + 1)

    def test_another_workers_name_does_not_stop_it(self):
        good = next(bytes.fromhex(record["worker"])
                    for record in self.records() if record.get("task"))
        self.me = good
        for kind, body in ((message.REPORT, report()),
                           (message.REPORT, report(lane=9)),
                           (message.HELLO, hello(lane=9)),
                           (message.RETURNED,
                            struct.pack("<I", 1) + refs((3, 60, 1, 1))),
                           (message.BYE, message.bye(2)),
                           (message.BYE, message.bye(0))):
            with self.subTest(kind=kind), self.unharmed():
                self.say(self.to_ventilator(), kind, body)
        self.end_well()

    def test_results_under_another_workers_name_do_not_stop_it(self):
        good = next(bytes.fromhex(record["worker"])
                    for record in self.records() if record.get("task"))
        with self.unharmed():
            self.to_sink().send(self.make(message.RESULTS, results(
                10**6, result(task=1), kept=10**6), sender=good))
        self.end_well()

    def test_another_sinks_name_does_not_stop_it(self):
        wire = self.to_ventilator()
        self.me = ME
        self.say(wire, message.HELLO, hello())
        welcome = message.Heard(wire.receive())
        self.me = welcome.body[21:37]
        for kind, body in ((message.STORED, message.stored(0, 10, 10)),
                           (message.STORED, message.stored(2**63, 2**63, 0)),
                           (message.HELLO, hello(
                               role=message.SINK,
                               endpoint=b"tcp://127.0.0.1:1")),
                           (message.BYE, message.bye(0))):
            with self.subTest(kind=kind), self.unharmed():
                self.say(self.to_ventilator(), kind, body)
        self.add_worker(*hostile.QUICK)  # is told where the sink is
        self.end_well()


if __name__ == "__main__":
    hostile.main()
