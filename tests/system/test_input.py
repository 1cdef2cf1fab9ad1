"""Where tasks come from, and how their values reach the command."""
import fcntl
import os
import subprocess
import sys
import termios

import system
from system import SystemTest, numbers


class Input(SystemTest):
    def test_lines_of_standard_input_are_commands(self):
        lines = self.fan("run", "--results", "run",
                         input="echo one\n\necho two | tr a-z A-Z\n")
        self.assertEqual(sorted(lines), ["TWO", "one"])
        self.assert_finals(2)

    def test_last_line_without_newline_is_a_task(self):
        self.assertEqual(self.fan("run", input="echo one"), ["one"])

    def test_input_that_cannot_be_read_is_an_error(self):
        # Its first page is never mapped: read(2) says EIO.
        with open("/proc/self/mem", "rb") as unreadable:
            done = subprocess.run(
                [os.path.join(system.BIN, "fan"), "run", "--results", "run",
                 "--", "echo"], stdin=unreadable, cwd=self.folder,
                env=self.environment, capture_output=True, text=True,
                timeout=system.PATIENCE_S, check=False)
        self.assertEqual(done.returncode, system.ERROR, done.stderr)
        self.assertIn("cannot read standard input", done.stderr)

    def test_directories_are_no_input_and_must_be_there(self):
        os.mkdir(self.path("folder"))
        for arguments, said in ((["-a", "folder"], "Is a directory"),
                                (["--chdir", "away", ":::", "a"], "'away'")):
            done = self.program("fan", "run", *arguments, "--", "echo")
            self.assertEqual((done.returncode, done.stdout),
                             (system.USAGE, ""))
            self.assertIn(said, done.stderr)
            self.assertFalse(os.path.exists(self.path("fan-runs")))

    def test_values_of_standard_input_are_appended(self):
        lines = self.fan("run", "--results", "run", "--", "echo",
                         input="\n".join(numbers(1, 500)) + "\n")
        self.assertEqual(sorted(lines), sorted(numbers(1, 500)))
        self.assert_finals(500)

    def test_three_colons_give_values(self):
        lines = self.fan("run", "--", "echo", "-{}-", ":::", "a", "b")
        self.assertEqual(sorted(lines), ["-a-", "-b-"])

    def test_two_lists_give_their_product(self):
        lines = self.fan("run", "--", "echo", "{1}{2}", ":::", "a", "b",
                         ":::", "1", "2")
        self.assertEqual(sorted(lines), ["a1", "a2", "b1", "b2"])

    def test_linked_lists_are_paired(self):
        lines = self.fan("run", "--", "echo", "{1}{2}", ":::", "a", "b",
                         ":::+", "1", "2")
        self.assertEqual(sorted(lines), ["a1", "b2"])

    def test_files_give_a_task_per_line(self):
        self.write("list", "a\nb\n")
        for how in (("-a", "list", "--", "echo", "{}"),
                    ("--", "echo", "{}", "::::", "list")):
            with self.subTest(how=how):
                self.assertEqual(sorted(self.fan("run", *how)), ["a", "b"])

    def test_values_are_never_seen_by_a_shell(self):
        values = ["; rm -rf /", "$(id)", "`id`", "*", "-n x", "a  b", "'", '"']
        lines = self.fan("run", "-k", "--", "printf", "%s\\n", "<{}>", ":::",
                         *values)
        self.assertEqual(lines, [f"<{value}>" for value in values])

    def test_empty_input_is_a_run_of_no_tasks(self):
        self.assertEqual(self.fan("run", input=""), [])

    def test_keep_order_prints_in_input_order(self):
        # The first task ends only when the last one has told it to.
        os.mkfifo(self.path("baton"))
        lines = self.fan("run", "-k", "-j", "2", "--", "sh", "-c",
                         'case $1 in 1) cat baton;; 9) : >baton;; esac;'
                         'echo "$1"', "sh", "{}", ":::", *numbers(1, 9))
        self.assertEqual(lines, numbers(1, 9))

    def test_dry_run_runs_nothing(self):
        lines = self.fan("run", "--dry-run", "--results", "run", "--",
                         "touch", "made-{}", ":::", "a", "b")
        self.assertIn("touch made-a", "\n".join(lines))
        self.assertRaises(OSError, self.read, "made-a")


class Usage(SystemTest):
    PROGRAMS = (("fan",), ("fan", "run"), ("fan-ventilator",),
                ("fan-worker",), ("fan-sink",))

    def test_every_program_has_help_and_version(self):
        for program, *verb in self.PROGRAMS:
            for option in ("--help", "--version"):
                with self.subTest(program=program, verb=verb, option=option):
                    done = self.program(program, *verb, option)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(done.stdout)
                    self.assertEqual(done.stderr, "")

    def test_unknown_option_is_a_usage_error(self):
        done = self.program("fan", "run", "--no-such-option")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("Try 'fan run --help'", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_second_input_file_is_a_usage_error(self):
        self.write("list", "a\n")
        done = self.program("fan", "run", "-a", "list", "-a", "list", "--",
                            "echo")
        self.assertEqual((done.returncode, done.stdout), (system.USAGE, ""))
        self.assertIn("--arg-file is given twice", done.stderr)

    def test_what_run_refuses_is_told_in_its_name(self):
        done = self.program("fan", "run", "--", "echo", "{typo}", ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("fan run: {typo}", done.stderr)
        self.assertNotIn("ventilator", done.stderr)

    def test_slow_reader_behind_a_non_blocking_pipe_gets_it_all(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with subprocess.Popen(
                [os.path.join(system.BIN, "fan"), "run", "-q", "--", "head",
                 "-c", "300000", ":::", "/dev/zero", "/dev/zero"],
                cwd=self.folder, env=self.environment, stdout=writer,
                stdin=subprocess.DEVNULL) as process:
            os.close(writer)
            full, held = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ), 0
            while held < full and process.poll() is None:
                held = int.from_bytes(fcntl.ioctl(
                    reader, termios.FIONREAD, bytes(4)), sys.byteorder)
            with open(reader, "rb") as file:
                self.assertEqual(len(file.read()), 600000)
        self.assertEqual(process.returncode, system.OK)

    def test_closed_descriptors_are_not_taken_for_files(self):
        for how, code in ((">&-", system.ERROR), ("2>&-", system.OK),
                          ("<&-", system.OK)):
            with self.subTest(how=how):
                done = subprocess.run(
                    ["sh", "-c", f'"$0" run -q -- echo ::: a {how}',
                     os.path.join(system.BIN, "fan")], cwd=self.folder,
                    env=self.environment, capture_output=True, text=True,
                    timeout=system.PATIENCE_S, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                if how == ">&-":
                    self.assertIn("Bad file descriptor", done.stderr)

    def test_unknown_verb_is_a_usage_error(self):
        done = self.program("fan", "no-such-verb")
        self.assertEqual(done.returncode, system.USAGE)


if __name__ == "__main__":
    system.main()
