"""--max-load and --min-free-memory: nothing starts, and status says why."""
import json
import signal
import subprocess

import system
from system import SystemTest, until


class Guard(SystemTest):
    def held_back(self):
        done = self.program("fan", "status", "--json", "run")
        status = json.loads(done.stdout) if done.stdout else {}
        return status.get("held_back") and status

    def test_too_little_memory_holds_back(self):
        run = self.start("run", "--results", "run", "--heartbeat", "50ms",
                         "--min-free-memory", "1000T", "--", "echo", ":::", "a")
        status = until("it is held back", self.held_back)
        self.assertIn("--min-free-memory", status["held_back"][0]["why"])
        self.assertEqual(status["running"], 0)
        self.assertRegex("\n".join(self.fan("status", "run")),
                         r"waits +\S+ starts nothing: \d+M of memory are free")
        run.kill(signal.SIGTERM)
        self.assertEqual(run.finish(), 128 + signal.SIGTERM, run.errors())
        self.assertEqual(run.lines, [])

    def test_a_busy_host_holds_back_until_it_is_not(self):
        # So many that what else this host does makes no difference.
        busy = [subprocess.Popen(["nice", "-n", "19", "sh", "-c",
                                  "while :; do :; done"]) for _ in range(60)]
        for process in busy:
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        run = self.start("run", "--results", "run", "--heartbeat", "50ms",
                         "--max-load", "50", "--", "echo", ":::", "a")
        status = until("it is held back", self.held_back)
        self.assertRegex(status["held_back"][0]["why"],
                         r"^load \d+, --max-load 50$")
        self.assertEqual(run.lines, [])
        for process in busy:
            process.send_signal(signal.SIGSTOP)
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertEqual(run.lines, ["a"])

    def test_with_room_nothing_is_held_back(self):
        lines = self.fan("run", "--results", "run", "--max-load", "60000",
                         "--min-free-memory", "1M", "--", "echo", ":::",
                         *system.numbers(1, 200))
        self.assertEqual(len(lines), 200)


if __name__ == "__main__":
    system.main()
