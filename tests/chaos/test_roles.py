"""Ventilator and worker killed, stopped, and started twice."""
import os
import shutil
import signal
import subprocess

import chaos
import system
from chaos import (LIVENESS, PATIENT, STEADY, STEADY_S, ByHand, Run, pause,
                   until)


class Ventilator(Run):
    def test_f01_killed_ventilator_computes_nothing_again(self):
        self.begin()
        self.now()
        self.strike("fan-ventilator", signal.SIGKILL)
        self.goes_on(5)
        self.end_whole(recomputed=0)

    def test_f03_stopped_ventilator_expires_nobody(self):
        self.begin("--verbose", *STEADY)
        self.strike("fan-ventilator", signal.SIGSTOP)
        pause(2 * STEADY_S, long=30)
        self.now()
        self.strike("fan-ventilator", signal.SIGCONT)
        self.end_whole(recomputed=0)
        self.assert_nobody_lost()


class VentilatorByHand(ByHand):
    def test_f07_second_ventilator_of_a_run_is_refused(self):
        self.begin()
        second = chaos.Role(self, "fan-ventilator", "tcp://127.0.0.1:*",
                            "--plan", "plan/plan.yaml", "--dir", "plan")
        self.assertNotEqual(second.ends(), system.OK)
        self.assertIn("another ventilator", second.text())
        self.end_whole(recomputed=0)

    def test_f07_ventilator_that_was_followed_by_another_is_fenced(self):
        """Two of them as on two hosts, each with the plan; one address leads
        to the one, then to the other, and back."""
        preload = self.proxied()
        self.begin_ventilator(*LIVENESS)
        self.add_sink(**preload)
        self.add_worker(**preload)
        self.free_done()
        first = self.ventilator
        shutil.copytree(self.path("plan"), self.path("other"))
        second = chaos.Role(self, "fan-ventilator", "tcp://127.0.0.1:*",
                            "--plan", "other/plan.yaml", "--dir", "other",
                            "--verbose")
        there, here = (self.port_in(second, "listening"),
                       self.ports["control"])
        links = [self.proxy.link(program, here)
                 for program in ("fan-sink", "fan-worker")]
        for link in links:
            link.lead_to(there)
        second.says("synced generation=2")
        second.says("worker-joined")
        for link in links:
            link.lead_to(here)  # where only generation 1 is known
        self.assertEqual(first.ends(), system.ERROR)
        self.assertIn("a later ventilator of this run is at work", first.text())
        for link in links:
            link.lead_to(there)
        self.now()
        self.ventilator = second
        self.end_whole(recomputed=2)

    def test_f01_killed_ventilator_by_hand_goes_on_with_its_plan(self):
        self.begin()
        self.now()
        self.ventilator.kill()
        self.ventilator_again()
        self.goes_on(5)
        self.end_whole(recomputed=0)


class Worker(ByHand):
    def test_f10_killed_idle_worker_costs_nothing(self):
        self.begin(*PATIENT, tasks=12)
        idle = self.add_worker(slots=1)
        self.ventilator.says("worker-joined(?s:.*)worker-joined")
        # The two slots of the first hold the last two tasks.
        self.until("the last two run", lambda: len(self.executions()) == 12)
        self.now()
        idle.kill()
        self.ventilator.says("worker-gone")
        self.within(5)
        self.end_whole(recomputed=0)

    def one_worker_of_two_is_lost(self, *options, before=()):
        """Until its two tasks run elsewhere."""
        self.begin_ventilator(*options)
        self.add_sink()
        self.add_worker(before=before)
        self.free_done()
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.add_worker(slots=40)
        self.until("all run", lambda: len(self.executions()) == 40)
        self.now()
        self.workers[0].kill()
        self.until("they run elsewhere", lambda: self.recomputed() == 2)

    def test_f11_tasks_of_a_killed_worker_are_sent_again_at_once(self):
        self.one_worker_of_two_is_lost(*PATIENT)  # no silence tells
        self.within(0.1)
        self.end_whole(recomputed=2)

    def test_f11_worker_elsewhere_is_given_up_after_the_liveness(self):
        # In a process namespace of its own it is as on another host: its
        # process cannot be watched, and those of its number are others.
        other = ("unshare", "-rpf", "--mount-proc", "--kill-child")
        if subprocess.run([*other, "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no process namespaces here")
        self.one_worker_of_two_is_lost(*STEADY, before=other)
        self.assertGreater(self.elapsed(), STEADY_S / 2, "not by its silence")
        self.within(STEADY_S + 0.1 + 2)  # liveness, a tick, and a busy machine
        self.end_whole(recomputed=2)

    def test_f12_worker_killed_with_results_that_are_not_stored(self):
        self.begin(*PATIENT)
        os.kill(self.sink.process.pid, signal.SIGSTOP)
        self.gated.open()
        self.until("one more result is made",
                   lambda: len(self.executions()) > 14)
        self.now()
        self.workers[0].kill()
        os.kill(self.sink.process.pid, signal.SIGCONT)
        self.add_worker()
        self.end_whole()

    def test_f13_zombie_worker_does_no_harm(self):
        last = system.Gate(self.path("last"))
        self.addCleanup(last.open)
        self.begin(*LIVENESS, work='echo "$1" >>ran; test "$1" -le 10 || '
                   'cat gate; test "$1" -ne 40 || cat last; echo "$1"')
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.now()
        self.workers[0].kill(signal.SIGSTOP)
        self.ventilator.says("worker-gone")
        self.add_worker()
        self.gated.open()
        self.until("others are done", lambda: len(self.finals_quietly()) > 20)
        self.workers[0].kill(signal.SIGCONT)
        # It is told to say HELLO, and what it made meanwhile is refused.
        self.ventilator.says("worker-gone(?s:.*)worker-joined"
                             "(?s:.*)worker-joined")
        last.open()
        self.end_whole()
        ended = self.sink.says(r"duplicates=(\d+) refused=(\d+)")
        self.assertGreaterEqual(int(ended[1]) + int(ended[2]), 1)
        # What it had not started, it may have once it was awake.
        self.assertLessEqual(self.recomputed(), self.lost())

    def test_f14_short_stop_is_nothing(self):
        self.begin(*PATIENT)
        self.workers[0].kill(signal.SIGSTOP)
        pause(1)
        self.now()
        self.workers[0].kill(signal.SIGCONT)
        self.end_whole(recomputed=0)

    def test_f15_slow_tasks_expire_nobody(self):
        self.begin(*STEADY)
        pause(2 * STEADY_S)
        self.now()
        self.end_whole(recomputed=0)
        self.assert_nobody_lost()

    def test_f19_worker_that_is_started_again_takes_the_tasks_at_once(self):
        self.begin(*PATIENT)
        self.until("two more run", lambda: len(self.executions()) == 12)
        self.now()
        self.workers[0].kill()
        self.add_worker()
        self.until("tasks run again",
                   lambda: self.executions().total() == 14)
        self.recovery_s = self.elapsed()
        self.end_whole(recomputed=2)

    def test_f23_background_children_are_gone_with_their_task_or_run(self):
        # The group's child holds a fifo open; so does one in a session of
        # its own. Who reads them sees their ends.
        os.mkfifo(self.path("group"))
        os.mkfifo(self.path("session"))
        ends = {name: os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK)
                for name in ("group", "session")}
        for end in ends.values():
            self.addCleanup(os.close, end)
        work = ('echo "$1" >>ran; if test "$1" = 1; then cat gate >group & '
                'setsid sh -c "echo x >&3; cat gate" 3>session & fi; '
                'test "$1" = 1 || cat gate; echo "$1"')
        self.begin_ventilator(work=work, tasks=2)
        self.add_sink()
        self.add_worker(slots=1)
        self.until("the next task has the slot",
                   lambda: self.executions()[2] == 1)
        self.assertEqual(os.read(ends["group"], 1), b"")
        self.gated.open()
        self.assertEqual(self.ventilator.ends(), system.OK)
        self.assertEqual(self.workers[0].ends(), system.OK)
        until("the session ends", lambda: at_end(ends["session"]))
        self.assert_whole(2, recomputed=0)


def at_end(fd):
    try:
        return os.read(fd, 100) == b""
    except BlockingIOError:
        return False


class Sink(ByHand):
    def test_f21_full_budget_starts_nothing_more(self):
        big = ('echo "$1" >>ran; cat gate; head -c 200000 /dev/urandom '
               '| base64 >&2; echo "$1"')
        self.begin_ventilator("--retain-max", "1M", *PATIENT, work=big,
                              tasks=60)
        self.add_sink()
        self.add_worker()
        self.until("two run", lambda: len(self.executions()) == 2)
        os.kill(self.sink.process.pid, signal.SIGSTOP)
        self.gated.open()
        self.until("some are done", lambda: len(self.executions()) >= 3)
        pause(1)
        self.assertLess(len(self.executions()), 30)
        self.now()
        os.kill(self.sink.process.pid, signal.SIGCONT)
        self.end_whole(recomputed=0)

    def test_f35_stopped_sink_loses_nothing(self):
        self.begin(*STEADY)
        os.kill(self.sink.process.pid, signal.SIGSTOP)
        self.gated.open()
        self.until("all is computed", lambda: len(self.executions()) == 40)
        pause(1, long=60)
        self.now()
        os.kill(self.sink.process.pid, signal.SIGCONT)
        self.end_whole(recomputed=0)


if __name__ == "__main__":
    chaos.main()
