"""A C function as a task: `fan run --plugin`. The functions are those of
tests/plugin/tasks.c."""
import contextlib
import os
import signal
import subprocess
import time

import system
from system import SystemTest, numbers

PLUGINS = os.environ.get("FAN_PLUGINS") or os.path.join(
    system.BIN, "../testbin/plugin")
TASKS = os.path.join(PLUGINS, "tasks.so")


class PluginTest(SystemTest):
    OPTIONS = ()

    def run_plugin(self, function, *arguments, code=system.OK, input=None):
        return self.fan("run", "--results", "run", *self.OPTIONS, "--plugin",
                        f"{TASKS}:{function}", *arguments, code=code,
                        input=input)


class Contract(PluginTest):
    """What holds in threads, and with --isolate: see test_isolate.py."""

    def test_value_goes_in_and_the_result_comes_out(self):
        lines = self.run_plugin("tell_all", ":::", "a", "b c", "-k")
        self.assertEqual(sorted(lines), [
            "payload=-k size=2 arguments=[-k] name=- number=3 attempt=1",
            "payload=a size=1 arguments=[a] name=- number=1 attempt=1",
            "payload=b c size=3 arguments=[b c] name=- number=2 attempt=1"])
        finals = self.finals()
        self.assertEqual(finals[2]["args"], ["b c"])
        self.assertIn("arguments=[b c]", finals[2]["stdout"])

    def test_several_values_are_joined_in_the_payload(self):
        self.assertEqual(
            self.run_plugin("tell_all", ":::", "a", ":::", "1"),
            ["payload=a 1 size=3 arguments=[a][1] name=- number=1 attempt=1"])

    def test_object_is_the_payload_and_its_fields_have_names(self):
        line = '{"name": "x y", "of": {"n": 2}}'
        self.assertEqual(
            self.run_plugin("tell_all", "--ndjson", "-", input=line + "\n"),
            [f"payload={line} size={len(line)} arguments=[x y][2] name=x y "
             "number=1 attempt=1"])

    def test_row_is_the_payload_and_its_columns_have_names(self):
        self.write("table.csv", 'name,b\n"q, r",2\n')
        self.assertEqual(
            self.run_plugin("tell_all", "-a", "table.csv", "--header"),
            ['payload="q, r",2 size=8 arguments=[q, r][2] name=q, r '
             "number=1 attempt=1"])

    def test_arguments_after_the_dashes_are_filled_in(self):
        self.assertEqual(
            self.run_plugin("tell_all", "-j1", "--array", "5-5", "--",
                            "--step", "{#}", "x{}y{%}z", "{%}"),
            ["payload=5 size=1 arguments=[--step][1][x5y1z][1] name=- number=1 "
             "attempt=1"])

    def test_seed_is_that_of_a_command(self):
        plugin = self.run_plugin("seed", "--seed", "7", "-k", ":::", "a", "b")
        command = self.fan("run", "--results", "other", "--seed", "7", "-k",
                           "--", "echo", "{seed}", ":::", "a", "b")
        self.assertEqual(plugin, [line.split()[0] for line in command])

    def test_slots_run_beside_each_other_and_are_closed(self):
        self.environment["TEST_CLOSED"] = self.path("closed")
        lines = self.run_plugin("fan_run", "-j3", ":::", *numbers(1, 2000))
        self.assertEqual("".join(lines).count("0"),
                         "".join(numbers(1, 2000)).count("0"))
        self.assert_finals(2000)
        closed = [line.split() for line in self.read("closed").splitlines()]
        self.assertEqual(sorted(slot for slot, _ in closed), ["1", "2", "3"])
        self.assertEqual(sum(int(calls) for _, calls in closed), 2000)

    def test_failure_has_its_exit_code_and_its_words(self):
        self.run_plugin("fail", ":::", "0", "65", code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual([r["status"] for r in finals.values()],
                         ["ok", "failed"])
        self.assertEqual((finals[2]["class"], finals[2]["exit"]), ("exit", 65))
        self.assertIn("told to return 65\n",
                      [r.get("stderr") for r in self.records()])

    def test_failed_task_is_tried_again(self):
        self.run_plugin("fail", "--retries", "2", "--backoff", "1ms", ":::",
                        "1", code=system.TASKS_FAILED)
        said = [r["stderr"] for r in self.records() if "stderr" in r]
        self.assertEqual(said, ["told to return 1\n"] * 3)

    def test_time_limit_asks_the_task_to_stop(self):
        self.run_plugin("until_cancelled", "--timeout", "50ms", ":::", "a",
                        "b", code=system.TASKS_FAILED)
        for final in self.finals().values():
            self.assertEqual(final["class"], "timeout")
        self.assertEqual(
            {r.get("stdout") for r in self.records() if "stdout" in r},
            {"begun stopped"})

    def test_what_cannot_be_loaded_ends_the_run_before_a_task(self):
        for plugin, words in (
                ("./none.so", "cannot load the plugin './none.so'"),
                (TASKS + ":nothing", "has no function 'nothing'"),
                (os.path.join(PLUGINS, "unbound.so"), "fan_of_tomorrow")):
            done = self.program("fan", "run", *self.OPTIONS, "--plugin",
                                plugin, ":::", "a")
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertRegex(done.stderr, r"\Afan run: [^\n]*\n\Z")
            self.assertIn(words, done.stderr)
            self.assertFalse(os.path.exists(self.path("fan-runs")))

    def test_slot_that_cannot_be_set_up_ends_the_run_before_a_task(self):
        done = self.program(
            "fan", "run", "--results", "run", "-j2", *self.OPTIONS,
            "--plugin", os.path.join(PLUGINS, "unopened.so"), ":::", "a", "b")
        self.assertEqual(done.returncode, system.USAGE, done.stderr)
        self.assertIn("cannot set up slot 2: there is no second model",
                      done.stderr)
        self.assertEqual(done.stdout, "")

    def test_what_is_for_commands_is_refused(self):
        for flag in ("--shell", "--stdin", "--compat", "--line-buffer",
                     "--stdout=x"):
            done = self.program("fan", "run", *self.OPTIONS, "--plugin",
                                TASKS, flag, ":::", "a")
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertIn("is for commands", done.stderr)

    def test_resume_computes_only_what_is_new(self):
        self.run_plugin("fan_run", ":::", "a", "b")
        before = len(self.records())
        self.run_plugin("fan_run", "--resume", ":::", "a", "b", "c")
        self.assertEqual(len(self.finals()), 3)
        fresh = [r for r in self.records()[before:] if r.get("final")]
        self.assertEqual([r["args"] for r in fresh], [["c"]])

    def test_status_shows_how_far_a_task_is(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "2", "--heartbeat",
                         "50ms", "--liveness", "10s", *self.OPTIONS, "--plugin",
                         f"{TASKS}:say_and_wait", ":::", "wait gate", "b")
        end_s = time.monotonic() + system.PATIENCE_S
        shown = ""
        while "37 %" not in shown and time.monotonic() < end_s:
            self.assertIsNone(run.process.poll(), run.errors())
            shown = self.program("fan", "status", "run").stdout
        self.assertRegex(shown, r"task 1 for [\d.]+ s on \S+, 37 %: h\?alf é")
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())


class Threads(PluginTest):
    def test_task_that_does_not_stop_ends_its_worker_and_no_other_task(self):
        self.gate()
        done = self.program(
            "fan", "run", "--results", "run", "--plugin", f"{TASKS}:stubborn",
            "-j2", "--timeout", "50ms", "--grace", "50ms", ":::",
            "wait gate", *numbers(1, 100))
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertIn("A thread cannot be killed", done.stderr)
        finals = self.finals()
        self.assertEqual(finals[1]["class"], "timeout")
        self.assertEqual({finals[i]["status"] for i in range(2, 102)}, {"ok"})

    def test_crashing_task_is_quarantined_and_the_others_succeed(self):
        values = numbers(1, 400)
        values[200] = "crash"
        self.run_plugin("crash", "-j1", "--max-losses", "30", ":::", *values,
                        code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual(len(finals), 400)
        self.assertEqual([n for n, r in finals.items()
                          if r["status"] == "quarantined"], [201])
        self.assertEqual({r["status"] for n, r in finals.items() if n != 201},
                         {"ok"})

    def test_second_interrupt_ends_what_does_not_listen(self):
        os.mkfifo(self.path("gate"))
        running = self.start("run", "--results", "run", "--plugin",
                             f"{TASKS}:stubborn", "-j1", ":::", "one",
                             "wait gate", "two")
        with open(self.path("gate"), "wb"):  # returns when the task runs
            roles = system.descendants(running.process.pid)
            interrupts = 0
            while running.process.poll() is None:
                running.kill(signal.SIGINT)
                interrupts += 1
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.process.wait(0.4)  # two in a moment count as one
            self.assertEqual(running.finish(), 128 + signal.SIGINT)
            self.assertGreaterEqual(interrupts, 2)
            self.assert_ends(roles)
        self.assertEqual(sorted(self.finals()), [1])

    def test_dry_run_shows_the_calls(self):
        self.assertEqual(self.fan("run", "--dry-run", "--plugin", "./x.so:f",
                                  ":::", "a", "b c"),
                         ["./x.so:f a", "./x.so:f 'b c'"])


class ByHand(SystemTest):
    """The roles one by one; the worker is told of the plugin, or brings it."""

    def setUp(self):
        super().setUp()
        self.endpoint = "ipc://" + self.path("control")

    def ventilate(self, *arguments):
        return [self.start("ventilator", self.endpoint, "--dir", "control.d",
                           *arguments),
                self.start("sink", self.endpoint, "--results", "run")]

    def test_worker_is_told_of_the_plugin(self):
        os.symlink(TASKS, self.path("here.so"))
        os.mkdir(self.path("elsewhere"))
        others = self.ventilate("--plugin", "./here.so", ":::", "a", "b")
        worker = subprocess.run(
            [os.path.join(system.BIN, "fan"), "worker", self.endpoint],
            cwd=self.path("elsewhere"), env=self.environment, check=False,
            capture_output=True, text=True, timeout=system.PATIENCE_S)
        self.assertEqual(worker.returncode, system.OK, worker.stderr)
        for other in others:
            self.assertEqual(other.finish(), system.OK, other.errors())
        self.assert_finals(2)

    def test_worker_brings_the_plugin_from_another_place(self):
        others = self.ventilate("--plugin", "./not-here.so", ":::", "a", "b")
        worker = self.program("fan", "worker", self.endpoint, "--plugin",
                              TASKS)
        self.assertEqual(worker.returncode, system.OK, worker.stderr)
        for other in others:
            self.assertEqual(other.finish(), system.OK, other.errors())
        self.assert_finals(2)

    def test_worker_with_a_plugin_takes_no_commands(self):
        self.ventilate("--", "echo", ":::", "a")
        worker = self.program("fan", "worker", self.endpoint, "--plugin",
                              TASKS)
        self.assertEqual(worker.returncode, system.USAGE)
        self.assertIn("the run has commands", worker.stderr)


if __name__ == "__main__":
    system.main()
