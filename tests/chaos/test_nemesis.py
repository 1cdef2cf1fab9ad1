"""F54: short fights; nemesis.py and field.py have the long ones."""
import json
import os
import random
import unittest

import field
import nemesis

SECONDS = float(os.environ.get("CHAOS_NEMESIS_S", "15"))


class Nemesis(unittest.TestCase):
    def note(self, verdict, total):
        path = os.environ.get("CHAOS_TABLE")
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps({
                    "rows": ["F54"], "verdict": verdict, "recovery_s": None,
                    "test": self._testMethodName, "doubles": 0, "lost": 0,
                    "recomputed": total.get("recomputed", 0)}) + "\n")

    def fight(self, seed, where=nemesis):
        try:
            self.fight_on(seed, where)
        except AssertionError as error:
            self.note("FAILED", {})
            raise AssertionError(f"seed {seed}") from error

    def fight_on(self, seed, where):
        total = where.fight(seed, SECONDS, say=lambda *_, **__: None)
        print(f"seed {seed}: {total['batches']} batches, "
              f"{total.total()} events, {total['recomputed']} recomputed",
              end=" ", flush=True)
        self.assertGreater(total["batches"], 0)
        self.note("ok", total)

    def test_f54_processes_are_killed_at_random(self):
        self.fight(54)

    def test_f54_processes_are_killed_at_random_by_a_fresh_seed(self):
        self.fight(random.SystemRandom().randrange(1 << 32))

    def test_f54_roles_by_hand_and_their_links_suffer_at_random(self):
        self.fight(random.SystemRandom().randrange(1 << 32), field)


if __name__ == "__main__":
    unittest.main()
