"""Run files with stages: a run each, behind what they are after."""
import json
import os
import signal

import system
from system import SystemTest, until

FILE = """\
stages:
  - name: sum
    after: square
    command: [sh, -c, 'sort -u squares | awk "{s += \\$1} END {print s}"']
  - name: make
    command: [sh, -c, "seq 4 > values"]
  - name: square
    after: make
    arg-file: values
    command: [sh, -c, 'test ! -e bad.{} && echo $(({} * {})) >> squares']
    jobs: 1
"""


class Stages(SystemTest):
    def setUp(self):
        super().setUp()
        self.write("run.yaml", FILE)

    def stage_records(self, stage):
        return list(self.finals(f"run/{stage}").values())

    def test_each_begins_when_what_it_is_after_is_done(self):
        lines = self.fan("run", "--results", "run", "run.yaml")
        self.assertEqual(lines, ["30"])
        self.assertEqual(len(self.stage_records("make")), 1)
        self.assertEqual([r["args"] for r in self.stage_records("square")],
                         [["1"], ["2"], ["3"], ["4"]])
        for stage in ("make", "square", "sum"):
            self.fan("verify", f"run/{stage}")

    def test_failure_ends_it_and_a_resume_goes_on_there(self):
        self.write("bad.3", "")
        done = self.program("fan", "run", "--results", "run", "run.yaml")
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertIn("stage square ended with exit code 3; not begun: sum",
                      done.stderr)
        again = "fan run --resume --results run run.yaml"
        self.assertIn("go on with it and the rest: " + again, done.stderr)
        self.assertFalse(os.path.exists(self.path("run/sum")))
        # Of all stages, and not of the one alone.
        hint = "  redo it          fan run --resume --results run " \
            "run/stages.yaml"
        self.assertIn(hint, self.fan("status", "run"))
        self.assertIn(hint, self.fan("status", "run/square/"))
        os.unlink(self.path("bad.3"))
        make = os.stat(self.path("run/make/" + system.LOG))
        self.assertEqual(self.fan(*again.split()[1:]), ["30"])
        self.assertEqual(os.stat(self.path("run/make/" + system.LOG)), make)
        self.assertEqual(sorted(self.read("squares").split()),
                         ["1", "16", "4", "9"])  # those that were ok: once
        self.assertEqual(self.fan(*again.split()[1:]), [])

    def test_ignored_failures_do_not_end_it(self):
        self.write("bad.3", "")
        self.assertEqual(self.fan("run", "--results", "run", "--on-fail",
                                  "ignore", "run.yaml"), ["21"])

    def test_killed_it_goes_on_where_it_was(self):
        gate = self.gate()
        self.write("run.yaml", FILE.replace("test ! -e bad.{}",
                                            "{ test {} != 3 || cat gate; }"))
        run = self.start("run", "--results", "run", "run.yaml")
        until("task 3 runs", lambda: run.of_program("cat"))
        below = system.descendants(run.process.pid)
        run.kill(signal.SIGKILL)
        run.finish()
        self.assert_ends(below)
        gate.open()
        self.assertEqual(self.fan("run", "--resume", "--results", "run",
                                  "run/stages.yaml"), ["30"])

    def test_signal_ends_it_all(self):
        gate = self.gate()
        self.write("run.yaml", FILE.replace("test ! -e bad.{}", "cat gate"))
        run = self.start("run", "--results", "run", "--on-done", "cat > told",
                         "run.yaml")
        until("a task runs", lambda: run.of_program("cat"))
        run.kill(signal.SIGTERM)
        run.says("terminated")
        gate.open()
        self.assertEqual(run.finish(), 143)
        self.assertFalse(os.path.exists(self.path("run/sum")))
        told = json.loads(self.read("told"))
        self.assertEqual((told["exit"], told["complete"]), (143, False))
        self.assertEqual(told["stages"],
                         [{"name": "make", "begun": True, "exit": 0},
                          {"name": "square", "begun": True, "exit": 143},
                          {"name": "sum", "begun": False}])

    def test_other_verbs_know_the_stages(self):
        self.write("bad.3", "")
        self.fan("run", "--results", "run", "run.yaml",
                 code=system.TASKS_FAILED)
        text = "\n".join(self.fan("status", "run"))
        self.assertRegex(text, r"run/make is complete: 1 tasks?.*\n"
                         r"run/square is complete.* 1 failed\n"
                         r"(?s:.*)run/sum is not begun$")
        states = json.loads("".join(self.fan("status", "--json", "run")))
        self.assertEqual([(s["dir"], s["state"]) for s in states],
                         [("run/make", "complete"), ("run/square", "complete"),
                          ("run/sum", "not begun")])
        for verb in ("results", "verify"):
            done = self.program("fan", verb, "run")
            self.assertEqual(done.returncode, system.USAGE)
            self.assertIn("holds a run of the stages make, square and sum: "
                          "name one, as in run/STAGE", done.stderr)

    def test_what_cannot_be_is_refused_before_the_first_begins(self):
        cases = {
            "    after: [make, sum]\n":
                "run.yaml:3: stage 'sum' never begins",
            "    after: squares\n":
                "run.yaml:3: there is no stage 'squares'; did you mean "
                "'square'?",
            "    after: square\n    halt: maybe\n": "halt",
        }
        for text, says in cases.items():
            self.write("run.yaml", FILE.replace("    after: square\n", text))
            done = self.program("fan", "run", "--results", "run", "run.yaml")
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertIn(says, done.stderr)
            self.assertFalse(os.path.exists(self.path("run")))
        self.write("run.yaml", "stages:\n  - name: a\n    jobs: 1\n")
        done = self.program("fan", "run", "--results", "run", "run.yaml")
        self.assertIn("run.yaml:2: stage 'a' says nothing to run", done.stderr)

    def test_other_uses_of_the_directory_are_refused(self):
        self.fan("run", "--results", "run", "run.yaml")
        for words, says in (
                (["run.yaml"], "holds a run already"),
                (["--", "true", ":::", "1"], "holds a run already"),
                (["--resume"], "holds a run with stages"),
                (["--resume", "run.yaml", ":::", "1"],
                 "no command and no values")):
            done = self.program("fan", "run", "--results", "run", *words)
            self.assertEqual(done.returncode, system.USAGE, words)
            self.assertIn(says, done.stderr)
        self.fan("run", "--results", "plain", "--", "true", ":::", "1")
        done = self.program("fan", "run", "--resume", "--results", "plain",
                            "run.yaml")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("holds a run without stages", done.stderr)


if __name__ == "__main__":
    system.main()
