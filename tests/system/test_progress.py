"""FAN_PROGRESS_FD, and what fan status shows of tasks that run long."""
import json
import time

import system
from system import SystemTest


class Progress(SystemTest):
    def run_of(self, script, *values):
        return self.start("run", "--results", "run", "-j", "2", "--heartbeat",
                          "50ms", "--liveness", "10s", "--shell", "--", script,
                          ":::", *values)

    def until_status(self, run, what, true):
        """Asks until it says so; gives the answer."""
        end_s = time.monotonic() + system.PATIENCE_S
        while time.monotonic() < end_s:
            done = self.program("fan", "status", "--json", "run")
            status = json.loads(done.stdout) if done.stdout else {}
            if "longest" in status and true(status["longest"]):
                return status["longest"]
            self.assertIsNone(run.process.poll(), run.errors())
        raise AssertionError(f"{what} never: {done.stdout}")

    def test_status_shows_what_was_said_last(self):
        gate = self.gate()
        run = self.run_of('test {} = quiet || { echo 1 8 begun; echo 37 100 '
                          '"$(printf "\\033[31mred")"; } >&$FAN_PROGRESS_FD; '
                          'cat gate', "loud", "quiet")
        longest = self.until_status(
            run, "both, one with progress", lambda longest: len(longest) == 2
            and any(task.get("done") == 0.37 for task in longest))
        by_task = {task["task"]: task for task in longest}
        self.assertEqual(by_task[1]["done"], 0.37)
        self.assertEqual(by_task[1]["text"], "?[31mred")
        self.assertNotIn("done", by_task[2])
        self.assertGreater(by_task[2]["wall_s"], 0.04)
        shown = "\n".join(self.fan("status", "run"))
        self.assertRegex(shown, r"task 1 for [\d.]+ s on \S+, 37 %: \?\[31mred")
        self.assertRegex(shown, r"task 2 for [\d.]+ s on \S+$|task 2 .*\n")
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())

    def test_the_next_in_a_slot_has_said_nothing(self):
        gate = self.gate()
        run = self.run_of('test {} = b || { echo 0.5; printf 0.7; } >&3; '
                          'test {} = a || cat gate', "a", "a", "a", "b", "b")
        longest = self.until_status(run, "both wait", lambda longest:
                                    {task["task"] for task in longest}
                                    >= {4, 5})
        for task in longest:
            self.assertNotIn("done", task)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())

    def test_who_says_very_much_is_not_stopped(self):
        self.fan("run", "--results", "run", "--shell", "--",
                 'yes 0.5 | head -c 100000 >&3; : {}', ":::", "1", "2")
        self.assert_finals(2)

    def test_tasks_of_a_coprocess_are_told_of(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "1", "--heartbeat",
                         "50ms", "--liveness", "10s", "--framing", "lines",
                         "--coprocess", "while read -r line; do cat gate; "
                         "echo $line; done", ":::", "a")
        longest = self.until_status(run, "it", lambda longest: longest)
        self.assertEqual(longest[0]["task"], 1)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())

    def test_short_tasks_are_not_told_of(self):
        gate = self.gate()
        run = self.run_of('test {} -le 40 || cat gate', *system.numbers(1, 41))
        longest = self.until_status(run, "the last one", lambda longest: [
            task["task"] for task in longest] == [41])
        self.assertEqual(len(longest), 1)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())


if __name__ == "__main__":
    system.main()
