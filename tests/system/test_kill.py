"""Each process killed in the middle of a run: every task gets one final
record all the same, and its output is printed once."""
import os
import signal

import system
from system import SystemTest, numbers

TASKS, FREE = 60, 10


class Kill(SystemTest):
    # The first tasks run freely, the others wait at the gate: when the first
    # have been printed, the run is surely in its middle.
    COMMAND = ("--results", "run", "-j", "2", "--", "sh", "-c",
               f'test "$1" -le {FREE} || cat gate; echo "$1"', "sh", "{}",
               ":::", *numbers(1, TASKS))

    def setUp(self):
        super().setUp()
        self.gated = self.gate()
        self.run_ = self.start("run", *self.COMMAND)
        self.run_.read_lines(FREE)

    def finish_whole(self):
        self.gated.open()
        self.assertEqual(self.run_.finish(), system.OK, self.run_.errors())
        self.assertEqual(sorted(self.run_.lines), sorted(numbers(1, TASKS)))
        self.assert_finals(TASKS)
        self.fan("verify", "run")

    def kill_role(self, program, which):
        pids = self.run_.of_program(program)
        self.assertTrue(pids, f"no {program} below fan run")
        os.kill(pids[which], signal.SIGKILL)

    def test_ventilator(self):
        self.kill_role("fan-ventilator", -1)
        self.finish_whole()

    def test_sink(self):
        self.kill_role("fan-sink", -1)
        self.finish_whole()

    def test_worker(self):
        self.kill_role("fan-worker", -1)
        self.finish_whole()

    def test_parent_of_the_worker(self):
        self.kill_role("fan-worker", 0)
        self.finish_whole()

    def test_ventilator_and_sink(self):
        self.kill_role("fan-ventilator", -1)
        self.kill_role("fan-sink", -1)
        self.finish_whole()

    def test_ventilator_and_worker(self):
        self.kill_role("fan-ventilator", -1)
        self.kill_role("fan-worker", -1)
        self.finish_whole()

    def test_sink_and_worker(self):
        self.kill_role("fan-sink", -1)
        self.kill_role("fan-worker", -1)
        self.finish_whole()

    def test_fan_run_itself_leaves_nothing_behind_and_is_resumed(self):
        below = system.descendants(self.run_.process.pid)
        self.assertTrue(below)
        self.run_.kill()
        self.run_.process.wait(system.PATIENCE_S)
        self.assert_ends(below)
        self.gated.open()
        self.fan("run", "--resume", *self.COMMAND)
        self.assert_finals(TASKS)
        self.fan("verify", "run")


if __name__ == "__main__":
    system.main()
