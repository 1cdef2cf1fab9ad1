"""jobs - runs one task: as a command of its own, or as a call of a function

Each job has a thread. What came of it is a dict of wire.put_result's fields.
"""
import collections
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import traceback

import wire

Rules = collections.namedtuple(
    'Rules',
    'run chdir seed stdin timeout_s grace_s output_max truncate retain_max '
    'message_max')


def seconds(text):
    """A duration as settings have it: 100ms, 10s, 5m, 2h, 1d."""
    units = {'ms': 0.001, 's': 1, 'm': 60, 'h': 3600, 'd': 86400}
    if text == b'unlimited':
        return None
    digits = text.decode().rstrip('dhms')
    return int(digits) * units[text.decode()[len(digits):]]


def size(text):
    """A size as settings have it: 1000, 64K, 64M, 1G."""
    digits = text.decode().rstrip('KMGT')
    unit = text.decode()[len(digits):]
    return int(digits) << 10 * (' KMGT'.index(unit) if unit else 0)


def rules_of(definition, run, message_max):
    """The settings that a worker heeds, from WELCOME."""
    output_max = size(definition.get(b'output-max', b'64M'))
    return Rules(
        run=definition.get(b'name', run.hex().encode()),
        chdir=definition.get(b'chdir'),
        seed=int(definition.get(b'seed', b'0')),
        stdin=definition.get(b'stdin') == b'true',
        timeout_s=seconds(definition.get(b'timeout', b'unlimited')),
        grace_s=seconds(definition.get(b'grace', b'20s')),
        output_max=min(output_max, (message_max - (1 << 20)) // 2),
        truncate=definition.get(b'truncate') == b'true',
        retain_max=size(definition.get(b'retain-max', b'256M')),
        message_max=message_max)


def identity():
    """This process, as HELLO tells it. Field 22 of /proc/self/stat is when it
    was started; the name in field 2 may hold anything."""
    with open('/proc/sys/kernel/random/boot_id', encoding='ascii') as file:
        boot = bytes.fromhex(file.read().strip().replace('-', ''))
    with open('/proc/self/stat', 'rb') as file:
        ticks = int(file.read().rpartition(b')')[2].split()[19])
    return {'pid': os.getpid(), 'pid_start': ticks, 'boot': boot,
            'host': socket.gethostname().encode()}


def task_seed(run_seed, task):
    """FAN_SEED: splitmix64 of the run's seed and the task's number."""
    mask = (1 << 64) - 1
    mixed = (run_seed + task * 0x9e3779b97f4a7c15) & mask
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9 & mask
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb & mask
    return mixed ^ mixed >> 31


class Job:
    """A task in its slot, until its thread says what came of it."""

    def __init__(self, task, slot, rules):
        self.task, self.slot, self.rules = task, slot, rules
        self.why = wire.SUCCEEDED  # the first reason to end it stands
        self.pid = None            # of its process group, while it is there
        self.lock = threading.Lock()

    def start(self, run, ended):
        def body():
            begun, start_us = time.monotonic_ns(), time.time_ns() // 1000
            outcome = run(self)
            outcome['start_us'] = start_us
            outcome['wall_us'] = (time.monotonic_ns() - begun) // 1000
            if self.task.alone:
                outcome['flags'] |= wire.RESULT_ALONE
            ended(self, outcome)
        threading.Thread(target=body, daemon=True).start()

    def arguments(self):
        """The words of the command, the slot's number put in at its marks."""
        words = list(self.task.command.args)
        for arg, offset in reversed(self.task.command.marks):
            words[arg] = (words[arg][:offset] + b'%d' % self.slot
                          + words[arg][offset:])
        return words

    def signal_group(self, number):
        with self.lock:
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, number)

    def stop(self, why):
        """TERM, and KILL after the grace time."""
        if self.why == wire.SUCCEEDED:
            self.why = why
            self.signal_group(signal.SIGTERM)
            after(self.rules.grace_s, self.kill)

    def kill(self):
        self.signal_group(signal.SIGKILL)


def after(delay_s, act, *arguments):
    timer = threading.Timer(delay_s, act, arguments)
    timer.daemon = True
    timer.start()
    return timer


def environment(job):
    task, command, rules = job.task, job.task.command, job.rules
    own = {b'FAN_RUN': rules.run, b'FAN_TASK_ID': b'%d' % task.task,
           b'FAN_ATTEMPT': b'%d' % (task.failures + 1),
           b'FAN_SLOT': b'%d' % job.slot,
           b'FAN_SEED': b'%d' % task_seed(rules.seed, task.task)}
    if command.flags & wire.COMMAND_INPUT and len(command.input) < 100000:
        own[b'FAN_TASK'] = command.input
    array = dict(command.values).get(b'array')
    if array:
        own[b'FAN_ARRAY_ID'] = array
    return {**os.environb, **own}


class Stream:
    """A task's stdout or stderr: captured, or a file that it asked for."""

    def __init__(self, job, path, to_file):
        self.rules, self.path = job.rules, None
        if to_file:
            self.path = os.path.join(job.rules.chdir or b'', path)
            os.makedirs(os.path.dirname(self.path) or b'.', exist_ok=True)
            self.file = open(self.path + b'.partial', 'wb')
        else:
            self.file = tempfile.TemporaryFile()

    def finish(self, keep):
        """(what was captured, was it too long)"""
        if self.path:
            if keep:
                os.rename(self.path + b'.partial', self.path)
            return b'', False
        self.file.seek(0)
        data = self.file.read(self.rules.output_max + 1)
        return data[:self.rules.output_max], len(data) > self.rules.output_max


def wait_for(job, pid):
    """(status, resource usage). The group is killed while the process is not
    reaped yet, so that its number cannot have become another's."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    job.kill()
    with job.lock:
        job.pid = None
        return os.wait4(pid, 0)[1:]


def run_process(job, streams):
    command, rules = job.task.command, job.rules
    with contextlib.ExitStack() as files:
        stdin = subprocess.DEVNULL
        if rules.stdin and command.flags & wire.COMMAND_INPUT:
            stdin = files.enter_context(tempfile.TemporaryFile())
            stdin.write(command.input)
            stdin.seek(0)
        for stream in streams:
            files.enter_context(stream.file)
        process = subprocess.Popen(
            job.arguments(), stdin=stdin, stdout=streams[0].file,
            stderr=streams[1].file, cwd=rules.chdir, env=environment(job),
            start_new_session=True)
        job.pid = process.pid
        if job.why:  # stopped before there was a process
            job.signal_group(signal.SIGTERM)
        timer = rules.timeout_s and after(rules.timeout_s, job.stop,
                                          wire.TIMEOUT)
        status, usage = wait_for(job, process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        if timer:
            timer.cancel()
        kept = [stream.finish(job.why != wire.CANCELLED)
                for stream in streams]
    return process.returncode, usage, kept


def run_command(job):
    command = job.task.command
    try:
        streams = [
            Stream(job, command.stdout_path,
                   command.flags & wire.COMMAND_STDOUT_FILE),
            Stream(job, command.stderr_path,
                   command.flags & wire.COMMAND_STDERR_FILE)]
        code, usage, kept = run_process(job, streams)
    except (OSError, ValueError) as error:
        return {'why': wire.SPAWN, 'flags': 0, 'note': str(error).encode()[:500]}
    (out, out_cut), (err, err_cut) = kept
    why, note = job.why, b''
    if not why and (out_cut or err_cut) and not job.rules.truncate:
        why, note = wire.OUTPUT, b'its output is longer than --output-max'
    if not why and code:
        why = wire.SIGNAL if code < 0 else wire.EXIT
    return {'why': why, 'exit': max(code, 0), 'signal': max(-code, 0),
            'flags': (wire.RESULT_STDOUT_CUT * out_cut
                      | wire.RESULT_STDERR_CUT * err_cut),
            'user_us': int(usage.ru_utime * 1e6),
            'sys_us': int(usage.ru_stime * 1e6),
            'maxrss_bytes': usage.ru_maxrss * 1024,
            'note': note, 'out': out, 'err': err}


def encoded(job, outcome, most):
    """The result of an ended job; without output where that is too much."""
    result = wire.put_result(job.task, job.slot, **outcome)
    if len(result) <= most:
        return result
    return wire.put_result(job.task, job.slot, **{
        **outcome, 'why': wire.OUTPUT, 'out': b'', 'err': b'',
        'note': b'its result is too large'})


def caller(function):
    """Runs tasks by calling `function`. Nothing can stop a call: a cancelled
    one is told as cancelled when it ends."""
    def run(job):
        begun = time.thread_time_ns()
        out, err, exit_code = b'', b'', 0
        try:
            out = function(job.arguments(), dict(job.task.command.values),
                           job.task.command.input) or b''
            out = out.encode() if isinstance(out, str) else bytes(out)
        except Exception:  # whatever it is, it is this task's failure
            err, exit_code = traceback.format_exc().encode(), 1
        why = job.why or (wire.EXIT if exit_code else wire.SUCCEEDED)
        if len(out) > job.rules.output_max:
            out, why = out[:job.rules.output_max], wire.OUTPUT
        return {'why': why, 'exit': exit_code, 'flags': 0, 'out': out,
                'err': err[:job.rules.output_max],
                'user_us': (time.thread_time_ns() - begun) // 1000}
    return run
