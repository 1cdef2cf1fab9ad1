"""fan completion with the real zsh and fish; bash is among the system tests."""
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")
PATIENCE_S = 30
NOT_HERE = "%s is not installed: see tests/extended/install"


class Shell(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = dict(os.environ, HOME=self.folder, TERM="vt100",
                                PATH=BIN + ":" + os.environ["PATH"])

    def script(self, shell):
        return subprocess.run([os.path.join(BIN, "fan"), "completion", shell],
                              capture_output=True, text=True, check=True,
                              timeout=PATIENCE_S).stdout

    @unittest.skipUnless(shutil.which("fish"), NOT_HERE % "fish")
    def test_fish(self):
        def offered(line):
            done = subprocess.run(
                ["fish", "-c", "fan completion fish | source; complete -C "
                 f"'{line}'"], env=self.environment, cwd=self.folder,
                capture_output=True, text=True, check=True,
                timeout=PATIENCE_S)
            self.assertEqual(done.stderr, "")
            return [row.split("\t")[0] for row in done.stdout.splitlines()]
        self.assertIn("results", offered("fan re"))
        self.assertEqual(offered("fan results --form"), ["--format"])
        self.assertEqual(sorted(offered("fan results --format ")),
                         ["csv", "ndjson", "sqlite", "tsv"])
        self.assertIn("--timeout", offered("fan run --ti"))

    @unittest.skipUnless(shutil.which("zsh"), NOT_HERE % "zsh")
    def test_zsh(self):
        with open(os.path.join(self.folder, "_fan"), "w",
                  encoding="utf-8") as file:
            file.write(self.script("zsh"))
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(self.folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.environment)
        self.addCleanup(self.leave)
        self.type("PS1='ready> '; unset zle_bracketed_paste\n")
        self.wait(r"ready> ")
        self.type("fpath=($PWD $fpath); autoload -Uz compinit; "
                  "compinit -u -D; echo be''gin\n")
        self.wait(r"begin")
        self.type("fan verif\t")
        self.wait(r"fan verify ")
        self.type("\025fan results --forma\t")
        self.wait(r"fan results --format=")
        self.type("sql\t")
        self.wait(r"=sqlite ")
        self.type("\025fan run --tim\t")
        self.wait(r"fan run --timeout=")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait(self, pattern):
        """Waits until the shell has written what fits."""
        seen, until = "", time.monotonic() + PATIENCE_S
        while not re.search(pattern, seen):
            left = until - time.monotonic()
            ready, _, _ = select.select([self.terminal], [], [], max(0, left))
            self.assertTrue(ready, f"no {pattern!r} in {seen!r}")
            seen += os.read(self.terminal, 4096).decode(errors="replace")
            seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\0\r]", "", seen)

    def leave(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


if __name__ == "__main__":
    unittest.main()
