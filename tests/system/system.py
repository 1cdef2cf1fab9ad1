"""system - what the system tests share: real fan processes in a folder of
their own, a gate at which tasks wait, and a look into /proc and the log.

Programs come from the folder in $FAN_BIN. Nothing here waits for time to
pass: only for output, for exits, for files that change, or for tasks; each wait
has an end.
"""
import contextlib
import ctypes
import gzip
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("FAN_BIN") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../build/dev/bin")
PATIENCE_S = 60

LIBC = ctypes.CDLL(None)
CHANGES = 0x2 | 0x40 | 0x80 | 0x100 | 0x200  # modified, moved, made, removed
TICK_S = 0.01  # between two looks at what tells nobody of its changes
RARE_S = 1     # and at what should, but not every file system does

OK, ERROR, USAGE, TASKS_FAILED, HALTED, DAMAGED = 0, 1, 2, 3, 5, 9
LOG = "results.ndjson.gz"


def stat_of(pid):
    """(parent, start time) of a process, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def descendants(root):
    """Process ids below `root`, parents before their children."""
    children = {}
    for name in os.listdir("/proc"):
        stat = stat_of(name) if name.isdigit() else None
        if stat:
            children.setdefault(stat[0], []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(sorted(children.get(pid, [])))
    return found[1:]


class Watch:
    """Wakes up when one of these files changes, or one in these folders."""

    def __init__(self, *paths):
        self.paths = [os.fsencode(path) for path in paths]
        self.fd = LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)

    def __enter__(self):
        self.look()
        return self

    def look(self):
        for path in self.paths:  # some may have come meanwhile
            LIBC.inotify_add_watch(self.fd, path, CHANGES)

    def wait(self):
        seconds = RARE_S if self.paths else TICK_S
        if select.select([self.fd], [], [], seconds)[0]:
            os.read(self.fd, 1 << 16)
        self.look()

    def __exit__(self, *_):
        os.close(self.fd)


def until(what, true, *paths):
    """Waits until `true()` gives something, and returns that. Looks again when
    one of the paths changes; without any, as for processes, now and then."""
    end_s = time.monotonic() + PATIENCE_S
    with Watch(*paths) as watch:
        while not (found := true()):
            if time.monotonic() > end_s:
                raise AssertionError("it never happens: " + what)
            watch.wait()
    return found


def said_in(file):
    """What others have written to an open file. Not by seek: they write where
    the offset stands that is shared."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")


def until_said(file, pattern):
    """Waits until others have written this to an open file."""
    try:
        return until(repr(pattern), lambda: re.search(pattern, said_in(file)),
                     f"/proc/self/fd/{file.fileno()}")
    except AssertionError as error:
        raise AssertionError(f"{error} in {said_in(file)}") from None


class Gate:
    """Tasks that run `cat GATE` wait until it is opened."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.held = os.open(path, os.O_RDWR)

    def open(self):
        if self.held is None:
            return
        with open(self.path + ".open", "wb"):
            pass
        os.rename(self.path + ".open", self.path)  # who comes later
        os.close(self.held)                        # who waits now
        self.held = None


class Running:
    """A `fan` that was started and not waited for."""

    def __init__(self, process, talk):
        self.process = process
        self.talk = talk  # the file its standard error goes to
        self.lines = []

    def read_lines(self, count):
        """Waits until `count` lines in all have been printed."""
        while len(self.lines) < count:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        PATIENCE_S)
            line = self.process.stdout.readline() if ready else b""
            if not line:
                raise AssertionError(
                    f"{len(self.lines)} of {count} lines: " + self.errors())
            self.lines.append(line.decode().rstrip("\n"))

    def errors(self):
        return said_in(self.talk)

    def says(self, pattern):
        """Waits until it has said this on its standard error."""
        return until_said(self.talk, pattern)

    def of_program(self, program):
        """Process ids of a role: its parents first. Not of a command that has
        not begun its own program: the worker's, whose parent is the other."""
        def above(pid):
            stat = stat_of(pid)
            return stat[0] if stat else 0

        return [pid for pid in descendants(self.process.pid)
                if program_of(pid) == program and not
                program == program_of(above(pid)) == program_of(
                    above(above(pid)))]

    def kill(self, signal_number=signal.SIGKILL):
        self.process.send_signal(signal_number)

    def finish(self):
        """Waits for the end; returns the exit code."""
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.lines += rest.decode().splitlines()
        return self.process.returncode


class SystemTest(unittest.TestCase):
    def setUp(self):
        # Short, since endpoints within it must fit a socket's address.
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("FAN_")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def gate(self):
        gate = Gate(self.path("gate"))
        self.addCleanup(gate.open)
        return gate

    def program(self, program, *arguments, input=None):
        """Runs a program to its end."""
        how = ({"stdin": subprocess.DEVNULL} if input is None
               else {"input": input})
        return subprocess.run(
            [os.path.join(BIN, program), *arguments], cwd=self.folder,
            env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False, **how)

    def fan(self, *arguments, input=None, code=OK):
        """Runs fan, checks its exit code, returns the lines it printed."""
        done = self.program("fan", *arguments, input=input)
        self.assertEqual(done.returncode, code,
                         f"fan {' '.join(arguments)}\n{done.stderr}")
        return done.stdout.splitlines()

    def start(self, *arguments):
        errors = tempfile.TemporaryFile()
        self.addCleanup(errors.close)
        # Unbuffered, so that select and readline see the same bytes.
        process = subprocess.Popen(
            [os.path.join(BIN, "fan"), *arguments], cwd=self.folder, bufsize=0,
            env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=errors)
        self.addCleanup(self.end, process)
        return Running(process, errors)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_S)
        process.stdout.close()

    def on_small_disk(self, script):
        """Runs a script that may mount `disk` (else: exit 99), lets fan talk to
        `talk`, and waits at `gate` until that tells of a full disk."""
        gate = Gate(self.path("gate"))
        with open(self.path("talk"), "w+b") as talk, subprocess.Popen(
                ["unshare", "-rm", "sh", "-c", script], cwd=self.folder,
                env={**self.environment, "FAN": os.path.join(BIN, "fan")},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True) as process:
            try:
                until("the disk is full", lambda: process.poll() is not None
                      or "disk-full" in said_in(talk), self.path("talk"))
            finally:
                gate.open()
                out, errors = process.communicate(timeout=PATIENCE_S)
            os.unlink(gate.path)
            if process.returncode == 99 or errors.startswith("unshare:"):
                self.skipTest("mounting is not permitted here: " + errors)
            self.assertEqual(process.returncode, 0, errors + said_in(talk))
        return out

    def records(self, run="run"):
        with gzip.open(os.path.join(self.path(run), LOG)) as file:
            return [json.loads(line) for line in file]

    def finals(self, run="run"):
        """The final record of each task's last round, by task number; no
        (task, round) may have two."""
        seen = {}
        for record in self.records(run):
            if record.get("final"):
                place = (record["task"], record.get("round", 0))
                self.assertNotIn(place, seen, "two final records")
                seen[place] = record
        return {place[0]: seen[place] for place in sorted(seen)}

    def assert_finals(self, count, status="ok", run="run"):
        finals = self.finals(run)
        self.assertEqual(sorted(finals), list(range(1, count + 1)))
        self.assertEqual({r["status"] for r in finals.values()}, {status})

    def assert_ends(self, pids):
        """Each of the processes ends, if it has not."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                fd = os.pidfd_open(pid)
                try:
                    ready, _, _ = select.select([fd], [], [], PATIENCE_S)
                    self.assertTrue(ready, f"{pid} {program_of(pid)} lives on")
                finally:
                    os.close(fd)


def numbers(first, last):
    return [str(number) for number in range(first, last + 1)]


main = unittest.main
