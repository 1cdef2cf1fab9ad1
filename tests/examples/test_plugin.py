"""examples/plugin.c, built and run by the lines that it begins with."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")
SOURCE = os.path.join(TOP, "examples/plugin.c")


class Plugin(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name in ("include", "examples"):
            os.symlink(os.path.join(TOP, name),
                       os.path.join(self.folder, name))
        with open(SOURCE, encoding="utf-8") as file:
            self.build, self.run_line = re.findall(r"^ \* {5}(\w.*)$",
                                                   file.read(), re.M)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}
        self.environment["PATH"] = BIN + ":" + os.environ["PATH"]

    def do(self, line, *more):
        return subprocess.run(
            shlex.split(line) + list(more), cwd=self.folder, timeout=60,
            env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL)

    def test_it_is_built_and_run_as_it_says(self):
        built = self.do(self.build, "-Wall", "-Wextra", "-Werror")
        self.assertEqual((built.returncode, built.stderr), (0, ""))
        done = self.do(self.run_line)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stdout, r"\A3\.\d{4}\n3\.1[34]\d\d\n\Z")
        self.assertIn("'none' is no number of darts", done.stderr)

    def test_it_gives_the_same_with_the_same_seed(self):
        self.do(self.build)
        options = self.run_line.replace("run -k", "run -k --seed 5")
        lines = [self.do(options).stdout for _ in range(2)]
        self.assertTrue(lines[0])
        self.assertEqual(lines[0], lines[1])

    def test_header_serves_cplusplus_too(self):
        with open(os.path.join(self.folder, "task.cc"), "w",
                  encoding="utf-8") as file:
            file.write('#include "fan.h"\n#include <string>\n'
                       "FAN_PLUGIN fan_function twice;\n"
                       "int twice(fan_task *task, void *)\n{\n"
                       "    std::string text(fan_payload(task, nullptr));\n"
                       "    text += text;\n"
                       "    return fan_write(task, text.data(), text.size());"
                       "\n}\n")
        built = self.do("c++ -fPIC -shared -Wall -Wextra -Wpedantic -Werror "
                        "-fvisibility=hidden -I include -o task.so task.cc")
        self.assertEqual((built.returncode, built.stderr), (0, ""))
        done = self.do("fan run -q --plugin ./task.so:twice ::: ab")
        self.assertEqual((done.returncode, done.stdout), (0, "abab"),
                         done.stderr)


if __name__ == "__main__":
    unittest.main()
