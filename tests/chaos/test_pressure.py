"""Back-pressure: whoever is slow, nobody's memory grows, nothing stalls for
good, and all goes on at full speed when the slow one does.

Sizes are for a continuous test; with CHAOS_LONG=1 they are ten times as large. Bounds are
of each process by itself and do not grow with the sizes.
"""
import base64
import os
import subprocess
import threading
import time
import unittest

import chaos
import system
from chaos import LONG, ChaosTest, until

MIB = 1 << 20
MANY = 10 if LONG else 1
LINE = 1000000                # a large output
USUAL_MIB = 64                # what a role may have, beside what is said
ROLES = ("fan", "fan-ventilator", "fan-sink", "fan-worker")


def peak_mib(pid):
    """The most that a process ever had; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


class Watch:
    """Peaks of each program below a process, until that ends."""

    def __init__(self, root):
        self.root = root
        self.most = dict.fromkeys(ROLES, 0)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.over.wait(0.02):
            for pid in [self.root, *system.descendants(self.root)]:
                name = system.program_of(pid)
                if name in self.most:
                    self.most[name] = max(self.most[name], peak_mib(pid))

    def close(self):
        self.over.set()
        self.thread.join()


class Pressed(ChaosTest):
    def begin(self, *arguments, stdin=subprocess.DEVNULL):
        with open(self.path("said"), "wb") as said:
            self.run_ = subprocess.Popen(
                [os.path.join(system.BIN, "fan"), "run", "--results", "run",
                 *arguments], cwd=self.folder, env=self.environment,
                stdin=stdin, stdout=subprocess.PIPE, stderr=said)
        self.addCleanup(self.end, self.run_)
        self.watch = Watch(self.run_.pid)
        self.addCleanup(self.watch.close)

    def read_all(self):
        """How many bytes it prints in all."""
        return sum(map(len, iter(lambda: self.run_.stdout.read(MIB), b"")))

    def ends(self, code=system.OK):
        self.assertEqual(self.run_.wait(system.PATIENCE_S), code,
                         self.read("said"))
        self.watch.close()

    def assert_flat(self, **bounds_mib):
        """No role had more than is usual, or is said here."""
        for name, most in self.watch.most.items():
            bound = bounds_mib.get(name.removeprefix("fan-"), USUAL_MIB)
            with self.subTest(program=name):
                self.assertGreater(most, 0)
                self.assertLess(most, bound, str(self.watch.most))


class Reader(Pressed):
    def test_f53_reader_that_stands_still_stops_no_task(self):
        """Everything is computed and stored though nobody reads; then it is
        read: a line, and all the others."""
        self.tasks = 150 * MANY
        self.begin("-j", "2", "-q", "--retain-max", "8M", "--", "sh", "-c",
                   f'head -c {LINE} /dev/zero | tr "\\0" x; echo " $1"; '
                   'echo "$1" >>ran', "sh", "{}", ":::",
                   *system.numbers(1, self.tasks))
        until("all is computed", lambda: len(self.executions()) == self.tasks)
        first = self.run_.stdout.readline()
        rest = self.run_.stdout.read().splitlines()
        self.ends()
        seen = [line.split() for line in [first, *rest]]
        self.assertEqual({len(text) for text, _ in seen}, {LINE})
        self.assertEqual(sorted(int(number) for _, number in seen),
                         list(range(1, self.tasks + 1)))
        self.assert_finals(self.tasks)
        self.assertEqual(self.recomputed(), 0)
        self.assert_flat()


class Disk(Pressed):
    BUDGET_MIB, SLOTS, STEPS = 8, 4, 3

    def test_f53_slow_disk_holds_the_workers_back(self):
        """A sync takes a second more: no more is computed than the budget
        holds, and ever more is stored; then the disk is fast."""
        self.tasks = 150 * MANY
        self.write("big", base64.b64encode(os.urandom(LINE * 3 // 4)).decode())
        self.inject("fan-sink:fdatasync:1+:SLOW:" + chaos.LOG)
        self.begin("-j", str(self.SLOTS), "-q", "--retain-max",
                   f"{self.BUDGET_MIB}M", "--", "sh", "-c",
                   'echo "$1" >>ran; cat big; echo " $1"', "sh", "{}", ":::",
                   *system.numbers(1, self.tasks))
        self.seen = []
        reader = threading.Thread(target=self.drain)
        reader.start()
        self.addCleanup(reader.join)
        for _ in range(self.STEPS):
            before = len(self.seen)
            until("more is stored", lambda: len(self.seen) > before)
            # Begun, not seen: the budget, its last, what the slots run and the
            # queue has begun, and as much as that again on its way here.
            self.assertLessEqual(len(self.executions()) - before,
                                 3 * self.BUDGET_MIB + 1 + 2 * self.SLOTS)
        with open(self.path("fast"), "wb"):
            pass
        self.now()
        self.ends()
        reader.join()
        self.at_end()
        self.assertEqual(sorted(self.seen), list(range(1, self.tasks + 1)))
        self.assert_finals(self.tasks)
        self.assertEqual(self.recomputed(), 0)
        self.assert_flat()

    def drain(self):
        for line in self.run_.stdout:
            self.seen.append(int(line.rpartition(b" ")[2]))


class Output(Pressed):
    BOUND_MIB = 600  # eight times --output-max, and what is usual

    def test_f53_output_without_end_is_cut_or_fails_its_task(self):
        for options, status in (((), "failed"), (("--truncate",), "ok")):
            with self.subTest(status=status):
                self.begin("-j", "2", "-q", *options, "--", "sh", "-c",
                           f'test "$1" != 2 || yes | head -c {300 * MANY}M;'
                           ' echo "$1"', "sh", "{}", ":::", "1", "2", "3")
                size = self.read_all()
                self.ends(system.OK if options else system.TASKS_FAILED)
                self.assertLessEqual(size, (64 << 20) + 4)
                finals = self.finals()
                self.assertEqual([finals[task]["status"] for task in finals],
                                 ["ok", status, "ok"])
                # Of text: a record of 64 MiB of NULs is 384 MiB of \\u0000.
                self.assert_flat(worker=self.BOUND_MIB, sink=self.BOUND_MIB,
                                 fan=self.BOUND_MIB)
                self.afresh()


class Input(Pressed):
    AHEAD_MIB = 64  # of standard input, copied before it is read

    def test_f53_many_lines(self):
        count = 1000000 * MANY
        with open(self.path("lines"), "w", encoding="ascii") as file:
            file.writelines(f"{number}\n" for number in range(1, count + 1))
        plugin = os.path.join(system.BIN, "../testbin/noop_plugin.so")
        with open(self.path("lines"), "rb") as lines:
            self.begin("-q", "-j", "2", "--plugin", plugin, stdin=lines)
        size = self.read_all()
        self.ends()
        # The plugin prints its payload as it is, without a newline.
        self.assertEqual(size, os.path.getsize(self.path("lines")) - count)
        said = self.fan("verify", "run")
        self.assertIn(f" {count} ", " ".join(said).replace(",", ""))
        self.assert_flat()

    def test_f53_line_of_a_hundred_megabytes_is_one_failed_task(self):
        with open(self.path("lines"), "wb") as file:
            file.write(b"a\n")
            file.seek(100 * MANY * MIB, os.SEEK_CUR)
            file.write(b"\nb\n")
        self.begin("-q", "-k", "-a", "lines", "--", "echo")
        self.assertEqual(self.run_.stdout.read(), b"a\nb\n")
        self.ends(system.TASKS_FAILED)
        self.assertEqual([record["status"] for record in
                          self.finals().values()], ["ok", "failed", "ok"])
        self.assert_flat()

    def test_f53_input_without_end_waits_for_its_tasks(self):
        """Nobody computes: only so much is read. When they go on, so does the
        writer."""
        gated = self.gate()
        self.begin("-q", "-j", "2", "--", "sh", "-c", "cat gate; :", "sh",
                   stdin=subprocess.PIPE)
        stdin = self.run_.stdin.fileno()
        os.set_blocking(stdin, False)
        line = b"x" * 99999 + b"\n"
        self.count, self.left = 0, b""

        def write(most_mib):
            while self.count * len(line) < most_mib * MIB:
                self.left = self.left or line
                try:
                    put = os.write(stdin, self.left)
                except BlockingIOError:
                    return False
                self.left = self.left[put:]
                self.count += not self.left
            return True

        until("much is taken", lambda: write(self.AHEAD_MIB - 1))
        bound_mib = 3 * self.AHEAD_MIB  # ahead, the window, and some more
        until_s = time.monotonic() + 2  # so long it is pressed for more
        while time.monotonic() < until_s:
            self.assertFalse(write(bound_mib))
        gated.open()
        until("the writer goes on", lambda: write(bound_mib + 32 * MANY))
        self.count += bool(self.left)
        os.set_blocking(stdin, True)
        while self.left:
            self.left = self.left[os.write(stdin, self.left):]
        self.run_.stdin.close()
        self.ends()
        self.assert_finals(self.count)
        self.assert_flat(ventilator=3 * self.AHEAD_MIB)


if __name__ == "__main__":
    unittest.main()
