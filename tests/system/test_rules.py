"""Rules of the edges that no other test shows: numbers that tasks are drawn,
the largest result, and more standard input than is copied ahead."""
import os
import unittest

import system
from system import SystemTest

LIMIT = 1 << 20
AHEAD = 64 << 20


class Rules(SystemTest):
    def seeds(self, run):
        return self.fan("run", "--results", run, "--seed", "7", "-k",
                        "--", "echo", "{seed}", input="same\n" * 20)

    def test_equal_lines_have_seeds_of_their_own(self):
        seeds = self.seeds("one")
        self.assertEqual(len(set(seeds)), 20)
        self.assertEqual(self.seeds("another"), seeds)

    def test_largest_result_is_stored_and_a_byte_more_fails_its_task(self):
        both = "base64 -w0 /dev/urandom | head -c {} | tee /dev/stderr\n"
        self.fan("run", "--results", "run", "--output-max", str(LIMIT),
                 input=both.format(LIMIT) + both.format(LIMIT + 1) +
                 "echo small\n", code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual([finals[task]["status"] for task in (1, 2, 3)],
                         ["ok", "failed", "ok"])
        self.assertEqual(finals[2]["class"], "output")
        for stream in ("stdout", "stderr"):
            self.assertEqual(len(finals[1][stream]), LIMIT)

    def test_more_than_is_copied_ahead_is_matched_by_a_resume(self):
        line = "x" * 100000 + "\n"
        count = AHEAD // len(line) + 50
        text = "".join(str(i) + line for i in range(count))
        self.fan("run", "--results", "run", "--", "true", input=text)
        self.fan("run", "--resume", "--results", "run", "--", "true",
                 input=text + "one more\n")
        finals = self.finals().values()
        self.assertEqual([r["status"] for r in finals], ["ok"] * (count + 1))
        self.assertGreater(os.path.getsize(self.path("run/input")), AHEAD)


if __name__ == "__main__":
    unittest.main()
