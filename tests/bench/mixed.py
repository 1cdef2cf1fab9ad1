"""mixed (P4b) - one run that holds tasks of 10 microseconds, 10 milliseconds
and 2 seconds, mixed at random and in blocks, each order of them: 4 workers of a
slot without any option set, over greedy list scheduling at no cost.

Tasks are calls of a plugin that sleeps. So short a sleep takes longer than it
is asked to, the longer the busier the machine is: the bound is made of the
times that the tasks took, and what a plain loop takes for them stands beside.
"""
import gzip
import itertools
import json
import os
import random

import bench
import makespan
import roles

WORKERS = 4
KINDS = {"10 us": 10, "10 ms": 10000, "2 s": 2000000}
MOST = 1.03


def counts(how):
    return {"10 us": how.many(400000, 100000), "10 ms": how.many(1200, 400),
            "2 s": how.many(26, 10)}  # not 4 n: a hair would cost a task


def orders(how):
    """Name and kinds of the tasks of each order."""
    count = counts(how)
    mixed = [kind for kind in KINDS for _ in range(count[kind])]
    random.Random(1).shuffle(mixed)
    yield "mixed", mixed
    for blocks in itertools.permutations(KINDS):
        yield ", ".join(blocks), [kind for kind in blocks
                                  for _ in range(count[kind])]


def measured_ms(kind, how):
    times = {"10 us": how.many(20000, 5000), "10 ms": 20, "2 s": 1}[kind]
    return float(bench.output_of(bench.program("bench_doze"), times,
                                 KINDS[kind], WORKERS)) / 1000


def times_of(results):
    """(task, start, end, length) of each, in seconds; in the input's order."""
    with gzip.open(os.path.join(results, "results.ndjson.gz"), "rt") as file:
        records = [json.loads(line) for line in file]
    found = []
    for record in records:
        if record.get("final") and record.get("status") == "ok":
            start_s = makespan.seconds(record["start"])
            found.append((record["task"], start_s, start_s + record["wall_s"],
                          record["wall_s"]))
    return sorted(found)


def fan_s(folder, name, path, tasks):
    """How long it takes, and what the bound is for the tasks as they were."""
    with roles.Pipeline(folder, name) as run:
        ventilator = run.ventilator("-a", path, "--plugin",
                                    bench.program("doze_plugin.so"))
        run.sink()
        for _ in range(WORKERS):
            run.worker(1)
        run.finish(ventilator)
        times = times_of(run.results)
    if [task for task, *_ in times] != list(range(1, tasks + 1)):
        raise bench.Failed(f"{len(times)} records of {tasks} tasks")
    took_s = max(end for _, _, end, _ in times) - min(
        start for _, start, _, _ in times)
    return took_s, bound_s([length * 1000 for *_, length in times])


def bound_s(lengths_ms):
    return makespan.greedy_s(lengths_ms, [1.0] * WORKERS)


def mixed(how, folder, report):
    for number, (name, kinds) in enumerate(orders(how)):
        path = os.path.join(folder, f"lines{number}")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{KINDS[kind]}\n" for kind in kinds)
        plain, bounds, took = [], [], []
        for turn in range(how.many(3, 1)):
            length_ms = {kind: measured_ms(kind, how) for kind in KINDS}
            plain.append(bound_s([length_ms[kind] for kind in kinds]))
            for values, value in zip((took, bounds), fan_s(
                    folder, f"x{number}.{turn}", path, len(kinds))):
                values.append(value)
        report.side(f"bound by a plain loop, {name}", plain, "s")
        report.side(f"bound, {name}", bounds, "s")
        report.side(f"fan, {name}", took, "s")
        report.compare_less(f"makespan / bound, {name}", took, bounds, MOST,
                            1.01)
