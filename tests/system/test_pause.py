"""fan pause and fan resume: nothing starts in between, whoever is killed."""
import json
import os
import signal

import system
from system import SystemTest, numbers, until
from terminal import Terminal


class Pause(SystemTest):
    def setUp(self):
        super().setUp()
        self.write("ran", "")

    def start_at_gate(self, tasks, *options):
        """Two slots, of which each has a task that waits at the gate."""
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "2", "--heartbeat",
                         "50ms", *options, "--shell", "--",
                         "echo {} >> ran; cat gate", ":::", *numbers(1, tasks))
        until("two tasks run", lambda: len(self.ran()) == 2, self.path("ran"))
        return run, gate

    def ran(self):
        return self.read("ran").split()

    def status(self):
        done = self.program("fan", "status", "--json", "run")
        return json.loads(done.stdout) if done.stdout else {}

    def until_status(self, **wanted):
        return until(f"{wanted}", lambda: {
            key: self.status().get(key) for key in wanted} == wanted)

    def events(self):
        return [(record["event"], record["user"] != "", record.get("note"))
                for record in self.records()
                if record.get("event") in ("paused", "unpaused")]

    def test_nothing_starts_though_the_ventilator_is_killed(self):
        run, gate = self.start_at_gate(8)
        said = "\n".join(self.fan("pause", "--note", "disk fills", "run"))
        self.assertRegex(said, r"(?s)run is paused.*2 tasks still run.*"
                               r"fan resume run")
        gate.open()
        self.until_status(state="paused", done=2, running=0)
        shown = "\n".join(self.fan("status", "run"))
        self.assertRegex(shown, r"(?s)run is paused.*no task is started.*"
                                r"fan resume run")
        for pid in run.of_program("fan-ventilator"):
            os.kill(pid, signal.SIGKILL)
        self.until_status(state="paused", generation=2, workers=1, done=2)
        self.assertEqual(len(self.ran()), 2)
        self.assertIn("run goes on", self.fan("resume", "run"))
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(sorted(self.ran()), numbers(1, 8))
        self.assertEqual(self.events(), [("paused", True, "disk fills"),
                                         ("unpaused", True, None)])
        self.fan("verify", "run")

    def test_terminal_says_so(self):
        gate = self.gate()
        terminal = Terminal(self.folder, os.path.join(system.BIN, "fan"), "run",
                            "--results", "run", "-j", "2", "--shell", "--",
                            "echo {} >> ran; cat gate", ":::", *numbers(1, 4))
        self.addCleanup(terminal.close)
        terminal.read_until(b"2 running")
        self.fan("pause", "run")
        terminal.read_until(b"paused  0 of 4 done")
        self.fan("resume", "run")
        gate.open()
        self.assertEqual(terminal.finish(), system.OK)

    def test_told_twice_is_told_once(self):
        run, gate = self.start_at_gate(3)
        self.fan("pause", "run")
        self.assertTrue(json.loads(
            self.fan("pause", "--json", "run")[0])["paused"])
        self.assertFalse(json.loads(
            self.fan("resume", "--json", "run")[0])["paused"])
        self.fan("resume", "run")
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual([event for event, _, _ in self.events()],
                         ["paused", "unpaused"])

    def test_what_is_resumed_after_its_end_is_not_paused(self):
        run, gate = self.start_at_gate(4)
        self.fan("pause", "run")
        gate.open()
        self.until_status(done=2, running=0)
        run.kill(signal.SIGTERM)
        self.assertEqual(run.finish(), 128 + signal.SIGTERM, run.errors())
        stopped = self.program("fan", "resume", "run")
        self.assertEqual(stopped.returncode, system.ERROR)
        self.assertIn("fan run --resume --results run", stopped.stderr)
        self.assertEqual(self.program("fan", "pause", "run").returncode,
                         system.ERROR)
        self.fan("run", "--resume", "--results", "run")
        self.assert_finals(4)

    def test_of_stages_the_one_at_work_is_paused(self):
        gate = self.gate()
        self.write("run.yaml", "stages:\n"
                   "  - name: a\n    command: [sh, -c, "
                   "'echo a >> ran; cat gate']\n    array: 1-3\n    jobs: 1\n"
                   "  - name: b\n    after: [a]\n    command: [sh, -c, "
                   "'echo b >> ran']\n    array: 1-2\n")
        run = self.start("run", "run.yaml", "--results", "run")
        until("a task runs", self.ran, self.path("ran"))
        self.assertIn("run/a is paused: no task is started",
                      self.fan("pause", "run"))
        gate.open()
        until("it has ended", lambda: json.loads(self.fan(
            "status", "--json", "run/a")[0])["running"] == 0)
        self.fan("resume", "run")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(sorted(self.ran()), ["a"] * 3 + ["b"] * 2)


if __name__ == "__main__":
    system.main()
