"""Hooks: a command for failures, and one for the end of the run."""
import json
import os
import signal

import system
from system import SystemTest, numbers, until
from terminal import CLEAR, Terminal

HELD = 4


class Hooks(SystemTest):
    @staticmethod
    def below(run, *programs):
        """All processes below a run, once these programs are among them."""
        def found():
            pids = system.descendants(run.process.pid)
            names = {system.program_of(pid) for pid in pids}
            return pids if names.issuperset(programs) else None

        return until(" and ".join(programs), found)


class Notify(Hooks):
    def told(self, name="told"):
        """What a hook `cat >> told` was given, once and whole."""
        if not os.path.exists(self.path(name)):
            return []
        return [json.loads(line) for line in
                self.read(name).splitlines(keepends=True)
                if line.endswith("\n")]

    def test_each_failed_task_is_told_with_its_record(self):
        self.fan("run", "--results", "run", "--retries", "1", "--backoff",
                 "1ms", "--notify", "cat >> told", "--", "sh", "-c",
                 "echo out; echo err >&2; exit {}", ":::", "0", "7", "0", "8",
                 code=system.TASKS_FAILED)
        def number(record):
            return record["task"]

        told = sorted(self.told(), key=number)
        self.assertEqual([record.pop("suppressed") for record in told], [0, 0])
        self.assertEqual(
            told, sorted((json.loads(line) for line in
                          self.fan("results", "--failed", "run")), key=number))
        self.assertEqual([(r["task"], r["exit"], r["attempt"], r["stdout"],
                           r["args"]) for r in told],
                         [(2, 7, 2, "out\n", ["7"]), (4, 8, 2, "out\n", ["8"])])

    def test_held_task_is_told_each_time_it_is_held(self):
        command = ["run", "--results", "run", "--on-fail", "hold", "--notify",
                   "cat >> told"]
        self.fan(*command, "--", "sh", "-c", "echo out; exit {}", ":::", "0",
                 "7", code=HELD)
        self.assertEqual([(r["task"], r["status"], r["final"], r["exit"],
                           r["stdout"], r["args"]) for r in self.told()],
                         [(2, "held", False, 7, "out\n", ["7"])])
        self.fan("decide", "--run", "run", "all", "--retry")
        self.fan(*command, "--resume", code=HELD)
        self.assertEqual(len(self.told()), 2)
        self.fan("decide", "--run", "run", "all", "--drop")
        self.fan(*command, "--resume")
        self.assertEqual([r["status"] for r in self.told()], 2 * ["held"])

    def test_rules_tell_a_held_task_once(self):
        self.fan("run", "--results", "run", "--on-fail", "hold", "--on",
                 "exit:7=notify", "--notify", "cat >> told", "--", "sh", "-c",
                 "exit {}", ":::", "7", "8", code=HELD)
        self.assertEqual([(r["task"], r["status"]) for r in self.told()],
                         [(1, "failed")])

    def test_rules_say_which_attempts_are_told(self):
        # Exit 7 is told each time, exit 8 never; both are tried as always.
        self.fan("run", "--results", "run", "--retries", "2", "--backoff",
                 "1ms", "--on", "exit:7=notify", "--on", "exit:8=retry:1",
                 "--notify", "cat >> told", "--", "sh", "-c", "exit {}",
                 ":::", "0", "7", "8", code=system.TASKS_FAILED)
        self.assertEqual([(r["task"], r.get("attempt", 1), r["final"])
                          for r in self.told()],
                         [(2, 1, False), (2, 2, False), (2, 3, False)])
        self.assertEqual([r.get("attempt", 1) for r in self.finals().values()],
                         [1, 3, 2])

    def test_rule_for_what_is_retried_keeps_its_retries(self):
        self.fan("run", "--results", "run", "--backoff", "1ms", "--on",
                 "exit=retry:1", "--on", "exit=notify", "--on-fail", "ignore",
                 "--notify", "cat >> told", "--", "sh", "-c", "exit {}",
                 ":::", "7")
        self.assertEqual([r.get("attempt", 1) for r in self.told()], [1, 2])
        self.assert_finals(1, "ignored")

    def test_on_fail_notify_tells_each_failed_attempt_of_any_class(self):
        self.write("in.ndjson", '{"a":1}\nno object\n')
        self.fan("run", "--results", "run", "-j1", "--retries", "1",
                 "--backoff", "1ms", "--on-fail", "notify", "--notify",
                 "cat >> told", "--ndjson", "in.ndjson", "--", "sh", "-c",
                 "kill -9 $$", code=system.TASKS_FAILED)
        told = sorted((r["task"], r.get("attempt", 1), r["class"])
                      for r in self.told())
        self.assertEqual([t for t in told if t[0] == 1],
                         [(1, 1, "signal"), (1, 2, "signal")])
        self.assertEqual([t[0] for t in told if t[0] != 1], [2])

    def test_notify_without_a_command_is_refused(self):
        for words in (["--on", "exit=notify"], ["--on-fail", "notify"]):
            done = self.program("fan", "run", "--results", "run", *words, "--",
                                "true", ":::", "1")
            self.assertEqual(done.returncode, system.USAGE)
            self.assertIn(f"{words[0]} says to notify", done.stderr)
            self.assertIn("--notify COMMAND", done.stderr)

    def test_rate_is_kept_and_the_rest_is_told_by_number(self):
        done = self.program("fan", "run", "--results", "run", "--notify-rate",
                            "3", "--notify", "cat >> told", "--", "false",
                            ":::", *numbers(1, 50))
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertEqual(len(self.told()), 3)
        self.assertRegex(done.stderr,
                         r"--notify: was not called for 47 failures")

    def test_hook_that_fails_is_counted_and_changes_nothing(self):
        done = self.program("fan", "run", "--results", "run", "--notify",
                            "exit 9", "--", "sh", "-c", "exit {}", ":::",
                            "0", "1", "1")
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertRegex(done.stderr, r"--notify: 2 of 2 calls failed, the "
                         r"last one left with exit code 9")
        self.assertEqual(len(self.finals()), 3)

    def test_hook_that_hangs_does_not_hold_up_tasks_and_is_killed(self):
        # Task 1 fails; its hook sits there, with a child. The others all run
        # meanwhile, and a signal at the end leaves nothing behind.
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j1", "--notify",
                         "echo begun > begun; sleep 1000 & cat gate", "--",
                         "sh", "-c", "test {} != 1; code=$?; "
                         "test {} != 2 || until test -e begun; "
                         "do sleep 0.01; done; echo {}; exit $code",
                         ":::", *numbers(1, 30))
        run.read_lines(30)
        self.assertEqual(run.lines, numbers(1, 30))
        until("the roles are gone", lambda: not any(
            run.of_program(role) for role in
            ("fan-sink", "fan-ventilator", "fan-worker")))
        left = self.below(run, "cat", "sleep")
        run.kill(signal.SIGTERM)
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        self.assert_ends(left)
        self.assertIn("was killed with the run", run.errors())
        gate.open()

    def test_what_a_hook_leaves_behind_ends_with_it(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j1", "--notify",
                         "sleep 1000 & echo $! > pid.new; mv pid.new pid",
                         "--", "sh", "-c", "test {} = 2 && cat gate", ":::",
                         "1", "2")
        until("a hook is done", lambda: os.path.exists(self.path("pid")),
              self.folder)
        self.assert_ends([int(self.read("pid"))])
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED)

    def test_hook_prints_on_a_line_of_its_own_in_a_terminal(self):
        gate = self.gate()
        rest = system.Gate(self.path("rest"))
        self.addCleanup(rest.open)
        terminal = Terminal(
            self.folder, os.path.join(system.BIN, "fan"), "run", "--results",
            "run", "-j2", "--notify", "echo told >&2", "--", "sh", "-c",
            "cat {}; exit 1", ":::", "gate", "rest")
        self.addCleanup(terminal.close)
        terminal.read_until(b"2 running")
        gate.open()
        terminal.read_until(b"told")
        rest.open()
        self.assertEqual(terminal.finish(), system.TASKS_FAILED)
        before, _, _ = terminal.seen.partition(b"told\r\n")
        self.assertTrue(before.endswith(CLEAR), before[-100:])

    def test_hook_dies_with_a_killed_run_and_is_not_called_again(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j1", "--notify",
                         "cat >> told; sleep 1000 & cat gate", "--", "sh",
                         "-c", "test {} = 2 && cat gate; exit {}", ":::", "1",
                         "2", "3")
        until("the first is told", self.told, self.folder)
        below = self.below(run, "sleep")
        run.kill(signal.SIGKILL)
        run.finish()
        self.assert_ends(below)
        gate.open()
        os.unlink(self.path("gate"))
        self.write("gate", "")
        self.fan("run", "--resume", "--results", "run", "--notify",
                 "cat >> told",
                 code=system.TASKS_FAILED)
        told = [record["task"] for record in self.told()]
        self.assertEqual(told.count(1), 2)  # killed, and failed once more
        self.assertEqual([(r["task"], r.get("round", 0)) for r in self.told()
                          if r["task"] == 1], [(1, 0), (1, 1)])
        self.assertEqual(sorted(told), [1, 1, 2, 3])

    def test_much_output_is_cut_to_its_end(self):
        self.fan("run", "--results", "run", "--notify", "cat >> told", "--",
                 "sh", "-c",
                 "i=0; while [ $i -lt 30000 ]; do echo é$i; i=$((i+1)); done; "
                 "false", ":::", "1", code=system.TASKS_FAILED)
        told = self.told()[0]
        self.assertTrue(told["stdout"].endswith("é29999\n"))
        self.assertLessEqual(len(told["stdout"].encode()), 64 << 10)
        self.assertGreater(len(told["stdout"].encode()), (64 << 10) - 4)
        self.assertEqual(told["truncated"], ["stdout"])


class Done(Hooks):
    def test_end_is_told_with_a_summary_and_the_exit_code(self):
        self.fan("run", "--results", "run", "--on-done",
                 "cat > told; echo $FAN_EXIT $FAN_RUN $FAN_RUN_DIR > env", "--",
                 "sh", "-c", "exit {}", ":::", "0", "1", "0",
                 code=system.TASKS_FAILED)
        told = json.loads(self.read("told"))
        self.assertGreaterEqual(told.pop("wall_s"), 0)
        place = os.path.realpath(self.path("run"))
        self.assertEqual(told, {"v": 1, "run": "run", "dir": place, "exit": 3,
                                "complete": True, "done": 3, "ok": 2,
                                "failed": 1, "ignored": 0})
        self.assertEqual(self.read("env"), f"3 run {place}\n")

    def test_failure_is_told_and_changes_nothing(self):
        done = self.program("fan", "run", "--results", "run", "--on-done",
                            "exit 5", "--", "true", ":::", "1")
        self.assertEqual(done.returncode, system.OK)
        self.assertRegex(done.stderr, "--on-done left with exit code 5")

    def test_directory_is_free_for_the_command(self):
        self.environment["FAN"] = os.path.join(system.BIN, "fan")
        self.fan("run", "--results", "run", "--on-done",
                 "$FAN status --json run > status; $FAN run --quiet --resume "
                 "--results run --on-done 'echo $FAN_EXIT > again' -- true "
                 "::: 1 2", "--", "true", ":::", "1")
        self.assertEqual(json.loads(self.read("status"))["state"], "complete")
        self.assertEqual(self.read("again"), "0\n")
        self.assertEqual(len(self.finals()), 2)

    def test_stopped_run_tells_its_signal_and_another_ends_the_command(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "--on-done",
                         "echo $FAN_EXIT > told.new; mv told.new told; "
                         "sleep 1000", "--", "sh", "-c", "echo begun; cat gate",
                         ":::", "1")
        # It prints at the end of a task only.
        until("the task begins", lambda: run.of_program("cat"))
        run.kill(signal.SIGINT)
        run.says("interrupted")
        gate.open()
        until("the command begins",
              lambda: os.path.exists(self.path("told")), self.folder)
        below = self.below(run, "sleep")
        run.kill(signal.SIGINT)
        self.assertEqual(run.finish(), 130)
        self.assertEqual(self.read("told"), "130\n")
        self.assert_ends(below)

    def test_nothing_is_run_where_nothing_was(self):
        self.fan("run", "--results", "run", "--on-done", "touch told",
                 "--dry-run", "--", "true", ":::", "1")
        self.fan("run", "--results", "run", "--on-done", "touch told",
                 "--plugin", "./missing.so", ":::", "1", code=system.USAGE)
        self.assertFalse(os.path.exists(self.path("told")))


if __name__ == "__main__":
    system.main()
