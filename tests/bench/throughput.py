"""throughput, sizes (P1, P1b) - tasks that do nothing, in and out over TCP,
all guarantees on, against the bare pipeline of the ZeroMQ guide with as many
workers."""
import os
import time

import bench
import roles

def fan_rate(folder, lines, tasks, workers):
    """Tasks a second, from the start of the workers to the run's end."""
    name = f"r{time.monotonic_ns()}"
    with roles.Pipeline(folder, name, tcp=True) as run:
        ventilator = run.ventilator("-a", lines, "--plugin", roles.NOOP)
        run.sink()
        wait_for_log(run)
        began_s = time.monotonic()
        for _ in range(workers):
            run.worker(1)
        run.finish(ventilator)
        took_s = time.monotonic() - began_s
        check(run.results, tasks)
    bench.output_of("rm", "-r", os.path.join(folder, name))
    return tasks / took_s


def wait_for_log(run):
    """The sink has answered the ventilator when the log has its first group."""
    path = os.path.join(run.results, "results.ndjson.gz")
    until_s = time.monotonic() + bench.PATIENCE_S
    while not (os.path.exists(path) and os.path.getsize(path) > 0):
        if time.monotonic() > until_s:
            raise bench.Failed("the sink has not begun its log")
        time.sleep(0.002)


def check(results, tasks):
    said = bench.output_of(bench.program("fan"), "verify", results)
    if f" {tasks} " not in said.replace(",", ""):
        raise bench.Failed(f"not all tasks are recorded: {said}")


def guide_rate(tasks, size, workers):
    took = bench.output_of(bench.program("bench_guide"), tasks, size, workers)
    return tasks / float(took)


def compare(how, folder, report, size, workers, tasks, goal):
    lines = roles.lines(os.path.join(folder, f"lines{size}"), tasks, size)
    guide_tasks = how.many(4, 2) * tasks
    values = bench.alternate(
        {"fan": lambda: fan_rate(folder, lines, tasks, workers),
         "guide": lambda: guide_rate(guide_tasks, size, workers)}, how.pairs)
    what = f"{size} B, {workers} worker{'s' if workers > 1 else ''}"
    report.side(f"fan, {what}", values["fan"], "tasks/s")
    report.side(f"bare guide pipeline, {what}", values["guide"], "tasks/s")
    report.compare(f"fan / guide, {what}", values["fan"], values["guide"],
                   *goal)


def throughput(how, folder, report):
    tasks = how.many(1000000, 200000)
    for workers, goal in ((1, (1.3, 2.0)), (2, (1.1, 1.5))):
        compare(how, folder, report, 100, workers, tasks, goal)


def sizes(how, folder, report):
    for size, tasks, goal in ((8, how.many(1000000, 200000), (0.7, 1.2)),
                              (1024, how.many(300000, 60000), (1.0, 2.0)),
                              (65536, how.many(10000, 2500), (0.9, 1.1))):
        compare(how, folder, report, size, 1, tasks, goal)
