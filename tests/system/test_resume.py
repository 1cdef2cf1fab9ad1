"""--resume runs what is new, failed or unfinished, and nothing else."""
import os

import system
from system import SystemTest

# Appends its value to `ran`; fails on "bad" until the file `mended` is there.
TASK = ("--", "sh", "-c",
        'echo "$1" >>ran; test "$1" != bad || test -e mended', "sh", "{}")


class Resume(SystemTest):
    def run_values(self, *values, resume=False, code=system.OK):
        """Returns the values whose tasks were executed, sorted."""
        self.write("ran", "")
        self.fan("run", *(["--resume"] if resume else []), "--results", "run",
                 *TASK, ":::", *values, code=code)
        return sorted(self.read("ran").split())

    def test_complete_run_has_nothing_to_do(self):
        self.assertEqual(self.run_values("a", "b"), ["a", "b"])
        self.assertEqual(self.run_values("a", "b", resume=True), [])
        self.assert_finals(2)

    def test_failed_task_runs_again_in_a_new_round(self):
        self.run_values("a", "bad", "b", code=system.TASKS_FAILED)
        self.write("mended", "")
        self.assertEqual(self.run_values("a", "bad", "b", resume=True),
                         ["bad"])
        self.assert_finals(3)
        self.assertEqual(self.finals()[2]["round"], 1)

    def test_still_failing_task_gives_exit_code_3_again(self):
        self.run_values("bad", code=system.TASKS_FAILED)
        self.assertEqual(self.run_values("bad", resume=True,
                                         code=system.TASKS_FAILED), ["bad"])

    def test_edited_input_runs_only_what_is_new(self):
        self.run_values("a", "b")
        self.assertEqual(self.run_values("b", "new", "a", resume=True),
                         ["new"])

    def test_resume_without_a_run_starts_one(self):
        self.assertEqual(self.run_values("a", resume=True), ["a"])

    def test_used_directory_without_resume_is_refused(self):
        self.run_values("a")
        self.write("ran", "")
        done = self.program("fan", "run", "--results", "run", *TASK, ":::",
                            "a")
        self.assertIn(done.returncode, (system.ERROR, system.USAGE))
        self.assertIn("--resume", done.stderr)
        self.assertEqual(self.read("ran"), "")

    def test_log_without_its_plan_is_refused(self):
        self.run_values("a")
        os.unlink(self.path("run/plan.yaml"))
        done = self.program("fan", "run", "--resume", "--results", "run",
                            *TASK, ":::", "a")
        self.assertEqual(done.returncode, system.DAMAGED)
        self.assertIn("plan.yaml is gone", done.stderr)

    def test_directory_of_a_live_run_is_refused_as_such(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "--", "sh", "-c",
                         "cat gate", ":::", "a")
        while not os.path.exists(self.path("run/endpoint")):
            self.assertIsNone(run.process.poll(), run.errors())
        done = self.program("fan", "run", "--results", "run", *TASK, ":::",
                            "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("is at work in run", done.stderr)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())


if __name__ == "__main__":
    system.main()
