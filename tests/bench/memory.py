"""memory (P5) - peak memory of ventilator and sink as the tasks become more"""
import time

import bench
import roles


def peaks(folder, tasks, name, each_s=None, say=None):
    """(KiB of the ventilator, of the sink, seconds)."""
    path = roles.lines(f"{folder}/{name}.lines", tasks)
    with roles.Pipeline(folder, name) as run:
        sink = run.sink()
        ventilator = run.ventilator("-a", path, "--plugin",
                                    roles.NOOP)
        began_s = said_s = time.monotonic()
        run.worker(1)
        most = {"ventilator": 0, "sink": 0}
        while ventilator.poll() is None:
            most["ventilator"] = (roles.peak_kib(ventilator.pid)
                                  or most["ventilator"])
            most["sink"] = roles.peak_kib(sink.pid) or most["sink"]
            if each_s and time.monotonic() - said_s >= each_s:
                said_s += each_s
                say(most)
            time.sleep(0.02)
        took_s = time.monotonic() - began_s
        run.finish(ventilator)
        sink.wait(bench.PATIENCE_S)
        bench.output_of(bench.program("fan"), "verify", run.results)
    return most["ventilator"], most["sink"], took_s


def noop(folder, tasks):
    """What dispatch, tracking and storing cost, with nothing run between."""
    *_, took_s = peaks(folder, tasks, "noop", 2, lambda most: print(
        "  ".join(f"{name} {kib} KiB" for name, kib in most.items()),
        flush=True))
    print(f"noop: {tasks / took_s:.0f} tasks/s "
          f"({tasks} in {took_s * 1000:.0f} ms)")


def memory(how, folder, report):
    few = how.many(1000000, 300000)
    many = 10 * few
    runs = {}
    for name, tasks in (("few", few), ("many", many)):
        vent, sink, took_s = runs[name] = peaks(folder, tasks, name)
        report.say(f"{tasks:>11,} tasks: ventilator {vent / 1024:.1f} MiB, "
                   f"sink {sink / 1024:.1f} MiB, {tasks / took_s:,.0f} "
                   "tasks/s")
    for place, role in enumerate(("ventilator", "sink")):
        report.compare_less(f"{role}, {many:,} tasks / {few:,}",
                            [runs["many"][place]], [runs["few"][place]],
                            1.1, 1.05)
    report.goal(bench.Goal("ventilator and sink",
                           [sum(runs["many"][:2]) / 1024], 64, 32, "MiB",
                           less=True))
