"""What fan says can be believed and typed: hints, refusals, and the bar."""
import os
import shlex
import subprocess

import system
from system import Gate, SystemTest
from terminal import CLEAR, Terminal

ODD_NAMES = ("a b", ";$(touch owned)", "-dash", "it's", "new\nline", "*")


class Hints(SystemTest):
    def hints(self, text, verb):
        """The commands that start with `fan verb`, as a shell reads them."""
        return [shlex.split(part[:part.find("\n  ")] if "\n  " in part
                            else part)
                for part in text.split(f"fan {verb} ")[1:]]

    def test_what_is_offered_after_a_failure_can_be_typed(self):
        for name in ODD_NAMES:
            with self.subTest(name=name):
                said = self.program("fan", "run", "--results", name, "--",
                                    "false", ":::", "1").stderr
                self.assertEqual(len(self.hints(said, "run")), 2, said)
                for verb in ("results", "run"):
                    for words in self.hints(said, verb):
                        done = self.program("fan", verb, *words)
                        self.assertNotEqual(done.returncode, system.USAGE,
                                            done.stderr)
        self.assertFalse(os.path.exists(self.path("owned")))

    def test_directory_in_use_is_named_as_it_can_be_typed(self):
        for name in ODD_NAMES:
            if "\n" in name:
                continue  # control characters are shown as such
            with self.subTest(name=name):
                self.fan("run", "-q", "--results", name, "--", "true", ":::",
                         "1")
                done = self.program("fan", "run", "--results", name, "--",
                                    "true", ":::", "1")
                self.assertEqual(done.returncode, system.USAGE)
                said = done.stderr.rpartition("\nTry ")[0]
                self.fan("results", *self.hints(said, "results")[0])


class Notes(SystemTest):
    def test_bad_line_says_why_in_words_for_who_typed_fan_run(self):
        self.write("in", '{"id":1}\nnonsense\n')
        done = self.program("fan", "run", "-q", "--ndjson", "in", "--", "echo",
                            "{id}")
        self.assertEqual((done.returncode, done.stdout),
                         (system.TASKS_FAILED, "1\n"))
        self.assertRegex(done.stderr, r"\Afan run: task 2 \(at byte 9 of the "
                         r"input\) is no JSON object: [^\n]+\n\Z")

    def test_thousand_bad_lines_are_told_in_some(self):
        done = self.program("fan", "run", "-q", "--", "echo", "{3}",
                            input="x\n" * 1000)
        self.assertEqual(done.returncode, system.TASKS_FAILED)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 21)
        self.assertIn("has no value {3}", lines[0])
        self.assertIn("in the results only", lines[-1])


class Refusals(SystemTest):
    def test_misspelt_verb_is_told_the_right_one(self):
        for typed, meant in (("statsu", "status"), ("runn", "run"),
                             ("result", "results"), ("veryfi", "verify")):
            done = self.program("fan", typed)
            self.assertEqual(done.returncode, system.USAGE)
            self.assertIn(f"did you mean '{meant}'?", done.stderr)
        self.assertNotIn("did you mean", self.program("fan", "xyzzy").stderr)

    def test_long_name_of_no_column_is_not_told_that_there_are_none(self):
        self.write("table.csv", "city,people\nBonn,1\n")
        done = self.program("fan", "run", "-a", "table.csv", "--header", "--",
                            "echo", "{" + "x" * 60 + "}")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("names no column", done.stderr)

    def test_list_that_cannot_be_read_twice_is_no_run(self):
        os.mkfifo(self.path("fifo"))
        done = self.program("fan", "run", "--results", "run", "--", "echo",
                            "::::", "fifo")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("by -a or on standard input", done.stderr)
        self.assertNotIn("--resume", done.stderr)
        self.assertFalse(os.path.exists(self.path("run")))

    def test_directory_without_a_run_is_wrong_usage_of_each_verb(self):
        os.mkdir(self.path("empty"))
        for verb in ("status", "results", "verify"):
            done = self.program("fan", verb, "empty")
            self.assertEqual(done.returncode, system.USAGE, verb)
            self.assertIn("empty holds no run", done.stderr)

    def test_full_disk_under_a_dry_run_is_an_error(self):
        with open("/dev/full", "wb") as full:
            process = subprocess.run(
                [os.path.join(system.BIN, "fan"), "run", "--dry-run", "--",
                 "echo", ":::", "1"], cwd=self.folder, env=self.environment,
                stdout=full, stderr=subprocess.PIPE, check=False,
                timeout=system.PATIENCE_S)
        self.assertEqual(process.returncode, system.ERROR)
        self.assertIn(b"cannot write", process.stderr)

    def test_dry_run_speaks_as_fan_run_and_not_to_who_has_left(self):
        done = self.program("fan", "run", "--dry-run", "--", "echo", "{3}",
                            ":::", "1")
        self.assertEqual((done.returncode, done.stderr), (
            system.ERROR, "fan run: task 1 has no value {3}: it has 1\n"))
        fan = os.path.join(system.BIN, "fan")
        done = subprocess.run(
            ["sh", "-c", 'seq 100000 | { "$0" run --dry-run -- echo; '
             'echo $? >code; } | head -n 1', fan], cwd=self.folder,
            env=self.environment, capture_output=True, check=True,
            timeout=system.PATIENCE_S)
        self.assertEqual((done.stdout, done.stderr, self.read("code")),
                         (b"echo 1\n", b"", "141\n"))

    def test_damaged_run_is_not_called_complete(self):
        self.fan("run", "-q", "--results", "run", "-j", "1", "--", "echo",
                 ":::", *system.numbers(1, 50))
        log = os.path.join(self.path("run"), system.LOG)
        with open(log, "r+b") as file:
            file.seek(os.path.getsize(log) // 2)
            file.write(b"xxxx")
        said = "\n".join(self.fan("verify", "run", code=system.DAMAGED))
        self.assertIn("the run was complete: 50 tasks", said)
        self.assertRegex(said, r", [0-9]+ missing$")


class Bar(SystemTest):
    def terminal(self, *command):
        terminal = Terminal(self.folder, *command)
        self.addCleanup(terminal.close)
        return terminal

    def gates(self, *numbers):
        for number in numbers:
            gate = Gate(self.path(f"gate{number}"))
            self.addCleanup(gate.open)
            yield gate

    def test_bar_stays_while_the_output_goes_elsewhere(self):
        second, third = self.gates(2, 3)
        terminal = self.terminal(
            "sh", "-c", '"$0" "$@" > out', os.path.join(system.BIN, "fan"),
            "run", "--results", "run", "-j", "1", "--", "sh", "-c",
            'test "$1" = 1 || cat "gate$1"; echo "$1"', "sh", ":::", "1", "2",
            "3")
        terminal.read_until(b" 1 of 3 done")
        second.open()
        terminal.read_until(b" 2 of 3 done")
        self.assertNotIn(CLEAR, terminal.seen)
        third.open()
        self.assertEqual(terminal.finish(), system.OK)
        self.assertEqual(self.read("out"), "1\n2\n3\n")

    def test_line_that_has_not_ended_is_not_overwritten(self):
        second, = self.gates(2)
        terminal = self.terminal(
            os.path.join(system.BIN, "fan"), "run", "--results", "run", "-j",
            "1", "--", "sh", "-c", 'test "$1" = 1 || cat "gate$1"; printf abc',
            "sh", ":::", "1", "2")
        terminal.read_until(b"abc\r\n")
        terminal.read_until(b" 1 of 2 done")
        second.open()
        self.assertEqual(terminal.finish(), system.OK)
        self.assertEqual(terminal.seen.count(b"abc\r\n"), 2)
        self.assertIn(b"fan: 2 tasks, 2 ok", terminal.seen)


if __name__ == "__main__":
    system.main()
