"""examples/bounce.pov with a real POV-Ray, by the lines that it begins with."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")
SCENE = os.path.join(TOP, "examples/bounce.pov")
FRAMES = 48


@unittest.skipUnless(os.path.exists("/usr/bin/convert")
                     and shutil.which("povray"),
                     "povray or imagemagick is not installed: see "
                     "tests/extended/install")
class Frames(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        shutil.copy(SCENE, self.folder)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}
        self.environment["PATH"] = BIN + ":/usr/bin:/bin"
        with open(SCENE, encoding="utf-8") as file:
            self.render, self.join = re.findall(
                r"^//     (.*)$", file.read(), re.M)

    def do(self, line):
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.folder, timeout=600, check=False,
            env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL)
        return done

    def identify(self, name):
        """Width and height of each picture in a file."""
        done = self.do(f"identify -format '%w %h\\n' '{name}'")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split("\n")[:-1]

    def test_lines_make_a_film(self):
        done = self.do(self.render)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{FRAMES} tasks, {FRAMES} ok", done.stderr)
        pictures = set()
        for frame in range(FRAMES):
            name = f"frames/{frame}.png"
            self.assertEqual(self.identify(name), ["320 240"])
            pictures.add(self.pixels(name))
        self.assertEqual(len(pictures), FRAMES)
        done = self.do(self.join)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.identify("bounce.gif"), ["320 240"] * FRAMES)

    def pixels(self, name):
        done = self.do(f"identify -quiet -format '%#' '{name}'")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_frame_that_was_lost_is_made_again(self):
        few = self.render.replace("0:47", "0:5")
        self.assertEqual(self.do("mkdir frames && mkdir frames/3.png; "
                                 + few).returncode, 3)
        self.assertEqual(self.do("rmdir frames/3.png; " + few.replace(
            "--sweep", "--resume --sweep")).returncode, 0)
        self.do("mv frames/3.png made.png; " + few.partition(" -- ")[2]
                .replace("{frame}", "3"))
        self.assertEqual(self.pixels("made.png"), self.pixels("frames/3.png"))


if __name__ == "__main__":
    unittest.main()
