"""fan explain: why a task, or the run, goes no further."""
import contextlib
import json
import os
import signal
import subprocess

import system
from system import SystemTest, numbers

GATED = 'cat gate; exit "$1"'


class Explain(SystemTest):
    def explain(self, *arguments, run="run"):
        return json.loads(self.fan("explain", "--json", *arguments, run)[0])

    def reason(self, *arguments, run="run"):
        return self.explain(*arguments, run=run)["reason"]

    def until(self, reason, *arguments, run="run"):
        """Asks until this is the reason; returns what else is said."""
        found = {}

        def is_so():
            with contextlib.suppress(IndexError, AssertionError):
                found.update(self.explain(*arguments, run=run))
            return found.get("reason") == reason
        try:
            system.until(reason, is_so)
        except AssertionError:
            raise AssertionError(f"{reason} is never said: {found}") from None
        return found

    def start_run(self, *options, values=("0",), command=GATED):
        run = self.start("run", "-q", "--results", "run", *options, "--", "sh",
                         "-c", command, "sh", "{}", ":::", *values)
        system.until("the run has begun", lambda: os.path.exists(
            self.path("run/endpoint")), self.folder, self.path("run"))
        return run

    def test_running_and_waiting_for_a_slot_and_what_came_of_it(self):
        gate = self.gate()
        run = self.start_run("-j", "1", values=["0", "3", "0"])
        told = self.until("running", "1")
        self.assertEqual((told["v"], told["task"], told["dir"]),
                         (1, 1, "run"))
        self.assertIn("it runs on " + told["host"], told["text"])
        self.assertIn("all slots are taken: 1 of 1; 2 tasks are ready",
                      self.until("busy", "3")["text"])
        self.assertEqual(self.reason("4"), "no_task")
        whole = self.explain()  # of the run: its oldest task
        self.assertEqual((whole["reason"], whole["task"]), ("running", 1))
        self.assertRegex(self.fan("explain", "run")[0],
                         r"\Atask 1 of run: it runs on .*, for \d+\.\d s\Z")
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        self.assertEqual(self.reason("1"), "ok")
        failed = self.explain("2")
        self.assertEqual((failed["reason"], failed["text"], failed["hint"]),
                         ("failed", "it has failed: exit 3", "fan show 2 run"))
        self.assertEqual(self.reason(), "complete")
        self.assertEqual(self.reason("4"), "no_task")
        self.fan("explain", "1-2", "run", code=system.USAGE)

    def test_paused(self):
        gate = self.gate()
        run = self.start_run("-j", "1", values=["0", "0"])
        self.until("running", "1")
        self.fan("pause", "run")
        told = self.explain("2")
        self.assertEqual((told["reason"], told["hint"]),
                         ("paused", "fan resume run"))
        self.assertEqual(self.reason(), "paused")
        self.assertEqual(self.reason("1"), "running")  # it goes on
        self.fan(*told["hint"].split()[1:])
        gate.open()
        self.assertEqual(run.finish(), system.OK)

    def test_backing_off(self):
        run = self.start_run("--retries", "1", "--backoff", "1h",
                             command="exit 3")
        told = self.until("backing_off", "1")
        self.assertEqual((told["failures"], told["class"], told["code"]),
                         (1, "exit", 3))
        self.assertGreater(told["ms"], 60000)
        self.assertRegex(told["text"], "tried again in [0-9]+ (min|h)")
        self.assertEqual(self.reason(), "backing_off")
        run.kill(signal.SIGTERM)
        run.finish()

    def test_held(self):
        run = self.start_run("--on-fail", "hold", "--held", "wait",
                             command="exit 3")
        self.until("held", "1")
        self.assertEqual(self.until("held")["hint"], "fan held run")
        run.kill(signal.SIGTERM)
        run.finish()
        self.assertEqual(self.reason("1"), "held")

    def test_held_alone_is_not_stopped(self):
        self.fan("run", "-q", "--results", "run", "--on-fail", "hold", "--",
                 "false", ":::", "1", code=4)
        self.assertEqual(self.reason(), "held")

    def test_no_worker_fits(self):
        run = self.start_run("--mem", "4T", values=numbers(1, 2))
        told = self.until("unfit", "2")
        self.assertIn("a task takes 4T of memory, and it has", told["text"])
        self.assertEqual(told["hint"],
                         "fan worker " + self.read("run/endpoint").strip())
        self.assertEqual(self.reason(), "unfit")
        run.kill(signal.SIGTERM)
        run.finish()

    def test_sink_that_does_not_answer(self):
        gate = self.gate()
        run = self.start_run()
        self.until("running", "1")
        sink, = run.of_program("fan-sink")
        os.kill(sink, signal.SIGSTOP)
        self.addCleanup(self.go_on, sink)
        gate.open()
        self.assertIn("the sink has not said that its result is stored",
                      self.until("unstored", "1")["text"])
        self.assertEqual(self.reason(), "unstored")
        self.go_on(sink)
        self.assertEqual(run.finish(), system.OK)

    @staticmethod
    def go_on(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def test_worker_that_is_silent(self):
        gate = self.gate()
        run = self.start_run("--heartbeat", "100ms", "--liveness", "1h")
        self.until("running", "1")
        workers = run.of_program("fan-worker")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(self.go_on, pid)
        told = {}
        system.until("it is silent", lambda: told.update(self.explain("1")) or
                     "silent_ms" in told)
        self.assertIn("nothing was heard from there for ", told["text"])
        for pid in workers:
            self.go_on(pid)
        gate.open()
        self.assertEqual(run.finish(), system.OK)

    def test_input_that_has_not_come(self):
        run = subprocess.Popen(
            [os.path.join(system.BIN, "fan"), "run", "-q", "--results", "run",
             "--", "echo"], cwd=self.folder, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with run:
            run.stdin.write(b"a\n")
            run.stdin.flush()
            self.until("ok", "1")
            self.assertEqual(self.until("waits_for_input", "2")["task"], 2)
            self.assertEqual(self.reason(), "waits_for_input")
            run.stdin.close()
            self.assertEqual(run.wait(system.PATIENCE_S), system.OK)

    def test_no_sink_and_no_worker(self):
        endpoint = "ipc://" + self.path("control")
        ventilator = self.start("ventilator", endpoint, "--dir", "control.d",
                                "--", "echo", ":::", "1", "2")
        system.until("it has begun", lambda: os.path.exists(
            self.path("control.d/lock.ventilator")), self.folder,
            self.path("control.d"))
        self.write("control.d/endpoint", endpoint + "\n")
        self.until("no_sink", "2", run="control.d")
        sink = self.start("sink", endpoint, "--results", "run")
        told = self.until("no_worker", "2", run="control.d")
        self.assertEqual(told["hint"], "fan worker " + endpoint)
        self.assertEqual(self.reason(run="control.d"), "no_worker")
        worker = self.start("worker", endpoint)
        for running in (worker, sink, ventilator):
            self.assertEqual(running.finish(), system.OK)

    def test_damaged_log_is_no_run_to_go_on_with(self):
        self.fan("run", "-q", "--results", "run", "--", "echo", ":::",
                 *numbers(1, 6))
        path = os.path.join(self.path("run"), system.LOG)
        with open(path, "r+b") as log:
            log.seek(700)
            byte = log.read(1)
            log.seek(700)
            log.write(bytes([byte[0] ^ 0x41]))
        done = self.program("fan", "explain", "run")
        self.assertEqual(done.returncode, system.DAMAGED)
        self.assertIn("the log is damaged", done.stdout)
        self.assertIn("what now  fan verify run", done.stdout)

    def test_run_of_stages_is_explained_by_the_stage(self):
        gate = self.gate()
        self.write("two.yaml", 'stages: [{name: one, command: [cat, "{}"], '
                   f'sources: [":::", {gate.path}]}}]')
        run = self.start("run", "-q", "--results", "run", "two.yaml")
        system.until("the stage has begun", lambda: os.path.exists(
            self.path("run/one/endpoint")), self.folder, self.path("run"))
        done = self.program("fan", "explain", "run")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("run/STAGE", done.stderr)
        gate.open()
        self.assertEqual(run.finish(), system.OK)

    def test_stopped(self):
        gate = self.gate()
        run = self.start_run("-j", "1", values=["0", "0"])
        self.until("running", "1")
        below = system.descendants(run.process.pid)
        run.kill()
        run.process.wait(system.PATIENCE_S)
        self.assert_ends(below)
        told = self.explain("2")
        self.assertEqual((told["reason"], told["hint"]),
                         ("stopped", "fan run --resume --results run"))
        self.assertEqual(self.reason(), "stopped")
        gate.open()
        self.fan(*told["hint"].split()[1:])
        self.assertEqual(self.reason("2"), "ok")


if __name__ == "__main__":
    system.main()
