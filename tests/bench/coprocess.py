"""coprocess (P7) - a Python function that does nothing, 2 slots, against
multiprocessing.Pool with the same tasks, one at a time. The whole of both, from
start to exit: fan's records are on disk by then."""
import os
import sys

import bench
import roles

SLOTS = 2
EXAMPLES = os.path.join(bench.TOP, "examples")
NOTHING = os.path.join(bench.HERE, "peers", "nothing.py")
POOL = os.path.join(bench.HERE, "peers", "pool.py")


def fan_rate(folder, tasks, lines):
    results = os.path.join(folder, "results")
    took_s = bench.seconds_of(
        bench.program("fan"), "run", "-q", "-j", SLOTS, "--results", results,
        "-a", lines, "--coprocess", f"'{sys.executable}' -B '{NOTHING}'",
        cwd=EXAMPLES)
    count = len(bench.output_of(bench.program("fan"), "results", results,
                                "--format", "ndjson").splitlines())
    if count != tasks:
        raise bench.Failed(f"{count} records of {tasks}")
    bench.output_of("rm", "-r", results)
    return tasks / took_s


def coprocess(how, folder, report):
    tasks = how.many(200000, 50000)
    lines = roles.lines(os.path.join(folder, "lines"), tasks)
    few = roles.lines(os.path.join(folder, "few"), tasks // 4)
    values = bench.alternate(
        {"fan": lambda: fan_rate(folder, tasks, lines),
         "pool": lambda: tasks // 4 / bench.seconds_of(
             sys.executable, "-B", POOL, str(SLOTS), few)}, how.pairs)
    report.side("fan run -j2 --coprocess python3", values["fan"], "tasks/s")
    report.side("multiprocessing.Pool(2).imap_unordered", values["pool"],
                "tasks/s")
    report.compare("against the pool", values["fan"], values["pool"], 2, 5)
