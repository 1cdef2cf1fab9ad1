"""The table of faults in docs/guarantees.md, but for the kills (test_kill.py):
what a user may meet happens for real."""
import os
import signal
import subprocess

import system
from system import SystemTest, numbers
from terminal import Terminal

CTRL_C = b"\x03"
INTERRUPTED, HUNG_UP, TERMINATED, NO_READER = (
    128 + signal.SIGINT, 128 + signal.SIGHUP, 128 + signal.SIGTERM,
    128 + signal.SIGPIPE)


class InTerminal(SystemTest):
    """Two tasks run and wait at the gate, two more are to come."""

    def setUp(self):
        super().setUp()
        self.gated = self.gate()
        self.terminal = Terminal(
            self.folder, os.path.join(system.BIN, "fan"), "run", "--results",
            "run", "-j", "2", "--", "sh", "-c", 'cat gate; echo "$1"', "sh",
            "{}", ":::", *numbers(1, 4))
        self.addCleanup(self.terminal.close)
        self.terminal.read_until(b"2 running")
        self.pids = system.descendants(self.terminal.pid)

    def resume(self):
        self.fan("verify", "run")
        self.fan("run", "--resume", "--results", "run")
        self.assert_finals(4)

    def test_interrupt_lets_finish_what_runs(self):
        self.terminal.type(CTRL_C)
        self.terminal.read_until(b"nothing new is started")
        self.gated.open()
        self.assertEqual(self.terminal.finish(), INTERRUPTED)
        # One waits at the worker; the gate may be faster than its recall.
        self.assert_finals(min(len(self.finals()), 3))
        self.assertGreaterEqual(len(self.finals()), 2)
        self.assert_ends(self.pids)
        self.resume()

    def test_second_interrupt_kills_what_runs(self):
        self.terminal.type(CTRL_C)
        self.terminal.read_until(b"nothing new is started")
        self.assertEqual(self.terminal.finish(CTRL_C), INTERRUPTED)
        self.assert_ends(self.pids)
        self.assertEqual(self.finals(), {})
        self.gated.open()
        self.resume()

    def test_lost_terminal_lets_finish_what_runs(self):
        self.terminal.close()
        self.gated.open()
        self.assertEqual(self.terminal.finish(), HUNG_UP)
        self.assert_ends(self.pids)
        self.resume()


class Midway(SystemTest):
    """The first tasks are done, the others wait at the gate."""
    TASKS, FREE = 20, 4
    COMMAND = ("-j", "2", "--", "sh", "-c",
               f'test "$1" -le {FREE} || cat gate; echo "$1"', "sh", "{}")

    def begin(self, *inputs, options=()):
        self.gated = self.gate()
        self.run_ = self.start("run", "--results", "run", *options,
                               *self.COMMAND, *inputs)
        self.run_.read_lines(self.FREE)

    def begin_typed(self, *options):
        self.begin(":::", *numbers(1, self.TASKS), options=options)

    def signal_role(self, program, number):
        # A worker's first is its parent; what a worker has just forked is no
        # role, though it has its name.
        pids = self.run_.of_program(program)
        os.kill(pids[program == "fan-worker"], number)

    def end_with(self, code):
        self.gated.open()
        self.assertEqual(self.run_.finish(), code, self.run_.errors())



class Roles(Midway):
    def end_whole(self):
        self.end_with(system.OK)
        self.assertEqual(sorted(self.run_.lines),
                         sorted(numbers(1, self.TASKS)))
        self.assert_finals(self.TASKS)

    def test_terminated_sink_is_started_again(self):
        self.begin_typed()
        self.signal_role("fan-sink", signal.SIGTERM)
        self.end_whole()

    def test_terminated_worker_is_started_again(self):
        self.begin_typed()
        self.signal_role("fan-worker", signal.SIGTERM)
        self.end_whole()

    def test_terminated_ventilator_ends_the_run(self):
        self.begin_typed()
        self.signal_role("fan-ventilator", signal.SIGTERM)
        self.end_with(TERMINATED)
        self.fan("run", "--resume", "--results", "run")
        self.assert_finals(self.TASKS)

    def test_worker_that_wakes_up_after_it_was_given_up_does_no_harm(self):
        self.begin_typed("--heartbeat", "100ms", "--liveness", "400ms")
        self.signal_role("fan-worker", signal.SIGSTOP)
        self.run_.says("worker-gone")
        self.signal_role("fan-worker", signal.SIGCONT)
        self.end_whole()

    def test_second_run_in_a_directory_is_refused(self):
        self.begin_typed()
        self.fan("run", "--results", "run", "--", "echo", ":::", "1",
                 code=system.USAGE)
        self.end_whole()


    def test_hangup_is_nothing_under_nohup(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        self.begin_typed()
        self.run_.kill(signal.SIGHUP)
        self.end_whole()


class Stores(Midway):
    def test_removed_log_stops_the_run(self):
        self.begin_typed()
        os.unlink(os.path.join(self.path("run"), system.LOG))
        self.end_with(system.DAMAGED)
        self.fan("run", "--resume", "--results", "run", code=system.DAMAGED)

    def test_damaged_log_is_not_gone_on_with(self):
        self.fan("run", "--results", "run", "--", "echo", ":::",
                 *numbers(1, 8))
        path = os.path.join(self.path("run"), system.LOG)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 4]))
        self.fan("verify", "run", code=system.DAMAGED)
        self.fan("run", "--resume", "--results", "run", code=system.DAMAGED)
        self.fan("verify", "run", code=system.DAMAGED)

    FULL = """
        mkdir disk && mount -t tmpfs -o size=300k none disk || exit 99
        "$FAN" run --results disk/run -j 2 -- \\
            sh -c 'head -c 20000 /dev/urandom | base64' ::: $(seq 60) \\
            >out 2>>talk &
        cat gate
        mount -o remount,size=8m disk
        wait $! && "$FAN" verify disk/run && wc -l <out
    """

    def test_full_disk_is_waited_for(self):
        done = self.on_small_disk(self.FULL)
        self.assertIn("60 tasks, 60 ok", done)
        # base64 of 20,000 bytes is 351 lines.
        self.assertEqual(done.split()[-1], str(60 * 351))


class Inputs(Midway):
    def test_input_edited_under_a_run_is_noticed_by_the_next_ventilator(self):
        self.write("list", "\n".join(numbers(1, self.TASKS)) + "\n")
        self.begin("::::", "list")
        self.write("list", "\n".join(numbers(3, 10)) + "\n")
        self.signal_role("fan-ventilator", signal.SIGKILL)
        self.end_with(system.ERROR)
        self.assertIn("the input has changed", self.run_.errors())
        self.fan("run", "--resume", "--results", "run")
        done = {record["args"][0] for record in self.finals().values()}
        self.assertLessEqual(set(numbers(3, 10)), done)

    def test_input_that_was_cut_short_is_asked_for_again(self):
        source = subprocess.Popen(["sh", "-c", "seq 4; exec cat"],
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(source.stdout.close)
        self.addCleanup(source.wait)
        self.addCleanup(source.stdin.close)
        run = subprocess.Popen(
            [os.path.join(system.BIN, "fan"), "run", "--results", "run", "--",
             "echo"], cwd=self.folder, env=self.environment, bufsize=0,
            stdin=source.stdout, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        for _ in range(4):
            run.stdout.readline()
        run.kill()
        run.communicate(timeout=system.PATIENCE_S)
        resume = ("run", "--resume", "--results", "run")
        self.fan(*resume, code=system.USAGE)
        self.fan(*resume, "--accept-partial")
        self.assert_finals(4)


class Others(Midway):
    def test_reader_that_goes_away_ends_the_run(self):
        self.begin_typed()
        self.run_.process.stdout.close()
        self.gated.open()
        self.assertEqual(self.run_.process.wait(system.PATIENCE_S), NO_READER)
        self.fan("run", "--resume", "--results", "run")
        self.assert_finals(self.TASKS)

    def test_output_that_nobody_reads_to_its_end_is_told(self):
        # Most often all has run when the reader's end is noticed.
        run = self.start("run", "--results", "run", "--", "true", ":::", "1")
        run.process.stdout.close()
        self.assertEqual(run.process.wait(system.PATIENCE_S), system.OK)
        run = self.start("run", "--results", "other", "--", "echo", ":::", "1")
        run.process.stdout.close()
        self.assertEqual(run.process.wait(system.PATIENCE_S), NO_READER)

    def test_task_that_kills_its_workers_is_quarantined_alone(self):
        self.fan("run", "--results", "run", "-j", "2", "--", "sh", "-c",
                 'test "$1" -ne 3 || kill -9 $PPID; echo "$1"', "sh", "{}",
                 ":::", *numbers(1, 6), code=system.TASKS_FAILED)
        status = {task: record["status"]
                  for task, record in self.finals().items()}
        self.assertEqual(status.pop(3), "quarantined")
        self.assertEqual(set(status.values()), {"ok"})
        self.assertEqual(len(status), 5)


if __name__ == "__main__":
    system.main()
