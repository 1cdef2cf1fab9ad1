"""fan decide --retry with --edit and --mem: held tasks that run otherwise."""
import json
import os
import signal

import system
from system import SystemTest, until

HELD = 4
HOLD = ("--results", "run", "--on-fail", "hold")
# Prints what it was given, and fails unless that is good.
TASK = ("--", "sh", "-c", 'echo "$@" >> ran; echo "$@"; test "$1" = good', "sh")


class Edit(SystemTest):
    def decide(self, *words, code=system.OK):
        return self.fan("decide", "--run", "run", *words, code=code)

    def resume(self, *words, code=system.OK):
        return self.fan("run", "--resume", "--results", "run", *words,
                        code=code)

    def attempts(self, task):
        """What was recorded of each of its attempts, in order."""
        return [record for record in self.records()
                if record.get("task") == task and record.get("start")
                and "event" not in record]

    def test_single_value_is_replaced(self):
        self.fan("run", *HOLD, *TASK, "{}", ":::", "bad", "worse", code=HELD)
        self.decide("1", "--retry", "--edit", "good", "--note", "a typo")
        self.assertEqual(self.resume(code=HELD), ["good"])
        before, after = self.attempts(1)
        self.assertEqual((before["args"], before.get("edited")),
                         (["bad"], None))
        self.assertEqual((after["args"], after["edited"], after["key"]),
                         (["good"], True, before["key"]))
        shown = "\n".join(self.fan("list", "run"))
        self.assertRegex(shown, r" 1  ok .* good \(edited\)\n?")
        story = "\n".join(self.fan("show", "1", "--run", "run"))
        self.assertRegex(story, r"again +.* by .*, edited to good: a typo\n")
        self.assertRegex(story, r"ok after .*, edited\n")
        decision, = json.loads(self.fan("held", "--json", "run")[0])[
            "decisions"]
        self.assertEqual((decision["edit"], decision["note"]),
                         ("good", "a typo"))
        self.assertRegex("\n".join(self.fan("held", "run")),
                         r"changed: +g\d, 1 task, arguments good  \(")
        self.fan("verify", "run")

    def test_it_stays_until_the_next_one(self):
        self.fan("run", *HOLD, *TASK, "{}", ":::", "bad", code=HELD)
        self.decide("1", "--retry", "--edit", "worse")
        self.resume(code=HELD)
        self.decide("1", "--retry")
        self.resume("--on-fail", "fail", code=system.TASKS_FAILED)
        self.resume("--on-fail", "hold", code=HELD)  # another round
        self.decide("1", "--retry", "--edit", "good")
        self.resume()
        self.assertEqual(self.read("ran").split(),
                         ["bad", "worse", "worse", "worse", "good"])

    def test_some_of_several_by_name_for_a_group(self):
        self.fan("run", *HOLD, "--sweep", "a=x,y", "--sweep", "b=1,2", "--",
                 "sh", "-c", 'echo {a} {b} "$FAN_TASK"; test {b} = 1',
                 code=HELD)
        wrong = self.program("fan", "decide", "--run", "run", "all", "--retry",
                             "--edit", "c=1")
        self.assertEqual(wrong.returncode, system.USAGE)
        self.assertIn("'c=1' is no NAME=VALUE with a name that it has: a, b",
                      wrong.stderr)
        self.decide("all", "--retry", "--edit", "b=1")
        self.assertEqual(sorted(self.resume()),
                         ['x 1 {"a":"x","b":1}', 'y 1 {"a":"y","b":1}'])

    def test_objects_stay_what_they_are(self):
        self.write("in.ndjson", '{"s":"5","p":{"n":1,"l":[1]},"g":"bad"}\n')
        self.fan("run", *HOLD, "--ndjson", "in.ndjson", "--stdin", "--", "sh",
                 "-c", "cat; echo {p.n}; test {g} = good", code=HELD)
        self.decide("1", "--retry", "--edit", "s=6 p.n=2.5 g=good p.l=[2,3]")
        self.assertEqual(self.resume(),
                         ['{"s":"6","p":{"n":2.5,"l":[2,3]},"g":"good"}2.5'])

    def test_lines_and_rows(self):
        self.fan("run", *HOLD, input="false\n", code=HELD)
        self.decide("1", "--retry", "--edit", "echo 'a  b' | tr a c")
        self.assertEqual(self.resume(), ["c  b"])
        self.write("in.csv", 'v,w\nbad,"x, y"\n')
        self.fan("run", "--results", "rows", "--on-fail", "hold", "--header",
                 "-a", "in.csv", *TASK, "{v}", "{w}", "{}", code=HELD)
        self.fan("decide", "--run", "rows", "1", "--retry", "--edit", "v=good")
        self.assertEqual(self.fan("run", "--resume", "--results", "rows"),
                         ['good x, y good,"x, y"'])

    def test_live_and_through_crashes(self):
        gate = self.gate()
        run = self.start("run", *HOLD, "--held", "wait", "--", "sh", "-c",
                         'echo {} >> ran; test {} = good && cat gate', ":::",
                         "bad")
        run.says("only held tasks are left")
        self.assertEqual(self.decide("1", "--retry", "--edit", "good"),
                         ["1 task: retry"])
        until("it runs", lambda: "good" in self.read("ran"),
              self.path("ran"))
        for program in ("fan-ventilator", "fan-worker"):
            os.kill(run.of_program(program)[-1], signal.SIGKILL)
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(set(self.read("ran").split()), {"bad", "good"})
        final = self.finals()[1]
        self.assertEqual((final["args"], final["edited"]), (["good"], True))

    def test_more_memory(self):
        needs = "ulimit -v; [ $(ulimit -v) -ge {} ] || ! echo MemoryError >&2"
        self.fan("run", *HOLD, "--mem-max", "100M", "--on",
                 "oom=retry:1,mem:x2,backoff:1ms", "--shell", "--", needs,
                 ":::", str(1000 * 1024), code=HELD)
        self.decide("1", "--retry", "--mem", "600M")
        self.resume()
        self.assertEqual([int(record["stdout"]) // 1024
                          for record in self.attempts(1)],
                         [100, 200, 600, 1200])
        self.assertNotIn("edited", self.finals()[1])
        decision, = json.loads(self.fan("held", "--json", "run")[0])[
            "decisions"]
        self.assertEqual(decision["mem_max_bytes"], 600 << 20)

    def test_words_that_do_not_fit(self):
        self.fan("run", *HOLD, *TASK, "{}", "{}", ":::", "bad", ":::", "b",
                 code=HELD)
        for words, said in (
                (("--drop", "--edit", "a b"), "--edit goes with --retry"),
                (("--ignore", "--mem", "1G"), "--mem goes with --retry"),
                (("--retry", "--mem", "1G"), "it has no --mem-max"),
                (("--retry", "--edit", "a"), "it has 2 values, and there are 1"),
                (("--retry", "--edit", 701 * "a"), "--edit")):
            done = self.program("fan", "decide", "--run", "run", "1", *words)
            self.assertEqual(done.returncode, system.USAGE, done.stderr)
            self.assertIn(said, done.stderr)
        self.assertEqual(json.loads(self.fan("held", "--json", "run")[0])[
            "held"], 1)


if __name__ == "__main__":
    system.main()
