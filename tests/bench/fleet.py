"""fleet (P9) - many workers: memory and CPU of each at the ventilator, with
real processes that idle, and with 10,000 simulated ones at the tracker."""
import os
import time

import bench
import recovery
import roles


def resident_kib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def processes(how, folder, report):
    count = how.many(1000, 100)
    look_s = how.many(20, 5)
    with roles.Pipeline(folder, "fleet") as run:
        ventilator = run.ventilator("--", bench.program("bench_nap"), ":::",
                                    "1000000")
        run.sink()
        run.worker(1)
        recovery.until(lambda: recovery.workers_of(run) == 1, "a worker")
        before_kib = resident_kib(ventilator.pid)
        for _ in range(count):
            run.worker(1)
        recovery.until(lambda: recovery.workers_of(run) == count + 1,
                       "the workers")
        began_s = time.monotonic()
        began_cpu_s = roles.cpu_s(ventilator.pid)
        time.sleep(look_s)
        took_s = time.monotonic() - began_s
        cpu = (roles.cpu_s(ventilator.pid) - began_cpu_s) / took_s / count
        kib = (resident_kib(ventilator.pid) - before_kib) / count
        for process in run.started[2:]:
            worker = roles.child_of(process.pid)
            if worker:
                roles.kill(worker)
    report.goal(bench.Goal(f"each of {count} processes at the ventilator",
                           [kib], 64, 32, "KiB", less=True))
    report.goal(bench.Goal(f"each of {count} processes, idle", [cpu * 100],
                           0.01, 0.005, "% of a core", less=True))


def simulated(how, report, state):
    turns = how.many(20, 3)
    words = [bench.output_of(bench.program("bench_fleet"), 10000, turns,
                             state).split() for _ in range(how.many(5, 2))]
    report.goal(bench.Goal(f"each of 10,000 at the tracker, {state}",
                           [int(size) / 1024 for size, _ in words], 64, 32,
                           "KiB", less=True))
    report.goal(bench.Goal(f"each of 10,000 at the tracker, {state}",
                           [float(part) * 100 for _, part in words], 0.01,
                           0.005, "% of a core", less=True))


def fleet(how, folder, report):
    simulated(how, report, "idle")
    simulated(how, report, "busy")
    processes(how, folder, report)
