"""latency (P3) - one task at a time through the real ventilator and sink, with
a worker that calls a plugin that does nothing, over TCP: until its result is at
the sink, and until the ventilator knows that it is stored."""
import os
import statistics
import struct

import bench
import roles

TIMES = struct.Struct("qqq")  # drivers/depth.h
WARM = 100


def fan_times(folder, tasks, turn):
    """(p50 to the sink, its p99, p50 of what storing adds), microseconds."""
    path = os.path.join(folder, f"times{turn}")
    with open(path, "wb") as file:
        file.write(bytes(TIMES.size * (tasks + 1)))
    lines = roles.lines(os.path.join(folder, f"lines{turn}"), tasks, 100)
    with roles.Pipeline(folder, f"l{turn}", tcp=True) as run:
        ventilator = run.ventilator("-a", lines, "--plugin", roles.NOOP,
                                    program="fan-depth-ventilator",
                                    BENCH_DEPTH=path)
        run.sink(program="fan-depth-sink", BENCH_DEPTH=path)
        run.worker(1)
        run.finish(ventilator)
    with open(path, "rb") as file:
        times = list(TIMES.iter_unpack(file.read()))[WARM:]
    if any(0 in three or three[1] < three[0] or three[2] < three[1]
           for three in times):
        raise bench.Failed("a task has no time, or they are out of order")
    there = sorted(sunk - given for given, sunk, _ in times)
    stored = [stored - sunk for _, sunk, stored in times]
    return (statistics.median(there) / 1000,
            there[len(there) * 99 // 100] / 1000,
            statistics.median(stored) / 1000)


def percentiles(*command):
    return tuple(float(word) for word in bench.output_of(*command).split())


def latency(how, folder, report):
    tasks = how.many(10000, 2000)
    turn = iter(range(1000))
    anywhere = "tcp://127.0.0.1:*"
    values = bench.alternate({
        "fan": lambda: fan_times(folder, tasks, next(turn)),
        "pingpong": lambda: percentiles(bench.program("bench_pingpong"),
                                        tasks, 100, anywhere, anywhere),
        "append": lambda: percentiles(bench.program("bench_append"),
                                      how.many(1000, 300),
                                      os.path.join(folder, "append")),
    }, how.pairs)
    there, there_p99, stored = zip(*values["fan"])
    pingpong, pingpong_p99 = zip(*values["pingpong"])
    append, _ = zip(*values["append"])
    for text, side in (("result at the sink, p50", there),
                       ("result at the sink, p99", there_p99),
                       ("from there to stored and known, p50", stored),
                       ("PUSH/PULL ping-pong, p50", pingpong),
                       ("PUSH/PULL ping-pong, p99", pingpong_p99),
                       ("append 4 KiB and fdatasync, p50", append)):
        report.side(text, side, "us")
    report.compare_less("to the sink / ping-pong, p50", there, pingpong,
                        2.0, 1.7)
    report.compare_less("from there to stored / append, p50", stored, append,
                        1.3, 1.3)
