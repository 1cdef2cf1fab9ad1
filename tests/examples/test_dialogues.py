#!/usr/bin/env python3
"""examples/worker.py against a ventilator and a sink played by this test, who
say what real ones say only when something goes wrong. What the worker says is
read by the tables of docs/protocol.md."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '../..')
sys.path.insert(0, os.path.join(ROOT, 'tests/vectors'))
sys.path.insert(0, os.path.join(ROOT, 'examples'))
import vectors             # noqa: E402
import worker              # noqa: E402
from worker import sized   # noqa: E402

SPECIFICATION = vectors.read_tables(os.path.join(ROOT, 'docs/protocol.md'))
PATIENCE_MS = 30000
RUN, VENTILATOR, SINK = b'r' * 16, b'v' * 16, b's' * 16


def told(frame):
    """The fields of a message by name, as the specification reads them."""
    table = vectors.annotate(SPECIFICATION, frame).splitlines()[1:]
    lines = [line.split(' # ', 1)[1] for line in table]
    return dict(line.split(' = ') if ' = ' in line else (line, '')
                for line in lines) | {'sender': frame[36:52]}


def numbers(message, name):
    """The tasks that a list of refs names."""
    firsts = [(int(first), int(message[key.replace('.task', '.count')]))
              for key, first in message.items()
              if key.startswith(name + '[') and key.endswith('.task')]
    return [first + i for first, count in firsts for i in range(count)]


def deflated(frame):
    header = list(worker.HEADER.unpack_from(frame))
    body = zlib.compress(frame[worker.HEADER.size:])
    header[3], header[5:7] = 1, (len(body), header[5])
    return worker.HEADER.pack(*header) + body


class DialogueTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='fan-python-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.generation = 1
        self.control = self.bound(zmq.ROUTER, 'control')
        self.lane = self.bound(zmq.PUSH, 'lane1')
        self.results = self.bound(zmq.PULL, 'results')
        self.process = subprocess.Popen(
            [sys.executable, '-B', worker.__file__, self.endpoint('control')])
        self.addCleanup(self.stop)
        self.hello = self.heard(worker.HELLO)
        self.me = self.hello['sender']
        self.welcome(1, 'lane1')
        self.heard(worker.REPORT)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def endpoint(self, name):
        return 'ipc://%s/%s' % (self.folder, name)

    def bound(self, kind, name):
        opened = self.context.socket(kind)
        opened.bind(self.endpoint(name))
        self.addCleanup(opened.close, 0)
        return opened

    def received(self, opened):
        self.assertTrue(opened.poll(PATIENCE_MS), 'the worker says nothing')
        return opened.recv_multipart()

    def heard(self, kind, **wanted):
        """The next message of a type, with these values; others are passed."""
        while True:
            self.address, frame = self.received(self.control)
            message = told(frame)
            if frame[5] == kind and all(message.get(name) == str(value)
                                        for name, value in wanted.items()):
                return message

    def frame(self, kind, body):
        return worker.HEADER.pack(b'FAN1', 1, kind, 0, self.generation,
                                  len(body), 0, RUN, VENTILATOR) + body

    def say(self, kind, body):
        self.control.send_multipart([self.address, self.frame(kind, body)])

    def welcome(self, lane, name, liveness_ms=600000):
        self.say(worker.WELCOME, struct.pack('<BIIIQ', 1, lane, 100,
                                             liveness_ms, 1 << 24)
                 + struct.pack('<I', 1) + sized('H', b'') + SINK + sized('H', self.endpoint(name).encode())
                 + sized('H', self.endpoint('results').encode())
                 + struct.pack('<I', 1)
                 + sized('H', b'name') + sized('I', b'a name'))

    def tasks(self, number, tasks, lane=1, attempt=1, addressee=None, alone=0,
              pack=bytes):
        """TASKS, each a command of words."""
        body = struct.pack('<I16sQI', lane, addressee or self.me, number,
                           len(tasks))
        for task, words in tasks.items():
            command = (b'\0' + struct.pack('<H', len(words))
                       + b''.join(sized('I', w.encode()) for w in words)
                       + bytes(2 + 2 + 4 + 2 + 2))
            body += struct.pack('<QIIIHQQ16s', task, 0, attempt, 0, alone, 0, 0,
                                b'k' * 16) + sized('I', command)
        self.lane.send(pack(self.frame(worker.TASKS, body)))

    def refs(self, kind, task, count=1, attempt=1, generation=1):
        self.say(kind, struct.pack('<IQIII', 1, task, count, generation,
                                   attempt))

    def result(self, opened=None):
        return told(self.received(opened or self.results)[0])

    HANG = ('sleep', '1000')

    def test_recall_and_cancel(self):
        self.tasks(1, {n: self.HANG for n in range(1, 6)})
        report = self.heard(worker.REPORT, **{'running[0].task': 1})
        self.assertEqual(numbers(report, 'queued'), [2, 3, 4, 5])
        self.say(worker.RECALL, struct.pack('<II', 1, 2))
        returned = self.heard(worker.RETURNED)
        self.assertEqual(sorted(numbers(returned, 'tasks')), [4, 5])
        self.refs(worker.CANCEL, 2, attempt=9)  # another attempt: left alone
        self.refs(worker.CANCEL, 3)
        self.heard(worker.REPORT, **{'queued: 1': '', 'queued[0].task': 2})
        self.refs(worker.CANCEL, 1)
        result = self.result()
        self.assertEqual(result['results[0].task'], '1')
        self.assertEqual(result['results[0].class'], str(worker.CANCELLED))
        self.heard(worker.REPORT, **{'running[0].task': 2})

    def test_results_are_kept_until_they_are_retired(self):
        self.tasks(1, {1: ('echo', 'a')})
        self.assertEqual(self.result()['number'], '1')
        self.tasks(2, {2: ('echo', 'b')})
        second = self.result()
        self.assertEqual(second['results[0].out'], '"b\\x0a"')
        self.say(worker.RESEND, struct.pack('<Q', 0) + SINK
                 + sized('H', self.endpoint('results').encode()))
        self.assertEqual([self.result()['number'] for _ in '12'], ['1', '2'])
        self.say(worker.RETIRE, struct.pack('<Q', 9))  # never made: nothing
        self.say(worker.RETIRE, struct.pack('<Q', 1))
        self.heard(worker.REPORT, kept=2, made=2)
        other = self.bound(zmq.PULL, 'other')
        self.say(worker.RESEND, struct.pack('<Q', 2) + b't' * 16
                 + sized('H', self.endpoint('other').encode()))
        again = self.result(other)
        self.assertEqual((again['number'], again['kept']), ('2', '2'))
        self.assertEqual(again['results[0].out'], second['results[0].out'])

    def test_tasks_of_another_number_lane_or_worker_are_refused(self):
        self.tasks(2, {1: ('echo', 'gap')})
        self.tasks(1, {2: ('echo', 'other')}, addressee=b'x' * 16)
        self.tasks(1, {3: ('echo', 'lane')}, lane=7)
        self.tasks(1, {4: ('echo', 'taken')})
        self.tasks(1, {5: ('echo', 'twice')})
        self.assertEqual(self.result()['results[0].task'], '4')
        self.heard(worker.REPORT, received=1, dropped=4)

    def test_one_that_runs_alone(self):
        self.tasks(1, {1: ('echo',)}, alone=1)
        self.assertEqual(self.result()['results[0].flags'], '4')

    def test_a_deflated_message(self):
        self.tasks(1, {1: ('echo', 'small')}, pack=deflated)
        self.assertEqual(self.result()['results[0].out'], '"small\\x0a"')

    def test_a_command_that_is_not_there(self):
        self.tasks(1, {1: ('/nonexistent',), 2: ('echo', 'a')})
        result = self.result()
        self.assertEqual(result['results[0].class'], str(worker.SPAWN))
        self.assertIn('No such file', result['results[0].note'])
        self.assertEqual(self.result()['results[0].task'], '2')

    def test_another_ventilator(self):
        self.tasks(1, {1: self.HANG, 2: self.HANG})
        self.heard(worker.REPORT, **{'queued[0].task': 2})
        self.generation = 0  # not granted yet: it may say no more than this
        self.say(worker.REFUSED, struct.pack('<H', 1) + sized('H', b'HELLO'))
        hello = self.heard(worker.HELLO, lane=2)
        self.assertEqual(hello['running[0].task'], '1')
        self.assertEqual(hello['queued[0].task'], '2')
        self.assertEqual(hello['sender'], self.me)
        self.welcome(2, 'lane1')  # of generation 0: ignored
        self.heard(worker.HELLO, lane=2)
        self.generation = 2
        self.lane = self.bound(zmq.PUSH, 'lane2')
        self.welcome(2, 'lane2')
        self.heard(worker.REPORT, lane=2, received=0)
        self.tasks(1, {2: ('echo', 'newer')}, lane=2)
        self.heard(worker.REPORT, **{'queued[0].generation': 2})
        self.generation = 1  # the old one is not listened to
        self.refs(worker.CANCEL, 1)
        self.generation = 2
        self.refs(worker.CANCEL, 1)
        self.assertEqual(self.result()['results[0].task'], '1')
        last = self.result()
        self.assertEqual(last['results[0].generation'], '2')
        self.assertEqual(last['results[0].out'], '"newer\\x0a"')

    def test_silence(self):
        self.say(worker.REFUSED, struct.pack('<H', 1) + sized('H', b'HELLO'))
        self.heard(worker.HELLO, lane=2)
        self.welcome(2, 'lane2', liveness_ms=50)
        self.heard(worker.REPORT, lane=2)
        self.heard(worker.HELLO, lane=2)  # nothing was said to it since
        self.welcome(2, 'lane3')  # as if by another ventilator
        self.heard(worker.HELLO, lane=3)

    def test_noise_is_counted_and_survived(self):
        for parts in ([b''], [b'FAN1'], [b'x' * 60], [b'a', b'b'],
                      [self.frame(99, b'')], [self.frame(worker.RETIRE, b'')]):
            self.control.send_multipart([self.address, *parts])
        self.heard(worker.REPORT, dropped=6)

    def test_the_end(self):
        self.tasks(1, {1: ('echo', 'a')})
        self.result()
        self.say(worker.END, struct.pack('<BB11Q', 0, 1, *range(11)))
        bye = self.heard(worker.BYE)
        self.assertEqual((bye['reason'], bye['finished']), ('1', '1'))
        self.assertEqual(self.process.wait(PATIENCE_MS / 1000), 0)


if __name__ == '__main__':
    unittest.main()
