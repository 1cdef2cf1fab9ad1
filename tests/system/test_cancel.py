"""fan cancel: what runs is stopped, with all its processes, what does not run
never does, and each has one final record that says so."""
import json
import os
import signal

import system
import test_plugin
from system import SystemTest, numbers, until

# It has a child of its own, and both say where they are.
TREE = "sleep 1000 & echo $! $$ >> pids; wait"


class Cancel(SystemTest):
    def setUp(self):
        super().setUp()
        self.write("pids", "")

    def start_run(self, *arguments):
        return self.start("run", "--results", "run", "-j", "2", "--heartbeat",
                          "50ms", "--grace", "1s", *arguments)

    def until_begun(self, count):
        until(f"{count} tasks run",
              lambda: len(self.read("pids").splitlines()) == count,
              self.path("pids"))
        return [int(pid) for pid in self.read("pids").split()]

    def cancel(self, *arguments):
        return json.loads(self.fan("cancel", "--json", *arguments, "run")[0])

    def status(self):
        done = self.program("fan", "status", "--json", "run")
        return json.loads(done.stdout) if done.stdout else {}

    def cancelled(self):
        return [number for number, record in self.finals().items()
                if record["status"] == "cancelled"]

    def assert_ends_with(self, run, cancelled, code=system.TASKS_FAILED):
        self.assertEqual(run.finish(), code, run.errors())
        self.assertEqual(self.cancelled(), cancelled)
        self.fan("verify", "run")

    def test_processes_are_stopped_and_the_rest_goes_on(self):
        run = self.start_run("--retries", "3", "--shell", "--",
                             "test {} -gt 2 || { " + TREE + "; }", ":::",
                             *numbers(1, 4))
        pids = self.until_begun(2)
        said = self.cancel("1", "--note", "too slow")
        self.assertEqual((said["cancelled"], said["ended"]), (1, 0))
        self.assertEqual(self.cancel("1")["ended"], 1)
        self.assertEqual(self.cancel("2")["cancelled"], 1)
        self.assert_ends(pids)
        self.assert_ends_with(run, [1, 2])
        self.assertIn("4 tasks, 2 ok, 2 cancelled;", run.errors())
        record = self.finals()[1]
        self.assertEqual((record["class"], record["note"]),
                         ("cancelled", "too slow"))
        self.assertTrue(record["user"] and record["start"])
        attempts = [r for r in self.records() if r.get("task") == 1 and
                    not r["final"]]
        self.assertEqual([r["class"] for r in attempts], ["cancelled"])

    def test_what_has_not_begun_never_does(self):
        run = self.start_run("--array", "1-20000", "--shell", "--", TREE)
        self.until_begun(2)
        until("the last is read", lambda: not self.cancel("20000")["later"])
        self.assertEqual(self.cancel("7,10-12", "20000")["cancelled"], 4)
        said = self.cancel("--all")
        self.assertEqual((said["cancelled"], said["ended"]), (19995, 5))
        self.assert_ends_with(run, list(range(1, 20001)))
        self.assertEqual(len(self.read("pids").splitlines()), 2)

    def test_all_of_an_open_run_is_what_was_there(self):
        self.write("first", "a\nb\n")
        run = self.start_run("--open", "-a", "first", "--shell", "--",
                             "test {} = later || { " + TREE + "; }")
        pids = self.until_begun(2)
        self.assertEqual(self.cancel("--all")["cancelled"], 2)
        self.assert_ends(pids)
        self.fan("add", "--close", "--run", "run", ":::", "later")
        self.assert_ends_with(run, [1, 2])
        self.assertEqual(self.finals()[3]["status"], "ok")

    def test_resume_leaves_them(self):
        run = self.start_run("--shell", "--", "test {} -gt 1 || { " + TREE +
                             "; }; test -e mended", ":::", "1", "2")
        self.until_begun(1)
        self.cancel("1")
        self.assert_ends_with(run, [1])
        self.write("mended", "")
        done = self.program("fan", "run", "--resume", "--results", "run")
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertEqual([r["status"] for r in self.finals().values()],
                         ["cancelled", "ok"])
        self.assertNotIn("redo", self.program("fan", "status", "run").stdout)
        self.assertIn("what now  fan logs 1",
                      "\n".join(self.fan("show", "1", "--run", "run")))

    def test_held_and_waiting_ones_too(self):
        run = self.start_run("--on-fail", "hold", "--held", "wait", "--on",
                             "exit:2=retry:9,backoff:1000s..2000s", "--shell",
                             "--", "exit {}", ":::", "1", "2")
        until("one is held, one waits", lambda: (
            self.status().get("held"), self.status().get("waiting")) ==
              (1, 1))
        self.assertEqual(self.cancel("1-2")["cancelled"], 2)
        self.assert_ends_with(run, [1, 2])

    def test_outlives_the_ventilator(self):
        gate = self.gate()
        run = self.start_run("--grace", "1d", "--shell", "--",
                             "trap '' TERM; echo $$ >> pids; cat gate", ":::",
                             "1")
        self.until_begun(1)
        cancel = self.start("cancel", "1", "run")
        until("it is asked", lambda: self.status().get("cancelling") == 1)
        for pid in run.of_program("fan-ventilator"):
            os.kill(pid, signal.SIGKILL)
        until("it is asked again", lambda: (
            self.status().get("generation"),
            self.status().get("cancelling")) == (2, 1))
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        self.assertEqual(cancel.finish(), system.OK, cancel.errors())
        self.assertEqual(cancel.lines[0], "run: 1 task cancelled")
        self.assertEqual(self.cancelled(), [1])

    def test_coprocesses_and_plugins_are_stopped(self):
        for options in (["--coprocess", "sh stays.sh", "--framing", "lines"],
                        ["--plugin", test_plugin.TASKS + ":until_cancelled"],
                        ["--isolate", "--plugin",
                         test_plugin.TASKS + ":stubborn"]):
            with self.subTest(options):
                self.setUp()
                self.write("stays.sh", "while read x; do " + TREE + "; done")
                os.mkfifo(self.path("gate"))
                run = self.start_run(*options, ":::",
                                     *["wait gate"] * 3)
                until("two run", lambda: self.status().get("running") == 2)
                self.assertEqual(self.cancel("--all")["cancelled"], 3)
                self.assert_ends_with(run, [1, 2, 3])
                self.assert_ends([int(pid)
                                  for pid in self.read("pids").split()])

    def test_what_cannot_be_cancelled(self):
        self.fan("cancel", code=system.USAGE)
        self.fan("run", "--results", "run", "--", "true", ":::", "1")
        for words, code, why in ((["17"], system.ERROR, "nobody is at work"),
                                 (["17", "--all"], system.USAGE, "either"),
                                 ([], system.USAGE, "say which tasks"),
                                 (["0"], system.USAGE, "does not select")):
            done = self.program("fan", "cancel", *words, "run")
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(why, done.stderr)

    def test_more_ranges_than_are_remembered(self):
        run = self.start_run("--shell", "--", TREE + " # {}", ":::",
                             *numbers(1, 2200))
        self.until_begun(2)
        until("the last is read", lambda: not self.cancel("2200")["later"])
        odd = numbers(3, 2199)[::2]
        self.assertEqual(self.cancel(*odd)["cancelled"], len(odd))
        self.assertEqual(self.cancel("--all")["cancelled"], 2199 - len(odd))
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        self.assertEqual(len(self.cancelled()), 2200)


if __name__ == "__main__":
    system.main()
