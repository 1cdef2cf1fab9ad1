"""bench - what the benchmarks share: building, running in turns, comparing,
and the table and last line that each prints."""
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "../.."))
BUILD = os.environ.get("FAN_BUILD") or os.path.join(TOP, "build/release")
PATIENCE_S = 600


class Failed(Exception):
    """Something that is measured did not do its work."""


@dataclass(frozen=True)
class How:
    quick: bool
    pairs: int

    def many(self, full, quick):
        return quick if self.quick else full


def program(name):
    """A program of fan's, or one of the benchmarks' own."""
    folder = "bin" if name.startswith("fan") \
        and not name.startswith("fan-depth") else "testbin"
    return os.path.join(BUILD, folder, name)


def build():
    quiet = {"stdout": subprocess.DEVNULL, "check": True, "cwd": TOP}
    if "FAN_BUILD" not in os.environ:
        subprocess.run(["cmake", "--preset", "release",
                        "--log-level=WARNING"], **quiet)
    subprocess.run(["cmake", "--build", BUILD, "--target", "bench"], **quiet)


@contextlib.contextmanager
def folder():
    """On a disk, as results are; short, so that a socket's address fits."""
    path = tempfile.mkdtemp(prefix="fan-bench-",
                            dir=os.environ.get("TMPDIR", "/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def environment(**more):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("FAN_")}
    return {**clean, **more}


def output_of(*command, **how):
    """What a program prints; it must succeed."""
    done = subprocess.run([str(word) for word in command], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True,
                          timeout=PATIENCE_S, env=environment(), **how)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: exit code {done.returncode}: "
                     + done.stderr.strip())
    return done.stdout


def seconds_of(*command, **how):
    """How long a command takes; it must succeed."""
    began_s = time.monotonic()
    output_of(*command, **how)
    return time.monotonic() - began_s


def alternate(sides, pairs, warm=True):
    """Runs the sides in turns: {name: [a value of each turn]}."""
    values = {name: [] for name in sides}
    for turn in range(-1 if warm else 0, pairs):
        for name, side in sides.items():
            value = side()
            if turn >= 0:
                values[name].append(value)
    return values


def ratios(left, right):
    return [a / b for a, b in zip(left, right)]


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


@dataclass(frozen=True)
class Goal:
    text: str
    values: list
    least: float      # to be reached; at most, where less is better
    aim: float
    unit: str
    less: bool = False

    def middle(self):
        return statistics.median(self.values)

    def slack(self):
        """Below 1: missed."""
        return (self.least / self.middle() if self.less
                else self.middle() / self.least)


class Report:
    """Prints a row's tables as they come; keeps its goals."""

    def __init__(self, name):
        self.name = name
        self.goals = []

    def say(self, text):
        print("   " + text, flush=True)

    def side(self, text, values, unit):
        low, middle, high = (min(values), statistics.median(values),
                             max(values))
        self.say(f"{text:44} {number(low):>10} {number(middle):>10} "
                 f"{number(high):>10}  {unit}")

    def goal(self, goal):
        self.goals.append(goal)
        self.side(goal.text, goal.values, goal.unit)
        word = "at most" if goal.less else "at least"
        mark = "reached" if goal.slack() >= 1 else "MISSED"
        self.say(f"{'':8}{mark}: {word} {number(goal.least)}, "
                 f"aim {number(goal.aim)}")

    def compare(self, text, left, right, least, aim, unit="x"):
        self.goal(Goal(text, ratios(left, right), least, aim, unit))

    def compare_less(self, text, left, right, most, aim, unit="x"):
        self.goal(Goal(text, ratios(left, right), most, aim, unit, True))

    def holds(self):
        return bool(self.goals) and all(g.slack() >= 1 for g in self.goals)

    def last_line(self):
        if not self.goals:
            return f"{self.name}: nothing was measured"
        worst = min(self.goals, key=Goal.slack)
        return (f"{self.name}: {number(worst.middle())} "
                f"({number(min(worst.values))} .. "
                f"{number(max(worst.values))}) "
                f"{worst.unit} {worst.text}".rstrip())
