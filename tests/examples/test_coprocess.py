"""The coprocesses in examples/, run by the lines that they begin with."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")


class Coprocess(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.symlink(os.path.join(TOP, "examples"),
                   os.path.join(self.folder, "examples"))
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}
        self.environment["PATH"] = BIN + ":" + os.environ["PATH"]
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def lines_of(self, name):
        """The command lines at the head of an example."""
        with open(os.path.join(TOP, "examples", name),
                  encoding="utf-8") as file:
            return re.findall(r"^(?:#     |    )((?:seq|fan) .*)$",
                              file.read(), re.M)

    def do(self, line, *more):
        line += "".join(" " + shlex.quote(word) for word in more)
        return subprocess.run(
            ["sh", "-c", line], cwd=self.folder, timeout=60,
            env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL)

    def test_python(self):
        line, = self.lines_of("coprocess_model.py")
        done = self.do(line)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "2\n3\n5\n7\n11\n"), done.stderr)
        done = self.do(line.replace("seq 5", "echo 10000"))
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("ValueError: the table has 9592 primes", done.stderr)

    def test_shell(self):
        plain, objects = self.lines_of("coprocess.sh")
        done = self.do(plain)
        self.assertEqual((done.returncode, done.stdout), (3, "2\n3\n"),
                         done.stderr)
        self.assertRegex(done.stderr, "(?m)^.*none")
        with open(os.path.join(self.folder, "tasks.ndjson"), "w",
                  encoding="utf-8") as file:
            file.write('{"b": 1, "a": {"c": 2}}\n')
        done = self.do(objects)
        self.assertEqual((done.returncode, done.stdout),
                         (0, '{"fields":["a","b"]}\n'), done.stderr)

    def test_awk(self):
        line, = self.lines_of("coprocess.awk")
        done = self.do(line)
        self.assertEqual((done.returncode, done.stdout), (0, "3\n7\n"),
                         done.stderr)


if __name__ == "__main__":
    unittest.main()
