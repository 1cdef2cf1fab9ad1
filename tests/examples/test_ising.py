"""examples/ising: a small study with `run`, whose energies are to be the exact
ones within their errors; and the exact ones themselves, by adding up."""
import itertools
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FAN_BIN") or os.path.join(TOP, "build/dev/bin")
EXAMPLE = os.path.join(TOP, "examples/ising")
sys.path.insert(0, EXAMPLE)
import ising  # pylint: disable=wrong-import-position


class Study(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}
        self.environment.update(PATH=BIN + ":" + os.environ["PATH"], SEED="1",
                                LENGTHS="8,16", TEMPERATURES="1.8:3.4:0.4",
                                REPEATS="8", PYTHONDONTWRITEBYTECODE="1")

    def do(self, *words, input=None):
        return subprocess.run(words, cwd=self.folder, timeout=120, input=input,
                              env=self.environment, capture_output=True,
                              text=True, check=False)

    def study(self):
        return self.do(os.path.join(EXAMPLE, "run"), "study")

    def judge(self, results):
        return self.do(sys.executable, os.path.join(EXAMPLE, "ising.py"),
                       input=results)

    def test_energies_are_the_exact_ones_and_wrong_ones_are_told(self):
        done = self.study()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("80 tasks, 80 ok", done.stderr)
        self.assertIn("10 of 10 energies are the exact ones", done.stdout)
        if shutil.which("gnuplot"):
            with open(os.path.join(self.folder, "study/ising.png"),
                      "rb") as file:
                self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        with open(os.path.join(self.folder, "study/results.csv"),
                  encoding="utf-8") as file:
            results = file.read()
        self.assertEqual(self.judge(results).returncode, 0)
        wrong = self.judge(results.replace("8 3 -0.8", "8 3 -0.9"))
        self.assertEqual(wrong.returncode, 1, wrong.stdout + wrong.stderr)
        self.assertIn("9 of 10 energies", wrong.stdout)

    def test_more_repeats_are_added(self):
        self.environment.update(LENGTHS="4", TEMPERATURES="2", REPEATS="4")
        self.assertEqual(self.study().returncode, 0)
        self.environment["REPEATS"] = "6"
        done = self.study()
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = self.do("fan", "results", "--format", "csv", "study/results")
        energies, = ising.read_points(listed.stdout.splitlines(True)).values()
        self.assertEqual(len(set(energies)), 6)
        self.assertIn("6 tasks, 6 ok", done.stderr)


class Exact(unittest.TestCase):
    def test_torus_is_what_its_states_add_up_to(self):
        for length, temperature in ((2, 1.5), (3, 2.3), (3, 4.0)):
            total = energy = 0.0
            for spins in itertools.product((1, -1), repeat=length * length):
                def at(row, column):
                    return spins[row % length * length + column % length]

                own = -sum(at(i, j) * (at(i + 1, j) + at(i, j + 1))
                           for i in range(length) for j in range(length))
                weight = math.exp(-own / temperature)
                total += weight
                energy += weight * own
            self.assertAlmostEqual(ising.torus_energy(length, temperature),
                                   energy / total / length / length, 8)

    def test_large_torus_is_nearly_without_end(self):
        for temperature in (1.5, 3.5):
            self.assertAlmostEqual(ising.torus_energy(64, temperature),
                                   ising.onsager_energy(temperature), 8)
        critical = 2 / math.log(1 + math.sqrt(2))
        self.assertAlmostEqual(ising.onsager_energy(critical), -math.sqrt(2),
                               6)


if __name__ == "__main__":
    unittest.main()
