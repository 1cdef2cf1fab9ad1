#!/usr/bin/env python3
"""screens - makes the pictures of the page that stand in docs/

usage: screens.py [FOLDER]

A run with failures of three kinds, of which one is held, on two workers, is
looked at while it goes on; PNG files are written to FOLDER (default docs).
"""
import os
import sys
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path[:0] = [os.path.join(TOP, "tests/system"), os.path.dirname(__file__)]
import browser
import system

FOLDER = os.path.join(TOP, "docs")
LINK = r"at (http://[^/]+/)#token=([0-9a-f]{32})"
# Times and failures are drawn from the task's number: each run is alike.
SIMULATE = r"""
awk -v n=$2 'BEGIN { srand(n * 7919); t = 0.05 + 0.25 * exp(1.2 * rand());
    printf "energy=%.6f\n", -rand(); system("sleep " t);
    r = rand();
    if (r < 0.03) { print "cannot read /data/lattice-" n ".dat: No such file or directory" > "/dev/stderr"; exit 65 }
    if (r < 0.05) { print "no convergence after 500 steps" > "/dev/stderr"; exit 2 } }'
n=$(($2 % 61)); [ $n != 17 ] || kill -SEGV $$
exit 0
"""


class Screens(system.SystemTest):
    def test_they_are_made(self):
        self.write("simulate", "#!/bin/sh\n" + SIMULATE.replace(
            "exit 2 } }'", "exit 2 } }' || exit $?"))
        os.chmod(self.path("simulate"), 0o755)
        run = self.start(
            "run", "-q", "--http", "0", "--name", "lattice", "-j4",
            "--retries", "1", "--backoff", "1s", "--on", "exit:65=hold",
            "--held", "wait", "--", "./simulate", "--seed", "{}", ":::",
            *system.numbers(1, 400))
        url, token = run.says(LINK).groups()
        endpoint = system.until(
            "there is an endpoint", lambda: os.path.exists(
                self.path("fan-runs/lattice/endpoint")) and
            self.read("fan-runs/lattice/endpoint").strip())
        helper = self.start("worker", endpoint, "-j", "4")
        chromium = browser.Browser()
        self.addCleanup(chromium.close)
        for name, how in (
                ("light", {"width": 1200, "height": 1640}),
                ("dark", {"width": 1200, "height": 1640, "dark": True}),
                ("phone", {"width": 390, "height": 1500, "phone": True})):
            page = chromium.open(f"{url}#token={token}", **how)
            page.until("state.done >= 260 && state.held >= 3 && line && "
                       "line.rows.length === 8 && rate && rate.value")
            page.value("new Promise(done => setTimeout(done, 1500))")
            page.picture(os.path.join(FOLDER, f"page-{name}.png"))
            page.call("Page.close")
        run.kill()
        helper.process.terminate()
        run.finish()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        FOLDER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
