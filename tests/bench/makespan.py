"""makespan (P4) - heavy-tailed sleeps in four orders on 4 workers of a slot,
over what greedy list scheduling without any cost would take; also with a
worker at half speed, and with one stopped in the middle."""
import gzip
import heapq
import json
import os
import random
import signal
import threading
from datetime import datetime

import bench
import roles

WORKERS = 4


def lengths(order, count, makespan_s):
    """Milliseconds of each task, in the input's order."""
    draw = random.Random(1)
    if order in ("random", "long last"):
        tasks = [min(draw.paretovariate(1.5), 30) for _ in range(count)]
        if order == "long last":
            tasks.sort()
    else:
        period = {"few long": 25, "periodic": 8}[order]
        tasks = [12.0 if i % period == 0 else 1.0 for i in range(count)]
        if order == "few long":
            draw.shuffle(tasks)
    scale = makespan_s * 1000 * WORKERS / sum(tasks)
    return [round(task * scale, 1) for task in tasks]


def greedy_s(tasks, factors, stop_s=None):
    """Makespan when each free slot takes the next task at no cost. At stop_s
    the last slot is gone; what it ran comes next."""
    free = [(0.0, slot) for slot in range(len(factors))]
    heapq.heapify(free)
    queue, end_s = list(reversed(tasks)), 0.0
    while queue:
        now_s, slot = heapq.heappop(free)
        last = stop_s is not None and slot == len(factors) - 1
        if last and now_s >= stop_s:
            continue
        task = queue.pop()
        done_s = now_s + task / 1000 * factors[slot]
        if last and done_s > stop_s:
            queue.append(task)
            continue
        end_s = max(end_s, done_s)
        heapq.heappush(free, (done_s, slot))
    return end_s


def seconds(moment):
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def spans(results):
    """(start, end) of each final record, in seconds."""
    with gzip.open(os.path.join(results, "results.ndjson.gz"), "rt") as file:
        for line in file:
            record = json.loads(line)
            if record.get("final") and record.get("status") == "ok":
                start_s = seconds(record["start"])
                yield start_s, start_s + record.get("wall_s", 0)


def makespan_of(results, tasks):
    found = list(spans(results))
    if len(found) != tasks:
        raise bench.Failed(f"{len(found)} records of {tasks} tasks")
    return max(end for _, end in found) - min(start for start, _ in found)


def fan_s(folder, name, tasks, factors, stop_s=None):
    with roles.Pipeline(folder, name) as run:
        path = os.path.join(run.folder, "lines")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{task}\n" for task in tasks)
        quick = ("--heartbeat", "200ms", "--liveness", "1s")
        ventilator = run.ventilator("-a", path, *quick, "--",
                                    bench.program("bench_nap"))
        run.sink(*quick)
        workers = [run.worker(1, *quick, NAP_FACTOR=str(factor))
                   for factor in factors]
        stopper = None
        if stop_s is not None:
            stopper = threading.Timer(stop_s, lambda: roles.kill(
                roles.child_of(workers[-1].pid), signal.SIGSTOP))
            stopper.start()
        try:
            run.finish(ventilator)
        finally:
            if stopper:
                stopper.cancel()
                stopped = roles.child_of(workers[-1].pid)
                if stopped:
                    roles.kill(stopped)
        return makespan_of(run.results, len(tasks))


def makespan(how, folder, report):
    aim_s = how.many(20, 4)
    count = how.many(600, 160)
    runs = how.many(how.pairs, 3)
    even = [1.0] * WORKERS
    cases = [(order, order, even, None, 1.03) for order in
             ("random", "few long", "long last", "periodic")]
    cases += [("random, one at half speed", "random", [1, 1, 1, 2], None,
               1.03),
              ("random, one stopped", "random", even, aim_s / 3, 1.10)]
    for text, order, factors, stop_s, most in cases:
        tasks = lengths(order, count, aim_s)
        bound_s = greedy_s(tasks, factors, stop_s)
        took_s = [fan_s(folder, f"m{len(report.goals)}.{turn}", tasks,
                        factors, stop_s) for turn in range(runs)]
        report.side(f"{text}; bound {bound_s:.2f} s", took_s, "s")
        report.goal(bench.Goal(f"makespan / bound, {text}",
                               [took / bound_s for took in took_s], most,
                               1.01, "x", less=True))
