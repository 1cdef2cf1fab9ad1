"""A host at which tasks fail that pass elsewhere is quarantined."""
import json
import os
import shutil
import subprocess
import unittest

import system
from system import SystemTest, numbers

TASKS = 300
SHELL = os.path.basename(os.path.realpath(shutil.which("sh")))
WORK = ("sh", "-c", '[ -z "$BAD" ] || exit 3; echo "$1"', "sh", "{}", ":::",
        *numbers(1, TASKS))


def can_rename():
    """May the tests give a process another host name?"""
    return shutil.which("unshare") and subprocess.run(
        ["unshare", "-ru", "hostname", "x"], capture_output=True,
        check=False).returncode == 0


class Hosts(SystemTest):
    def bad_worker(self):
        """Joins the run as from a host of which all tasks fail."""
        endpoint = self.read("run/endpoint").strip()
        worker = subprocess.Popen(
            ["unshare", "-ru", "sh", "-c",
             'hostname bad.host && exec "$0" worker "$1" -j 1',
             os.path.join(system.BIN, "fan"), endpoint],
            cwd=self.folder, env={**self.environment, "BAD": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(worker.wait, system.PATIENCE_S)
        self.addCleanup(worker.terminate)

    def start_run(self, *options):
        gate = self.gate()
        # The run's own worker waits with all its slots.
        run = self.start("run", "--results", "run", "-j", "4", *options, "--",
                         "sh", "-c", 'case $1 in [123]) read line < gate;; '
                         '4) read line < last;; esac; '
                         '[ -z "$BAD" ] || exit 3; echo "$1"', "sh", "{}",
                         ":::", *numbers(1, TASKS))
        system.until("the first tasks",
                     lambda: len(run.of_program(SHELL)) == 4)
        return run, gate

    @unittest.skipUnless(can_rename(), "no UTS namespaces here")
    def test_bad_host_is_quarantined_and_the_run_ends_well(self):
        last = system.Gate(self.path("last"))
        self.addCleanup(last.open)
        run, gate = self.start_run("--retries", "1000", "--backoff", "0s")
        self.bad_worker()
        # The run's own worker waits: nothing there to compare with.
        system.until("failures", lambda: len(self.failed()) > 40,
                     self.path("run"))
        self.assertNotIn("host-quarantined", run.errors())
        gate.open()
        run.says("host-quarantined")
        self.look(run)
        last.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assertRegex(run.errors(), "host-quarantined host=.?bad.host")
        self.assert_finals(TASKS)
        events = [record for record in self.records()
                  if record.get("event") == "host"]
        self.assertEqual([event["host"] for event in events], ["bad.host"])
        self.assertEqual(events[0]["quarantined_s"], 300)
        after = len(self.failed(self.records().index(events[0])))
        self.assertLess(after, 150)  # what was there, and is not to be stopped

    def look(self, run):
        self.assertIsNone(run.process.poll())
        status = json.loads(self.fan("status", "--json", "run")[0])
        hosts = {host["host"]: host for host in status["hosts"]}
        self.assertEqual(len(hosts), 2)
        bad = hosts.pop("bad.host")
        self.assertLessEqual(200, bad["quarantined_s"])
        self.assertLessEqual(bad["quarantined_s"], 300)
        self.assertEqual((bad["workers"], bad["slots"], bad["passed"]),
                         (1, 1, 0))
        self.assertGreaterEqual(bad["failed"], 5)
        self.assertNotIn("quarantined_s", hosts.popitem()[1])
        self.assertRegex("\n".join(self.fan("status", "run")),
                         "bad.host: 1 slots, .*; quarantined for [0-9]+ s more")

    def failed(self, since=0):
        try:
            return [record for record in self.records()[since:]
                    if record.get("host") == "bad.host" and record.get("exit")]
        except (OSError, EOFError, ValueError):
            return []  # not there yet, or its last member is not whole

    @unittest.skipUnless(can_rename(), "no UTS namespaces here")
    def test_retry_goes_to_another_host(self):
        last = system.Gate(self.path("last"))
        self.addCleanup(last.open)
        run, gate = self.start_run("--on", "exit:3=retry:1,host:other,"
                                   "backoff:1ms")
        self.bad_worker()
        # They have no other try, and wait for the host that is busy.
        system.until("failures", lambda: len(self.failed()) > 20,
                     self.path("run"))
        gate.open()
        last.open()
        self.assertEqual(run.finish(), system.OK, run.errors())
        self.assert_finals(TASKS)
        self.assertNotIn("no-other-host", run.errors())

    def test_where_there_is_no_other_host_it_goes_on_there(self):
        done = self.program("fan", "run", "--results", "run", "-j1", "--on",
                            "exit=retry:2,host:other,backoff:1ms", "--",
                            "false", ":::", "a", "b")
        self.assertEqual(done.returncode, system.TASKS_FAILED, done.stderr)
        self.assertEqual(len([record for record in self.records()
                              if record.get("exit") and record.get("start")]),
                         6)
        self.assertEqual(done.stderr.count("no-other-host"), 1, done.stderr)

    def test_only_host_is_never_quarantined(self):
        self.environment["BAD"] = "1"
        run = self.start("run", "--results", "run", "-j", "2", "--", *WORK)
        self.assertEqual(run.finish(), system.TASKS_FAILED)
        self.assertNotIn("host-quarantined", run.errors())
        self.assert_finals(TASKS, "failed")


if __name__ == "__main__":
    system.main()
