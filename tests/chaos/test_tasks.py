"""Tasks that do harm, fan run ended in every way, input that changes, and a
thousand workers that come back at once."""
import os
import signal

import chaos
import system
from chaos import LIVENESS, ByHand, ChaosTest, Run, until

TAG = 'echo "$1" >>ran; '


class Tasks(ChaosTest):
    def run_tasks(self, count, work, *options, code=system.OK):
        self.tasks = count
        self.fan("run", "--results", "run", "-j", "2", *options, "--", "sh",
                 "-c", work, "sh", "{}", ":::", *system.numbers(1, count),
                 code=code)
        self.fan("verify", "run")

    def test_f16_task_that_hangs_is_ended_with_its_group(self):
        # It ignores TERM, and so does its child, which holds a fifo open.
        os.mkfifo(self.path("held"))
        reader = os.open(self.path("held"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.gate()
        self.now()
        self.run_tasks(
            3, TAG + 'echo "$1"; test "$1" -ne 2 || { trap "" TERM; '
            'cat gate >held & exec cat gate; }', "--timeout", "300ms",
            "--grace", "200ms", code=system.TASKS_FAILED)
        self.within(0.5 + 2)
        finals = self.finals()
        self.assertEqual(finals[2]["class"], "timeout")
        self.assertEqual([finals[n]["status"] for n in (1, 3)], ["ok", "ok"])
        self.assertEqual(os.read(reader, 1), b"")  # nobody has it open

    def test_f17_command_that_dies_by_a_signal_is_recorded_with_it(self):
        self.run_tasks(4, TAG + 'echo "$1"; test "$1" -ne 2 || kill -SEGV $$',
                       code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual((finals[2]["class"], finals[2]["signal"]),
                         ("signal", signal.SIGSEGV))
        self.assertEqual([finals[n]["status"] for n in (1, 3, 4)], ["ok"] * 3)
        self.assertEqual(self.recomputed(), 0)  # the worker lives

    def test_f18_task_that_kills_its_workers_is_quarantined_alone(self):
        self.run_tasks(12, TAG + 'test "$1" -ne 3 || kill -9 $PPID; echo "$1"',
                       code=system.TASKS_FAILED)
        statuses = {task: record["status"]
                    for task, record in self.finals().items()}
        self.assertEqual(statuses.pop(3), "quarantined")
        self.assertEqual(set(statuses.values()), {"ok"})
        self.assertEqual(len(statuses), 11)
        # Three lone deaths, and two before it was suspected. In a queue of
        # quick tasks it may be reached before anybody says that it runs.
        ran = [record for record in self.records()
               if record.get("status") == "lost" and record["task"] == 3
               and record.get("ran")]
        self.assertEqual(len(ran), 3 + 2)
        self.assertEqual(sum(bool(record.get("alone")) for record in ran), 3)
        self.assertLessEqual(self.executions()[3], 3 + 2 + 2)


class Ended(Run):
    """fan run is told to end, or is killed, while two tasks run."""

    def setUp(self):
        super().setUp()
        self.begin()
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.below = system.descendants(self.run_.process.pid)
        self.now()

    def ended(self):
        """Nothing is left of it, and --resume does the rest."""
        self.assert_ends(self.below)
        self.recovery_s = self.elapsed()
        self.gated.open()
        self.fan("verify", "run")
        self.fan("run", "--resume", "--results", "run")
        self.assert_whole(self.tasks, recomputed=2)

    def test_f24_killed_fan_run_leaves_nothing_behind(self):
        self.run_.kill()
        self.run_.process.wait(system.PATIENCE_S)
        self.ended()

    def told(self, number):
        """Once: what runs may finish, nothing new starts."""
        self.run_.kill(number)
        self.heard("nothing new is started")
        self.gated.open()
        self.assertEqual(self.run_.finish(), 128 + number)
        self.ended()
        self.assertEqual(self.recomputed(), 0)

    def test_f51_terminated_fan_run_lets_finish_what_runs(self):
        self.told(signal.SIGTERM)

    def test_f51_interrupted_fan_run_lets_finish_what_runs(self):
        self.told(signal.SIGINT)

    def test_f51_hung_up_fan_run_lets_finish_what_runs(self):
        self.told(signal.SIGHUP)

    def test_f51_fan_run_interrupted_twice_ends_at_once(self):
        self.run_.kill(signal.SIGINT)
        self.heard("nothing new is started")
        # What follows at once is taken for a copy of the first.
        def again():
            self.run_.kill(signal.SIGINT)
            return self.run_.process.poll() is not None
        until("it ends", again)
        self.assertEqual(self.run_.finish(), 128 + signal.SIGINT)
        self.within(3)
        self.ended()

    def test_f51_fan_run_without_a_reader_ends(self):
        self.run_.process.stdout.close()
        self.gated.open()
        self.assertEqual(self.run_.process.wait(system.PATIENCE_S),
                         128 + signal.SIGPIPE)
        self.run_.process.stdout = open(os.devnull, "rb")
        self.ended()

    def test_f08_input_is_changed_before_a_resume(self):
        self.run_.kill()
        self.run_.process.wait(system.PATIENCE_S)
        self.assert_ends(self.below)
        self.gated.open()
        kept = system.numbers(5, 40)
        edited = [*reversed(kept), "41", "42"]  # 1 to 4 are gone
        self.fan("run", "--resume", "--results", "run", "-j", "2", "--", "sh",
                 "-c", self.WORK.format(self.FREE), "sh", "{}", ":::", *edited)
        self.at_end()
        for record in self.finals().values():
            self.assertEqual(record["status"], "ok")
        self.tasks = 42
        said = sorted(int(record["stdout"])
                      for record in self.finals().values())
        self.assertEqual(said, list(range(1, 43)))  # those of before, too
        self.assertLessEqual(self.recomputed(), 2)


class Signals(ByHand):
    """Each signal to each of the roles."""

    def told(self, program, number):
        self.begin()
        self.until("two more run", lambda: len(self.executions()) == 12)
        role = {"fan-ventilator": self.ventilator, "fan-sink": self.sink,
                "fan-worker": self.workers[0]}[program]
        self.now()
        os.kill(role.process.pid, number)
        ends = number in (signal.SIGTERM, signal.SIGINT) or (
            program == "fan-worker" and number == signal.SIGHUP)
        if not ends:
            self.end_whole(recomputed=0)
            return
        if program == "fan-worker":
            role.says("draining")
        self.gated.open()  # what runs may finish
        self.assertEqual(role.ends(), 128 + number, role.text())
        if program == "fan-ventilator":
            self.assertEqual(self.workers[0].ends(), 0)
            self.sink.ends()
            self.ventilator_again()
        if program in ("fan-ventilator", "fan-sink"):
            self.add_sink()
        if program in ("fan-ventilator", "fan-worker"):
            self.add_worker()
        self.end_whole(recomputed=0)

    def add_worker(self, *options, **more):
        return super().add_worker("--verbose", *options, **more)

    def each(self, program):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                       signal.SIGPIPE):
            with self.subTest(signal=number):
                self.told(program, number)
            self.afresh()

    def test_f51_each_signal_to_the_ventilator(self):
        self.each("fan-ventilator")

    def test_f51_each_signal_to_the_sink(self):
        self.each("fan-sink")

    def test_f51_each_signal_to_a_worker(self):
        self.each("fan-worker")


class Stale(ByHand):
    def test_f52_stale_copy_is_cancelled_while_its_result_is_under_way(self):
        """A worker is given up and its tasks are done elsewhere; it comes back
        with them still running or just done, and is told to stop them."""
        self.begin(*LIVENESS, tasks=12)
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.workers[0].kill(signal.SIGSTOP)
        self.ventilator.says("worker-gone")
        self.add_worker()
        self.until("they run again", lambda: self.recomputed() == 2)
        self.workers[0].kill(signal.SIGCONT)
        self.now()
        self.ventilator.says("worker-gone(?s:.*)worker-joined"
                             "(?s:.*)worker-joined")
        zombie = self.workers[0].pids()[1]
        until("its copies are stopped", lambda: not chaos.children(zombie))
        self.recovery_s = self.elapsed()
        self.end_whole(recomputed=2)


class Thousand(ByHand):
    """Real workers, one slot each; the ventilator that they know is killed."""
    WORKERS, EACH = 1000, 4

    def joined(self):
        return self.ventilator.text().count("worker-joined")

    def test_f45_thousand_workers_come_back_at_once(self):
        system.PATIENCE_S, before = 150, system.PATIENCE_S
        self.addCleanup(setattr, system, "PATIENCE_S", before)
        self.begin_ventilator(work=TAG + 'echo "$1"',
                              tasks=self.WORKERS * self.EACH)
        for _ in range(self.WORKERS):
            self.add_worker(slots=1)
        until("all have joined", lambda: self.joined() == self.WORKERS)
        self.add_sink()
        self.until("a part is stored",
                   lambda: len(self.executions()) > self.WORKERS)
        self.ventilator.kill()
        self.now()
        self.ventilator_again()
        until("all are back", lambda: self.joined() == self.WORKERS)
        self.within(10, starts=self.WORKERS)
        self.end_whole(recomputed=0)


if __name__ == "__main__":
    chaos.main()
