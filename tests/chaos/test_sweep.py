"""Each role's calls fail once; sweep.py tries all of their uses."""
import os
import unittest

import sweep

MOST = int(os.environ.get("CHAOS_SWEEP", "2"))


class Sweep(unittest.TestCase):
    def sweep(self, program):
        struck, wrong = sweep.sweep([program], most=MOST + 1,
                                    say=lambda *_, **__: None)
        print(f"{struck} faults", end=" ", flush=True)
        self.assertGreater(struck, 4)
        self.assertFalse(wrong)

    def test_calls_of_fan_run(self):
        self.sweep("fan")

    def test_calls_of_the_ventilator(self):
        self.sweep("fan-ventilator")

    def test_calls_of_the_sink(self):
        self.sweep("fan-sink")

    def test_calls_of_the_worker(self):
        self.sweep("fan-worker")


if __name__ == "__main__":
    unittest.main()
