"""chaos - what the chaos tests share: the roles by hand over TCP, injected
faults, and what a fault cost.

Tasks append their number to the file `ran` as they start, so that it is known
how often each was executed. A test waits for events, never for time; where
time is the fault (`pause`), it says so.
"""
import argparse
import collections
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
import system  # noqa: E402
from system import until  # noqa: E402
from proxy import Proxy  # noqa: E402

system.PATIENCE_S = int(os.environ.get("CHAOS_PATIENCE_S", "60"))
INJECT = os.environ.get("CHAOS_INJECT") or os.path.join(
    system.BIN, "chaos_inject.so")
RECOVER = os.environ.get("CHAOS_RECOVER") or os.path.join(
    system.BIN, "chaos_recover")
LOG = system.LOG
# Everything, and at full length; else what fits into some minutes.
LONG = os.environ.get("CHAOS_LONG", "0") != "0"
STARTS = 20  # of a process: what a recovery has to wait for at most
LIVENESS = ("--heartbeat", "100ms", "--liveness", "500ms")
# Where nobody may be given up: a busy machine may keep a process waiting.
STEADY_S = 1.5
STEADY = ("--heartbeat", "100ms", "--liveness", f"{STEADY_S * 1000:.0f}ms")
PATIENT = ("--heartbeat", "100ms", "--liveness", "1h")


def pause(seconds, long=None):
    """The fault itself lasts so long; `long` with CHAOS_LONG."""
    time.sleep(long if LONG and long else seconds)


def told(total):
    """What a fight came to, in a line."""
    return ("{tasks} tasks, {kills} kills, {stops} stops, {links} links bent, "
            "{recomputed} recomputed (bound {bound}), {duplicates} duplicates "
            "refused, {lost} lost, {doubles} double").format_map(
                collections.Counter(total))


def command_line(name, what, fight):
    """`NAME --minutes M --seed X`: fights, and tells what it came to; the
    last line sums it up."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"{name} --minutes {arguments.minutes} --seed {arguments.seed}",
          flush=True)
    try:
        total = fight(arguments.seed, arguments.minutes * 60)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(f"FAILED with --seed {arguments.seed}: {error}")
        return 1
    for what_happened, count in sorted(total.items()):
        print(f"{count:8} {what_happened}")
    print(told(total))
    return 0


class Stopped:
    """Processes that were stopped, each for a while."""

    def __init__(self):
        self.due = []

    def add(self, pid, for_s):
        self.due.append((time.monotonic() + for_s, pid))

    def wake(self, every=False):
        now = time.monotonic()
        for due_s, pid in list(self.due):
            if every or due_s <= now:
                self.due.remove((due_s, pid))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def readable(data):
    """The records of a log's whole members up to the first bad one."""
    records = []
    while data:
        member = zlib.decompressobj(31)
        try:
            text = member.decompress(data)
        except zlib.error:
            break
        if not member.eof:
            break
        records += [json.loads(line) for line in text.splitlines()]
        data = member.unused_data
    return records


def children(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    return []


def busy_s():
    """How long a process takes to start here, now."""
    took_s = []
    for _ in range(5):
        begun_s = time.monotonic()
        subprocess.run(["sh", "-c", "true"], check=True)
        took_s.append(time.monotonic() - begun_s)
    return max(took_s)


class Role:
    """A process of its own group, and what it says."""

    def __init__(self, test, program, *arguments, before=(), **environment):
        self.said = tempfile.TemporaryFile()
        self.program = program
        self.process = subprocess.Popen(
            [*before, os.path.join(test.places.get(program, system.BIN), program),
             *arguments], cwd=test.folder,
            env={**test.environment, **environment}, stdout=self.said,
            stderr=self.said, stdin=subprocess.DEVNULL, process_group=0)
        test.addCleanup(self.close)

    def text(self):
        return system.said_in(self.said)

    def says(self, pattern):
        return system.until_said(self.said, pattern)

    def pids(self):
        """The process and those of its program below it, parents first."""
        found = [self.process.pid]
        for pid in found:
            found += [child for child in children(pid)
                      if system.program_of(child) == self.program]
        return found

    def pid(self):
        """The role itself: of a worker the child that works. What that has
        forked is a fan-worker, too, until it is the task."""
        pids = self.pids()
        return pids[self.program == "fan-worker" and len(pids) > 1]

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid(), number)
        if number == signal.SIGKILL:
            self.process.wait(system.PATIENCE_S)

    def ends(self):
        return self.process.wait(system.PATIENCE_S)

    def close(self):
        if self.process.poll() is None:
            for pid in reversed(self.pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(system.PATIENCE_S)
        self.said.close()


class ChaosTest(system.SystemTest):
    """Tests are named test_fNN_...: the rows of the table that they show."""

    def setUp(self):
        super().setUp()
        self.environment = {
            name: value for name, value in self.environment.items()
            if not name.startswith("CHAOS_") and name != "LD_PRELOAD"}
        self.places = {}  # of programs that are not this build's
        self.tasks = 0
        self.fault_s = self.recovery_s = self.limit_s = None
        self.addCleanup(self.note)  # before the folder goes

    # Faults

    def preload(self, faults="", **more):
        """The environment that injects `faults`, each once in the test."""
        if not os.path.exists(INJECT):
            self.fail("no preload: " + INJECT)
        return {"LD_PRELOAD": INJECT, "CHAOS_ONCE": self.folder,
                "CHAOS_FAULTS": faults, **more}

    def inject(self, faults="", **more):
        self.environment.update(self.preload(faults, **more))

    def struck(self, index=0):
        path = self.path(f"fault-{index}")
        self.until("the fault " + path, lambda: os.path.exists(path))

    def now(self):
        """The fault strikes now, or ends now, where it lasts. From here the
        time to the run's end is measured."""
        self.fault_s = time.monotonic()

    def elapsed(self):
        return time.monotonic() - self.fault_s

    def within(self, limit_s, starts=STARTS):
        """It has recovered by now, and the table wants that so soon. Where it
        was later, a busy machine gets the time of some starts more."""
        self.recovery_s, self.limit_s = self.elapsed(), limit_s
        if self.recovery_s > limit_s:
            self.limit_s += starts * busy_s()
        self.assertLessEqual(self.recovery_s, self.limit_s)

    def afresh(self):
        """Everything once more, for another case in the same test."""
        self.doCleanups()
        self.setUp()

    def at_end(self):
        if self.fault_s is not None and self.recovery_s is None:
            self.recovery_s = self.elapsed()

    # What came of it

    def stored(self, run="run"):
        """The records that can be read now."""
        try:
            with open(os.path.join(self.path(run), LOG), "rb") as file:
                return readable(file.read())
        except FileNotFoundError:
            return []

    def until(self, what, true):
        """Waits for what the log and the test's own files tell."""
        return until(what, true, self.folder, self.path("run"))

    def finals_quietly(self, run="run"):
        return {record["task"] for record in self.stored(run)
                if record.get("final")}

    def executions(self):
        try:
            with open(self.path("ran"), encoding="utf-8") as file:
                return collections.Counter(map(int, file.read().split()))
        except FileNotFoundError:
            return collections.Counter()

    def in_flight(self):
        """Tasks that have begun and are not stored: what a kill may cost."""
        return len(set(self.executions()) - self.finals_quietly())

    def toll(self, tasks):
        """What is left of a batch: lost, double and recomputed."""
        places = [(record["task"], record.get("round", 0))
                  for record in self.stored() if record.get("final")]
        return collections.Counter(
            tasks=tasks, lost=tasks - len({task for task, _ in places}),
            doubles=len(places) - len(set(places)),
            recomputed=self.recomputed())

    def recomputed(self):
        return sum(count - 1 for count in self.executions().values())

    def verdict(self):
        def is_mine(test):  # a subTest is of a test
            return getattr(test, "test_case", test) is self
        result = self._outcome.result
        if any(is_mine(test) for test, _ in result.failures + result.errors):
            return "FAILED"
        if any(is_mine(test) for test, _ in result.skipped):
            return "skipped"
        return "ok"

    def note(self):
        """A line for the table that `run` prints."""
        path = os.environ.get("CHAOS_TABLE")
        rows = re.findall(r"_(f\d\d)", self._testMethodName)
        if not path or not rows:
            return
        places = [(record["task"], record.get("round", 0))
                  for record in self.stored() if record.get("final")]
        line = {"rows": [row.upper() for row in rows],
                "verdict": self.verdict(),
                "test": self._testMethodName, "recovery_s": self.recovery_s,
                "limit_s": self.limit_s,
                "recomputed": self.recomputed(),
                "doubles": len(places) - len(set(places)),
                "lost": self.tasks - len({task for task, _ in places})}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def assert_nobody_lost(self):
        self.assertFalse([record for record in self.records()
                          if record.get("status") == "lost"])

    def assert_whole(self, tasks, recomputed=None):
        """Each task has one final record with the right output."""
        self.assert_finals(tasks)
        for task, record in self.finals().items():
            self.assertEqual(record["stdout"], f"{task}\n")
        self.fan("verify", "run")
        self.assertEqual(set(self.executions()), set(range(1, tasks + 1)))
        if recomputed is not None:
            self.assertLessEqual(self.recomputed(), recomputed,
                                 str(self.executions()))


class Midway(ChaosTest):
    """The first tasks are done, the others wait at the gate."""

    def goes_on(self, limit_s):
        """Something more is stored so soon after the fault."""
        before = len(self.finals_quietly())
        self.gated.open()
        self.until("it goes on", lambda: len(self.finals_quietly()) > before)
        self.within(limit_s)


class Run(Midway):
    """fan run, whose first tasks are done and whose others wait."""
    TASKS, FREE = 40, 10
    WORK = 'echo "$1" >>ran; test "$1" -le {} || cat gate; echo "$1"'

    def begin(self, *options, free=None, tasks=None):
        self.tasks = tasks or self.TASKS
        free = self.FREE if free is None else free
        self.gated = self.gate()
        self.run_ = self.start(
            "run", "--results", "run", "-j", "2", *options, "--", "sh", "-c",
            self.WORK.format(free), "sh", "{}", ":::",
            *system.numbers(1, self.tasks))
        self.run_.read_lines(free)

    def role(self, program):
        place = program == "fan-worker"
        return until(f"a {program} is there",
                     lambda: self.run_.of_program(program)[place:])[0]

    def strike(self, program, number):
        os.kill(self.role(program), number)

    def heard(self, text):
        self.run_.says(text)

    def end_whole(self, recomputed=None):
        self.gated.open()
        self.assertEqual(self.run_.finish(), system.OK, self.run_.errors())
        self.at_end()
        self.assertEqual(sorted(map(int, self.run_.lines)),
                         list(range(1, self.tasks + 1)))
        self.assert_whole(self.tasks, recomputed)


class ByHand(Midway):
    """Ventilator, sink and workers, started one by one over TCP."""
    TASKS, FREE = 40, 10

    def setUp(self):
        super().setUp()
        self.ports = {}
        self.workers = []

    def proxied(self):
        self.proxy = Proxy(self.folder)
        self.addCleanup(self.proxy.close)
        return self.preload(CHAOS_PROXY=self.proxy.path)

    def begin_ventilator(self, *options, free=None, tasks=None, work=None,
                         **more):
        self.tasks = tasks or self.TASKS
        self.gated = self.gate()
        command = work or Run.WORK.format(self.FREE if free is None else free)
        self.ventilator = Role(
            self, "fan-ventilator", "tcp://127.0.0.1:*", "--verbose", "--dir",
            "plan", *options, "--chdir", self.folder, "--", "sh", "-c",
            command, "sh", "{}", ":::", *system.numbers(1, self.tasks), **more)
        self.ports["control"] = self.port_in(self.ventilator, "listening")

    @staticmethod
    def port_in(role, event):
        return int(role.says(event + r" endpoint=tcp://127\.0\.0\.1:(\d+)")[1])

    def endpoint(self):
        return f"tcp://127.0.0.1:{self.ports['control']}"

    def ventilator_again(self, **more):
        self.ventilator = Role(
            self, "fan-ventilator", self.endpoint(), "--plan",
            "plan/plan.yaml", "--dir", "plan", "--verbose", **more)

    def add_sink(self, *options, results="run", **more):
        self.sink = Role(self, "fan-sink", self.endpoint(), "--verbose",
                         "--results", results, *options, **more)
        return self.sink

    def sink_port(self):
        return self.port_in(self.sink, "sink-started")

    def add_worker(self, *options, slots=2, **more):
        worker = Role(self, "fan-worker", self.endpoint(), "--jobs",
                      str(slots), *options, **more)
        self.workers.append(worker)
        return worker

    def free_done(self):
        self.until("the free tasks are stored",
                   lambda: len(self.finals_quietly()) >= self.FREE)

    def begin(self, *options, workers=1, **more):
        self.begin_ventilator(*options, **more)
        self.add_sink()
        for _ in range(workers):
            self.add_worker()
        self.free_done()

    def lost(self):
        return sum(record.get("status") == "lost" for record in self.records())

    def end_whole(self, recomputed=None):
        self.gated.open()
        self.assertEqual(self.ventilator.ends(), system.OK,
                         self.ventilator.text())
        self.at_end()
        self.assertEqual(self.sink.ends(), system.OK, self.sink.text())
        self.assert_whole(self.tasks, recomputed)


main = unittest.main
