"""F54: short fights; nemesis.py has the long ones."""
import json
import os
import random
import unittest

import chaos
import nemesis

SECONDS = float(os.environ.get("CHAOS_NEMESIS_S", "20"))


class Nemesis(unittest.TestCase):
    def note(self, verdict, total):
        path = os.environ.get("CHAOS_TABLE")
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({
                    "rows": ["F54"], "verdict": verdict, "recovery_s": None,
                    "limit_s": None, "test": self._testMethodName,
                    "doubles": total.get("doubles", 0),
                    "lost": total.get("lost", 0),
                    "recomputed": total.get("recomputed", 0)}) + "\n")

    def fight(self, seed):
        try:
            total = nemesis.fight(seed, SECONDS, say=lambda *_, **__: None)
        except AssertionError as error:
            self.note("FAILED", {})
            raise AssertionError(f"seed {seed}") from error
        print(f"seed {seed}: {total['batches']} batches,", chaos.told(total),
              end=" ", flush=True)
        self.assertGreater(total["batches"], 1)
        self.note("ok", total)

    def test_f54_processes_and_links_suffer_at_random(self):
        self.fight(54)

    def test_f54_processes_and_links_suffer_by_a_fresh_seed(self):
        self.fight(random.SystemRandom().randrange(1 << 32))


if __name__ == "__main__":
    unittest.main()
