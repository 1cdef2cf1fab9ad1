"""A warm process per slot: `fan run --coprocess`, with real interpreters. Their
programs speak the protocol themselves, line by line, or by the module in
examples/."""
import base64
import os
import re
import shlex
import subprocess
import sys

import system
from system import SystemTest, numbers

EXAMPLES = os.path.abspath(os.path.join(os.path.dirname(__file__),
                                        "../../examples"))
PYTHON = shlex.quote(sys.executable) + " -B"
GREETING = 'print(\'{"fan": 1, "framing": "ndjson"}\', flush=True)\n'


class Coprocess(SystemTest):
    def run_coprocess(self, command, *arguments, code=system.OK, input=None):
        return self.fan("run", "-q", "--results", "run", "--coprocess",
                        command, *arguments, code=code, input=input)

    def python(self, text):
        """A coprocess whose function `f` is in `text`, by the module."""
        self.write("model.py", "import os, sys, time\n"
                   "import fancoprocess\n" + text +
                   "\nfancoprocess.task(f)\nfancoprocess.run()\n")
        self.environment["PYTHONPATH"] = EXAMPLES
        return f"{PYTHON} model.py"

    def raw(self, text):
        """One that reads and writes by itself."""
        self.write("raw.py", "import json, os, sys\n" + text)
        return f"{PYTHON} raw.py"

    def failures(self):
        return {r["task"]: r for r in self.records()
                if r.get("status") == "failed" and not r.get("final")}


class Framings(Coprocess):
    def test_plain_filter_is_a_coprocess(self):
        self.assertEqual(self.run_coprocess("cat", "--framing", "lines", "-k",
                                            ":::", "a", "b c", "é"),
                         ["a", "b c", "é"])
        self.assertEqual([r["stdout"] for r in self.finals().values()],
                         ["a\n", "b c\n", "é\n"])
        self.assertEqual(self.finals()[2]["args"], ["b c"])

    def test_filter_gets_the_line_as_it_was_read(self):
        line = '{"a": 1,  "b": [2]}'
        self.assertEqual(self.run_coprocess(
            "cat", "--framing", "lines", "--ndjson", "-",
            input=line + "\n"), [line])

    def test_line_break_cannot_go_into_a_line(self):
        self.run_coprocess("cat", "--framing", "lines", ":::", "a\nb",
                           code=system.TASKS_FAILED)
        failure = self.failures()[1]
        self.assertEqual(failure["class"], "spawn")
        self.assertIn("line break", failure["note"])

    def test_object_goes_in_and_a_value_comes_out(self):
        command = self.raw(GREETING + """
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps({"task": task["task"], "result": task}), flush=True)
""")
        self.run_coprocess(command, "--seed", "7", "--ndjson", "-", "--",
                           "-x{a}", "{%}", "-j1",
                           input='{"a": 1, "b": {"c": "\\u00e9"}}\n')
        said = eval(self.finals()[1]["stdout"])  # JSON without a null
        self.assertEqual(said.pop("seed"), self.fan(
            "run", "--results", "other", "--seed", "7", "--", "echo", "{seed}",
            ":::", "a")[0].split()[0])
        self.assertEqual(said, {
            "task": 1, "attempt": 1, "args": ["-x1", "1", "-j1"],
            "input": {"a": 1, "b": {"c": "é"}}})

    def test_columns_have_names(self):
        command = self.python("def f(task):\n    return [task.args, "
                              "task.input, task.number, task.attempt]")
        self.write("table.csv", 'x,y\n"1, 2",b\n')
        self.assertEqual(
            self.run_coprocess(command, "-a", "table.csv", "--header"),
            ['[[], {"x": "1, 2", "y": "b"}, 1, 1]'])

    def test_result_of_bytes_is_as_it_is(self):
        command = self.python(
            "def f(task):\n    return bytes([255, 0]) * 70000")
        subprocess.run([os.path.join(system.BIN, "fan"), "run", "--results",
                        "run", "--coprocess", command, ":::", "a"],
                       cwd=self.folder, env=self.environment, check=True,
                       stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, timeout=system.PATIENCE_S)
        self.assertEqual(
            base64.b64decode(self.finals()[1]["stdout_base64"]),
            bytes([255, 0]) * 70000)

    def test_value_that_is_no_utf8_arrives(self):
        command = self.python(
            "def f(task):\n    return os.fsencode(task.args[0]).hex()")
        self.write("values", "")
        with open(self.path("values"), "wb") as file:
            file.write(b"a\xff\n")
        self.assertEqual(self.run_coprocess(command, "-a", "values"),
                         ['"61ff"'])

    def test_big_task_and_big_answer(self):
        command = self.python("def f(task):\n    return task.args[0] * 3")
        value = "abcdefg" * 100000
        self.write("values", value + "\nshort\n")
        lines = self.run_coprocess(command, "-j1", "-k", "-a", "values")
        self.assertEqual(lines, [f'"{value * 3}"', '"shortshortshort"'])


class OneProcess(Coprocess):
    def test_big_task_behind_short_ones_is_written_in_its_turn(self):
        command = self.raw(GREETING + """
for line in sys.stdin:
    print(json.dumps({"result": len(json.loads(line)["args"][0])}), flush=True)
""")
        tasks = ["x"] * 2000 + ["y" * 9000]
        self.assertEqual(
            self.run_coprocess(command, "-j1", input="\n".join(tasks) + "\n")[-1],
            "9000")

    def test_process_is_warm(self):
        command = self.python("def f(task):\n    return os.getpid()")
        pids = self.run_coprocess(command, "-j2", ":::", *numbers(1, 3000))
        self.assertEqual(len(pids), 3000)
        self.assertLessEqual(len(set(pids)), 2)
        self.assert_finals(3000)

    def test_each_answer_is_its_own_tasks(self):
        command = self.python("def f(task):\n    return task.args[0]")
        self.run_coprocess(command, "-j3", ":::", *numbers(1, 5000))
        for final in self.finals().values():
            self.assertEqual(final["stdout"], f'"{final["args"][0]}"\n')

    def test_it_has_the_runs_directory_and_its_slot(self):
        command = self.python(
            "def f(task):\n    return [os.getcwd(), os.environ['FAN_SLOT'], "
            "os.environ['FAN_RUN'], os.path.basename(os.environ['FAN_RUN_DIR']), "
            "'FAN_TASK_ID' in os.environ, sorted(os.listdir('/proc/self/fd'))]")
        os.mkdir(self.path("there"))
        self.environment["PYTHONPATH"] += ":" + self.folder
        said = eval(self.run_coprocess(
            command.replace("model.py", "../model.py"), "-j1", "--chdir",
            "there", "--name", "n", ":::", "a")[0]
            .replace("false", "False"))
        self.assertEqual(said[:5], [os.path.realpath(self.path("there")), "1",
                                    "n", "run", False])
        # Its streams, the module's two, and the folder that is read.
        self.assertEqual(len(said[5]), 6)

    def test_what_is_printed_is_the_tasks_standard_error(self):
        command = self.python("""
def f(task):
    print("printed", task.args[0])
    os.system("echo said; cat")
    sys.stderr.write("told\\n")
    return 1""")
        self.assertEqual(self.run_coprocess(command, "-j2", ":::",
                                            *numbers(1, 100)), ["1"] * 100)
        for final in self.finals().values():
            self.assertEqual(final["stderr"],
                             f"printed {final['args'][0]}\nsaid\ntold\n")

    def test_exception_fails_the_task_and_not_the_process(self):
        command = self.python("""
def f(task):
    if task.args[0] == "2":
        raise KeyError("no two")
    return os.getpid()""")
        pids = self.run_coprocess(command, "-j1", ":::", "1", "2", "3",
                                  code=system.TASKS_FAILED)
        self.assertEqual(len(set(pids)), 1)
        failure = self.failures()[2]
        self.assertEqual((failure["class"], failure["exit"]), ("exit", 1))
        self.assertIn("KeyError: 'no two'\n", failure["stderr"])

    def test_failed_task_is_tried_again_and_told_so(self):
        command = self.python(
            "def f(task):\n    assert task.attempt == 3\n    return 'third'")
        self.assertEqual(self.run_coprocess(command, "--retries", "2",
                                            "--backoff", "1ms", ":::", "a"),
                         ['"third"'])

    def test_short_tasks_do_not_wait_behind_a_long_one(self):
        """The long one waits until all others are done; some of them were
        written to its process."""
        command = self.python("""
done = os.open("done", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def f(task):
    if task.args[0] == "long":
        with open("gate", "rb") as gate:
            return gate.read().decode()
    os.write(done, b"x")
    if os.fstat(done).st_size == 4000:
        with open("gate", "wb") as gate:
            gate.write(b"open")""")
        os.mkfifo(self.path("gate"))
        values = numbers(1, 2000) + ["long"] + numbers(1, 2000)
        self.run_coprocess(command, "-j2", ":::", *values)
        self.assert_finals(len(values))
        self.assertEqual(self.finals()[2001]["stdout"], '"open"\n')


class Ends(Coprocess):
    def test_crash_fails_its_task_and_no_other(self):
        command = self.python("""
def f(task):
    if task.args[0] in ("500", "1500"):
        os.write(2, b"about to\\n")
        os.kill(os.getpid(), 11)
    return 0""")
        self.run_coprocess(command, "-j2", ":::", *numbers(1, 2000),
                           code=system.TASKS_FAILED)
        failures = self.failures()
        self.assertEqual(sorted(failures), [500, 1500])
        for failure in failures.values():
            self.assertEqual((failure["class"], failure["signal"],
                              failure["stderr"]),
                             ("signal", 11, "about to\n"))
        self.assertEqual({r["status"] for n, r in self.finals().items()
                          if n not in failures}, {"ok"})
        self.assertFalse([r for r in self.records()
                          if r.get("status") == "lost"])

    def test_exit_has_its_code(self):
        command = self.python("def f(task):\n    os._exit(7)")
        self.run_coprocess(command, "-j1", ":::", "a",
                           code=system.TASKS_FAILED)
        failure = self.failures()[1]
        self.assertEqual((failure["class"], failure["exit"]), ("exit", 7))
        self.assertIn("before it answered", failure["note"])

    def test_time_limit_kills_and_the_next_task_has_a_new_process(self):
        command = self.python("""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def f(task):
    while task.args[0] == "endless":
        time.sleep(60)
    return os.getpid()""")
        pids = self.run_coprocess(command, "-j1", "--timeout", "2s", "--grace",
                                  "50ms", ":::", "a", "endless", "b",
                                  code=system.TASKS_FAILED)
        self.assertEqual(len(set(pids)), 2)
        self.assertEqual(self.failures()[2]["class"], "timeout")

    def test_process_that_does_not_read_any_more_is_replaced(self):
        command = self.raw(GREETING + """
for n in range(300):
    line = b""
    while not line.endswith(b"\\n"):
        line += os.read(0, 1)
    os.write(1, b'{"result": 0}\\n')
if not os.path.exists("stuck"):
    open("stuck", "w").close()
    import signal
    signal.pause()
""")
        self.run_coprocess(command, "-j1", "--timeout", "1s", "--grace", "0s",
                           "--retries", "1", "--backoff", "1ms", ":::",
                           *numbers(1, 500))
        self.assert_finals(500)
        failures = self.failures()
        self.assertEqual([r["class"] for r in failures.values()], ["timeout"])

    def test_what_cannot_start_says_why_in_the_record(self):
        self.run_coprocess("echo no model >&2; exit 9", "-j1", ":::", "a",
                           code=system.TASKS_FAILED)
        failure = self.failures()[1]
        self.assertEqual((failure["class"], failure["exit"],
                          failure["stderr"]), ("exit", 9, "no model\n"))
        self.assertIn("before it greeted", failure["note"])

    def test_what_is_not_there_says_so(self):
        self.run_coprocess("./no-such-program", "-j1", ":::", "a",
                           code=system.TASKS_FAILED)
        failure = self.failures()[1]
        self.assertEqual(failure["exit"], 127)
        self.assertIn("no-such-program: not found", failure["stderr"])

    def test_filter_that_does_not_greet_is_told_apart(self):
        self.run_coprocess("echo hello; cat", "-j1", ":::", "a",
                           code=system.TASKS_FAILED)
        failure = self.failures()[1]
        self.assertEqual(failure["class"], "spawn")
        self.assertIn("no greeting", failure["note"])

    def test_garbage_among_the_answers_is_found(self):
        command = self.raw(GREETING + """
for line in sys.stdin:
    task = json.loads(line)
    if task["args"] == ["2"]:
        print("Loading weights...", flush=True)
    print(json.dumps({"task": task["task"], "result": 0}), flush=True)
""")
        self.run_coprocess(command, "-j1", ":::", "1", "2", "3",
                           code=system.TASKS_FAILED)
        failures = self.failures()
        self.assertEqual(list(failures), [2])
        self.assertIn("no object with a result", failures[2]["note"])

    def test_answer_over_the_limit_fails(self):
        command = self.python("def f(task):\n    return 'x' * int(task.args[0])")
        self.run_coprocess(command, "-j1", "--output-max", "1000", ":::",
                           "900", "1100", "10", code=system.TASKS_FAILED)
        failures = self.failures()
        self.assertEqual(list(failures), [2])
        self.assertEqual(failures[2]["class"], "output")

    def test_nothing_is_left_when_the_worker_is_killed(self):
        command = self.python("""
def f(task):
    with open("gate", "rb") as gate:
        gate.read()
    return 0""")
        gate = self.gate()
        self.write("told", "")
        running = self.start("run", "--results", "run", "-j2", "--coprocess",
                             command + " & echo $! >> told; wait", ":::", "a",
                             "b")
        del gate
        worker = self.wait_for_python(running, 2)
        before = [pid for pid in system.descendants(running.process.pid)
                  if "python" in system.program_of(pid)]
        os.kill(worker, 9)
        self.assert_ends(before)
        running.kill(2)
        running.kill(2)
        running.finish()

    def wait_for_python(self, running, count):
        """The worker, once so many coprocesses are below it."""
        while True:
            workers = running.of_program("fan-worker")
            found = [pid for pid in system.descendants(running.process.pid)
                     if "python" in system.program_of(pid)]
            if len(workers) == 2 and len(found) >= count:
                return workers[1]
            self.assertIsNone(running.process.poll(), running.errors())

    def test_killed_worker_loses_no_task(self):
        command = self.python("""
def f(task):
    if task.args[0] == "500" and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getppid(), 9)
        time.sleep(60)
    return 0""")
        self.run_coprocess(command, "-j1", ":::", *numbers(1, 1000))
        self.assert_finals(1000)


class Recycling(Coprocess):
    def test_process_serves_so_many_tasks(self):
        command = self.python("def f(task):\n    return os.getpid()")
        pids = self.run_coprocess(command, "-j1", "--recycle", "10", ":::",
                                  *numbers(1, 35))
        self.assertEqual(sorted(pids.count(pid) for pid in set(pids)),
                         [5, 10, 10, 10])
        self.assert_finals(35)

    def test_process_that_has_grown_is_replaced(self):
        """It is looked at ten times a second."""
        command = self.python("""
hoard = []
def f(task):
    hoard.append(b"x" * (40 << 20))
    time.sleep(0.11)
    return os.getpid()""")
        pids = self.run_coprocess(command, "-j1", "--recycle", "100M", ":::",
                                  *numbers(1, 8))
        self.assertGreater(len(set(pids)), 1)
        self.assert_finals(8)

    def test_recycled_process_may_tidy_up(self):
        command = self.python(
            "import atexit\natexit.register(lambda: open('bye', 'a').write("
            "'bye '))\ndef f(task):\n    return 0")
        self.run_coprocess(command, "-j1", "--recycle", "2", ":::", "1", "2",
                           "3")
        self.assertEqual(self.read("bye"), "bye bye ")


class Words(Coprocess):
    def test_wrong_usage_is_refused(self):
        for words, why in (
                (("--coprocess", "cat", "--shell"), "is for commands"),
                (("--coprocess", "cat", "--stdin"), "is for commands"),
                (("--coprocess", "cat", "--stdout=x"), "is for commands"),
                (("--coprocess", "cat", "--plugin=x"), "not to both"),
                (("--coprocess", "cat", "--framing=x"), "greeted|lines"),
                (("--coprocess", "cat", "--recycle=2X"), "number of tasks"),
                (("--coprocess", "cat", "--recycle=0"), "number of tasks"),
                (("--coprocess", "cat", "--recycle=1,2"), "number of tasks"),
                (("--framing=lines", "--", "cat"), "is for a --coprocess"),
                (("--recycle=2", "--", "cat"), "is for a --coprocess")):
            done = self.program("fan", "run", *words, ":::", "a")
            self.assertEqual(done.returncode, system.USAGE, words)
            self.assertIn(why, done.stderr)

    def test_dry_run_shows_the_tasks(self):
        self.assertEqual(self.fan("run", "--dry-run", "--coprocess",
                                  "python3 m.py", ":::", "a"),
                         ["'python3 m.py' a"])

    def test_resume_asks_only_what_is_new(self):
        for more in ((), ("c",)):
            self.run_coprocess("cat", "--framing", "lines",
                               *(("--resume",) if more else ()), ":::", "a",
                               "b", *more)
        finals = [r for r in self.records() if r.get("final")]
        self.assertEqual(sorted(r["stdout"] for r in finals),
                         ["a\n", "b\n", "c\n"])

    def test_joblog_has_a_line_per_task(self):
        self.run_coprocess("cat", "--framing", "lines", "--joblog", "log",
                           ":::", "a")
        self.assertTrue(re.search(r"\tcat a$", self.read("log"), re.M))


if __name__ == "__main__":
    system.main()
