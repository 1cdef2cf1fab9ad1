"""--speculate: a task that is slow at one worker ends at another."""
import json
import os

import system
from system import SystemTest, numbers

TASKS = 12
# Task 1 waits only where $SLOW is set, with a process beside it; the last one
# waits everywhere, and so keeps the run up.
WORK = ("sh", "-c",
        'case $1 in 1) if [ -n "$SLOW" ]; then cat never & cat never; fi;; '
        f'{TASKS}) read line < gate;; esac; echo "$1"', "sh", "{}")


class Speculate(SystemTest):
    def run_with_a_slow_worker(self, *options):
        """A run whose first worker has begun the first task, and waits."""
        os.mkfifo(self.path("never"))
        self.environment["SLOW"] = "1"
        run = self.start("run", "--results", "run", "-j", "1", *options, "--",
                         *WORK, ":::", *numbers(1, TASKS))
        del self.environment["SLOW"]
        slow = system.until("the slow task", lambda: self.both(run))
        return run, slow

    @staticmethod
    def both(run):
        found = run.of_program("cat")
        return found if len(found) == 2 else None

    def second_worker(self, *options):
        return self.start("worker", self.read("run/endpoint").strip(), *options)

    def stored(self, *tasks):
        def there():
            try:
                return set(tasks) <= set(self.finals())
            except (OSError, EOFError, ValueError):
                return False  # its last member is not whole
        system.until(f"records of {tasks}", there, self.path("run"))

    def status(self):
        return json.loads(self.fan("status", "--json", "run")[0])

    def test_slow_task_ends_at_another_worker(self):
        gate = self.gate()
        run, slow = self.run_with_a_slow_worker("--speculate")
        worker = self.second_worker("-j", "2")
        self.stored(*range(1, TASKS))
        self.assert_ends(slow)  # though the run goes on
        self.assertIsNone(run.process.poll())
        self.assertGreaterEqual(self.status()["speculated"], 1)
        self.assertIn("started a second time",
                      "\n".join(self.fan("status", "run")))
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(worker.finish(), system.OK, worker.errors())
        self.assertEqual(sorted(run.lines, key=int), numbers(1, TASKS))
        self.assert_finals(TASKS)
        first = self.finals()[1]
        self.assertTrue(first["copy"])
        self.assertNotIn("copy", self.finals()[2])
        self.fan("verify", "run")

    def test_nothing_runs_twice_unless_asked_for(self):
        gate = self.gate()
        run, slow = self.run_with_a_slow_worker()
        self.second_worker("-j", "2")
        self.stored(*range(2, TASKS))
        self.assertEqual(self.status()["speculated"], 0)
        self.assertEqual(self.both(run), slow)
        with open(self.path("never"), "wb"):
            gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertFalse([r for r in self.records() if r.get("copy")])

    def test_failure_of_a_copy_fails_nothing(self):
        """The copy fails at once, and the slow one then succeeds."""
        os.mkfifo(self.path("never"))
        self.environment["SLOW"] = "1"
        run = self.start(
            "run", "--results", "run", "-j", "1", "--speculate", "--", "sh",
            "-c", 'if [ "$1" = 1 ]; then [ "$SLOW" ] || exit 9; '
            'cat never; fi; echo "$1"', "sh", "{}", ":::", *numbers(1, TASKS))
        del self.environment["SLOW"]
        system.until("the slow task", lambda: run.of_program("cat"))
        self.second_worker("-j", "1")

        def failed():
            try:
                return [r for r in self.records() if r.get("exit") == 9]
            except (OSError, EOFError, ValueError):
                return None
        record = system.until("the copy's failure", failed, self.path("run"))[0]
        self.assertTrue(record["copy"])
        self.assertFalse(record["final"])
        with open(self.path("never"), "wb"):
            pass
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assert_finals(TASKS)

    def test_files_that_two_would_write_are_refused(self):
        done = self.program("fan", "run", "--speculate", "--stdout", "{#}",
                            "--", "echo", ":::", "1")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("--speculate", done.stderr)


if __name__ == "__main__":
    system.main()
