"""fancoprocess - tasks of `fan run --coprocess` in Python

    import fancoprocess

    model = ...                      # once per process

    @fancoprocess.task
    def answer(task):
        return model.predict(task.input)

    fancoprocess.run()

One file, and nothing but the standard library: copy it beside your program.
The function gets a task with

    number, attempt, seed    of the task (whole numbers)
    args                     a list of texts: what stands after --, or the values
    input                    with --ndjson the object; with --header a dict of the
                             columns; else None

What it returns becomes the task's result: bytes as they are, else a line of JSON. An
exception makes the task fail, with its traceback; the process goes on with the
next task. What is printed, by whomever, goes to the task's standard error: the
pipe to fan is known here only.

The protocol is told in docs/coprocess.md; this is its binary framing.
"""
import json
import os
import struct
import sys
import traceback

__all__ = ["Task", "task", "run"]

TASK = struct.Struct("<IQQII")   # size, task, seed, attempt, size of args
ANSWER = struct.Struct("<IQB")   # size, task, status
AROUND_ARGS = TASK.size - 4      # what `size` counts beside args and input
AROUND_VALUE = ANSWER.size - 4

_function = None


class Task:
    """What there is to do."""
    __slots__ = ("number", "seed", "attempt", "_args", "_input")

    def __init__(self, number, seed, attempt, args, given):
        self.number = number
        self.seed = seed
        self.attempt = attempt
        self._args = args
        self._input = given

    @property
    def args(self):
        """Bytes that are no UTF-8 are as in os.fsdecode."""
        return [text.decode("utf-8", "surrogateescape")
                for text in self._args.split(b"\0")[:-1]]

    @property
    def input(self):
        return json.loads(self._input) if self._input else None


def task(function):
    """Makes this the function that does the tasks."""
    global _function
    _function = function
    return function


def _take_pipes():
    """The pipes to fan, where neither the program nor what it starts finds
    them."""
    tasks, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # who has it already
    sys.stdout = sys.stderr
    return tasks, answers


def _read(tasks, size):
    """Just so much: what follows is fan's until it is read. Short at the
    end."""
    data = os.read(tasks, size)
    while len(data) < size:
        more = os.read(tasks, size - len(data))
        if not more:
            break
        data += more
    return data


def _write(answers, data):
    done = os.write(answers, data)
    while done < len(data):
        done += os.write(answers, data[done:])


def _bytes_of(result):
    if isinstance(result, (bytes, bytearray)):
        return result
    if result is None:  # to ask for an encoder takes as long as all the rest
        return b"null\n"
    return json.dumps(result).encode() + b"\n"


def run():
    """Does tasks until there are no more."""
    if not _function:
        raise RuntimeError("no function was made the task's by "
                           "@fancoprocess.task")
    function, flush = _function, sys.stderr.flush
    tasks, answers = _take_pipes()
    _write(answers, b'{"fan": 1, "framing": "binary"}\n')
    while len(head := _read(tasks, TASK.size)) == TASK.size:
        size, number, seed, attempt, args = TASK.unpack(head)
        body = _read(tasks, size - AROUND_ARGS) if size > AROUND_ARGS else b""
        try:
            status, value = 0, _bytes_of(function(Task(
                number, seed, attempt, body[:args], body[args:])))
        except Exception:
            status, value = 1, traceback.format_exc().encode(
                "utf-8", "backslashreplace")
        flush()
        _write(answers, ANSWER.pack(AROUND_VALUE + len(value), number, status)
               + value)
