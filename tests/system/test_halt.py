"""--halt: a run that ends before its tasks do, and goes on later."""
import system
from system import SystemTest, numbers

HELD = 4
# Fails on "bad"; waits for the gate on "slow"; tells what it ends of.
TASK = ("--", "sh", "-c",
        'case $1 in bad*) exit 1;; slow*) cat gate;; esac; echo "$1"', "sh",
        "{}")


class Halt(SystemTest):
    def test_soon_lets_what_runs_end(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "2", "--halt",
                         "soon,fail=1", "--grace", "1ms", *TASK, ":::",
                         "slow", "a", "bad", *numbers(1, 1000))
        # The failure is there, and its run waits for one task only.
        self.until_failed(run)
        gate.open()
        self.assertEqual(run.finish(), system.HALTED, run.errors())
        self.assertIn("slow", run.lines)
        self.assertLess(len(run.lines), 900)
        self.assertIn("halted by --halt soon,fail=1", run.errors())
        self.assertIn("fan run --resume", run.errors())
        self.fan("verify", "run")

    def until_failed(self, run):
        """Until status says that nothing is started any more."""
        while True:
            done = self.program("fan", "status", "--json", "run")
            if '"state":"draining"' in done.stdout:
                return
            self.assertIsNone(run.process.poll(), run.errors())

    def test_now_kills_what_runs(self):
        self.gate()
        run = self.start("run", "--results", "run", "-j", "2", "--halt",
                         "now,fail=1", "--grace", "1s", *TASK, ":::", "slow",
                         "bad", "a")
        self.assertEqual(run.finish(), system.HALTED, run.errors())
        self.assertNotIn("slow", run.lines)

    def test_percentage_of_failures(self):
        values = []
        for i in range(1000):
            values.append(f"bad{i}" if i % 5 == 4 else f"{i}")
        self.fan("run", "--results", "run", "-j", "1", "--halt",
                 "soon,fail=19%", *TASK, ":::", *values, code=system.HALTED)
        by = [record["status"] for record in self.finals().values()]
        self.assertGreaterEqual(by.count("failed"), 3)
        self.assertLess(len(by), 1000)

    def test_what_is_held_has_failed(self):
        hold = ("--results", "run", "-j", "1", "--on-fail", "hold", "--halt",
                "soon,fail=2")
        self.fan("run", *hold, *TASK, ":::", "bad", "bad",
                 *numbers(1, 1000), code=system.HALTED)
        self.assertLess(len(self.finals()), 900)
        # Those two do not count again; what is left goes on.
        self.fan("run", "--resume", *hold, code=HELD)
        self.assertEqual(sorted(self.finals()), [*range(3, 1003)])

    def test_done_goes_on_from_there(self):
        task = (*TASK, ":::", *numbers(1, 400))
        first = self.fan("run", "--results", "run", "--halt",
                         "soon,done=100", *task, code=system.HALTED)
        self.assertTrue(100 <= len(first) < 400, len(first))
        second = self.fan("run", "--resume", "--results", "run",
                          code=system.HALTED)
        self.assertTrue(100 <= len(second), len(second))
        third = self.fan("run", "--resume", "--results", "run", "--halt",
                         "soon,fail=1", *task)
        self.assertEqual(sorted(first + second + third),
                         sorted(numbers(1, 400)))
        self.assert_finals(400)

    def test_success_is_enough(self):
        lines = self.fan("run", "--results", "run", "-j", "1", "--halt",
                         "soon,success=1", *TASK, ":::", "bad", "bad", "good",
                         *numbers(1, 1000), code=system.HALTED)
        self.assertIn("good", lines)
        self.assertLess(len(lines), 900)

    def test_whole_run_is_not_halted(self):
        self.fan("run", "--results", "run", "--halt", "soon,fail=3", *TASK,
                 ":::", "a", "bad", "b", code=system.TASKS_FAILED)

    def test_other_words_are_refused(self):
        done = self.program("fan", "run", "--halt", "fail=1", "--", "echo",
                            ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("--halt fail=1: give now or soon", done.stderr)


if __name__ == "__main__":
    system.main()
