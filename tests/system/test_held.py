"""Failures that are answered by hold: parked for a person, who decides."""
import contextlib
import json
import os
import re
import signal
import socket
import sys

import system
from system import SystemTest, numbers, until

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../hostile"))
# pylint: disable=wrong-import-position
import message  # noqa: E402
import zmtp  # noqa: E402

HELD = 4
# Each run of a task leaves a letter. It fails until `mended` is there: three
# ways to fail, of which one is not held.
TASK = """printf %s "$1 " >> ran
test -e mended && exit 0
echo "trace of $1" >&2
case $(($1 % 4)) in
1) echo "no row $1 in /data/part-$1.csv, wanted 0x1f$1" >&2; exit 1;;
2) echo "no room for $1 bytes" >&2; exit 1;;
3) kill -9 $$;;
esac
"""


class Held(SystemTest):
    def setUp(self):
        super().setUp()
        self.write("task", TASK)

    def command(self, count=8, *options):
        return ("--results", "run", "-j", "2", "--on-fail", "hold", *options,
                "--", "sh", "task", "{}", ":::", *numbers(1, count))

    def held(self):
        return json.loads(self.fan("held", "--json", "run")[0])

    def ran(self):
        return sorted(int(number) for number in self.read("ran").split())

    def decide(self, *arguments, code=system.OK):
        return self.fan("decide", "--run", "run", *arguments, code=code)

    def resume(self, code=system.OK, *options):
        return self.fan("run", "--resume", *options, "--results", "run",
                        code=code)

    def decisions(self):
        return [record for record in self.records() if record.get("user")]

    # -- a run that ends with held tasks

    def test_groups_are_of_what_failed_alike(self):
        self.fan("run", *self.command(), code=HELD)
        said = self.held()
        self.assertEqual(said["held"], 6)
        groups = {group["exit"] or -group["signal"]: group
                  for group in said["groups"] if "row" in group["line"]
                  or group["signal"]}
        rows, killed = groups[1], groups[-9]
        self.assertEqual(len(said["groups"]), 3)
        self.assertEqual((rows["line"], rows["tasks"], rows["example"]),
                         ("no row # in /... wanted #".replace(
                             "/... wanted", "/..., wanted"), [1, 5], 1))
        self.assertEqual((killed["class"], killed["line"], killed["tasks"]),
                         ("signal", "trace of #", [3, 7]))
        self.assertEqual(rows["hosts"], [self.records()[2]["host"]])
        text = "\n".join(self.fan("held", "run"))
        read_one = re.search("read one: +fan (.*)", text)[1].split()
        shown = "\n".join(self.fan(*read_one))
        self.assertIn(f"trace of {read_one[1]}\n", shown)  # it varies, which
        self.assertIn("6 tasks are held, in 3 groups", text)
        self.assertRegex(text, r"2 tasks\s+signal 9\s+trace of #")

    def test_of_a_long_line_the_beginning_counts(self):
        self.write("task", "printf /%05000d 0 >&2; echo ' is $1' >&2; exit 1")
        self.fan("run", *self.command(1), code=HELD)
        self.assertEqual(self.held()["groups"][0]["line"], "/...")

    def test_it_says_so_and_what_to_do(self):
        done = self.program("fan", "run", *self.command(3))
        self.assertEqual(done.returncode, HELD, done.stderr)
        self.assertIn("3 held", done.stderr)
        self.assertIn("fan held run\n", done.stderr)
        self.assertIn("fan decide --run run GROUP", done.stderr)
        self.assertNotIn("not finished", done.stderr)
        self.assertIn("3 held", self.fan("status", "run")[0])
        self.assertEqual(
            json.loads(self.fan("status", "--json", "run")[0])["held"], 3)

    def test_decisions_each_way_and_resume_does_what_is_retried(self):
        self.fan("run", *self.command(), code=HELD)
        group = {group["example"]: group["group"]
                 for group in self.held()["groups"]}
        self.assertIn("2 tasks: retry", self.decide(
            group[1], "--retry", "--note", "rows are there"))
        self.decide(group[2], "--ignore")
        self.decide("3", "7", "--drop", "--note", 'not "wanted"')
        self.write("mended", "")
        before = self.ran()
        self.resume()
        self.assertEqual(self.ran(), sorted(before + [1, 5]))
        self.assertEqual(
            [record["status"] for record in self.finals().values()],
            ["ok", "ignored", "dropped", "ok", "ok", "ignored", "dropped",
             "ok"])
        made = self.decisions()
        self.assertEqual(len(made), 6)
        self.assertEqual(
            {(record["task"], record.get("note")) for record in made},
            {(1, "rows are there"), (5, "rows are there"), (2, None),
             (6, None), (3, 'not "wanted"'), (7, 'not "wanted"')})
        for record in made:
            self.assertRegex(record["start"], r"^20\d\d-.*Z$")
        shown = self.held()
        self.assertEqual((shown["held"], shown["groups"]), (0, []))
        self.assertEqual(
            [(one["decision"], one["count"], one["note"])
             for one in shown["decisions"]],
            [("retry", 2, "rows are there"), ("ignore", 2, ""),
             ("drop", 2, 'not "wanted"')])
        attempts = [json.loads(line) for line in
                    self.fan("results", "--all-attempts", "run")]
        self.assertEqual(sum(record.get("event") == "decision"
                             for record in attempts), 8)
        kept = {record["task"]: record for record in map(
            json.loads, self.fan("results", "run"))}
        self.assertEqual((kept[3]["signal"], kept[3]["stderr"],
                          kept[3]["note"]),
                         (9, "trace of 3\n", 'not "wanted"'))
        self.fan("verify", "run")

    def test_resume_leaves_alone_what_is_not_decided(self):
        self.fan("run", *self.command(), code=HELD)
        before = self.ran()
        self.resume(HELD)
        self.assertEqual(self.ran(), before)
        self.decide("20-30", "5", "--retry")
        self.resume(HELD)
        self.assertEqual(self.ran(), sorted(before + [5]))
        self.assertEqual(self.held()["held"], 6)  # it failed again

    def test_a_retried_task_has_all_its_retries_again(self):
        self.fan("run", *self.command(1, "--retries", "2", "--backoff", "0s"),
                 code=HELD)
        self.assertEqual(self.ran(), [1] * 3)
        self.decide("all", "--retry")
        self.resume(HELD)
        self.assertEqual(self.ran(), [1] * 6)

    def test_class_is_held_and_the_others_fail(self):
        self.fan("run", "--results", "run", "--on", "signal=hold", "--", "sh",
                 "task", "{}", ":::", *numbers(1, 4), code=HELD)
        self.assertEqual(self.held()["groups"][0]["tasks"], [3])
        self.decide("3", "--ignore")
        self.write("mended", "")
        self.resume()
        self.assertEqual(self.ran(), [1, 1, 2, 2, 3, 4])

    def test_held_task_yields_its_place_in_the_order(self):
        self.write("first", "test -e mended || test $1 != 1 && echo $1")
        command = ("--results", "run", "-k", "-j", "1", "--on-fail", "hold",
                   "--held", "wait", "--", "sh", "first", "{}", ":::", "1",
                   "2", "3")
        run = self.start("run", *command)
        run.read_lines(2)
        self.write("mended", "")
        self.decide("1", "--retry")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["2", "3", "1"])

    def test_wrong_words_are_told(self):
        self.fan("run", *self.command(3), code=HELD)
        for words, why in (
                (("g1",), "say one of --retry, --ignore and --drop"),
                (("g1", "--retry", "--drop"), "say one of"),
                (("--retry",), "say what it is about"),
                (("g9", "--retry"), "there is no group g9"),
                (("17", "--retry"), "task 17 is not held"),
                (("x", "--retry"), "'x' is no group such as g3"),
                (("9-3", "--retry"), "'9-3' is no group")):
            done = self.program("fan", "decide", "--run", "run", *words)
            self.assertEqual(done.returncode, system.USAGE, words)
            self.assertIn(why, done.stderr)
        os.rename(self.path("run"), self.path("a run"))
        done = self.program("fan", "decide", "--run", "a run", "17", "--drop")
        self.assertIn("fan held 'a run'\n", done.stderr)
        os.rename(self.path("a run"), self.path("run"))
        done = self.program("fan", "decide", "--run", "run", "20-30", "--drop")
        self.assertEqual(done.returncode, system.ERROR)
        self.assertIn("none of these is held", done.stderr)
        self.assertEqual(self.decisions(), [])

    # -- a run that waits for decisions

    def start_waiting(self, count=8):
        run = self.start("run", *self.command(count, "--held", "wait"))
        run.says("only held tasks are left")
        return run

    def until_held_after(self, *tasks):
        """Until these have run, and one is held of which the ventilator knows
        that: it takes no decision before, and the log has it earlier."""
        until("it is held again", lambda: self.ran() == list(tasks) and
              self.status()["held"] == 1)

    def test_live_decisions_let_a_waiting_run_end(self):
        run = self.start_waiting()
        before = self.ran()
        self.assertEqual(self.held()["held"], 6)
        self.write("mended", "")
        self.assertEqual(self.decide("1", "2", "5", "--retry", "--note",
                                     "live"), ["3 tasks: retry"])
        self.assertEqual(self.decide("3", "7", "--drop"), ["2 tasks: drop"])
        said = self.status()
        self.assertEqual(said["done"], sum(said[status] for status in (
            "ok", "failed", "ignored", "quarantined", "cancelled",
            "dropped")))
        self.assertIn("2 dropped", "\n".join(self.fan("status", "run")))
        self.assertEqual(self.decide("all", "--drop"), ["1 task: drop"])
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(self.ran(), sorted(before + [1, 2, 5]))
        self.assertEqual(
            [record["status"] for record in self.finals().values()],
            ["ok", "ok", "dropped", "ok", "ok", "dropped", "dropped", "ok"])
        self.assertEqual(len(self.decisions()), 6)
        self.fan("verify", "run")

    def test_held_again_may_be_decided_again(self):
        run = self.start_waiting(1)
        self.decide("1", "--retry")
        self.until_held_after(1, 1)
        self.write("mended", "")
        self.decide("1", "--retry")
        self.assertEqual(run.finish(), system.OK, run.errors())
        attempts = [(record.get("generation", 1), record.get("attempt", 1))
                    for record in self.records() if record.get("task") == 1
                    and "event" not in record]
        self.assertEqual(len(set(attempts)), 3, attempts)

    def ask(self, question):
        """As docs/protocol.md has it: ASK, and ANSWER."""
        with socket.socket(socket.AF_UNIX) as connected:
            connected.connect(self.read("run/endpoint").strip()[6:])  # ipc://
            wire = zmtp.Wire(connected)
            wire.greet(b"DEALER")
            wire.send(message.message(message.ASK, message.ask(
                json=json.dumps(question).encode())))
            wire.receive()

    def test_question_sent_again_decides_once(self):
        run = self.start_waiting(1)
        question = {"v": 1, "ask": "decide", "id": 16 * "1f", "time_us": 1,
                    "status": "reopened", "user": "u", "note": "",
                    "tasks": [[1, 1]]}
        self.ask(question)
        self.until_held_after(1, 1)
        self.ask(question)
        self.ask({**question, "id": 16 * "2e", "status": "dropped"})
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(self.ran(), [1, 1])
        self.assert_finals(1, "dropped")

    def status(self):
        return json.loads(self.fan("status", "--json", "run")[0])

    def halt(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.go_on, pid)

    @staticmethod
    def go_on(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def test_decided_while_the_run_ends(self):
        """Its ventilator takes no decisions while it waits for a last word."""
        gate = self.gate()
        self.write("task", "cat gate; exit 1")
        run = self.start("run", *self.command(1))
        until("it runs", lambda: os.path.exists(self.path("run/endpoint")) and
              self.status()["running"] == 1)
        idle = self.start("worker", "-j", "1",
                          self.read("run/endpoint").strip())
        until("both are there", lambda: self.status()["workers"] == 2)
        for pid in (idle.process.pid,
                    *system.descendants(idle.process.pid)):
            self.halt(pid)
        gate.open()
        until("it ends", lambda: self.status()["state"] == "complete")
        self.assertEqual(self.decide("all", "--retry")[0], "1 task: retry")
        self.assertEqual(run.finish(), HELD, run.errors())
        self.assertEqual(self.held()["held"], 0)
        self.assertEqual(len(self.decisions()), 1)

    def test_of_two_people_each_decides_once(self):
        run = self.start_waiting(3)
        sink = run.of_program("fan-sink")[-1]
        self.halt(sink)
        drop = self.start("decide", "--run", "run", "2-3", "--drop")
        until("one is taken", lambda: self.status()["decided"] == 2)
        retry = self.start("decide", "--run", "run", "1-3", "--retry")
        until("both are", lambda: self.status()["decided"] == 3)
        os.kill(sink, signal.SIGCONT)
        self.assertEqual((drop.finish(), drop.lines),
                         (system.OK, ["2 tasks: drop"]))
        self.assertEqual((retry.finish(), retry.lines), (
            system.OK, ["1 task: retry; 2 were not held any more"]))
        self.until_held_after(1, 1, 2, 3)
        self.assertEqual(self.decide("all", "--drop"), ["1 task: drop"])
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(self.ran(), [1, 1, 2, 3])

    def test_run_that_ends_by_the_decision_is_not_gone_on_with(self):
        run = self.start_waiting(1)
        sink = run.of_program("fan-sink")[-1]
        self.halt(sink)
        drop = self.start("decide", "--run", "run", "all", "--drop")
        until("it is taken", lambda: self.status()["decided"] == 1)
        self.halt(drop.process.pid)
        self.go_on(sink)
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.go_on(drop.process.pid)
        self.assertEqual((drop.finish(), drop.lines),
                         (system.OK, ["1 task: drop"]))

    def test_what_is_held_is_not_counted_as_unfinished_too(self):
        run = self.start_waiting(3)
        run.kill(signal.SIGTERM)
        self.assertEqual(run.finish(), 128 + signal.SIGTERM)
        self.assertIn(" 3 held; ", run.errors())
        self.assertNotIn("not finished", run.errors())
        self.assertEqual(run.errors().count("fan run --resume"), 1)

    def kill_and_decide(self, *programs):
        run = self.start_waiting()
        before = self.ran()
        for program in programs:
            os.kill(run.of_program(program)[-1], signal.SIGKILL)
        self.write("mended", "")
        self.assertEqual(self.decide("all", "--retry"), ["6 tasks: retry"])
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(self.ran(), sorted(before + [1, 2, 3, 5, 6, 7]))
        self.assert_finals(8)
        self.assertEqual(len(self.decisions()), 6)
        self.fan("verify", "run")

    def test_ventilator_killed_before_the_decision(self):
        self.kill_and_decide("fan-ventilator")

    def test_sink_killed_before_the_decision(self):
        self.kill_and_decide("fan-sink")

    def test_both_killed_before_the_decision(self):
        self.kill_and_decide("fan-ventilator", "fan-sink")

    def test_all_killed_and_decided_while_nothing_runs(self):
        run = self.start_waiting()
        before = self.ran()
        below = system.descendants(run.process.pid)
        run.kill()
        run.process.wait(system.PATIENCE_S)
        self.assert_ends(below)
        self.write("mended", "")
        self.assertIn("6 tasks: retry", self.decide("all", "--retry"))
        self.resume(system.OK, "--held", "end")
        self.assertEqual(self.ran(), sorted(before + [1, 2, 3, 5, 6, 7]))
        self.assert_finals(8)

    def test_ventilator_killed_after_the_decision(self):
        run = self.start_waiting()
        gate = self.gate()
        self.write("task", 'cat gate; printf %s "$1 " >> ran')
        self.decide("1", "--retry")
        os.kill(run.of_program("fan-ventilator")[-1], signal.SIGKILL)
        self.decide("2", "3", "5", "6", "7", "--drop")
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(self.ran().count(1), 2)
        self.assertEqual(self.finals()[1]["status"], "ok")
        self.assertEqual(len(self.decisions()), 6)


if __name__ == "__main__":
    system.main()
