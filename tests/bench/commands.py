"""commands (P2) - commands that do next to nothing, 2 slots, output captured
and recorded, against a bare posix_spawn loop and what Debian has."""
import os

import bench
import roles

SLOTS = 2
PEERS = os.path.join(bench.HERE, "peers")


def peer_rate(name, tasks, lines, command):
    """None where the peer is not installed."""
    path = os.path.join(PEERS, name)
    done = bench.subprocess.run(
        [path, str(SLOTS), lines, command], check=False, text=True,
        stdout=bench.subprocess.PIPE, stderr=bench.subprocess.PIPE,
        stdin=bench.subprocess.DEVNULL, env=bench.environment())
    if done.returncode == 77:
        return None
    if done.returncode != 0:
        raise bench.Failed(f"{name}: {done.stderr}")
    return tasks / float(done.stdout)


def fan_rate(folder, tasks, lines, command):
    results = os.path.join(folder, "results")
    took_s = bench.seconds_of(bench.program("fan"), "run", "-q", "-j", SLOTS,
                              "--results", results, "-a", lines, "--",
                              command, cwd=folder)
    count = len(bench.output_of(bench.program("fan"), "results", results,
                                "--format", "ndjson").splitlines())
    if count != tasks:
        raise bench.Failed(f"{count} records of {tasks}")
    bench.output_of("rm", "-r", results)
    return tasks / took_s


def loop_rate(tasks, command):
    took = bench.output_of(bench.program("bench_spawn"), tasks, SLOTS, command)
    return tasks / float(took)


# Of those that take long to start a few tasks less, and none when it is quick.
PEERS_ASKED = {"GNU parallel -j2": ("parallel", (6, 8)),
               "Celery and Redis, 2 processes": ("celery", None),
               "Dask, 2 processes": ("dask", None)}


def compare(how, folder, report, text, command):
    tasks = how.many(12000, 6000)
    few = tasks // 16  # for what is slow
    lines = roles.lines(os.path.join(folder, "lines"), tasks)
    few_lines = roles.lines(os.path.join(folder, "few"), few)
    sides = {"fan run -j2": lambda: fan_rate(folder, tasks, lines, command),
             "bare spawn loop": lambda: loop_rate(tasks, command),
             "xargs -P2": lambda: peer_rate("xargs", tasks, lines, command)}
    goals = {"bare spawn loop": (0.9, 0.97), "xargs -P2": (1.2, 1.4)}
    for name, (peer, goal) in PEERS_ASKED.items():
        if how.quick and not goal:
            continue
        if peer_rate(peer, few, few_lines, command) is None:
            report.say(f"{name}: skipped, not installed "
                       "(see tests/bench/peers/install)")
            continue
        sides[name] = lambda peer=peer: peer_rate(peer, few, few_lines,
                                                  command)
        if goal:
            goals[name] = goal
    values = bench.alternate(sides, how.pairs)
    for name, rates in values.items():
        report.side(f"{name}, {text}", rates, "tasks/s")
    for name, goal in goals.items():
        report.compare(f"fan / {name}, {text}", values["fan run -j2"],
                       values[name], *goal)


def commands(how, folder, report):
    compare(how, folder, report, "true", "/bin/true")
    compare(how, folder, report, "one line", bench.program("bench_oneline"))
