"""grain (P11) - the smallest task at which 2 slots are half used: the minimum
effective task granularity of Task Bench (Slaughter et al., SC20). Tasks use
their CPU; efficiency is what they were asked to use over what 2 slots had."""
import math
import os

import bench
import makespan
import roles

SLOTS = 2
SIZES_US = (250, 500, 1000, 2000, 4000, 8000)


def fan_s(folder, lines, tasks, size_us):
    results = os.path.join(folder, "results")
    bench.output_of(bench.program("fan"), "run", "-q", "-j", SLOTS,
                    "--results", results, "-a", lines, "--",
                    bench.program("bench_spin"), size_us, "{}", cwd=folder)
    took_s = makespan.makespan_of(results, tasks)
    bench.output_of("rm", "-r", results)
    return took_s


def loop_s(tasks, size_us):
    return float(bench.output_of(bench.program("bench_spawn"), tasks, SLOTS,
                                 bench.program("bench_spin"), size_us))


def half_us(efficiencies):
    """Where it crosses a half, between two sizes on a logarithmic scale."""
    points = list(zip(SIZES_US, efficiencies))
    if points[0][1] >= 0.5:
        return points[0][0]
    for (small, low), (large, high) in zip(points, points[1:]):
        if low < 0.5 <= high:
            part = (0.5 - low) / (high - low)
            return small * math.exp(part * math.log(large / small))
    return math.inf


def grain(how, folder, report):
    tasks = how.many(2000, 400)
    lines = roles.lines(os.path.join(folder, "lines"), tasks)
    halves = {"fan": [], "loop": []}
    for _ in range(how.many(how.pairs, 3)):
        found = {"fan": [], "loop": []}
        for size_us in SIZES_US:
            useful_s = tasks * size_us / 1e6 / SLOTS
            found["fan"].append(useful_s / fan_s(folder, lines, tasks,
                                                 size_us))
            found["loop"].append(useful_s / loop_s(tasks, size_us))
        for side, efficiencies in found.items():
            halves[side].append(half_us(efficiencies) / 1000)
    report.side("bare spawn loop, METG of 50 %", halves["loop"], "ms")
    report.goal(bench.Goal("commands, METG of 50 %", halves["fan"], 1.2, 0.8,
                           "ms", less=True))
