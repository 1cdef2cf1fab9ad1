#!/usr/bin/env python3
"""examples/worker.py in real runs, beside a worker of $FAN_BIN.

A task that shall last tells of its start through a FIFO and waits at another,
the gate, until the test opens it. Each wait has an end.
"""
import collections
import contextlib
import gzip
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '../..')
BIN = os.environ.get('FAN_BIN') or os.path.join(ROOT, 'build/dev/bin')
PATIENCE_S = 60


class Run:
    """A run in a folder of its own."""

    def __init__(self, command, values, **settings):
        self.folder = tempfile.mkdtemp(prefix='fan-python-')
        self.endpoint = 'ipc://%s/control' % self.folder
        self.processes = []
        self.id = os.urandom(16).hex()
        plan = {'run-id': self.id, 'command': command,
                'sources': [':::', *values], 'working-directory': self.folder,
                'heartbeat': '100ms', 'liveness': '30s', **settings}
        with open(self.path('plan.yaml'), 'w', encoding='utf-8') as file:
            for name, value in plan.items():
                file.write('%s: %s\n' % (name.replace('_', '-'),
                                         json.dumps(value)
                                         if isinstance(value, list)
                                         or name == 'run-id' else value))
        self.errors = open(self.path('errors'), 'wb')
        os.mkfifo(self.path('starts'))
        os.mkfifo(self.path('gate'))
        self.seen = b''
        self.announced = os.open(self.path('starts'),
                                 os.O_RDWR | os.O_NONBLOCK)
        self.gate = os.open(self.path('gate'), os.O_RDWR)

    def open_gate(self):
        """Lets all tasks go on that wait at it, now and later."""
        os.write(self.gate, b'\n' * 4096)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words):
        process = subprocess.Popen(words, stderr=self.errors, cwd=HERE)
        self.processes.append(process)
        return process

    def ventilator(self):
        return self.start(os.path.join(BIN, 'fan-ventilator'), self.endpoint,
                          '--plan', self.path('plan.yaml'),
                          '--dir', self.folder)

    def sink(self):
        return self.start(os.path.join(BIN, 'fan-sink'), self.endpoint,
                          '--results', self.path('results'))

    def python(self):
        return self.start(sys.executable, '-B',
                          os.path.join(ROOT, 'examples/worker.py'),
                          self.endpoint)

    def native(self):
        return self.start(os.path.join(BIN, 'fan-worker'), '-j', '1',
                          self.endpoint)

    def records(self):
        path = self.path('results/results.ndjson.gz')
        with gzip.open(path, 'rt', encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def finals(self):
        """Final records by task; fails if a task has two."""
        finals = [r for r in self.records() if r.get('final')]
        count = collections.Counter(r['task'] for r in finals)
        assert not count or max(count.values()) == 1, count
        return {r['task']: r for r in finals}

    def started(self, count):
        """Waits until `count` tasks have told that they start."""
        until = time.monotonic() + PATIENCE_S
        while len(self.starts()) < count:
            left = until - time.monotonic()
            assert left > 0, 'too few tasks started\n' + self.told()
            select.select([self.announced], [], [], left)

    def starts(self):
        """The numbers of the tasks that have started, in their order."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.seen += os.read(self.announced, 65536)
        return self.seen.decode().split()

    def told(self):
        """What the programs have said, and whether they are still there."""
        with open(self.path('errors'), encoding='utf-8') as file:
            return file.read() + '\n'.join(
                '%s: %s' % (process.args, process.poll())
                for process in self.processes)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.errors.close()
        os.close(self.announced)
        os.close(self.gate)
        shutil.rmtree(self.folder)


class WorkerTest(unittest.TestCase):
    def run_of(self, command, values, **settings):
        run = Run(command, values, **settings)
        self.addCleanup(run.close)
        return run

    def gated(self, count, **settings):
        """A run whose tasks tell that they start and wait for the gate."""
        return self.run_of(['sh', '-c', 'echo $FAN_TASK_ID > starts; '
                            'read x < gate; echo done {}'],
                           [str(n) for n in range(count)], **settings)

    def exits(self, process, code):
        try:
            self.assertEqual(process.wait(PATIENCE_S), code)
        except subprocess.TimeoutExpired:
            self.fail('still there')

    def ends(self, run, *processes, code=0):
        """The ventilator with this code, and all others with success."""
        try:
            for process in processes:
                self.exits(process, code if process is processes[0] else 0)
        except AssertionError as error:
            raise AssertionError('%s\n%s' % (error, run.told())) from None

    def test_commands_run_and_are_recorded(self):
        run = self.run_of(
            ['sh', '-c', 'echo {} $FAN_TASK_ID $FAN_ATTEMPT {%}; echo e >&2; '
             'case {} in fails) exit 7;; dies) kill -9 $$;; esac'],
            ['fine', 'fails', 'dies'])
        self.ends(run, run.ventilator(), run.sink(), run.python(), code=3)
        finals = run.finals()
        self.assertEqual([finals[n]['status'] for n in (1, 2, 3)],
                         ['ok', 'failed', 'failed'])
        self.assertEqual((finals[1]['stdout'], finals[1]['stderr']),
                         ('fine 1 1 1\n', 'e\n'))
        failed = {r['task']: r for r in run.records()
                  if r.get('status') == 'failed' and not r.get('final')}
        self.assertEqual((failed[2]['class'], failed[2]['exit']), ('exit', 7))
        self.assertEqual((failed[3]['class'], failed[3]['signal']),
                         ('signal', 9))

    def both(self, count, **settings):
        """A run of gated tasks, in which each of the two workers has begun
        one. They have one slot each."""
        run = self.gated(count, **settings)
        roles = (run.ventilator(), run.sink(), run.native(), run.python())
        run.started(2)
        return (run, *roles)

    def all_are_recorded(self, run, count, starts):
        """Each once, with its output; and `starts` executions of all."""
        finals = run.finals()
        self.assertEqual(sorted(finals), list(range(1, count + 1)))
        for number, record in finals.items():
            self.assertEqual(record['stdout'], 'done %d\n' % (number - 1))
        self.assertEqual(len(run.starts()), starts)

    def test_a_native_worker_and_this_one_serve_a_run_together(self):
        run, *roles = self.both(200)
        run.open_gate()
        self.ends(run, *roles)
        self.all_are_recorded(run, 200, starts=200)
        self.assertEqual(
            len({r['worker'] for r in run.finals().values()}), 2)

    def test_a_killed_ventilator_finds_its_tasks_again(self):
        run, ventilator, *others = self.both(40)
        ventilator.kill()
        ventilator.wait()
        ventilator = run.ventilator()
        run.open_gate()
        self.ends(run, ventilator, *others)
        self.all_are_recorded(run, 40, starts=40)

    def test_a_killed_sink_costs_no_second_execution(self):
        run, ventilator, sink, *workers = self.both(40)
        sink.kill()
        sink.wait()
        run.open_gate()
        run.started(4)  # results are made that nobody takes
        self.ends(run, ventilator, run.sink(), *workers)
        self.all_are_recorded(run, 40, starts=40)

    def test_what_a_killed_worker_ran_goes_to_the_other(self):
        run, ventilator, sink, native, python = self.both(12, liveness='2s')
        python.kill()
        python.wait()
        run.open_gate()
        self.ends(run, ventilator, sink, native)
        self.all_are_recorded(run, 12, starts=13)

    def test_what_a_worker_ran_that_leaves_goes_to_the_other(self):
        run, ventilator, sink, native, python = self.both(12)
        python.terminate()
        self.exits(python, 128 + signal.SIGTERM)
        run.open_gate()
        self.ends(run, ventilator, sink, native)
        self.all_are_recorded(run, 12, starts=13)

    def test_what_a_killed_native_worker_ran_goes_to_this_one(self):
        run, ventilator, sink, native, python = self.both(12)
        native.kill()
        native.wait()
        run.open_gate()
        self.ends(run, ventilator, sink, python)
        self.all_are_recorded(run, 12, starts=13)

    def test_another_runs_ventilator_is_told_from_ones_own(self):
        run = self.gated(2, liveness='1s')  # of silence, then HELLO again
        ventilator, sink, worker = run.ventilator(), run.sink(), run.python()
        run.started(1)
        for process in (ventilator, sink):
            process.kill()
            process.wait()
        with open(run.path('plan.yaml'), encoding='utf-8') as file:
            plan = file.read()
        with open(run.path('plan.yaml'), 'w', encoding='utf-8') as file:
            file.write(plan.replace(run.id, os.urandom(16).hex()))
        run.ventilator()
        self.exits(worker, 1)
        self.assertIn('refused', run.told())


if __name__ == '__main__':
    unittest.main()
