"""Strangers at each listening socket, who speak no ZMTP, or speak it badly."""
import os
import resource
import socket

import hostile
import message
from hostile import MIB
from zmtp import command, frame, greeting, ready

GOOD = {"control": b"DEALER", "results": b"PUSH", "lane": b"PULL"}
NOT_MATCHING = {"control": (b"PUSH", b"PUB", b"PAIR", b"XXXX", b""),
                "results": (b"DEALER", b"PULL", b"SUB", b"REQ"),
                "lane": (b"PUSH", b"DEALER", b"ROUTER")}
LIMIT = {"control": 64 * MIB, "results": 256 * MIB}
SILENT = 100
FLOOD = 300000


class Strangers(hostile.Beside):
    def setUp(self):
        super().setUp()
        self.begin()
        lane, = (hostile.Place(self.ventilator.process.pid).ports()
                 - {self.ports["control"]})
        self.doors = {"control": self.ports["control"],
                      "results": self.sink_port(), "lane": lane}

    def each_door(self, attack, doors=GOOD, **how):
        for door in doors:
            with self.subTest(door=door), self.unharmed(**how):
                attack(door)
        self.end_well()

    def open(self, door):
        return self.connect(self.doors[door])

    def shake(self, door, kind=None):
        return self.connect(self.doors[door], kind or GOOD[door])

    def say(self, door, *texts):
        for text in texts:
            self.open(door).write(text)

    def test_who_connects_and_closes(self):
        def attack(door):
            for _ in range(200):
                socket.create_connection(
                    ("127.0.0.1", self.doors[door])).close()
        self.each_door(attack)

    def test_who_connects_and_says_nothing(self):
        def attack(door):
            for _ in range(SILENT):
                self.open(door)
        self.each_door(attack)

    def test_silence_up_to_the_limit_of_descriptors(self):
        for role, door in ((self.ventilator, "control"),
                           (self.sink, "results")):
            with self.subTest(door=door), self.unharmed():
                pid = role.process.pid
                room = hostile.Place(pid).descriptors() + 50
                whole = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (room, whole[1]))
                for _ in range(SILENT):
                    self.open(door)
                hostile.until("no descriptor is left", lambda: hostile.Place(
                    pid).descriptors() >= room)
                self.let_known_only()
                self.hang_up()
                resource.prlimit(pid, resource.RLIMIT_NOFILE, whole)
        self.end_well()

    def let_known_only(self):
        """A task runs, though nobody new gets in to ask for the status."""
        before = len(self.finals_quietly())
        os.write(self.gated.held, b"x")
        hostile.until("a task is stored",
                      lambda: len(self.finals_quietly()) > before)

    def test_a_byte_at_a_time(self):
        def attack(door):
            wire = self.open(door)
            for byte in greeting()[:4]:
                wire.write(bytes([byte]))
                self.let()
        self.each_door(attack)

    def test_wrong_greetings(self):
        def attack(door):
            self.say(door, b"\0" * 64, b"\xff" * 64, b"\xff" * 1000,
                     greeting(major=2), greeting(major=1), greeting(major=9),
                     greeting(signature=bytes(10)),
                     b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n",
                     bytes(range(256)) * 100)
        self.each_door(attack)

    def test_wrong_handshakes_are_cut(self):
        def attack(door):
            kind = GOOD[door]
            for text in (greeting(b"CURVE"), greeting(b"PLAIN"),
                         greeting(b"x" * 20),
                         greeting() + command(b"HELLO" + bytes(200)),
                         greeting() + frame(b"no command"),
                         greeting() + command(b"READY", b"\xff" * 50),
                         greeting() + command(b"READY",
                                              b"\1x\xff\xff\xff\xff!"),
                         greeting() + ready(kind)[:1] + b"\0",
                         greeting() + command(b"READY", b"\1x\0\1\0\0" + bytes(70000),
                                              size=2**40)):
                wire = self.open(door)
                wire.write(text)
                self.assertTrue(wire.is_ended())
        self.each_door(attack)

    def test_wrong_socket_types_are_cut(self):
        def attack(door):
            for kind in NOT_MATCHING[door]:
                wire = self.open(door)
                wire.write(greeting() + ready(kind))
                self.assertTrue(wire.is_ended())
        self.each_door(attack)

    def test_frames_that_are_too_long_are_cut(self):
        def attack(door):
            for size in (LIMIT[door] + 1, 2**31, 2**32, 2**63 - 1, 2**63,
                         2**64 - 1):
                wire = self.shake(door)
                wire.write(frame(b"x" * 1000, size=size))
                self.assertTrue(wire.is_ended())
        self.each_door(attack, LIMIT)

    def test_frame_that_never_comes_takes_no_memory(self):
        def attack(door):
            for _ in range(10):
                self.shake(door).write(frame(b"x" * 1000, size=LIMIT[door]))
        self.each_door(attack, LIMIT)

    def test_messages_of_many_frames_are_one_that_is_refused(self):
        def attack(door):
            many = frame(b"x" * 100, 1) * 10000
            self.shake(door).write(many)           # and no end
            self.shake(door).write(many + frame(b"end"))
            self.shake(door).write(frame(b"", 1) + frame(b"x"))
            self.sink_refused += 2 * (door == "results")
        self.each_door(attack, LIMIT)

    def test_a_million_empty_frames(self):
        def attack(door):
            self.shake(door).write(frame(b"") * 1000000)
            if door == "results":
                self.sink_refused += 1000000
            else:
                hostile.until("all are counted", lambda:
                              self.status()["refused"] >= 1000000)
        self.each_door(attack, LIMIT)

    def test_wrong_commands_within_a_connection(self):
        def attack(door):
            for text in (command(b"PING"), command(b"PING", b"\0\1" + b"x" * 99),
                         command(b"PONG"), command(b"NONSENSE", bytes(99)),
                         command(b"SUBSCRIBE"), command(b""), b"\xff" * 64,
                         b"\7\0", command(b"ERROR", b"\xffoops")):
                self.shake(door).write(text)
        self.each_door(attack)

    def test_answers_that_are_not_read_do_not_pile_up(self):
        def attack(door):
            unknown = frame(self.make(message.REPORT, message.report()))
            self.shake(door).write(unknown * FLOOD)
        self.each_door(attack, ("control",), memory=32 * MIB)


if __name__ == "__main__":
    hostile.main()
