"""Looking after a run: what became of a task, and when the run ends."""
import json
import os
import signal

import system
from system import SystemTest, numbers

HELD, GAVE_UP = 4, 6
TRIES = """printf 'out of %s\\n' "$1"
echo "trace
bad $1" >&2
test "$1" = 1 || exit "$1"
"""


class Show(SystemTest):
    def setUp(self):
        super().setUp()
        self.write("task", TRIES)

    def run_(self, *options, code=system.TASKS_FAILED):
        self.fan("run", "-q", "--results", "run", "--backoff", "1ms",
                 *options, "--", "sh", "task", "{}", ":::", "1", "2", code=code)

    def shown(self, task):
        return json.loads(self.fan("show", "--json", str(task), "run")[0])

    def test_task_that_failed_shows_each_try_and_what_it_said(self):
        self.run_("--retries", "2")
        text = self.program("fan", "show", "2", "run").stdout
        host = self.finals()[1]["host"]
        self.assertRegex(text, r"\Atask 2 of run: failed, exit 2\n"
                         r"  values    2\n  command   sh task 2\n")
        for number in (1, 2, 3):
            self.assertRegex(text, rf"\n  try {number}  .*Z on {host}, slot "
                             r"\d+: exit 2 after \d+\.\d{3} s, cpu \d.* s, "
                             r"memory \d+\.\d [KM]iB\n")
        self.assertIn("\n  stderr    of try 3:\n    trace\n    bad 2\n"
                      "  stdout    of try 3:\n    out of 2\n", text)
        self.assertTrue(text.endswith(
            "\n  what now  fan run --resume --results run\n"))
        shown = self.shown(2)
        self.assertEqual([a.get("attempt", 1) for a in shown["attempts"]],
                         [1, 2, 3])
        self.assertEqual(
            {name: shown[name] for name in
             ("state", "class", "exit", "args", "command", "hint")},
            {"state": "failed", "class": "exit", "exit": 2, "args": ["2"],
             "command": "sh task 2",
             "hint": "fan run --resume --results run"})
        self.assertEqual(shown["attempts"][2]["stderr"], "trace\nbad 2\n")
        self.assertEqual(self.shown(1)["state"], "ok")

    def test_hint_is_a_command_that_does_what_it_says(self):
        self.run_()
        self.write("task", "true")
        self.fan(*self.shown(2)["hint"].split()[1:])
        shown = self.shown(2)
        self.assertEqual((shown["state"], shown["round"]), ("ok", 1))
        self.assertIn("  again     by fan run --resume",
                      self.fan("show", "2", "run"))

    def test_decisions_are_shown_with_who_and_why(self):
        self.run_("--on-fail", "hold", code=HELD)
        shown = self.shown(2)
        self.assertEqual((shown["state"], shown["hint"]),
                         ("held", "fan decide --run run 2 --retry"))
        self.environment["USER"] = "me"
        self.fan("decide", "--run", "run", "2", "--ignore", "--note",
                 "not worth it")
        text = "\n".join(self.fan("show", "2", "run"))
        self.assertRegex(text, r"\Atask 2 of run: ignored, exit 2\n")
        self.assertRegex(text, r"\n  held      for a person to decide\n"
                         r"  ignored   20.*Z by [^:]+: not worth it\n")
        self.assertEqual([d["status"] for d in self.shown(2)["decisions"]],
                         ["held", "ignored"])

    def test_end_of_much_output_is_shown_and_obeys_nothing(self):
        self.fan("run", "-q", "--results", "run", "--", "sh", "-c",
                 "seq 9999; printf 'a\\tb\\033[2J' >&2", "{}", ":::", "x\n\ny")
        text = self.program("fan", "show", "1", "run").stdout
        self.assertIn("stderr    of try 1:\n    a\tb?[2J\n", text)
        self.assertIn("stdout    of try 1, the end of 48888 bytes:\n    9990\n"
                      "    9991\n", text)
        self.assertTrue(text.endswith("    9999\n  what now  fan logs 1 run\n"))

    def test_task_that_is_not_stored_is_told_from_one_that_is_none(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "1", "--", "sh",
                         "-c", 'test "$1" = 1 || cat gate; echo "$1"', "sh",
                         "{}", ":::", "1", "2")
        run.read_lines(1)
        shown = self.shown(2)
        self.assertEqual((shown["state"], shown["attempts"], shown["live"]),
                         ("open", [], True))
        self.assertIn("nothing of it is stored",
                      self.fan("show", "2", "run")[0])
        gate.open()
        self.assertEqual(run.finish(), system.OK)
        done = self.program("fan", "show", "3", "run")
        self.assertEqual((done.returncode, done.stdout), (system.USAGE, ""))
        self.assertIn("there is no task 3: run has 2", done.stderr)
        for bad in ([], ["1-2"], ["1,2"]):
            done = self.program("fan", "show", *bad, "run")
            self.assertEqual(done.returncode, system.USAGE)
            self.assertIn("fan show 17", done.stderr)

    def test_damage_is_told_with_what_stands_before(self):
        self.run_()
        with open(os.path.join(self.path("run"), system.LOG), "ab") as file:
            file.write(b"no member " * 10)
        done = self.program("fan", "show", "1", "run")
        self.assertEqual(done.returncode, system.DAMAGED)
        self.assertIn("task 1 of run: ok", done.stdout)
        self.assertIn("fan verify run", done.stderr)


class Events(SystemTest):
    def kinds(self, lines):
        return [record.get("event") or record["status"]
                for record in map(json.loads, lines)]

    def test_what_has_happened_is_followed_to_the_end(self):
        gate = self.gate()
        run = self.start("run", "-q", "--results", "run", "-j", "1",
                         "--on-fail", "hold", "--", "sh", "-c",
                         'test "$1" = 1 || cat gate; exit $(($1 - 1))', "sh",
                         "{}", ":::", "1", "2")
        system.until("the run has begun", lambda: os.path.exists(
            self.path("run/endpoint")), self.folder, self.path("run"))
        follower = self.start("events", "--follow", "--json", "run")
        follower.read_lines(3)
        self.assertEqual(self.kinds(follower.lines),
                         ["run", "generation", "joined"])
        self.fan("pause", "--note", "look first", "run")
        self.fan("resume", "run")
        follower.read_lines(5)
        gate.open()
        self.assertEqual(run.finish(), HELD)
        self.assertEqual(follower.finish(), system.OK)
        self.assertEqual(self.kinds(follower.lines)[3:6],
                         ["paused", "unpaused", "decision"])
        self.assertEqual(self.fan("events", "--json", "run"), follower.lines)
        text = "\n".join(self.fan("events", "run"))
        self.assertRegex(text, r"\A {23}began     run [0-9a-f]{32}\n")
        self.assertRegex(text, r"\n 20\S+ \S+Z  paused    by .*: look first\n")
        self.assertRegex(text, r"\n>20\S+ \S+Z  held      task 2 for a person: "
                         r"class exit")
        self.fan("decide", "--run", "run", "2", "--drop")
        self.assertRegex(self.fan("events", "run")[-1],
                         r" dropped   task 2 by \S+\Z")

    def test_hosts_tell_what_is_there_and_what_came_of_it(self):
        gate = self.gate()
        run = self.start("run", "-q", "--results", "run", "-j", "3", "--",
                         "sh", "-c", "test $1 -lt 4 || cat gate; exit $(($1 % "
                         "2))", "sh", "{}", ":::", *numbers(1, 5))

        def told():
            hosts = json.loads(self.fan("hosts", "--json", "run")[0])
            return hosts["hosts"][0] if hosts["hosts"] else {}
        system.until("the run has begun", lambda: os.path.exists(
            self.path("run/endpoint")), self.folder, self.path("run"))
        system.until("three have ended", lambda: (
            told().get("passed"), told().get("failed")) == (1, 2),
            self.path("run"))
        self.assertEqual((told()["workers"], told()["slots"],
                          told()["joined"]), (1, 3, 1))
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        last = told()
        self.assertEqual((last["workers"], last["passed"], last["failed"]),
                         (0, 2, 3))
        names, row = self.fan("hosts", "run")
        self.assertEqual(dict(zip(names.split(), row.split()))["PASSED"], "2")
        self.assertTrue(row.endswith(last["host"]))


class Wait(SystemTest):
    def start_(self, *options, code=0):
        gate = self.gate()
        run = self.start("run", "-q", "--results", "run", *options, "--", "sh",
                         "-c", f"echo begun; cat gate; exit {code}", ":::",
                         "1")
        system.until("the run has begun", lambda: os.path.exists(
            self.path("run/endpoint")), self.folder, self.path("run"))
        return run, gate

    def exits(self, options, how, code, task=0):
        run, gate = self.start_(*options, code=task)
        waits = self.start("wait", "--json", "run")
        how(run, gate)
        self.assertEqual(run.finish(), code)
        self.assertEqual(waits.finish(), code)
        self.assertEqual(json.loads(waits.lines[0]), {
            "v": 1, "dir": "run", "state": "ended", "exit": code})
        self.fan("wait", "run", code=code)  # what has ended is not waited for

    def open_gate(self, _run, gate):
        gate.open()

    def test_it_ends_with_the_run_and_as_that(self):
        self.exits((), self.open_gate, system.OK)

    def test_failed_run_is_told_from_one_that_is_not(self):
        self.exits((), self.open_gate, system.TASKS_FAILED, task=3)

    def test_held_tasks_have_their_exit_code(self):
        self.exits(("--on-fail", "hold"), self.open_gate, HELD, task=3)

    def test_halted_run_has_its_exit_code(self):
        self.exits(("--halt", "now,fail=1"), self.open_gate, system.HALTED,
                   task=3)

    def test_signal_that_ended_it_has_its_exit_code(self):
        self.exits(("--grace", "10ms"),
                   lambda run, _: run.kill(signal.SIGTERM),
                   128 + signal.SIGTERM)

    def test_killed_run_has_stopped(self):
        run, gate = self.start_()
        below = system.descendants(run.process.pid)
        waits = self.start("wait", "run")
        run.kill()
        self.assertEqual(waits.finish(), system.ERROR)
        self.assertIn("has stopped before its end; go on with it:  fan run "
                      "--resume --results run", waits.errors())
        gate.open()
        run.process.wait(system.PATIENCE_S)
        self.assert_ends(below)
        # The next one counts, not the last: nothing is left of that.
        self.fan("run", "-q", "--resume", "--results", "run")
        self.fan("wait", "run")

    def test_patience_ends_and_the_run_does_not(self):
        run, gate = self.start_()
        for options in (["--timeout", "1ms"], ["--timeout", "0s"]):
            done = self.program("fan", "wait", *options, "run")
            self.assertEqual(done.returncode, GAVE_UP)
            self.assertIn("run still goes on; see  fan status run",
                          done.stderr)
        gate.open()
        self.assertEqual(run.finish(), system.OK)

    def test_resumed_run_is_waited_for_again(self):
        self.fan("run", "-q", "--results", "run", "--", "sh", "-c",
                 "test -e mended && cat gate", ":::", "1",
                 code=system.TASKS_FAILED)
        gate = self.gate()
        self.write("mended", "")
        run = self.start("run", "-q", "--resume", "--results", "run")
        system.until("it is at work again", lambda: not os.path.exists(
            self.path("run/exit")), self.path("run"))
        waits = self.start("wait", "run")
        gate.open()
        self.assertEqual(run.finish(), system.OK)
        self.assertEqual(waits.finish(), system.OK)

    def test_stages_are_waited_for_as_one(self):
        gate = self.gate()
        self.write("run.yaml", "stages:\n  - name: first\n    command: [cat, "
                   "gate]\n  - name: last\n    after: first\n    command: "
                   "[sh, -c, exit 1]\n")
        run = self.start("run", "-q", "--results", "run", "run.yaml")
        system.until("the first stage has begun", lambda: os.path.exists(
            self.path("run/first/endpoint")), self.folder, self.path("run"),
            self.path("run/first"))
        waits = self.start("wait", "run")
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        self.assertEqual(waits.finish(), system.TASKS_FAILED)

    def test_log_tells_where_nobody_noted_the_end(self):
        # As of a sink's own directory, by hand.
        for code, task, options in (
                (system.OK, "true", ()), (system.TASKS_FAILED, "false", ()),
                (system.OK, "false", ("--on-fail", "ignore"))):
            name = f"run{task}{len(options)}"
            self.fan("run", "-q", "--results", name, *options, "--", task,
                     ":::", *numbers(1, 3), code=code)
            os.unlink(self.path(name + "/exit"))
            self.fan("wait", name, code=code)


if __name__ == "__main__":
    system.main()
