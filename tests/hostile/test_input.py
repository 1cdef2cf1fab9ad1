"""Input and YAML that nobody would write, and values that shells would like."""
import os
import resource
import subprocess
import time

import hostile
import system
from system import ERROR, OK, USAGE, TASKS_FAILED

MIB = hostile.MIB
MAX_ARG_STRLEN = 128 * 1024
FILE_MIB = int(os.environ.get("HOSTILE_MIB", "128"))  # 1024 by hand
RUN = ("run", "--results", "run", "-q")


class Bad(system.SystemTest):
    def write_bytes(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def bounded(self, *arguments, input=None, memory=64 * MIB, seconds=None):
        """Runs fan within so much memory of its own making, and CPU time."""
        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            if seconds:
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        return subprocess.run(
            [os.path.join(system.BIN, "fan"), *arguments], cwd=self.folder,
            env=self.environment, capture_output=True, check=False,
            timeout=system.PATIENCE_S, preexec_fn=limit,
            **({"stdin": subprocess.DEVNULL} if input is None
               else {"input": input}))


class Yaml(Bad):
    def refused(self, text, place, said=""):
        """With file, line and column."""
        data = text if isinstance(text, bytes) else text.encode()
        self.write_bytes("f.yaml", data)
        done = self.bounded("run", "f.yaml", seconds=1)
        talk = done.stderr.decode()
        self.assertEqual(done.returncode, USAGE, talk)
        self.assertEqual(done.stdout, b"")
        self.assertIn(f"f.yaml:{place}", talk)
        self.assertIn(said, talk)
        self.assertNotRegex(talk, "[\x00-\x09\x0b-\x1f]")

    def test_bombs(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{name}: &{name} [{','.join(['*' + last] * 9)}]\n"
            for last, name in zip("abcdefghi", "bcdefghij"))
        self.refused(bomb, "1:")
        self.refused("command: &a [echo]\nname: *a\n", "1:")
        for nest in ("[", "{a: ", "- ", "? ", "[{a: "):
            with self.subTest(nest=nest):
                self.refused("command: " * (nest != "- ")
                             + nest * 100000, "1:")
        self.refused("command:\n" + "".join(
            " " * n + "a:\n" for n in range(1, 500)), "2:")

    def test_tags_merges_and_keys(self):
        for text, place, said in (
                ("command: !!python/object:os.system [x]\n", "1:", ""),
                ("jobs: !!int 3\n", "1:", ""),
                ("<<: {jobs: 3}\n", "1:1", ""),
                ("jobs: 3\njobs: 4\n", "2:1", "twice"),
                ("jobz: 3\n", "1:1", "jobs"),
                ("name: x\nretrys: 3\n", "2:1", "retries"),
                ("? [a]\n: b\n", "1:", ""),
                ("- a\n- b\n", "1:1", ""),
                ("jobs: [1, 2]\n", "1:", ""),
                ("command: {a: b}\n", "1:", ""),
                ("name: x\n---\nname: y\n", "2:", ""),
                ("jobs: 'a\n", "", ""), ("\tjobs: 3\n", "1:", ""),
                ("jobs: @x\n", "1:", ""), ("%YAML 9.9\n---\na: b\n", "1:", "")):
            with self.subTest(text=text):
                self.refused(text, place, said)

    def test_numbers_that_are_none(self):
        for number in ("1e999", "0x10", "-1", "1:30", "99999999999999999999",
                       "nan", "3.5", "''", "1_000", "٣"):
            with self.subTest(number=number):
                self.refused(f"retries: {number}\n", "1:", "retries")
        self.refused("retries: ~\n", "1:10", "a value is missing")
        self.refused("timeout: 1e999\n", "1:", "timeout")
        self.refused("output-max: 99999999999999T\n", "1:", "output-max")

    def test_octal_is_decimal_or_refused(self):
        self.write("f.yaml", "command: ['false']\nretries: 010\nbackoff: "
                   "1ms..1ms\n")
        done = self.program("fan", "run", "f.yaml", ":::", "x")
        if done.returncode != USAGE:  # never eight
            self.assertEqual(len([
                record for record in self.records(self.last_run())
                if record.get("status") == "failed"
                and not record.get("final")]), 11)

    def last_run(self):
        runs = self.path("fan-runs")
        return os.path.join(runs, sorted(os.listdir(runs))[-1])

    def test_bytes_that_are_no_text(self):
        self.refused(b"name: a\0b\n", "1:")
        self.refused(b"name: \xff\xfe\n", "1:")
        self.refused(b"name: \xed\xa0\x80\n", "1:")
        self.refused(b"name: \x1b[31m\n", "1:")
        self.refused(bytes(1000), "1:")
        self.refused(b"name: '\x07'\nx: 1\n", "1:")

    def test_ends_and_marks_that_are_fine(self):
        for data in (b"command: [echo]", b"command: [echo]\r\n",
                     b"\xef\xbb\xbfcommand: [echo]\n",
                     b"# only\n\n\ncommand: [echo]\n...\n"):
            with self.subTest(data=data):
                self.write_bytes("f.yaml", data)
                self.assertEqual(self.fan("run", "f.yaml", ":::", "a"), ["a"])

    def test_a_file_without_end(self):
        """Sparse: reading it costs no disk."""
        for first in (b"command: [", b"# ", b"name: '"):
            with self.subTest(first=first):
                self.write_bytes("f.yaml", first)
                os.truncate(self.path("f.yaml"), 1 << 30)
                done = self.bounded("run", "f.yaml", seconds=5)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertIn(b"f.yaml", done.stderr)


class Input(Bad):
    def test_deep_json_is_a_bad_task_at_once(self):
        deep = b"[" * 100000
        for line in (deep, b'{"a":' * 100000, b'{"a":' + deep,
                     b'{"a":1e999}', b'{"a":1', b'{"a":"\xff"}', b'{"a":"\0"}',
                     b'{"a":"\\ud800"}', b"null", b'{"a":1}{"b":2}'):
            with self.subTest(line=line[:20]):
                self.write_bytes("in", line + b'\n{"a":2}\n')
                done = self.bounded("run", "-q", "--results", f"r{len(line)}",
                                    "--resume", "--ndjson", "in", "--",
                                    "echo", "{a}", memory=512 * MIB,
                                    seconds=2)
                self.assertIn(done.returncode, (OK, TASKS_FAILED, ERROR),
                              done.stderr)

    def test_a_line_without_end_is_refused_in_bounded_memory(self):
        self.write_bytes("in", b"")
        os.truncate(self.path("in"), FILE_MIB * MIB)  # one line of NULs
        begun_s = time.monotonic()
        done = self.program("fan", *RUN, "-a", "in", "--", "echo")
        self.assertIn(done.returncode, (TASKS_FAILED, ERROR), done.stderr)
        self.assertIn("over 16 MiB", done.stderr)
        self.assertLess(time.monotonic() - begun_s, system.PATIENCE_S)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertLess(children.ru_maxrss << 10, 100 * MIB)

    def test_ends_and_marks_of_lines(self):
        for data, lines in ((b"a\nb", ["a", "b"]), (b"a\r\nb\r\n", None),
                            (b"\xef\xbb\xbfa\n", None), (b"\n\n\n", []),
                            (b"\xff\xfe\n", None), (b"a\0b\n", None)):
            with self.subTest(data=data):
                self.write_bytes("in", data)
                done = self.bounded("run", "-q", "-k", "-a", "in", "--",
                                    "echo", memory=512 * MIB)
                self.assertIn(done.returncode, (OK, TASKS_FAILED))
                if lines is not None:
                    self.assertEqual(done.stdout.decode().splitlines(), lines)

    def test_values_are_arguments_and_nothing_else(self):
        values = [b"; rm -rf /", b"$(id)", b"`id`", b"*", b"-n", b"--help",
                  b"-", b"--", b"a  b", b"'", b'"', b"\\", b"{}", b"%s", b"~",
                  b"\xff\xfe", b"\x1b[31m", b"a&b|c>d", b"!x", b"\t", b"{1}",
                  b"new\nline", b"#", b"x" * (MAX_ARG_STRLEN - 1)]
        done = self.bounded(*RUN, "-0", "-k", "--", "printf", "%s\\0", "{}",
                            input=b"\0".join(values) + b"\0",
                            memory=512 * MIB)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(done.stdout.split(b"\0")[:-1], values)
        # The record of each stays one line.
        self.assertEqual(len([record for record in self.records()
                              if record.get("final")]), len(values))
        self.fan("verify", "run")

    def test_value_over_the_longest_argument_fails_its_task(self):
        for size in (MAX_ARG_STRLEN, 3 * MAX_ARG_STRLEN, 2 * MIB):
            with self.subTest(size=size):
                done = self.bounded(
                    "run", "-q", "-k", "--", "printf", "%.3s\\n",
                    input=b"x" * size + b"\nshort\n", memory=512 * MIB)
                self.assertEqual(done.returncode, TASKS_FAILED)
                self.assertEqual(done.stdout, b"sho\n")
                self.assertIn(b"argument 2 is over 128 KiB", done.stderr)

    def test_output_forges_no_record(self):
        forged = ('"}\\n{"task":9,"final":true,"status":"ok"}\n'
                  '{"task":9,"final":true,"status":"ok"}\n\x1b[31m\0')
        done = self.bounded(*RUN, "--", "printf", "%b",
                            forged.replace("\0", "\\0"), ":::", "x",
                            memory=512 * MIB)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assert_finals(1)
        self.fan("verify", "run")


if __name__ == "__main__":
    hostile.main()
