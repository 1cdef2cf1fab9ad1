"""sweep - each system call of each role fails once, at its first use, its
second, and so on, for as long as there are uses

    sweep.py [PROGRAM]

A run of some tasks must then end well, or fail with a message and be whole
after --resume; no process may die of a signal, nothing may hang, be lost or
be recorded twice.
"""
import os
import re
import subprocess
import sys

import chaos
import system

TASKS = 6
COMMAND = ("--results", "run", "-j", "2", "--", "sh", "-c",
           'echo "$1" >>ran; echo "$1"', "sh", "{}", ":::",
           *system.numbers(1, TASKS))
FILES = (("open", "EMFILE"), ("open", "EACCES"), ("write", "EIO"),
         ("write", "ENOSPC"), ("pwrite", "EIO"), ("pwrite", "ENOSPC"),
         ("pread", "EIO"), ("fsync", "EIO"), ("fdatasync", "EIO"),
         ("ftruncate", "EIO"), ("rename", "EIO"), ("mkdir", "ENOSPC"))
CALLS = (("pipe2", "EMFILE"), ("fork", "ENOMEM"), ("clone", "ENOMEM"),
         ("memfd_create", "ENOMEM"))
PROGRAMS = ("fan", "fan-ventilator", "fan-sink", "fan-worker")


def faults(programs=PROGRAMS):
    for program in programs:
        for call, code in FILES:
            # Read-only opens elsewhere are of libraries that abort.
            yield program, call, code, "run"
        for call, code in CALLS:
            yield program, call, code, ""


class Case(chaos.ChaosTest):
    """One fault; `struck` says whether there was such a call."""

    def __init__(self, program, call, code, path, number):
        super().__init__("case")
        self.fault = f"{program}:{call}:{number}:{code}:{path}"
        self.was_struck = False
        self.code = None

    def case(self):
        self.inject(self.fault)
        done = self.program("fan", "run", *COMMAND)
        self.was_struck = os.path.exists(self.path("fault-0"))
        self.code = done.returncode
        said = f"exit {done.returncode}: {done.stderr}"
        self.assertGreaterEqual(done.returncode, 0, said)
        self.assertFalse(re.search(r"killed by signal|Assertion|giving up|"
                                   r"Sanitizer", done.stderr), said)
        self.environment.pop("LD_PRELOAD")
        if done.returncode == system.OK:
            self.assertEqual(sorted(done.stdout.split()),
                             system.numbers(1, TASKS), said)
        else:
            self.assertTrue(done.stderr.strip(), "not a word")
            again = self.program("fan", "run", "--resume", *COMMAND)
            self.assertEqual(again.returncode, system.OK,
                             said + "then: " + again.stderr)
        self.tasks = TASKS
        self.assert_whole(TASKS)


def sweep(programs=PROGRAMS, most=100, step=1, say=print):
    """Runs them all. Returns how many faults struck, and what went wrong."""
    struck, wrong = 0, []
    for fault in faults(programs):
        codes = []
        for number in range(1, most, step):
            case = Case(*fault, number)
            case.setUp()
            try:
                case.case()
            except (AssertionError, OSError,
                    subprocess.TimeoutExpired) as error:
                wrong.append(f"{case.fault}: {error}")
            finally:
                case.doCleanups()
            if not case.was_struck:
                break
            struck += 1
            codes.append(case.code)
        if codes:
            say(":".join(fault), "->", *codes, flush=True)
    return struck, wrong


def main():
    struck, wrong = sweep(sys.argv[1:] or PROGRAMS)
    for text in wrong:
        print("WRONG", text)
    print(f"{struck} faults, {len(wrong)} went wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
