"""roles - a pipeline whose programs are started one by one"""
import os
import signal
import subprocess

import bench


NOOP = bench.program("noop_plugin.so")  # the smallest task there is


class Pipeline:
    """Sink, ventilator and workers in a folder; nothing outlives it."""

    def __init__(self, folder, name="run", tcp=False):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.results = os.path.join(self.folder, "results")
        self.dir = os.path.join(self.folder, "v")
        self.endpoint = "ipc://" + os.path.join(self.folder, "c")
        self.tcp = tcp
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            for kill in (process.kill, process.wait):
                if process.poll() is None:
                    kill()
            if process.stderr:
                process.stderr.close()

    def start(self, program, *arguments, talk=subprocess.DEVNULL,
              **variables):
        process = subprocess.Popen(
            [bench.program(program), *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=talk, text=True, cwd=self.folder,
            env=bench.environment(**variables))
        self.started.append(process)
        return process

    def sink(self, *more, program="fan-sink", **variables):
        if self.tcp:
            more = ("--bind", "tcp://127.0.0.1:*", *more)
        return self.start(program, self.endpoint, "--results", self.results,
                          *more, **variables)

    def ventilator(self, *arguments, program="fan-ventilator", **variables):
        """Its endpoint is a port that it is asked for, with tcp."""
        endpoint = "tcp://127.0.0.1:*" if self.tcp else self.endpoint
        if not self.tcp:
            return self.start(program, endpoint, "--dir", self.dir,
                              *arguments, **variables)
        process = self.start(program, endpoint, "--dir", self.dir, "-v",
                             *arguments, talk=subprocess.PIPE, **variables)
        for line in process.stderr:
            if "listening" in line:
                self.endpoint = line.split("endpoint=")[1].split()[0]
                return process
        raise bench.Failed("the ventilator does not listen")

    def worker(self, slots, *more, program="fan-worker", **variables):
        return self.start(program, self.endpoint, "-j", slots, *more,
                          **variables)

    def finish(self, ventilator):
        """Waits for its end, with success."""
        if self.tcp:
            code = drained(ventilator)
        else:
            code = ventilator.wait(bench.PATIENCE_S)
        if code != 0:
            raise bench.Failed(f"the ventilator left with {code}")


def drained(process):
    """Its exit code; what it says meanwhile is not kept."""
    for _ in process.stderr:
        pass
    return process.wait(bench.PATIENCE_S)


def child_of(pid):
    """The worker below its shepherd; 0 while there is none."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            words = file.read().split()
    except OSError:
        return 0
    return int(words[0]) if words else 0


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)


def peak_kib(pid):
    """The most memory it ever had, resident; None when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


def cpu_s(pid):
    """User and system time of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lines(path, count, size=0):
    """A file of `count` lines of `size` bytes, each its number and x's."""
    with open(path, "w", encoding="ascii") as file:
        for first in range(1, count + 1, 10000):
            file.writelines(str(i).ljust(size, "x") + "\n" for i in
                            range(first, min(first + 10000, count + 1)))
    return path
