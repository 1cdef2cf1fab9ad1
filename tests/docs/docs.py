#!/usr/bin/env python3
"""docs - holds pages against the programs they tell of

usage: docs.py examples PAGE     runs the blocks that are marked runnable
       docs.py options PAGE      PAGE has each option of `fan VERB --help`
       docs.py names PAGE TOP    each test that PAGE names is there

The mark is a comment on the line before the block, in Markdown
<!-- runnable --> and in a manual page .\\" runnable; "runnable, exit 3" says
that another exit code than 0 is right. The blocks of a page run in their
order in one new folder, which holds a copy of files/. Programs come from the
folder in $FAN_BIN. Exit 0 when all is well, 1 when something is not.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("FAN_BIN") or os.path.join(HERE, "../../build/dev/bin")
PATIENCE_S = 60
MARK = re.compile(r'(?:<!--|\.\\") runnable(?:, exit (\d+))?(?: -->)?$')
ROFF = (("\\-", "-"), ("\\&", ""), ("\\e", "\\"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def block_of_page(lines):
    """The text from .Bd to .Ed, as one sees it."""
    text = "\n".join(lines[1:lines.index(".Ed")])
    for roff, plain in ROFF:
        text = text.replace(roff, plain)
    return text


def block_of_markdown(lines):
    """A fenced block, or the lines that are indented by four."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    if lines and lines[0].startswith("```"):
        return "\n".join(lines[1:lines.index("```", 1)])
    indented = []
    for line in lines:
        if line.strip() and not line.startswith("    "):
            break
        indented.append(line[4:])
    return "\n".join(indented)


def blocks(text):
    """(line, exit code, commands) of each marked block."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        mark = MARK.match(line)
        if not mark:
            continue
        rest = lines[number + 1:]
        roff = line.startswith(".")
        yield (number + 1, int(mark.group(1) or 0),
               block_of_page(rest) if roff else block_of_markdown(rest))


def run_block(folder, commands, code):
    """What is wrong with it; None when nothing is."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("FAN_")}
    environment["PATH"] = os.path.abspath(BIN) + ":" + environment["PATH"]
    if not commands.strip():
        return "an empty block"
    try:
        done = subprocess.run(
            ["sh", "-eu", "-c", commands], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return f"still running after {PATIENCE_S} s"
    if done.returncode == code:
        return None
    return (f"exit code {done.returncode}, not {code}\n"
            + done.stdout.decode(errors="replace"))


def examples(page):
    """Faults as (line, text); a page without a marked block has one."""
    faults, count = [], 0
    folder = tempfile.mkdtemp(prefix="fan-docs-")
    shutil.copytree(os.path.join(HERE, "files"), folder, dirs_exist_ok=True)
    try:
        for line, code, commands in blocks(read(page)):
            count += 1
            wrong = run_block(folder, commands, code)
            if wrong:
                faults.append((line, wrong))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # The sink's page has none: its example is the ventilator's.
    if count == 0 and not re.search(r"EXAMPLES\nSee\n", read(page)):
        faults.append((1, "no block is marked runnable"))
    return faults


def flags_of_help(name):
    verb = name.partition("-")[2]
    shown = subprocess.run(
        [os.path.join(BIN, "fan"), *([verb] if verb else []), "--help"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", shown, re.M))


def options(page):
    name = os.path.basename(page).removesuffix(".1")
    shown = subprocess.run(["mandoc", "-Tascii", page], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    shown = re.sub(".\b", "", shown)  # no overstrikes
    there = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", shown, re.M))
    missing = sorted(flags_of_help(name) - there)
    return [(1, f"{flag} is not in the page") for flag in missing]


def names(page, top):
    """Words like `tests/unit/test_x.c`, and `a_test_that_is_a_sentence`; of a
    command its program."""
    text = "\n".join(read(os.path.join(folder, file))
                     for folder, _, files in os.walk(os.path.join(top, "tests"))
                     for file in files if file.endswith((".c", ".py")))
    known = set(re.findall(r"\w+", text))
    faults = []
    for number, line in enumerate(read(page).split("\n"), 1):
        for word in re.findall(r"`([^`]+)`", line):
            if word.startswith("tests/"):
                if not os.path.exists(os.path.join(top, word.split()[0])):
                    faults.append((number, f"{word} is not there"))
            elif re.fullmatch(r"\w+_\w+_\w+", word) and word not in known:
                faults.append((number, f"there is no test {word}"))
    return faults


def main(arguments):
    checks = {"examples": examples, "options": options, "names": names}
    if len(arguments) < 2 or arguments[0] not in checks:
        print(__doc__, file=sys.stderr)
        return 2
    faults = checks[arguments[0]](*arguments[1:])
    for line, text in faults:
        print(f"{arguments[1]}:{line}: {text}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
