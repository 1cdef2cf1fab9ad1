"""nemesis - kills and stops whatever a run consists of, for minutes (F54)

    nemesis.py --minutes M --seed X

Batch after batch runs, every second one under fan run, while each 50 to 500 ms
one or two of its processes are killed, or stopped for a while, fan run among
them, which is then resumed. The others are field.py's: the roles by hand, and
their links suffer, too. Each batch must end with one final record of each task,
with the right output, by fan run printed at most once, and no more may have
been computed again than the kills explain. The seed gives what is done, the
machine when it hits.
"""
import collections
import os
import random
import signal
import sys
import time

import chaos
import field
import system

PROGRAMS = ("fan-ventilator", "fan-sink", "fan-worker")
BATCH = 1500
BATCH_S = 30
SLOTS = 4
OPTIONS = ("--results", "run", "-j", str(SLOTS), "--heartbeat", "100ms",
           "--liveness", "1s", "--rejoin", "1s", "--max-losses", "1000")
WORK = ("--", "sh", "-c", 'echo "$1" >>ran; echo "$1"', "sh", "{}")
# Every seventh task fails at first.
FAILING = ("--", "sh", "-c", 'echo "$1" >>ran; echo "$1"; '
           'test $(($1 % 7)) != 0 || test "$FAN_ATTEMPT" != 1', "sh", "{}")
KINDS = {"plain": WORK, "ordered": ("--keep-order", *WORK),
         "retried": ("--retries", "3", "--backoff", "1ms..10ms", *FAILING)}


class Batch(chaos.ChaosTest):
    """One batch under attack; `strikes` counts what was done to it."""

    def __init__(self, dice, until_s):
        super().__init__("batch")
        self.dice, self.until_s = dice, until_s
        self.kind = dice.choice(sorted(KINDS))
        self.strikes = collections.Counter()
        self.most_in_flight = 0
        self.printed = []
        self.stopped = chaos.Stopped()

    def victims(self, run):
        if self.dice.random() < 0.06:
            return [("fan", run.process.pid)]
        found = []
        for program in self.dice.sample(PROGRAMS, self.dice.choice((1, 1, 2))):
            pids = run.of_program(program)
            if pids:
                found.append((program, self.dice.choice(pids)))
        return found

    def strike(self, run):
        kills = self.dice.random() < 0.7
        for program, pid in self.victims(run):
            number = signal.SIGKILL if kills else signal.SIGSTOP
            # A pid may have gone, not come anew: its parent is ours.
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            self.most_in_flight = max(self.most_in_flight, self.in_flight())
            self.strikes[("kill " if kills else "stop ") + program] += 1
            if not kills:
                self.stopped.add(pid, self.dice.uniform(0.05, 2))

    def attack(self, resume):
        """One fan run to its end; returns its exit code."""
        run = self.start("run", *(["--resume"] if resume else []), *OPTIONS,
                         *KINDS[self.kind], ":::", *system.numbers(1, BATCH))
        os.set_blocking(run.process.stdout.fileno(), False)
        out, below = b"", []
        patience_s = max(self.until_s - time.monotonic(), 0) + 120
        end_s = time.monotonic() + patience_s
        while run.process.poll() is None:
            self.assertLess(time.monotonic(), end_s,
                            "it does not end: " + run.errors())
            time.sleep(self.dice.uniform(0.05, 0.5))
            out += run.process.stdout.read() or b""
            self.stopped.wake(every=time.monotonic() > self.until_s)
            if time.monotonic() < self.until_s:
                below = system.descendants(run.process.pid) or below
                self.strike(run)
        self.stopped.wake(every=True)
        out += run.process.stdout.read() or b""
        self.assert_ends(below)
        # A killed fan run may have printed half a line.
        self.printed += out.decode().splitlines()
        return run.process.returncode

    def batch(self):
        self.tasks = BATCH
        code = self.attack(False)
        times = 0
        while code != system.OK:
            times += 1
            self.strikes["resume after " + str(code)] += 1
            self.assertIn(code, (system.ERROR, system.TASKS_FAILED,
                                 -signal.SIGKILL, 128 + signal.SIGTERM))
            self.assertLess(times, 1000)
            code = self.attack(True)
        self.assert_whole(BATCH)
        twice = [line for line, count in
                 collections.Counter(self.printed).items() if count > 1]
        self.assertFalse(twice, "printed twice")
        if self.kind == "ordered" and times == 0:
            self.assertEqual(self.printed, system.numbers(1, BATCH))

    def recomputed(self):
        planned = BATCH // 7 if self.kind == "retried" else 0
        return max(super().recomputed() - planned, 0)

    def report(self):
        """What the batch came to. The bound: a kill costs at most what was
        under way, which is credit and results not stored."""
        report = self.toll(BATCH)
        for what, count in self.strikes.items():
            report[what.split()[0] + "s"] += count
        report["bound"] = ((report["kills"] + report["stops"])
                           * (self.most_in_flight + SLOTS))
        self.assertLessEqual(report["recomputed"], report["bound"])
        return report


def fight(seed, seconds, say=print):
    """Batches of one kind after the other for so long; returns what it came
    to, or raises. Every second one is a field.Field."""
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    total = collections.Counter()
    while time.monotonic() < until_s:
        makes = (Batch, field.Field)[total["batches"] % 2]
        # None may take it all: a batch that is hit all the time hardly ends.
        batch = makes(dice, min(until_s, time.monotonic()
                                + min(BATCH_S, seconds / 2)))
        batch.setUp()
        begun_s = time.monotonic()
        try:
            batch.batch()
            report = batch.report()
            total.update(batch.strikes)
            total.update(report)
            total["batches"] += 1
            say(f"{time.monotonic() - begun_s:6.1f} s {batch.kind:8}",
                chaos.told(report), flush=True)
        finally:
            batch.doCleanups()
    return total


if __name__ == "__main__":
    sys.exit(chaos.command_line(
        "nemesis", "kills and stops fan's processes, and bends their links",
        fight))
