"""examples/coprocess.R with a real R, run by the line that it begins with."""
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")


@unittest.skipUnless(shutil.which("Rscript"),
                     "R is not installed: see tests/extended/install")
class R(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.symlink(os.path.join(TOP, "examples"),
                   os.path.join(self.folder, "examples"))
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}
        self.environment["PATH"] = BIN + ":" + os.environ["PATH"]
        with open(os.path.join(TOP, "examples/coprocess.R"),
                  encoding="utf-8") as file:
            self.line, = re.findall(r"^#     (fan .*)$", file.read(), re.M)

    def do(self, line):
        return subprocess.run(
            ["sh", "-c", line], cwd=self.folder, timeout=120, check=False,
            env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)

    def test_it_runs_as_it_says(self):
        done = self.do(self.line)
        self.assertEqual((done.returncode, done.stdout), (0, "2\n5\n"),
                         done.stderr)

    def test_many_tasks_have_their_own_answers(self):
        line, _, _ = self.line.partition(" ::: ")
        done = self.do(f"seq 2000 | {line} -j2 --results run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(),
                         [str(n) for n in range(1, 2001)])

    def test_what_it_says_is_kept_with_its_task(self):
        line, _, _ = self.line.partition(" ::: ")
        done = self.do(line + " --results run -j1 ::: 1 none 3")
        self.assertEqual((done.returncode, done.stdout), (0, "1\nNA\n3\n"),
                         done.stderr)
        with gzip.open(os.path.join(self.folder,
                                    "run/results.ndjson.gz")) as file:
            said = {r["task"]: r.get("stderr", "")
                    for r in map(json.loads, file) if r.get("final")}
        self.assertIn("none", said[2])
        self.assertEqual((said[1], said[3]), ("", ""))


if __name__ == "__main__":
    unittest.main()
