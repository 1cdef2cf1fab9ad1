"""A picture of fan top at work on three hosts. FAN_PICTURES=DIR keeps it there
as fan-top.png: so docs/fan-top.png was made."""
import os
import re
import shutil
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../system"))

import system
import terminal_picture

COLUMNS, ROWS, TASKS = 80, 24, 4000
# 1 in 50 fails, in two ways; one takes long, and says how far it is.
SIM = r"""import os, sys, time
n = int(sys.argv[1])
if n % 900 == 11:
    for step in range(1, 1000):
        os.write(int(os.environ["FAN_PROGRESS_FD"]),
                 b"%d 1000 step %d of 1000, T=1.%d\n" % (step, step, n % 7))
        time.sleep(0.2)
time.sleep(0.05 + n * 7919 % 100 / 1000)
if n % 75 == 3:
    sys.exit(f"ValueError: T must be positive, not -{n}")
if n % 150 == 80:
    print(f"license server: no seat for case {n}", file=sys.stderr)
    sys.exit(75)
"""


def can_rename():
    return shutil.which("unshare") and subprocess.run(
        ["unshare", "-ru", "hostname", "x"], capture_output=True,
        check=False).returncode == 0


class Picture(system.SystemTest):
    def spawn(self, host, *words):
        process = subprocess.Popen(
            ["unshare", "-ru", "sh", "-c", f'hostname {host} && exec "$@"',
             "sh", os.path.join(system.BIN, "fan"), *words],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, system.PATIENCE_S)
        self.addCleanup(process.terminate)

    def tmux(self, *words, check=True):
        return subprocess.run(
            ["tmux", "-S", self.path("tmux"), "-f", "/dev/null", *words],
            capture_output=True, check=check, timeout=system.PATIENCE_S,
            env={**self.environment, "LC_ALL": "C.UTF-8"}).stdout.decode()

    @unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
    @unittest.skipUnless(can_rename(), "no UTS namespaces here")
    def test_picture_of_a_run_on_three_hosts(self):
        self.write("sim.py", SIM)
        self.spawn("node01", "run", "-q", "--results", "ising", "-j", "4",
                   "--grace", "0s", "--on", "exit:75=hold", "--", "python3",
                   "sim.py", "{}", ":::", *system.numbers(1, TASKS))
        system.until("it begins", lambda: os.path.exists(
            self.path("ising/endpoint")), self.folder, self.path("ising"))
        endpoint = self.read("ising/endpoint").strip()
        for host in ("node02", "node03"):
            self.spawn(host, "worker", endpoint, "-j", "4", "--grace", "0s")
        self.addCleanup(self.tmux, "kill-server", check=False)
        self.tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS),
                  "-c", self.folder,
                  f"LC_ALL=C.UTF-8 {system.BIN}/fan top ising")
        wanted = (r"over 0:[3-5]\d", r"node03", r"exit 75", r"exit 1 ",
                  r"step \d+ of 1000")
        system.until("all of it", lambda: all(
            re.search(one, self.tmux("capture-pane", "-p")) for one in wanted))
        path = os.path.join(os.environ.get("FAN_PICTURES") or self.folder,
                            "fan-top.png")
        size = terminal_picture.save(self.tmux("capture-pane", "-p", "-e"),
                                     COLUMNS, ROWS, os.path.abspath(path))
        with open(path, "rb") as file:
            head = file.read(24)
        self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">II", head[16:24]), size)
        self.assertGreater(os.path.getsize(path), 5000)


if __name__ == "__main__":
    system.main()
