#!/usr/bin/env python3
"""The worker in a real run: ventilator and sink come from $FAN_BIN.

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
BIN = os.environ.get('FAN_BIN') or os.path.join(HERE, '../../build/dev/bin')
PATIENCE_S = 60


class Run:
    """A run in a folder of its own."""

    def __init__(self, command, values, **settings):
        self.folder = tempfile.mkdtemp(prefix='fan-python-')
        self.endpoint = 'ipc://%s/control' % self.folder
        self.processes = []
        plan = {'run-id': os.urandom(16).hex(), 'command': command,
                'sources': [':::', *values], 'working-directory': self.folder,
                'heartbeat': '100ms', 'liveness': '2s', **settings}
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

    def worker(self, *options):
        return self.start(sys.executable, '-B',
                          os.path.join(HERE, 'worker.py'), *options,
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

    def ends(self, run, ventilator, sink, worker, code=0):
        try:
            self.exits(ventilator, code)
            self.exits(sink, 0)
            self.exits(worker, 0)
        except AssertionError as error:
            raise AssertionError('%s\n%s' % (error, run.told())) from None

    def test_commands_run_and_are_recorded(self):
        run = self.run_of(
            ['sh', '-c', 'echo {} $FAN_TASK_ID $FAN_ATTEMPT {%}; cat; '
             'case {} in fails) exit 7;; dies) kill -9 $$;; '
             'hangs) sleep 1000;; esac'],
            ['fine', 'fails', 'dies', 'hangs'], stdin='true', timeout='300ms')
        parts = run.ventilator(), run.sink(), run.worker('-j', '1')
        self.ends(run, *parts, code=3)
        finals = run.finals()
        told = [finals[n] for n in (1, 2, 3, 4)]
        self.assertEqual([r['status'] for r in told],
                         ['ok', 'failed', 'failed', 'failed'])
        attempts = {r['task']: r for r in run.records()
                    if r.get('task') and r.get('status') == 'failed'
                    and not r.get('final')}
        self.assertEqual([attempts[n]['class'] for n in (2, 3, 4)],
                         ['exit', 'signal', 'timeout'])
        self.assertEqual(attempts[2]['exit'], 7)
        self.assertEqual(attempts[3]['signal'], 9)
        self.assertTrue(told[0]['stdout'].startswith('fine 1 1 1\n'))

    def test_a_function_is_called(self):
        run = self.run_of(['double', '{}'], ['4', '5', 'x'])
        parts = run.ventilator(), run.sink(), run.worker(
            '--call', 'double:double')
        self.ends(run, *parts, code=3)
        finals = run.finals()
        self.assertEqual([finals[n].get('stdout') for n in (1, 2)],
                         ['8\n', '10\n'])
        self.assertEqual(finals[3]['status'], 'failed')

    def test_a_thousand_tasks_are_recorded_once(self):
        run = self.run_of(['double', '{}'], [str(n) for n in range(1000)])
        parts = run.ventilator(), run.sink(), run.worker(
            '-j', '4', '--call', 'double:double')
        self.ends(run, *parts)
        finals = run.finals()
        self.assertEqual(len(finals), 1000)
        self.assertEqual(finals[1000]['stdout'], '1998\n')

    def test_a_killed_sink_costs_no_second_execution(self):
        run = self.gated(40)
        ventilator, sink, worker = run.ventilator(), run.sink(), run.worker(
            '-j', '4')
        run.started(4)
        sink.kill()
        sink.wait()
        run.open_gate()
        run.started(8)  # results are made that nobody takes
        self.ends(run, ventilator, run.sink(), worker)
        self.assertEqual(len(run.finals()), 40)
        self.assertEqual(len(run.starts()), 40)

    def test_a_killed_ventilator_finds_its_tasks_again(self):
        run = self.gated(40)
        ventilator, sink, worker = run.ventilator(), run.sink(), run.worker(
            '-j', '4')
        run.started(4)
        ventilator.kill()
        ventilator.wait()
        ventilator = run.ventilator()
        run.open_gate()
        self.ends(run, ventilator, sink, worker)
        self.assertEqual(len(run.finals()), 40)
        self.assertEqual(len(run.starts()), 40)

    def test_a_killed_workers_tasks_go_to_another(self):
        run = self.gated(12)
        ventilator, sink, worker = run.ventilator(), run.sink(), run.worker(
            '-j', '3')
        run.started(3)
        worker.kill()
        worker.wait()
        run.open_gate()
        self.ends(run, ventilator, sink, run.worker('-j', '3'))
        self.assertEqual(len(run.finals()), 12)

    def test_a_leaving_worker_gives_back_and_finishes(self):
        run = self.gated(12)
        ventilator, sink, worker = run.ventilator(), run.sink(), run.worker(
            '-j', '3')
        run.started(3)
        worker.send_signal(signal.SIGTERM)
        run.open_gate()
        self.exits(worker, 128 + signal.SIGTERM)
        self.ends(run, ventilator, sink, run.worker('-j', '3'))
        self.assertEqual(len(run.finals()), 12)
        self.assertEqual(len(run.starts()), 12)
        lost = [r for r in run.records() if r.get('status') == 'lost']
        self.assertEqual(lost, [])

    def test_another_runs_ventilator_is_told_from_ones_own(self):
        run = self.gated(2)
        ventilator, sink, worker = run.ventilator(), run.sink(), run.worker()
        run.started(2)
        for process in (ventilator, sink):
            process.kill()
            process.wait()
        with open(run.path('plan.yaml'), encoding='utf-8') as file:
            plan = file.read()
        with open(run.path('plan.yaml'), 'w', encoding='utf-8') as file:
            file.write(plan.replace('run-id: "', 'run-id: "ff', 1)
                       .replace(plan.split('"')[1], plan.split('"')[1][:30]))
        run.ventilator()
        self.exits(worker, 1)
        self.assertIn('refused', run.told())


if __name__ == '__main__':
    unittest.main()
