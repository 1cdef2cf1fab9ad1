"""--priority: a higher number goes first, over the whole of the input."""
import json

import system
from system import SystemTest

MANY = 70000  # more than are held where there are no priorities


class Priority(SystemTest):
    def in_order(self, *options, code=system.OK, **how):
        """With one slot, lines come as the tasks began."""
        return self.fan("run", "-j", "1", "--results", "run", *options,
                        code=code, **how)

    def objects(self, name, *objects):
        self.write(name, "".join(json.dumps(one) + "\n" for one in objects))

    def test_field_of_an_object_may_be_missing_or_wrong(self):
        self.objects("in.ndjson", {"x": "a"}, {"x": "b", "job": {"p": 3}},
                     {"x": "c", "job": {"p": None}},
                     {"x": "d", "job": {"p": "high"}},
                     {"x": "e", "job": {"p": -0.5}},
                     {"x": "f", "job": {"p": 1e3}}, {"x": "g", "job": {"p": 3}})
        lines = self.in_order("--priority", "{job.p}", "--ndjson", "in.ndjson",
                              "--", "echo", "{x}", code=system.TASKS_FAILED)
        self.assertEqual(lines, ["f", "b", "g", "a", "c", "e"])
        bad = [r for r in self.finals().values() if r["status"] == "failed"]
        self.assertEqual([(r["task"], r["class"]) for r in bad], [(4, "spawn")])

    def test_field_that_no_object_has_is_told_of(self):
        self.objects("in.ndjson", {"x": "a"}, {"x": "b"})
        done = self.program("fan", "run", "-j", "1", "--priority", "{p}",
                            "--ndjson", "in.ndjson", "--", "echo", "{x}")
        self.assertEqual(done.stdout, "a\nb\n")
        self.assertIn("no task has a value for --priority {p}", done.stderr)

    def test_last_of_many_can_be_the_first(self):
        self.write("in.csv", "name,urgency\n" + "".join(
            f"{i},{i % 7}\n" for i in range(MANY)) + "last,8\n")
        lines = self.in_order("--header", "-a", "in.csv", "--priority",
                              "{urgency}", "--halt", "now,success=3", "--",
                              "echo", "{name}", code=system.HALTED)
        self.assertEqual(lines[:3], ["last", "6", "13"])

    def test_run_file_and_resume(self):
        gate = self.gate()
        self.write("run.yaml", "command: [sh, -c, 'test $0 != c-10 || cat gate;"
                   " echo $0', '{1}-{2}']\n"
                   "sources: [':::', a, b, c, ':::', '1', '10', '9']\n"
                   "priority: '{2}'\n")
        order = ["a-10", "b-10", "c-10", "a-9", "b-9", "c-9", "a-1", "b-1",
                 "c-1"]
        run = self.start("run", "-j", "1", "--results", "run", "run.yaml")
        run.read_lines(2)
        system.until("the third", lambda: run.of_program("cat"))
        started = system.descendants(run.process.pid)
        run.kill()
        self.assert_ends(started)
        gate.open()
        self.assertEqual(run.lines, order[:2])
        self.assertEqual(self.in_order("--resume"), order[2:])
        self.assert_finals(9)

    def test_order_outlives_the_ventilator(self):
        gate = self.gate()
        run = self.start("run", "-j", "1", "--results", "run", "--priority",
                         "{}", "--", "sh", "-c",
                         "test $0 != 9 || cat gate; echo $0", ":::",
                         "1", "3", "9", "2", "5")
        system.until("the first", lambda: run.of_program("cat"))
        [ventilator] = run.of_program("fan-ventilator")
        system.os.kill(ventilator, system.signal.SIGKILL)
        system.until("another", lambda: run.of_program("fan-ventilator")
                     not in ([], [ventilator]))
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["9", "5", "3", "2", "1"])
        self.assert_finals(5)

    def test_what_is_no_priority_of_a_task_is_refused(self):
        for options, says in (
                (("--priority", "5"), "the same for all tasks"),
                (("--priority", "{%}"), "the same for all tasks"),
                (("--priority", "{urgency}"), "names no value")):
            with self.subTest(options=options):
                done = self.program("fan", "run", *options, "--", "echo",
                                    ":::", "a")
                self.assertEqual(done.returncode, system.USAGE, done.stderr)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    system.main()
