"""What happens when tasks fail, and how results are looked at."""
import datetime
import fcntl
import json
import os
import signal
import subprocess
import sys

import system
from system import SystemTest, numbers

# Begins a program for which the system call close_range (436) is forbidden, as
# in containers of some age.
WITHOUT_CLOSE_RANGE = """
import ctypes, errno, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 436), (6, 0, 0, 0x50000 | errno.EPERM),
        (6, 0, 0, 0x7fff0000)]
text = ctypes.create_string_buffer(
    b"".join(struct.pack("HBBI", *part) for part in code))
filter = ctypes.create_string_buffer(
    struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text)))
prctl = ctypes.CDLL(None).prctl
if prctl(38, 1, 0, 0, 0) or prctl(22, 2, filter, 0, 0):
    sys.exit(99)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Failure(SystemTest):
    def test_failed_tasks_give_exit_code_3_and_their_own_codes(self):
        self.fan("run", "--results", "run", "--", "sh", "-c", "exit {}",
                 ":::", "0", "7", "0", code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual([r["status"] for r in finals.values()],
                         ["ok", "failed", "ok"])
        self.assertEqual((finals[2]["class"], finals[2]["exit"]), ("exit", 7))

    def test_death_by_signal_is_recorded(self):
        self.fan("run", "--results", "run", "--", "sh", "-c", "kill -9 $$",
                 ":::", "a", code=system.TASKS_FAILED)
        final = self.finals()[1]
        self.assertEqual((final["class"], final["signal"]), ("signal", 9))

    def test_command_that_is_not_there_fails_its_task(self):
        self.fan("run", "--results", "run", "--", "./no-such-command", ":::",
                 "a", code=system.TASKS_FAILED)
        self.assertEqual(self.finals()[1]["class"], "spawn")

    def test_why_no_task_could_start_is_told_once(self):
        done = self.program("fan", "run", "-q", "--", "./no\x1bthing", ":::",
                            "a", "b", "c")
        self.assertEqual(done.returncode, system.TASKS_FAILED)
        self.assertRegex(done.stderr, r"\Afan run: task [123]: cannot start "
                         r"'\./no\?thing': No such file or directory\n\Z")

    def test_commands_begin_where_close_range_is_forbidden(self):
        with open(self.path("open"), "w", encoding="utf-8") as file:
            inherited = fcntl.fcntl(file, fcntl.F_DUPFD, 50)
            self.addCleanup(os.close, inherited)
            done = subprocess.run(
                [sys.executable, "-c", WITHOUT_CLOSE_RANGE,
                 os.path.join(system.BIN, "fan"), "run", "-q", "--", "sh",
                 "-c", "ls /proc/$$/fd; true", ":::", "a"],
                cwd=self.folder, env=self.environment, capture_output=True,
                pass_fds=[inherited], stdin=subprocess.DEVNULL,
                text=True, timeout=system.PATIENCE_S, check=False)
        if done.returncode == 99:
            self.skipTest("system calls cannot be filtered here")
        self.assertEqual((done.stdout.split(), done.stderr),
                         (["0", "1", "2", "3"], ""))  # 3: FAN_PROGRESS_FD

    def test_task_that_hangs_is_timed_out(self):
        self.gate()
        self.fan("run", "--results", "run", "--timeout", "200ms", "--",
                 "cat", ":::", "gate", code=system.TASKS_FAILED)
        self.assertEqual(self.finals()[1]["class"], "timeout")

    def test_starts_are_apart_by_the_delay(self):
        self.fan("run", "--results", "run", "-j2", "--delay", "150ms", "--",
                 "true", ":::", "a", "b", "c")
        starts = sorted(datetime.datetime.fromisoformat(r["start"].rstrip("Z"))
                        for r in self.finals().values())
        # The loop counts in whole ms.
        least = datetime.timedelta(milliseconds=149)
        for earlier, later in zip(starts, starts[1:]):
            self.assertGreaterEqual(later - earlier, least)

    def test_retry_succeeds_on_the_second_attempt(self):
        self.fan("run", "--results", "run", "--retries", "2", "--backoff",
                 "1ms", "--", "sh", "-c", 'test "$FAN_ATTEMPT" = 2', ":::",
                 "a")
        self.assert_finals(1)
        failed = [r for r in self.records()
                  if r.get("status") == "failed" and not r.get("final")]
        self.assertEqual(len(failed), 1)

    def test_classes_have_answers_of_their_own(self):
        self.gate()
        self.fan("run", "--results", "run", "--retries", "1", "--backoff",
                 "1ms", "--timeout", "200ms", "--on", "exit=retry:3", "--on",
                 "timeout=ignore", "--on", "signal=fail", "--", "sh", "-c",
                 "{}", ":::", "exit 1", "cat gate", "kill -9 $$",
                 'test "$FAN_ATTEMPT" = 4', "true",
                 code=system.TASKS_FAILED)
        attempts = {}
        for record in self.records():
            if record.get("status") in ("ok", "failed", "ignored"):
                attempts[record["task"]] = attempts.get(record["task"], 0) + 1
        finals = self.finals()
        self.assertEqual([finals[i]["status"] for i in range(1, 6)],
                         ["failed", "ignored", "failed", "ok", "ok"])
        # A last failure is recorded as an attempt, then made final.
        self.assertEqual(attempts, {1: 5, 2: 2, 3: 2, 4: 4, 5: 1})

    def test_exit_codes_and_signals_have_answers_of_their_own(self):
        self.fan("run", "--results", "run", "--backoff", "1ms", "--on",
                 "exit=retry:2", "--on", "exit:65=ignore", "--on",
                 "exit:2-10=retry:1", "--on", "exit:7=fail", "--on",
                 "signal=fail", "--on", "signal:SEGV=ignore", "--", "sh",
                 "-c", "{}", ":::", "exit 1", "exit 65", "exit 10", "exit 7",
                 "kill -9 $$", "kill -SEGV $$",
                 # Twice by a code of the range, then by another.
                 'test "$FAN_ATTEMPT" -gt 2 || exit $((FAN_ATTEMPT * 5 - 3))',
                 code=system.TASKS_FAILED)
        attempts = dict.fromkeys(range(1, 8), 0)
        for record in self.records():
            if record.get("status") == "failed" and not record.get("final"):
                attempts[record["task"]] += 1
        finals = self.finals()
        self.assertEqual([finals[i]["status"] for i in range(1, 8)],
                         ["failed", "ignored", "failed", "failed", "failed",
                          "ignored", "failed"])
        self.assertEqual(attempts, {1: 3, 2: 1, 3: 2, 4: 1, 5: 1, 6: 1, 7: 2})
        self.assertEqual(finals[3]["exit"], 10)
        self.assertEqual(finals[6]["signal"], 11)

    def test_retry_has_more_time(self):
        self.gate()
        self.fan("run", "--results", "run", "--timeout", "100ms", "--on",
                 "timeout=retry:2,timeout:x3,backoff:1ms", "--", "sh", "-c",
                 "cat gate", ":::", "a", code=system.TASKS_FAILED)
        walls = [r["wall_s"] for r in self.records()
                 if r.get("class") == "timeout" and not r.get("final")]
        self.assertEqual(len(walls), 3)
        # The loop counts in whole ms.
        for wall, least in zip(walls, (0.099, 0.299, 0.899)):
            self.assertGreaterEqual(wall, least)

    def test_more_time_needs_a_time_to_grow(self):
        done = self.program("fan", "run", "--on", "timeout=retry:2,timeout:x2",
                            "--", "true", ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("give --timeout", done.stderr)

    def test_classes_that_are_none_are_refused(self):
        done = self.program("fan", "run", "--on", "late=fail", "--", "true",
                            ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("on: 'late=fail' is for no class: exit", done.stderr)

    def test_ignored_failures_give_exit_code_0(self):
        self.fan("run", "--results", "run", "--on-fail", "ignore", "--",
                 "false", ":::", "a")
        self.assert_finals(1, "ignored")

    def test_results_are_exported_and_filtered(self):
        self.fan("run", "--", "sh", "-c", "echo out; exit {}", ":::", "0",
                 "7", code=system.TASKS_FAILED)
        every = [json.loads(line) for line in
                 self.fan("results", "--format", "ndjson")]
        self.assertEqual(sorted(r["task"] for r in every), [1, 2])
        failed = [json.loads(line) for line in
                  self.fan("results", "--format", "ndjson", "--failed")]
        self.assertEqual([r["task"] for r in failed], [2])
        self.assertEqual(failed[0]["stdout"], "out\n")


class Verify(SystemTest):
    def setUp(self):
        super().setUp()
        self.fan("run", "--results", "run", "--", "echo", ":::",
                 *numbers(1, 50))
        self.log = os.path.join(self.path("run"), system.LOG)

    def test_whole_log_is_verified(self):
        self.fan("verify", "run")

    def test_flipped_bit_is_found(self):
        for part in (0.1, 0.5, 0.9):
            with self.subTest(part=part), open(self.log, "r+b") as file:
                data = bytearray(file.read())
                data[int(len(data) * part)] ^= 4
                file.seek(0)
                file.write(data)
                file.flush()
                self.fan("verify", "run", code=system.DAMAGED)
                data[int(len(data) * part)] ^= 4
                file.seek(0)
                file.write(data)

    def test_missing_directory_is_an_error(self):
        done = self.program("fan", "verify", "no-such-run")
        self.assertIn(done.returncode, (system.ERROR, system.USAGE))
        self.assertIn("no-such-run", done.stderr)


class Interrupt(SystemTest):
    def test_interrupted_run_finishes_what_runs_and_resumes(self):
        gate = self.gate()
        command = ("--results", "run", "-j", "2", "--", "sh", "-c",
                   'test "$1" -le 10 || cat gate; echo "$1"', "sh", "{}",
                   ":::", *numbers(1, 200))
        run = self.start("run", *command)
        run.read_lines(10)
        below = system.descendants(run.process.pid)
        run.kill(signal.SIGINT)
        gate.open()
        self.assertEqual(run.finish(), 128 + signal.SIGINT, run.errors())
        self.assert_ends(below)
        self.fan("run", "--resume", *command)
        self.assert_finals(200)

    def test_signal_to_a_run_that_is_starting_is_not_lost(self):
        for _ in range(10):
            run = self.start("run", "--grace", "10ms", "--", "sleep", "60",
                             ":::", *numbers(1, 9))
            while not run.of_program("fan-ventilator"):
                self.assertIsNone(run.process.poll(), run.errors())
            run.kill(signal.SIGINT)
            self.assertEqual(run.finish(), 128 + signal.SIGINT, run.errors())
            self.assertNotIn("starting it again", run.errors())


if __name__ == "__main__":
    system.main()
