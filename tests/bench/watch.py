"""watch (P10) - a run of a million tasks that do nothing, watched in every way
there is, against the same run alone.

Watched is: `fan status` each second, `fan top` in a terminal, and with a page
its events and, each second, its metrics; and apart from these, all results
followed as they come. Each run is timed from its start to its exit, with the
log complete; who follows may end later.
"""
import os
import pty
import re
import select
import subprocess
import threading
import time
import urllib.request

import bench
import roles

TICK_S = 1


class Watchers:
    """What looks at a run; all of it is ended at the end."""

    def __init__(self, folder, results):
        self.folder, self.results = folder, results
        self.over = threading.Event()
        self.threads, self.started, self.terminals = [], [], []

    def start(self, *arguments, **how):
        process = subprocess.Popen(
            [bench.program("fan"), *arguments, self.results],
            cwd=self.folder, stderr=subprocess.DEVNULL,
            env=bench.environment(TERM="xterm-256color", LC_ALL="C.UTF-8"),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
               **how})
        self.started.append(process)
        return process

    def each_second(self, look):
        def go_on():
            while not self.over.wait(TICK_S):
                look()
        self.thread(go_on)

    def thread(self, work):
        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()

    def status(self):
        self.each_second(lambda: self.start("status", "--json").wait())

    def top(self):
        mine, its = pty.openpty()
        self.start("top", stdin=its, stdout=its)
        os.close(its)
        self.terminals.append(mine)
        self.thread(lambda: self.drain(mine))

    def drain(self, terminal):
        while not self.over.is_set():
            if select.select([terminal], [], [], TICK_S)[0]:
                try:
                    os.read(terminal, 1 << 16)
                except OSError:
                    return

    def page(self, address):
        def read_events():
            with urllib.request.urlopen(address + "/events") as events:
                while not self.over.is_set() and events.readline():
                    pass

        def scrape():
            with urllib.request.urlopen(address + "/metrics") as metrics:
                if b"fan_tasks" not in metrics.read():
                    raise bench.Failed("no metrics")

        def quietly(look):
            def try_it():
                try:
                    look()
                except OSError:
                    pass  # the run has ended, and the page with it
            return try_it
        self.thread(quietly(read_events))
        self.each_second(quietly(scrape))

    def end(self):
        self.over.set()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for thread in self.threads:
            thread.join(bench.PATIENCE_S)
        for terminal in self.terminals:
            os.close(terminal)


def run_s(folder, tasks, way):
    """How long `fan run` takes, watched in this way."""
    results = os.path.join(folder, "results")
    page = ["--http", "0"] if way == "watched" else []
    began_s = time.monotonic()
    process = subprocess.Popen(
        [bench.program("fan"), "run", "-q", "-j", "1", *page, "--results",
         results, "--plugin", roles.NOOP, "--array", f"1-{tasks}"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env=bench.environment())
    watchers = Watchers(folder, results)
    try:
        if way != "alone":
            until_there(os.path.join(results, "endpoint"), process)
        if way == "watched":
            watchers.page(re.search(r"http://[\d.:]+",
                                    process.stderr.readline()).group())
            watchers.status()
            watchers.top()
        elif way == "followed":
            watchers.start("results", "--follow")
        said = process.stderr.read()
        if process.wait(bench.PATIENCE_S) != 0:
            raise bench.Failed(said)
        took_s = time.monotonic() - began_s
    finally:
        watchers.end()
        process.kill()
        process.wait()
        process.stderr.close()
    check(results, tasks)
    bench.output_of("rm", "-r", results)
    return took_s


def until_there(path, process):
    until_s = time.monotonic() + bench.PATIENCE_S
    while not os.path.exists(path):
        if time.monotonic() > until_s or process.poll() is not None:
            raise bench.Failed(f"{path} does not come")
        time.sleep(0.002)


def check(results, tasks):
    said = bench.output_of(bench.program("fan"), "verify", results)
    if f" {tasks} " not in said.replace(",", ""):
        raise bench.Failed(f"not all tasks are recorded: {said}")


def watch(how, folder, report):
    tasks = how.many(5000000, 1000000)
    values = bench.alternate(
        {way: lambda way=way: run_s(folder, tasks, way)
         for way in ("alone", "watched", "followed")}, how.pairs)
    for way, seconds in values.items():
        report.side(f"{tasks:,} tasks, {way}", seconds, "s")
    for way in ("watched", "followed"):
        report.compare_less(f"{way} / alone", values[way], values["alone"],
                            1.03, 1.01)
