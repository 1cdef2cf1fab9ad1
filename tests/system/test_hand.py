"""The three roles started by hand: any order, several workers, ends."""
import itertools
import os
import signal

import system
from system import SystemTest, numbers

TASKS = 30
WORK = ("--", "sh", "-c", 'test "$1" -le 4 || cat gate; echo "$1"', "sh", "{}",
        ":::", *numbers(1, TASKS))
INTERRUPTED, TERMINATED, UNREACHABLE = 130, 143, 7


class Hand(SystemTest):
    def setUp(self):
        super().setUp()
        self.endpoint = "ipc://" + self.path("control")

    def ventilator(self, *command):
        return self.start("ventilator", self.endpoint, "--dir", "control.d",
                          *command)

    def sink(self):
        return self.start("sink", self.endpoint, "--results", "run")

    def worker(self, *options):
        return self.start("worker", self.endpoint, "-j", "2", *options)

    def assert_ended(self, running, code=system.OK):
        self.assertEqual(running.finish(), code, running.errors())

    def stored(self, count):
        """Waits until the log holds so many final records."""
        def there():
            try:
                return sum(bool(r.get("final")) for r in self.records()) >= count
            except (OSError, EOFError, ValueError):
                return False  # not there yet, or its last member is not whole
        system.until(f"{count} final records", there, self.folder,
                     self.path("run"))

    def test_any_order_of_starting_does(self):
        starts = {"ventilator": lambda: self.ventilator("--", "echo", ":::",
                                                        *numbers(1, 5)),
                  "sink": self.sink, "worker": self.worker}
        for place, order in enumerate(itertools.permutations(starts)):
            with self.subTest(order):
                for running in [starts[role]() for role in order]:
                    self.assert_ended(running)
                self.assert_finals(5)
                for name in ("run", "control.d"):
                    os.rename(self.path(name), self.path(f"{name}{place}"))

    def test_loopback_serves_as_well(self):
        self.endpoint = "tcp://127.0.0.1:*"
        ventilator = self.ventilator("-v", "--", "echo", ":::", *numbers(1, 5))
        ventilator.says("listening")
        line = next(line for line in ventilator.errors().splitlines()
                    if "listening" in line)
        self.endpoint = line.partition("endpoint=")[2].split()[0]
        for running in (self.sink(), self.worker(), ventilator):
            self.assert_ended(running)
        self.assert_finals(5)

    def test_other_hosts_are_refused(self):
        for program, arguments in (
                ("ventilator", ("--dir", "d", "--", "echo", ":::", "a")),
                ("worker", ()), ("sink", ("--results", "run"))):
            with self.subTest(program):
                done = self.program("fan", program, "tcp://192.0.2.1:7700",
                                    *arguments)
                self.assertNotEqual(done.returncode, system.OK)
                self.assertIn("loopback", done.stderr)

    def test_workers_come_and_go(self):
        gate = self.gate()
        ventilator, sink, first = (self.ventilator(*WORK), self.sink(),
                                   self.worker())
        self.stored(4)
        second = self.worker()
        # Two of its own at the gate: it has joined and has work.
        system.until("the second worker's tasks",
                     lambda: len(second.of_program("cat")) == 2)
        second.kill(signal.SIGTERM)
        gate.open()
        self.assert_ended(second, TERMINATED)
        for running in (first, ventilator, sink):
            self.assert_ended(running)
        self.assert_finals(TASKS)

    def test_killed_ventilator_goes_on_with_its_plan(self):
        gate = self.gate()
        ventilator, sink, worker = (self.ventilator(*WORK), self.sink(),
                                    self.worker())
        self.stored(4)
        ventilator.kill()
        ventilator.finish()
        again = self.start("ventilator", self.endpoint, "--plan",
                           "control.d/plan.yaml", "--dir", "control.d")
        gate.open()
        for running in (again, sink, worker):
            self.assert_ended(running)
        self.assert_finals(TASKS)

    def test_interrupt_lets_finish_what_runs_and_ends_all(self):
        gate = self.gate()
        ventilator, sink, worker = (self.ventilator(*WORK), self.sink(),
                                    self.worker())
        self.stored(4)
        system.until("tasks", lambda: len(worker.of_program("cat")) == 2)
        ventilator.kill(signal.SIGINT)
        gate.open()
        self.assert_ended(ventilator, INTERRUPTED)
        self.assert_ended(worker)
        self.assert_ended(sink)
        self.assertGreaterEqual(len(self.finals()), 6)

    def test_second_signal_kills_what_a_worker_runs(self):
        self.gate()
        self.ventilator(*WORK)
        self.sink()
        worker = self.worker("--verbose")
        self.stored(4)
        system.until("tasks", lambda: len(worker.of_program("cat")) == 2)
        waiting = worker.of_program("cat")
        worker.kill(signal.SIGTERM)
        worker.says("draining")
        worker.kill(signal.SIGTERM)
        self.assert_ended(worker, TERMINATED)
        self.assert_ends(waiting)

    def test_signal_to_worker_and_shepherd_is_one(self):
        gate = self.gate()
        ventilator, sink = self.ventilator(*WORK), self.sink()
        worker = self.worker("--verbose")
        self.stored(4)
        system.until("tasks", lambda: len(worker.of_program("cat")) == 2)
        os.kill(worker.of_program("fan-worker")[0], signal.SIGTERM)
        worker.says("draining")
        worker.kill(signal.SIGTERM)
        helper = self.worker()
        gate.open()
        self.assert_ended(worker, TERMINATED)
        for running in (helper, ventilator, sink):
            self.assert_ended(running)
        # What ran was let end, so nothing was done twice.
        self.assertEqual([r["task"] for r in self.records()
                          if r.get("status") == "lost" and r.get("ran")], [])
        self.assert_finals(TASKS)

    def test_worker_without_a_ventilator_gives_up(self):
        self.assert_ended(self.worker("--wait", "300ms"), UNREACHABLE)

    def test_second_sink_is_refused(self):
        gate = self.gate()
        ventilator, sink, worker = (self.ventilator(*WORK), self.sink(),
                                    self.worker())
        self.stored(4)
        done = self.program("fan", "sink", self.endpoint, "--results", "other")
        self.assertEqual(done.returncode, system.ERROR)
        self.assertIn("another sink", done.stderr)
        gate.open()
        for running in (ventilator, sink, worker):
            self.assert_ended(running)
        self.assert_finals(TASKS)


if __name__ == "__main__":
    system.main()
