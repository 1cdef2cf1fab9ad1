"""--mem-max, and failing for want of memory as a class of its own."""
import system
from system import SystemTest

# Takes memory until there is no more, and says nothing of it.
GREEDY = """
import sys
held = []
try:
    while True:
        held.append(b"x" * 2**20)
except MemoryError:
    held = None
    sys.exit(1)
"""


class Memory(SystemTest):
    def classes(self):
        return {task: record.get("class")
                for task, record in self.finals().items()}

    def test_for_want_of_memory_is_a_class(self):
        self.write("greedy.py", GREEDY)
        commands = ("python3 greedy.py", "python3 -c 'bytearray(2**30)'",
                    "exit 1", "kill -9 $$", "python3 -c 'bytearray(2**20)'",
                    "ulimit -v")
        self.fan("run", "--results", "run", "--mem-max", "200M",
                 input="\n".join(commands), code=system.TASKS_FAILED)
        self.assertEqual(self.classes(), {1: "oom", 2: "oom", 3: "exit",
                                          4: "signal", 5: None, 6: None})
        failed = {record["task"]: record for record in self.records()
                  if record.get("class") and not record["final"]}
        self.assertIn("--mem-max", failed[1]["note"])
        self.assertEqual(failed[1]["exit"], 1)
        self.assertEqual(self.finals()[6]["stdout"], "204800\n")

    def test_it_can_be_answered(self):
        self.fan("run", "--results", "run", "--mem-max", "200M", "--on",
                 "oom=retry:2", "--backoff", "1ms", "--shell", "--",
                 "test $FAN_ATTEMPT = {} || python3 -c 'bytearray(2**30)'",
                 ":::", "3")
        self.fan("run", "--results", "other", "--mem-max", "200M", "--on",
                 "oom=ignore", "--", "python3", "-c", "bytearray({})", ":::",
                 str(2**30))

    def limits(self, run):
        """What each attempt might map, in MiB, in order."""
        attempts = [record for record in self.records(run)
                    if record.get("stdout") and
                    (record.get("final") or record.get("class") == "oom")]
        attempts.sort(key=lambda record: record.get("attempt", 1))
        return [int(record["stdout"]) // 1024 for record in attempts]

    def test_retry_has_more_memory(self):
        needs = "ulimit -v; [ $(ulimit -v) -ge {} ] || ! echo MemoryError >&2"
        self.fan("run", "--results", "run", "--mem-max", "200M", "--on",
                 "oom=retry:3,mem:x2,backoff:1ms", "--shell", "--", needs,
                 ":::", str(700 * 1024))
        self.assertEqual(self.limits("run"), [200, 400, 800])
        self.write("run.yaml", "mem-max: 200M\nbackoff: 1ms\nshell: true\n"
                   "on:\n  oom:\n    retries: 1\n    mem: 900M\n")
        self.fan("run", "--results", "other", "run.yaml", "--", needs, ":::",
                 str(900 * 1024))
        self.assertEqual(self.limits("other"), [200, 900])

    def test_more_memory_needs_a_limit_to_grow(self):
        done = self.program("fan", "run", "--on", "oom=retry:2,mem:x2", "--",
                            "true", ":::", "a")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("give --mem-max", done.stderr)

    def test_without_a_limit_words_are_words(self):
        self.fan("run", "--results", "run", "--shell", "--",
                 "echo MemoryError >&2; exit {}", ":::", "1",
                 code=system.TASKS_FAILED)
        self.assertEqual(self.classes(), {1: "exit"})

    def test_it_is_for_commands(self):
        done = self.program("fan", "run", "--mem-max", "1G", "--framing",
                            "lines", "--coprocess", "cat", ":::", "1")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("--mem-max is for commands", done.stderr)


if __name__ == "__main__":
    system.main()
