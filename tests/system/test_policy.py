"""A policy file is followed exactly: 10,000 tasks fail of three classes as a
seed says, with every end and every attempt told beforehand; and tasks that are
retried while the ventilator and the sink are killed."""
import collections
import os
import random
import signal
import unittest

import system
from system import SystemTest

POLICY = """\
on-fail: fail
retries: 1
backoff: 1ms..2ms
on:
  exit: retry:2
  exit:65: ignore
  exit:10-20: {answer: retry, retries: 3, backoff: 0s..5ms}
  signal:TERM: retry:1
  signal: fail
  output: {answer: retry, retries: 1}
output-max: 8
jobs: 2
quiet: true
arg-file: plans
command:
  - sh
  - -c
  - |
    IFS=,
    n=$FAN_ATTEMPT
    set -- $1
    shift $((n - 1))
    case $1 in
    ok) ;;
    TERM | KILL) kill -$1 $$ ;;
    much) echo too much output ;;
    *) exit $1 ;;
    esac
  - sh
  - "{}"
"""
HOWS = ("1", "3", "65", "10", "20", "TERM", "KILL", "much")
SIGNALS = {"TERM": signal.SIGTERM, "KILL": signal.SIGKILL}
# How often what is tried again: the rule's name, and its retries.
RETRIES = {"1": ("exit", 2), "3": ("exit", 2), "10": ("range", 3),
           "20": ("range", 3), "TERM": ("term", 1), "much": ("output", 1)}
ENDS = {"65": "ignored", "KILL": "failed"}


def draw(tasks):
    """The ways in which each task fails before it succeeds."""
    draws = random.Random(20)
    return [[draws.choice(HOWS) for _ in range(draws.randint(1, 8))]
            if draws.random() < 0.1 else [] for _ in range(tasks)]


def predict(hows):
    """(status, failures) of a task that fails so, by the table above."""
    used = collections.Counter()
    for place, how in enumerate(hows):
        if how in ENDS:
            return ENDS[how], hows[:place + 1]
        rule, retries = RETRIES[how]
        used[rule] += 1
        if used[rule] > retries:
            return "failed", hows[:place + 1]
    return "ok", hows


def how_of(record):
    """The way in which a recorded attempt failed."""
    if record["class"] == "output":
        return "much"
    if record["class"] == "signal":
        return {number: name for name, number in SIGNALS.items()}[
            record["signal"]]
    return str(record["exit"])


class Policy(SystemTest):
    def begin(self, tasks):
        plans = draw(tasks)
        self.write("plans", "".join(",".join([*hows, "ok"]) + "\n"
                                    for hows in plans))
        self.write("policy.yaml", POLICY)
        return plans, self.start("run", "policy.yaml", "--results", "run")

    def log(self):
        """What the log says: (status, failures) by task, in order."""
        failures, statuses = collections.defaultdict(list), {}
        for record in self.records():
            if record.get("final"):
                self.assertNotIn(record["task"], statuses)
                statuses[record["task"]] = record["status"]
            elif record.get("status") == "failed":
                failures[record["task"]].append(how_of(record))
        return {task: (status, failures[task])
                for task, status in statuses.items()}

    def test_ten_thousand_tasks_end_as_was_predicted(self):
        plans, run = self.begin(10000)
        told = {task: predict(hows) for task, hows in enumerate(plans, 1)}
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        log = self.log()
        for count in (lambda ends: collections.Counter(
                          status for status, _ in ends.values()),
                      lambda ends: collections.Counter(
                          how for _, hows in ends.values() for how in hows),
                      lambda ends: sum(len(hows) + (status == "ok")
                                       for status, hows in ends.values())):
            self.assertEqual(count(log), count(told))
        self.assertEqual(log, told)

    def test_retries_are_counted_from_the_log(self):
        plans, run = self.begin(2000)
        for size in (15000, 40000):
            path = self.path("run/" + system.LOG)
            system.until(f"{size} bytes of log", lambda size=size:
                         os.path.exists(path) and os.path.getsize(path) > size,
                         self.path("."), path)
            for program in ("fan-ventilator", "fan-sink"):
                os.kill(system.until(f"a {program}", lambda role=program:
                                     run.of_program(role))[-1],
                        signal.SIGKILL)
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        log = self.log()
        self.assertEqual(sorted(log), list(range(1, len(plans) + 1)))
        # What was under way at a death may have run, and failed, twice: the
        # table is held to by what the log says.
        for task, (status, hows) in log.items():
            self.assertEqual(predict(hows), (status, hows), f"task {task}")
        self.fan("verify", "run")


if __name__ == "__main__":
    unittest.main()
