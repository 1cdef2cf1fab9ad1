"""Allocations of whole processes fail, one at a time, in a run of some tasks.

    test_programs.py [PROGRAM]      every allocation of it, or of all four
    as a test                       a sample; STARVE_STEP: one in so many

The run must then end well, or fail with a message and be whole after
--resume; no process may die of a signal or of a sanitizer's finding.
"""
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
import system  # noqa: E402

TASKS = 4
PROGRAMS = ("fan", "fan-ventilator", "fan-sink", "fan-worker")
COMMAND = ("run", "--results", "run", "-j", "2", "--", "echo", "{}", ":::",
           *map(str, range(1, TASKS + 1)))
BAD = re.compile(r"killed by signal|[Aa]ssert|giving up|Sanitizer|dumped|"
                 r"runtime error")


class Starved(system.SystemTest):
    """One allocation fails; returns whether there was such a one."""

    def strike(self, program, number):
        mark = os.path.join(self.folder, "struck")
        self.environment["STARVE"] = f"{program}:{number}:{mark}"
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        done = self.program("fan", *COMMAND)
        self.environment.pop("STARVE")
        said = f"{program}:{number}: exit {done.returncode}: {done.stderr}"
        self.assertGreaterEqual(done.returncode, 0, said)
        self.assertNotRegex(done.stderr, BAD, said)
        if done.returncode == system.OK:
            self.assertEqual(sorted(done.stdout.split()),
                             [str(i) for i in range(1, TASKS + 1)], said)
        else:
            self.assertTrue(done.stderr.strip(), said + "not a word")
            again = self.program("fan", "run", "--resume", *COMMAND[1:])
            self.assertEqual(again.returncode, system.OK,
                             said + "then: " + again.stderr)
        verified = self.program("fan", "verify", "run")
        self.assertEqual(verified.returncode, system.OK,
                         said + verified.stdout + verified.stderr)
        results = self.program("fan", "results", "run")
        self.assertEqual(len(results.stdout.splitlines()), TASKS, said)
        return os.path.exists(mark)


def sweep(program, step):
    """Strikes one allocation in `step`; returns how many, and what went
    wrong."""
    struck, wrong = 0, []
    for number in range(1, 100000, step):
        case = Starved("strike")
        case.setUp()
        try:
            if not case.strike(program, number):
                break
        except (AssertionError, subprocess.TimeoutExpired) as error:
            wrong.append(str(error))
        finally:
            case.doCleanups()
        struck += 1
    return struck, wrong


class Sample(unittest.TestCase):
    def sample(self, program):
        struck, wrong = sweep(program, int(os.environ.get("STARVE_STEP", "29")))
        print(f"{struck} allocations", end=" ", flush=True)
        self.assertFalse(wrong)
        self.assertGreater(struck, 1)

    def test_fan_run(self):
        self.sample("fan")

    def test_ventilator(self):
        self.sample("fan-ventilator")

    def test_sink(self):
        self.sample("fan-sink")

    def test_worker(self):
        self.sample("fan-worker")


def main():
    failed = False
    for program in sys.argv[1:] or PROGRAMS:
        struck, wrong = sweep(program, 1)
        failed = failed or bool(wrong)
        for text in wrong:
            print("WRONG", text)
        print(f"{program}: {struck} allocations, {len(wrong)} went wrong",
              flush=True)
    return failed


if __name__ == "__main__":
    if "-v" in sys.argv:
        unittest.main()
    sys.exit(main())
