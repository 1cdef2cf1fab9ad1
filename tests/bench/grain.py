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
PLUGIN_SIZES_US = (0.25, 0.5, 1, 2, 4, 8, 16)


def run_s(folder, lines, tasks, variables, *what):
    """From the first start to the last end, as the records tell."""
    results = os.path.join(folder, "results")
    bench.output_of("env", *variables, bench.program("fan"), "run", "-q", "-j",
                    SLOTS, "--results", results, "-a", lines, *what,
                    cwd=folder)
    took_s = makespan.makespan_of(results, tasks)
    bench.output_of("rm", "-r", results)
    return took_s


def fan_s(folder, lines, tasks, size_us):
    return run_s(folder, lines, tasks, (), "--", bench.program("bench_spin"),
                 size_us, "{}")


def plugin_s(folder, lines, tasks, size_us):
    return run_s(folder, lines, tasks, (f"SPIN_NS={size_us * 1000}",),
                 "--plugin", bench.program("spin_plugin.so"))


def isolated_s(folder, lines, tasks, size_us):
    return run_s(folder, lines, tasks, (f"SPIN_NS={size_us * 1000}",),
                 "--isolate", "--plugin", bench.program("spin_plugin.so"))


def loop_s(tasks, size_us):
    return float(bench.output_of(bench.program("bench_spawn"), tasks, SLOTS,
                                 bench.program("bench_spin"), size_us))


def half_us(sizes_us, efficiencies):
    """Where it crosses a half, between two sizes on a logarithmic scale."""
    points = list(zip(sizes_us, efficiencies))
    if points[0][1] >= 0.5:
        return points[0][0]
    for (small, low), (large, high) in zip(points, points[1:]):
        if low < 0.5 <= high:
            part = (0.5 - low) / (high - low)
            return small * math.exp(part * math.log(large / small))
    return math.inf


def half_of(makespan_s, sizes_us, folder, lines, tasks):
    return half_us(sizes_us, [tasks * size_us / 1e6 / SLOTS
                              / makespan_s(folder, lines, tasks, size_us)
                              for size_us in sizes_us])


def grain(how, folder, report):
    tasks, short = how.many(2000, 400), how.many(1000000, 200000)
    lines = roles.lines(os.path.join(folder, "lines"), tasks)
    many = roles.lines(os.path.join(folder, "many"), short, 16)
    halves = bench.alternate(
        {"commands": lambda: half_of(fan_s, SIZES_US, folder, lines,
                                     tasks) / 1000,
         "loop": lambda: half_of(lambda _, __, *rest: loop_s(*rest),
                                 SIZES_US, folder, lines, tasks) / 1000,
         "plugin": lambda: half_of(plugin_s, PLUGIN_SIZES_US, folder, many,
                                   short),
         "isolated": lambda: half_of(isolated_s, PLUGIN_SIZES_US, folder, many,
                                     short)},
        how.many(how.pairs, 3), warm=False)
    report.side("bare spawn loop, METG of 50 %", halves["loop"], "ms")
    report.side("plugin with --isolate, METG of 50 %", halves["isolated"], "us")
    report.goal(bench.Goal("commands, METG of 50 %", halves["commands"], 1.2,
                           0.8, "ms", less=True))
    report.goal(bench.Goal("plugin, METG of 50 %", halves["plugin"], 2.0, 1.0,
                           "us", less=True))
