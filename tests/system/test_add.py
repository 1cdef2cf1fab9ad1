"""fan add: more tasks for a run that goes on, or has stopped."""
import os
import signal
import subprocess

import system
from system import SystemTest, numbers

HEADS = ("run", "-j", "2", "--results", "run", "--open")


class Add(SystemTest):
    def open_run(self, *options):
        """A run that may be added to: it has read what it was given."""
        run = self.start(*HEADS, *options)
        self.opened()
        return run

    def opened(self):
        system.until("the open input",
                     lambda: os.path.exists(self.path("run/input.open")),
                     self.folder, self.path("run"))

    def add(self, *arguments, **how):
        return self.fan("add", "--run", "run", *arguments, **how)

    def assert_says(self, code, says, *arguments, input=None):
        done = self.program("fan", "add", "--run", "run", *arguments,
                            input=input)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)

    def test_values_files_and_standard_input(self):
        self.write("first", "a\nb")
        self.write("more", "d\n\n e\n")
        run = self.open_run("-a", "first", "-k", "--", "echo")
        self.assertEqual(self.add(":::", "c"), ["1 task added to run"])
        self.assertEqual(self.add("-a", "more"), ["2 tasks added to run"])
        run.read_lines(5)
        self.assertIsNone(run.process.poll())
        self.assertEqual(self.add(input="f\ng"), ["2 tasks added to run"])
        self.assertEqual(self.add("--close", ":::", "--last"),
                         ["1 task added to run", "run is closed"])
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines,
                         ["a", "b", "c", "d", " e", "f", "g", "--last"])
        self.assert_finals(8)
        self.assert_says(system.ERROR, "it was closed", ":::", "late")

    def test_objects_and_tables(self):
        self.write("first.ndjson", '{"n": 1}\n')
        run = self.open_run("--ndjson", "first.ndjson", "-k", "--", "echo",
                            "{n}")
        self.add("--ndjson", "-", "--close", input='{"n": 2}\n{"n": 3}')
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["1", "2", "3"])
        self.environment["FAN_RUN"] = "table"
        self.write("first.csv", 'x,y\n1,"a\nb"\n')
        self.write("more.csv", '\ufeffx,y\r\n2,"c\n\n,"\r\n')
        run = self.start("run", "--results", "table", "--open", "--header",
                         "-k", "-a", "first.csv", "--", "printf", "%s=%s.\n",
                         "{x}", "{y}")
        system.until("the open input", lambda: os.path.exists(
            self.path("table/input.open")), self.folder, self.path("table"))
        self.assertEqual(self.fan("add", "-a", "more.csv"),
                         ["1 task added to table"])
        self.assertEqual(self.fan("add", "--close", ":::", "3,d"),
                         ["1 task added to table", "table is closed"])
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual("\n".join(run.lines), "1=a\nb.\n2=c\n\n,.\n3=d.")

    def test_what_is_accepted_outlives_all(self):
        run = self.open_run("--", "sh", "-c",
                            '[ $0 != wait ] || cat gate; echo "$0"')
        gate = self.gate()
        self.add(":::", "wait")
        system.until("the first", lambda: run.of_program("cat"))
        [ventilator] = run.of_program("fan-ventilator")
        os.kill(ventilator, signal.SIGKILL)
        self.add(":::", *numbers(1, 50))  # whether one is there or not
        run.read_lines(50)
        started = system.descendants(run.process.pid)
        run.kill()
        self.assert_ends(started)
        self.assertEqual(self.add(":::", "alone")[0], "1 task added to run")
        # One that was killed has told of nothing: that is written over.
        with open(self.path("run/input"), "a", encoding="utf-8") as file:
            file.write("torn\nto")
        gate.open()
        again = self.start("run", "--resume", "--results", "run")
        again.read_lines(2)
        self.add("--close", ":::", "last")
        self.assertEqual(again.finish(), system.OK, again.errors())
        self.assertEqual(sorted(again.lines), ["alone", "last", "wait"])
        self.assertEqual(sorted(run.lines), sorted(numbers(1, 50)))
        self.assert_finals(53)

    def test_many_add_at_a_time(self):
        run = self.open_run("--", "true")
        adders = [subprocess.Popen(
            [os.path.join(system.BIN, "fan"), "add", "--run", "run", ":::",
             *(f"{who}-{i}" for i in range(20))], cwd=self.folder,
            env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL) for who in range(5)]
        for adder in adders:
            self.assertEqual(adder.wait(system.PATIENCE_S), 0)
        self.add("--close")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assert_finals(100)
        self.assertEqual({r["args"][-1] for r in self.finals().values()},
                         {f"{w}-{i}" for w in range(5) for i in range(20)})

    def test_stage_may_be_open(self):
        self.write("run.yaml", "stages:\n"
                   "  - {name: one, open: true, command: [echo]}\n"
                   "  - {name: two, after: one, command: [echo, two]}\n")
        run = self.start("run", "--results", "run", "run.yaml")
        system.until("the open input", lambda: os.path.exists(
            self.path("run/one/input.open")), self.folder, self.path("run"),
            self.path("run/one"))
        self.fan("add", "--run", "run/one", "--close", ":::", "one")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["one", "two"])

    def test_resume_keeps_the_input_as_it_is(self):
        self.write("first", "a\n")
        run = self.open_run("-a", "first", "--", "echo")
        self.add(":::", "b")
        run.read_lines(2)
        run.kill(signal.SIGINT)
        self.assertEqual(run.finish(), 128 + signal.SIGINT)
        self.write("first", "other\n")
        again = self.start(*HEADS, "--resume", "-a", "first", "--", "echo")
        self.add("--close", ":::", "c")
        self.assertEqual(again.finish(), system.OK, again.errors())
        self.assertEqual(again.lines, ["c"])
        done = self.program("fan", *HEADS, "--resume", "--header", "-a",
                            "first", "--", "echo")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("stays as it is", done.stderr)

    def test_what_cannot_be_added_is_refused_whole(self):
        self.fan("run", "--results", "run", "--", "echo", ":::", "a")
        self.assert_says(system.USAGE, "started with --open", ":::", "b")
        done = self.program("fan", "run", "--open", "--", "echo", ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("--open cannot be with :::", done.stderr)
        self.fan("run", "--resume", "--open", "--results", "run", "--", "echo",
                 ":::", "a", code=system.USAGE)
        os.rename(self.path("run"), self.path("old"))
        self.write("first.csv", "x\n1\n")
        run = self.open_run("--header", "-a", "first.csv", "--", "echo", "{x}")
        for says, *arguments in (("is blank", ":::", "2", ""),
                                 ("more than one line", ":::", "2\n3"),
                                 ("a quote is never closed", ":::", '"2'),
                                 ("one list", ":::", "2", ":::", "3"),
                                 ("files by -a", "::::", "first.csv"),
                                 ("No such file", "-a", "none"),
                                 ("without --ndjson", "--ndjson", "first.csv"),
                                 ("give one of", "-a", "first.csv", ":::", "2"),
                                 ("what is '2'?", "2")):
            with self.subTest(says=says):
                self.assert_says(system.USAGE, says, *arguments)
        self.assert_says(system.USAGE, "a quote is never closed",
                         input='2\n"3\n')
        self.add("--close")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["1"])


if __name__ == "__main__":
    system.main()
