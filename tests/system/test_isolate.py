"""A plugin whose slots are processes: `fan run --plugin X --isolate`. It is to be
as in threads (see Contract in test_plugin.py), but that a crash is the crash of
one task."""
import os
import signal

import system
import test_plugin
from system import numbers
from test_plugin import PLUGINS, TASKS


class Isolated(test_plugin.Contract):
    OPTIONS = ("--isolate",)


class Crashes(test_plugin.PluginTest):
    OPTIONS = ("--isolate",)

    def attempts(self, *tasks):
        """What ran, of these tasks or of all."""
        return [r for r in self.records() if "slot" in r
                and (not tasks or r["task"] in tasks)]

    def test_crash_is_of_one_task_and_no_worker(self):
        values = numbers(1, 400)
        for crash in (0, 200, 201, 399):
            values[crash] = "crash"
        self.run_plugin("crash", "-j2", ":::", *values,
                        code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual(len(finals), 400)
        culprits = [n for n, r in finals.items() if r["status"] != "ok"]
        self.assertEqual(culprits, [1, 201, 202, 400])
        for record in self.attempts(*culprits):
            self.assertEqual(
                (record["class"], record["signal"], record["note"]),
                ("signal", signal.SIGSEGV, "the plugin died of SIGSEGV"))
        self.assertEqual(len(self.attempts()), 400)
        self.assertEqual(len({r["worker"] for r in self.attempts()}), 1)

    def test_crashing_task_has_its_retries_and_no_more(self):
        self.run_plugin("crash", "-j1", "--retries", "3", "--backoff", "1ms",
                        ":::", "a", "crash", "b", code=system.TASKS_FAILED)
        self.assertEqual([r["class"] for r in self.attempts(2)],
                         ["signal"] * 4)
        self.assertEqual([r["status"] for r in self.finals().values()],
                         ["ok", "failed", "ok"])

    def test_answer_to_signals_is_the_users(self):
        self.run_plugin("crash", "--on", "signal=ignore", ":::", "a", "crash")
        self.assertEqual([r["status"] for r in self.finals().values()],
                         ["ok", "ignored"])

    def test_exit_is_the_failure_of_one_task(self):
        self.run_plugin("leave", "-j1", ":::", "a", "7", "b", "0", "c",
                        code=system.TASKS_FAILED)
        self.assertEqual([(r["task"], r["status"], r.get("exit", 0))
                          for r in self.attempts()],
                         [(1, "ok", 0), (2, "failed", 7), (3, "ok", 0),
                          (4, "failed", 1), (5, "ok", 0)])

    def test_what_it_prints_is_the_tasks_stderr(self):
        self.assertEqual(self.run_plugin("print", "-j1", "-k", ":::", "a", "b"),
                         ["ab"])
        self.assertEqual([r["stderr"] for r in self.finals().values()],
                         ["printed a\nwritten\n", "printed b\nwritten\n"])

    def test_task_that_does_not_stop_is_killed_and_nobody_else(self):
        self.gate()
        self.run_plugin("stubborn", "-j2", "--timeout", "50ms", "--grace",
                        "50ms", ":::", "wait gate", *numbers(1, 100),
                        code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual(finals[1]["class"], "timeout")
        self.assertEqual({finals[i]["status"] for i in range(2, 102)}, {"ok"})
        self.assertEqual(len({r["worker"] for r in self.attempts()}), 1)

    def test_process_is_started_anew_after_its_share(self):
        self.environment["TEST_CLOSED"] = self.path("closed")
        self.run_plugin("fan_run", "-j1", "--recycle", "10", ":::",
                        *numbers(1, 100))
        self.assert_finals(100)
        closed = [line.split() for line in self.read("closed").splitlines()]
        self.assertEqual(closed, [["1", "10"]] * 10)

    def test_large_result_and_its_limit(self):
        self.run_plugin("write_much", "--output-max", "1M", ":::", "1048576",
                        "1048577", code=system.TASKS_FAILED)
        finals = self.finals()
        self.assertEqual(len(finals[1]["stdout"]), 1 << 20)
        self.assertEqual(finals[2]["class"], "output")
        self.assertIn("--output-max", self.attempts(2)[0]["note"])

    def test_crash_while_loading_or_set_up_is_told_once(self):
        for name, words in (("TEST_CRASH_LOADED",
                             "it dies of SIGSEGV while it is loaded"),
                            ("TEST_NOTHING", "the plugin died of SIGABRT "
                             "while slot 1 was set up")):
            self.environment[name] = "1"
            done = self.program("fan", "run", "--isolate", "-j1", "--plugin",
                                os.path.join(PLUGINS, "unloaded.so"), ":::",
                                *numbers(1, 50))
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertEqual(done.stderr.count("SIG"), 1, done.stderr)
            self.assertIn(words, done.stderr)
            del self.environment[name]

    def test_isolate_is_for_plugins(self):
        done = self.program("fan", "run", "--isolate", "--", "true", ":::",
                            "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("--isolate is for a --plugin", done.stderr)


class ByHand(test_plugin.PluginTest):
    """The run says --isolate, or the worker does; the plugin is one's, too."""

    def work(self, run, worker):
        endpoint = "ipc://" + self.path("control")
        others = [self.start("ventilator", endpoint, "--dir", "control.d",
                             *run, ":::", "a", "crash", "b"),
                  self.start("sink", endpoint, "--results", "run")]
        done = self.program("fan", "worker", endpoint, *worker)
        self.assertEqual(done.returncode, system.OK, done.stderr)
        for other, code in zip(others, (system.TASKS_FAILED, system.OK)):
            self.assertEqual(other.finish(), code, other.errors())
        self.assertEqual([r["status"] for r in self.finals().values()],
                         ["ok", "failed", "ok"])

    def test_worker_is_told_of_it(self):
        self.work(["--isolate", "--plugin", TASKS + ":crash"], [])

    def test_worker_brings_the_plugin(self):
        self.work(["--isolate", "--plugin", "./not-here.so"],
                  ["--plugin", TASKS + ":crash"])

    def test_worker_isolates_by_itself(self):
        self.work(["--plugin", TASKS + ":crash"],
                  ["--isolate", "--plugin", TASKS + ":crash"])


if __name__ == "__main__":
    system.main()
