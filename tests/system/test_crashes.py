"""A plugin that crashes at tasks drawn by their seeds, in threads and with
--isolate: every other task is recorded once, and the culprits, which are known
beforehand, are out of the way."""
import collections
import shutil

import system
import test_plugin
from system import numbers
from test_plugin import TASKS

TASK_COUNT, ONE_OF = 300, 75


class Crashes(test_plugin.PluginTest):
    def predict(self, seed):
        """The culprits, by the seeds that tasks have of this run's."""
        lines = self.fan("run", "-qk", "--results", "seeds", "--seed", seed,
                         "--plugin", TASKS + ":seed", ":::",
                         *numbers(1, TASK_COUNT))
        return [task for task, line in enumerate(lines, 1)
                if int(line) % ONE_OF == 0]

    def crash(self, seed, *options):
        self.environment["TEST_CRASHES"] = str(ONE_OF)
        lines = self.fan("run", "-q", "-j2", "--results", "run", "--seed",
                         seed, "--plugin", TASKS + ":crash_by_seed", *options,
                         ":::", *numbers(1, TASK_COUNT),
                         code=system.TASKS_FAILED)
        self.fan("verify", "run")
        finals = self.finals()
        self.assertEqual(sorted(finals), list(range(1, TASK_COUNT + 1)))
        culprits = {task: record for task, record in finals.items()
                    if record["status"] != "ok"}
        said = "".join(str(task) for task in range(1, TASK_COUNT + 1)
                       if task not in culprits)
        self.assertEqual(collections.Counter("".join(lines)),
                         collections.Counter(said))
        return culprits

    def workers(self):
        return {r["worker"] for r in self.records() if "slot" in r}

    def test_without_isolation_exactly_the_culprits_are_quarantined(self):
        expected = self.predict("3")
        self.assertGreater(len(expected), 1)
        culprits = self.crash("3", "--max-losses", "100")
        self.assertEqual(sorted(culprits), expected)
        self.assertEqual({r["status"] for r in culprits.values()},
                         {"quarantined"})
        lost = collections.Counter(
            r["task"] for r in self.records()
            if r.get("status") == "lost" and r.get("alone"))
        self.assertEqual([lost[task] for task in expected], [3] * len(expected))

    def test_with_isolation_each_culprit_costs_one_process(self):
        for seed in ("3", "4", "5"):
            expected = self.predict(seed)
            self.assertGreater(len(expected), 0)
            culprits = self.crash(seed, "--isolate")
            self.assertEqual(sorted(culprits), expected)
            self.assertEqual({(r["status"], r["class"])
                              for r in culprits.values()},
                             {("failed", "signal")})
            self.assertEqual(len(self.workers()), 1)
            ran = [r["task"] for r in self.records() if "slot" in r]
            self.assertEqual(sorted(ran), list(range(1, TASK_COUNT + 1)))
            self.fan("run", "--resume", "--results", "run", "-q",
                     code=system.TASKS_FAILED)
            again = [r for r in self.records() if "slot" in r][TASK_COUNT:]
            self.assertEqual(sorted(r["task"] for r in again), expected)
            for run in ("run", "seeds"):
                shutil.rmtree(self.path(run))


if __name__ == "__main__":
    system.main()
