#!/usr/bin/env python3
"""budget - holds the cores to a number of instructions for each task

usage: budget.py PROGRAM CORE BUDGET

Counts with callgrind what PROGRAM needs for two numbers of tasks: the
difference is the tasks' alone, and repeats exactly. Exit 1 when it is over the
budget, and when it is under two thirds of it: then the budget is to be
lowered, so that it goes on telling.
"""
import re
import subprocess
import sys

FEW, MANY = 2048, 6144


def instructions(program, core, tasks):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         program, core, str(tasks)], check=False, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"budget: {core} did not run: {done.stderr}")
    return int(found.group(1))


def main(program, core, budget):
    budget = int(budget)
    count = (instructions(program, core, MANY)
             - instructions(program, core, FEW)) / (MANY - FEW)
    print(f"{core}: {count:.0f} instructions a task, of {budget}")
    if count > budget:
        sys.exit(f"budget: {core} needs more: find out why")
    if count < budget * 2 / 3:
        sys.exit(f"budget: {core} needs much less: lower its budget")


if __name__ == "__main__":
    main(*sys.argv[1:])
