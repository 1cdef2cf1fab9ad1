"""fan top in a terminal of its own, as tmux sees it."""
import json
import os
import re
import signal
import subprocess

import system
from system import SystemTest

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Top(SystemTest):
    def setUp(self):
        super().setUp()
        self.socket = self.path("tmux")
        self.addCleanup(self.tmux, "kill-server", check=False)

    def tmux(self, *words, check=True):
        return subprocess.run(
            ["tmux", "-S", self.socket, "-f", "/dev/null", *words],
            capture_output=True, env={**self.environment, "LC_ALL": "C.UTF-8"},
            check=check, timeout=system.PATIENCE_S).stdout.decode()

    def open(self, *arguments, columns=80, rows=24, **variables):
        """fan top there; `raw` gets all that it writes, `code` how it ends."""
        said = " ".join(f"{name}={value}" for name, value in
                        {"LC_ALL": "C.UTF-8", **variables}.items())
        fan = os.path.join(system.BIN, "fan")
        self.write("begin", f"cd {self.folder}; tmux -S {self.socket} wait go; "
                   f"{said} {fan} top {' '.join(arguments)}; echo $? >code.new;"
                   "mv code.new code; cat gone")
        os.mkfifo(self.path("gone"))
        self.write("raw", "")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows),
                  "sh " + self.path("begin"))
        self.tmux("pipe-pane", "exec cat >>" + self.path("raw"))
        self.tmux("wait", "-S", "go")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def until(self, pattern):
        try:
            return system.until(
                repr(pattern), lambda: re.search(pattern, self.screen()),
                self.path("raw"))
        except AssertionError as error:
            raise AssertionError(f"{error} in\n{self.screen()}") from None

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def until_over(self):
        system.until("its end", lambda: os.path.exists(self.path("code")),
                     self.folder)
        return int(self.read("code"))

    def raw(self):
        with open(self.path("raw"), "rb") as file:
            return file.read()

    def test_run_is_watched_until_its_end(self):
        gate = self.gate()
        evil = "\x1b]0;owned\x07\x1b[31mred\u202e\x9b2J"
        run = self.start(
            "run", "--results", "run", "-j", "3", "--heartbeat", "50ms",
            "--liveness", "10s", "--shell", "--",
            'case {#} in 1) printf "%s\\n" {} >&2; exit 3;; 2) echo 37 100 {} '
            '>&$FAN_PROGRESS_FD;; esac; cat gate', ":::", evil + "1",
            evil + "2", "x", "y")
        system.until("it begins", lambda: os.path.exists(
            self.path("run/endpoint")), self.path("run"), self.folder)
        self.open("run")
        self.until(r"running, for")
        self.until(r"25 % +1 of 4 done")
        self.until(r"ok 0 +failed 1 +running 3")
        self.until(r"THROUGHPUT")
        self.until(r"\n \S+ +0 +1 +3 of 3 +■■■")
        self.until(r"2 +\d\S+( s)? .* 37 %  \?\]0;owned\?\?\[31mred")
        self.until(r"1 +0 +0  exit 3 +1 +\]#;owned\?\?\[#mred")
        screen = self.screen()
        self.assertFalse(CONTROL.search(screen), repr(screen))
        self.assertTrue(all(len(line) <= 80 for line in screen.split("\n")))
        self.type("k", "k", "k", "j", "j", "j", "Enter")
        self.until(r"such as +task 1 on \S+: \?\]0;owned")
        self.until(r"\n \?\]0;owned\?\?\[31mred")
        self.tmux("resize-window", "-x", "60", "-y", "12")
        self.type("q")
        self.until(r"^ fan top.*\n(.*\n){10} q quit")
        self.tmux("resize-window", "-x", "100", "-y", "30")
        self.until(r"^ fan top.*\n(.*\n){28} q quit")
        gate.open()
        self.assertEqual(run.finish(), system.TASKS_FAILED, run.errors())
        self.until(r"complete, took")
        self.until(r"100 % +4 of 4 done")
        self.until(r"ok 3 +failed 1")
        self.until(r"SLOWEST")
        self.type("q")
        self.assertEqual(self.until_over(), system.OK)
        raw = self.raw()
        self.assertNotIn(b"\x1b]0;owned", raw)
        self.assertNotIn(b"\x07", raw)
        self.assertNotIn("\u202e".encode(), raw)

    def test_old_terminals_get_ascii_without_colours(self):
        self.fan("run", "--results", "run", "--on-fail", "hold", "--shell",
                 "--", "echo äh >&2; exit {}", ":::", "0", "0", "1", "2", "1",
                 code=4)
        self.open("run", LC_ALL="C", NO_COLOR="1")
        self.until(r"stopped, took")
        self.until(r"3 held for you to decide: fan held run")
        self.until(r"0 +2 +0  exit 1 +\d +\?h")
        raw = self.raw()
        self.assertTrue(all(byte < 0x80 for byte in raw), raw)
        self.assertFalse(re.search(rb"\x1b\[[\d;]*3[0-7]m", raw), raw)
        self.type(*["j"] * 9, "s")
        groups = json.loads("".join(self.fan("held", "--json", "run")))
        one = [group for group in groups["groups"] if group["count"] == 1][0]
        self.until(rf"fan decide --run run {one['group']} --retry")
        self.type("q", "q")
        self.assertEqual(self.until_over(), system.OK)

    def test_signal_puts_the_terminal_in_order(self):
        self.fan("run", "--results", "run", "--", "true", ":::", "1")
        self.open("run")
        self.until(r"complete, took")
        pids = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                and system.program_of(pid) == "fan" and self.is_ours(pid)]
        self.assertEqual(len(pids), 1)
        os.kill(pids[0], signal.SIGTERM)
        self.assertEqual(self.until_over(), 128 + signal.SIGTERM)
        self.assertIn(b"\x1b[?1049l", self.raw())

    def is_ours(self, pid):
        return os.readlink(f"/proc/{pid}/cwd") == self.folder

    def test_key_pauses_and_goes_on(self):
        gate = self.gate()
        run = self.start("run", "--results", "run", "-j", "1", "--heartbeat",
                         "50ms", "--liveness", "10s", "--shell", "--",
                         "test {} = 1 && cat gate; true", ":::", "1", "2")
        system.until("it begins", lambda: os.path.exists(
            self.path("run/endpoint")), self.path("run"), self.folder)
        self.open("run")
        self.until(r"running 1.*\n(.*\n)*.*p pause")
        self.type("p")
        self.until(r"paused: no task is started(.*\n)*.*p go on")
        gate.open()
        self.until(r"1 of 2 done")
        self.type("p")
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.until(r"2 done")
        self.assertEqual([record["event"] for record in self.records()
                          if record.get("note") == "in fan top"],
                         ["paused", "unpaused"])

    def test_stage_that_goes_on_is_shown(self):
        gate = self.gate()
        self.write("run.yaml", "results: run\nstages:\n"
                   "  - name: first\n    command: [echo, '{}']\n"
                   "    sources: [':::', a]\n"
                   "  - name: second\n    after: [first]\n"
                   "    command: [sh, -c, cat gate]\n"
                   "    sources: [':::', a, b]\n")
        run = self.start("run", "run.yaml")
        run.read_lines(1)
        self.open("run")
        self.until(r"fan top +run/second +running")
        gate.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.until(r"run/second +complete")

    def test_where_it_cannot_be_shown_it_says_what_can(self):
        self.fan("run", "--results", "run", "--", "true", ":::", "1")
        done = self.program("fan", "top", "run")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("fan status", done.stderr)
        self.open("run", TERM="none-such")
        self.until(r"TERM=none-such is not known")
        self.assertEqual(self.until_over(), system.USAGE)
        done = self.program("fan", "top", "nowhere")
        self.assertEqual(done.returncode, system.USAGE)
        self.assertIn("no run directory 'nowhere'", done.stderr)


if __name__ == "__main__":
    system.main()
