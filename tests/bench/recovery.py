"""recovery (P6) - a killed local worker's tasks sent again; a ventilator
started again until it dispatches; reading the log after a crash."""
import gzip
import json
import os
import shutil
import subprocess
import time
from datetime import datetime

import bench
import memory
import roles

SURE_S = 60


def until(condition, what):
    end_s = time.monotonic() + SURE_S
    while not (found := condition()):
        if time.monotonic() > end_s:
            raise bench.Failed("waited in vain for " + what)
        time.sleep(0.002)
    return found


def records(results):
    """Those that can be read now."""
    try:
        with gzip.open(os.path.join(results, "results.ndjson.gz"),
                       "rt") as file:
            return [json.loads(line) for line in file]
    except (OSError, EOFError, ValueError):
        return []


def started_s(record):
    return datetime.fromisoformat(
        record["start"].replace("Z", "+00:00")).timestamp()


def naps_of(pid):
    """Processes below a worker."""
    worker = roles.child_of(pid)
    try:
        with open(f"/proc/{worker}/task/{worker}/children",
                  encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


def sent_again_ms(folder, name):
    """From the kill of a worker to the start of its task elsewhere."""
    with roles.Pipeline(folder, name) as run:
        ventilator = run.ventilator("--", bench.program("bench_nap"), ":::",
                                    "700")
        run.sink()
        first = run.worker(1)
        until(lambda: naps_of(first.pid), "the task")
        run.worker(4)
        until(lambda: workers_of(run) == 2, "the second worker")
        killed_s = time.time()
        roles.kill(roles.child_of(first.pid))
        run.finish(ventilator)
        again = [record for record in records(run.results)
                 if record.get("final") and record.get("attempt") == 2]
        if len(again) != 1:
            raise bench.Failed("the task was not run again")
        return (started_s(again[0]) - killed_s) * 1000


def workers_of(run):
    return sum(record.get("event") == "joined"
               for record in records(run.results))


def dispatch_ms(folder, name):
    """From the start of a second ventilator to the first start of a task that
    the first had never sent."""
    with roles.Pipeline(folder, name) as run:
        lines = roles.lines(os.path.join(run.folder, "lines"), 5000)
        first = run.ventilator("-a", lines, "--", bench.program("bench_nap"),
                               "2", "--")
        run.sink()
        run.worker(2)
        until(lambda: sum("status" in record for record in
                          records(run.results)) > 100, "some results")
        first.kill()
        first.wait()
        settled = [-1]
        until(lambda: is_idle(run, settled), "an idle worker")
        began_s = time.time()
        run.start("fan-ventilator", run.endpoint, "--plan",
                  os.path.join(run.dir, "plan.yaml"), "--dir", run.dir)
        fresh = until(lambda: [started_s(record) for record in
                               records(run.results)
                               if record.get("generation") == 2
                               and "start" in record], "a new dispatch")
        return (min(fresh) - began_s) * 1000


def is_idle(run, settled):
    """Whether the log has not grown for 100 ms."""
    size = os.path.getsize(os.path.join(run.results, "results.ndjson.gz"))
    if size != settled[0]:
        settled[0] = size
        time.sleep(0.1)
        return False
    return True


def log_of(folder, tasks):
    """A run directory with so many records."""
    memory.peaks(folder, tasks, "log")
    return os.path.join(folder, "log/results")


def recovered_per_s(folder, results, tasks):
    """A sink's start on a log, until it listens."""
    copy = os.path.join(folder, "copy")
    shutil.copytree(results, copy)
    began_s = time.monotonic()
    sink = subprocess.Popen(
        [bench.program("fan-sink"), f"ipc://{folder}/nobody", "--results",
         copy, "-v"], stderr=subprocess.PIPE, text=True,
        env=bench.environment())
    try:
        for line in sink.stderr:
            if "sink-started" in line:
                return tasks / (time.monotonic() - began_s)
        raise bench.Failed("the sink did not start")
    finally:
        sink.kill()
        sink.wait()
        sink.stderr.close()
        shutil.rmtree(copy)


def recovery(how, folder, report):
    runs = range(how.pairs)
    report.goal(bench.Goal(
        "killed worker's task runs elsewhere after",
        [sent_again_ms(folder, f"k{turn}") for turn in runs], 100, 20, "ms",
        less=True))
    report.goal(bench.Goal(
        "restarted ventilator dispatches after",
        [dispatch_ms(folder, f"v{turn}") for turn in runs], 1000, 300, "ms",
        less=True))
    tasks = how.many(1000000, 300000)
    results = log_of(folder, tasks)
    report.goal(bench.Goal(
        "log recovery", [recovered_per_s(folder, results, tasks)
                         for _ in runs], 1e6, 3e6, "records/s"))
