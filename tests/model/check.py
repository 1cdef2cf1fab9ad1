#!/usr/bin/env python3
"""check - the model of the commit rule, as it is and with bugs planted

usage: check.py [--deep] [--jobs N] [--keep DIR] [NAME...]

As it is, every schedule within each world's limits is tried and none may break
a property, end with a task that is not final, or go round for ever. Then each
bug of the table is switched on, in the world where it shows: the property that
is named must break. --deep tries larger worlds, which takes minutes and some
gigabytes; --keep leaves what spin wrote, for `spin -t`; names choose rows.
Exit 0 when all is as it should be.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "commit.pml")
STUCK = "ends with an open task"
ROUND = "goes round for ever"
RESULT = re.compile(r"^pan:1: (?:assertion violated (\w+)|(invalid end state)|"
                    r"(non-progress cycle))[^\n]*\(at depth (\d+)\)", re.M)
STATES = re.compile(r"^\s*(\d+) states, stored", re.M)
DEPTH = re.compile(r"depth reached (\d+)")


@dataclass
class Row:
    name: str
    world: str             # -D of the model
    breaks: str = ""       # which property; none: the model as it is
    cycles: bool = False   # look for schedules without an end


# No bug. The limits are those at the head of the model.
CLEAN = [
    Row("sink", "FAULTS=4 KILLS=3 CUTS=2 BAD_SYNCS=2 DROPS=2"),
    Row("ventilator", "FAULTS=2 RESTARTS=2"),
    Row("pause", "FAULTS=2 PAUSES=1 FAILURES=0"),
    Row("failures", "FAULTS=1 RESTARTS=1 PAUSES=1 FAILURES=2"),
    Row("two-workers", "WORKERS=2 FAULTS=1 RESTARTS=1 DEATHS=1 PAUSES=1"),
    Row("two-workers-two-faults", "WORKERS=2 FAULTS=2 KILLS=1 RESTARTS=1 "
                                  "CUTS=0 BAD_SYNCS=0 DROPS=0 FAILURES=0"),
    Row("ends", "FAULTS=3 DROPS=2", cycles=True),
    Row("ends-ventilator", "FAULTS=2 RESTARTS=1 BAD_SYNCS=0", cycles=True),
]
DEEP = [
    Row("deep-sink", "FAULTS=5 KILLS=4 CUTS=2 BAD_SYNCS=2 DROPS=2"),
    Row("deep-ventilator", "FAULTS=3 RESTARTS=2"),
    Row("deep-pause", "FAULTS=2 RESTARTS=1 PAUSES=2 FAILURES=2"),
    Row("deep-two-workers", "WORKERS=2 FAULTS=2 RESTARTS=1 DEATHS=1 PAUSES=1 "
                            "FAILURES=0"),
    Row("deep-failures", "WORKERS=2 FAULTS=1 RESTARTS=1 DEATHS=1 PAUSES=1 "
                         "FAILURES=2"),
    Row("deep-ends", "FAULTS=2 RESTARTS=1 PAUSES=1", cycles=True),
]
MUTANTS = [
    Row("ACK_BEFORE_SYNC", "FAULTS=2", "acknowledged_is_there"),
    Row("ACK_DUPLICATE_BEFORE_SYNC", "FAULTS=3 RESTARTS=1",
        "retired_is_there"),
    Row("SYNC_AGAIN_AFTER_FAILURE", "FAULTS=2", "acknowledged_is_there"),
    Row("NO_REWRITE_AT_RECOVERY", "FAULTS=2", "acknowledged_is_there"),
    Row("SYNC_ONLY_AT_RECOVERY", "FAULTS=3", "acknowledged_is_there"),
    Row("TRUNCATE_FIRST", "FAULTS=2", "acknowledged_is_there"),
    Row("NO_DEDUPE", "FAULTS=1 FAILURES=0", "one_final_a_task"),
    Row("LEDGER_NOT_REBUILT", "FAULTS=2", "one_final_a_task"),
    Row("ACCEPT_GAP", "FAULTS=3", "retired_is_there"),
    Row("ACCEPT_RECORD_GAP", "FAULTS=2 PAUSES=1",
        "only_the_newest_attempt_counts"),
    Row("ACCEPT_STORED_GAP", "FAULTS=1", "attempts_are_few"),
    Row("KEPT_ONLY_AT_FIRST", "FAULTS=2", ROUND, cycles=True),
    Row("START_AT_ONE", "FAULTS=1", ROUND, cycles=True),
    Row("NO_STORED_AGAIN", "FAULTS=1", STUCK),
    Row("NEVER_SENT_AGAIN", "FAULTS=2 PAUSES=1 RESTARTS=1 KILLS=0 CUTS=0 "
                            "BAD_SYNCS=0 DROPS=0", STUCK),
    Row("NEXT_ATTEMPT_BEFORE_LOSS_STORED", "WORKERS=2 FAULTS=1 PAUSES=1",
        "only_the_newest_attempt_counts"),
    Row("COUNT_LOST_FAILURE", "FAULTS=1 PAUSES=1",
        "lost_attempt_never_counts"),
    Row("GRANT_BEFORE_SYNC", "FAULTS=2 RESTARTS=1 CUTS=0 BAD_SYNCS=0 DROPS=0",
        "attempts_grow"),
    Row("NO_FENCE", "FAULTS=2 RESTARTS=1 PAUSES=1 KILLS=0 CUTS=0 BAD_SYNCS=0 "
                    "DROPS=0 FAILURES=2", STUCK),
    Row("DISPATCH_BEFORE_HELLO", "WORKERS=2 FAULTS=1 RESTARTS=1",
        "made_is_not_computed_again"),
    Row("FORGET_WHEN_SENT", "FAULTS=1", "made_is_not_computed_again"),
    Row("TRUST_WORKER", "FAULTS=0", "complete_means_recorded"),
    Row("FINISH_WITHOUT_SINK", "FAULTS=0 FAILURES=2",
        "complete_means_recorded"),
]


def run(row, folder):
    """What broke ("" for nothing), at which depth, and how many states."""
    defines = [f"-D{word}" for word in row.world.split()]
    if row.breaks:
        defines.append(f"-D{row.name}")
    if row.breaks not in ("", "made_is_not_computed_again"):
        defines.append("-DALLOW_COMPUTED_AGAIN")  # which most do, too
    kind = ["-DNP", "-DNOFAIR"] if row.cycles else ["-DSAFETY"]
    if row.breaks and not row.cycles:
        kind.append("-DBFS")  # the shortest schedule
        defines.append("-DSHORTEST")
    os.mkdir(folder)
    for command in (["spin", "-a", *defines, MODEL],
                    ["cc", "-O2" if row in DEEP else "-O0", "-w",
                     "-DMEMLIM=6000", *kind, "-o", "pan", "pan.c"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True,
                       text=True)
    option = ["-l"] if row.cycles else []
    text = subprocess.run(["./pan", "-m100000", "-w22", *option], cwd=folder,
                          check=True, capture_output=True, text=True).stdout
    states = STATES.search(text)
    if not states:
        raise RuntimeError(f"pan did not finish: {text[-400:]}")
    found = RESULT.search(text)
    if found:
        broke = found[1] or (STUCK if found[2] else ROUND)
        return broke, int(found[4]), int(states[1])
    if "errors: 0" not in text or "out of memory" in text \
            or "max search depth too small" in text:
        return "the search did not end", 0, int(states[1])
    return "", int(DEPTH.search(text)[1]), int(states[1])


def judge(row, top):
    started = time.monotonic()
    try:
        broke, depth, states = run(row, os.path.join(top, row.name))
    except subprocess.CalledProcessError as error:
        broke, depth, states = (error.stdout + error.stderr)[-400:], 0, 0
    seconds = time.monotonic() - started
    print(f"{row.name:32} {broke or 'holds':31} {depth:5} {states:9} "
          f"{seconds:6.1f}", flush=True)
    return broke == row.breaks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    rows = CLEAN + (DEEP if options.deep else []) + MUTANTS
    if options.names:
        rows = [row for row in CLEAN + DEEP + MUTANTS
                if row.name in options.names]
    if not rows:
        sys.exit("check.py: no such row")
    started = time.monotonic()
    print(f"{'world or bug':32} {'property':31} depth    states seconds")
    with tempfile.TemporaryDirectory() as folder, \
            ThreadPoolExecutor(options.jobs) as pool:
        top = options.keep or folder
        os.makedirs(top, exist_ok=True)
        good = list(pool.map(lambda row: judge(row, top), rows))
    wrong = [row.name for row, fine in zip(rows, good) if not fine]
    print(f"{len(rows)} rows, {time.monotonic() - started:.0f} s")
    for name in wrong:
        row = next(row for row in rows if row.name == name)
        print(f"{name}: not as expected: {row.breaks or 'holds'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError as error:
        sys.exit(f"check.py: {error.filename} is missing; ./setup installs it")
