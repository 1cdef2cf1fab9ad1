#!/usr/bin/env python3
"""Holds wire.py against the messages of tests/vectors: what it makes are the
same bytes, and what it takes apart are the same values."""
import os
import unittest
import zlib

import wire

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       '../../tests/vectors')
RUN = bytes(range(1, 17))
SENDER = b'\xff\xfe\xfd' + bytes(13)
ID = b'\xaa\xbb\x03' + bytes(13)
GENERATION = 0x01020304
# Two refs: tasks 1 to 10, and 500 to 501 of another attempt.
ONE = [(500, 3, 4), (501, 3, 4)]
TWO = [(task, 1, 1) for task in range(1, 11)] + ONE
PAIRS = [(b'colour', b'red'), (b'', b'a\0b')]


def vector(name):
    with open(os.path.join(VECTORS, name + '.hex'), encoding='utf-8') as file:
        return bytes.fromhex(' '.join(l.split('#')[0] for l in file))


def fields(name):
    header, message = wire.open_frame(vector(name))
    assert header[1:] == (GENERATION, RUN, SENDER), header
    return message


class Makes(unittest.TestCase):
    def same(self, name, kind, body):
        made = wire.frame(kind, GENERATION, RUN, SENDER, body)
        self.assertEqual(made.hex(), vector(name).hex())

    def test_hello(self):
        self.same('hello', wire.HELLO, wire.put_hello(
            lane=11, slots=12, pid=13, pid_start=14, boot=ID, kept=15, made=16,
            host=b'node-1', queued=TWO, running=ONE, versions=(1, 2), flags=1,
            endpoint=b'tcp://10.0.0.1:5555'))

    def test_report(self):
        self.same('report', wire.REPORT, wire.put_report(
            lane=1, flags=wire.REPORT_FULL, received=3, kept=4, made=5,
            finished=6, busy_us=7, dropped=8, queued=TWO, running=ONE))

    def test_returned(self):
        self.same('returned', wire.RETURNED, wire.put_returned(3, TWO))

    def test_bye(self):
        self.same('bye', wire.BYE, wire.put_bye(1, 2, 3, 4))

    def test_results(self):
        values = [b'\x02\0' + b''.join(wire.put_text(n) + wire.put_bytes(v)
                                       for n, v in PAIRS), b'\0\0']
        results = []
        for raw in values:
            command = wire.Command(0, [], [], [], b'', b'', b'', raw)
            task = wire.Task(21, 22, 24, 0, 0, ID, command, 23)
            results.append(wire.put_result(
                task, slot=25, why=wire.TIMEOUT, flags=wire.RESULT_STDOUT_CUT,
                signal=9, exit=137, start_us=-26, wall_us=27, user_us=28,
                sys_us=29, maxrss_bytes=30, note=b'killed', out=b'out\n',
                err=b'err\n'))
        self.same('results', wire.RESULTS, wire.put_results(31, 32, results))

    def test_kept_in_a_frame_that_goes_again(self):
        self.same('results', wire.RESULTS, wire.set_kept(wire.set_kept(
            vector('results'), 7), 32)[wire.HEADER.size:])


class TakesApart(unittest.TestCase):
    def test_welcome(self):
        self.assertEqual(fields('welcome'), dict(
            version=1, lane=2, heartbeat_ms=3, liveness_ms=4,
            message_max=1 << 40, sink=ID, lane_endpoint=b'ipc://lane',
            results_endpoint=b'ipc://results', definition=PAIRS))

    def test_refused(self):
        self.assertEqual(fields('refused'), dict(code=6, text=b'too late'))

    def test_tasks(self):
        message = fields('tasks')
        first, second = message.pop('tasks')
        self.assertEqual(message, dict(lane=5, addressee=ID, number=6))
        self.assertEqual(first[:6], (100, 1, 3, 2, 1, b'\7\7' + bytes(14)))
        self.assertEqual(second[:6], (101, 2, 3, 2, 1, b'\x08' * 3 + bytes(13)))
        self.assertTrue(first.alone)
        command = first.command
        self.assertEqual(command.flags, wire.COMMAND_INPUT
                         | wire.COMMAND_STDERR_FILE)
        self.assertEqual(command.args, [b'sh', b'', b'\xff x'])
        self.assertEqual(command.marks, [(0, 2), (2, 0), (2, 3)])
        self.assertEqual(command.values, PAIRS)
        self.assertEqual(command[4:7], (b'{"n":1}', b'', b'err/1'))

    def test_small_ones(self):
        refs = [wire.Refs(500, 2, 3, 4)]
        self.assertEqual(fields('recall'), dict(lane=1, count=2))
        self.assertEqual(fields('cancel'), dict(tasks=refs))
        self.assertEqual(fields('retire'), dict(number=91))
        self.assertEqual(fields('resend'), dict(number=92, sink=ID,
                                                endpoint=b'ipc://sink'))
        self.assertEqual(fields('end'), dict(
            exit=3, reason=2, by_status=[1, 2, 3] + [0] * 8))

    def test_a_deflated_body(self):
        plain = vector('welcome')[wire.HEADER.size:]
        small = zlib.compress(plain)

        def deflated(body, size):
            return wire.HEADER.pack(b'FAN1', 1, wire.WELCOME, 1, GENERATION,
                                    len(body), size, RUN, SENDER) + body
        self.assertEqual(wire.open_frame(deflated(small, len(plain)))[1],
                         fields('welcome'))
        for body, size in ((small, len(plain) + 1), (small, len(plain) - 1),
                           (small[:-1], len(plain)), (small + b'x', len(plain)),
                           (small, 1 << 25), (small, 0)):
            with self.assertRaises(wire.Refused):
                wire.open_frame(deflated(body, size))


class Refuses(unittest.TestCase):
    HEARD = ('welcome', 'refused', 'tasks', 'recall', 'cancel', 'retire',
             'resend', 'end')

    def test_every_prefix_and_what_is_left_over(self):
        for name in self.HEARD:
            whole = vector(name)
            body = whole[wire.HEADER.size:]
            for size in [*range(len(body)), len(body) + 1]:
                with self.assertRaises(wire.Refused):
                    wire.open_frame(wire.frame(whole[5], 1, RUN, SENDER,
                                               (body + b'x')[:size]))
            for size in range(len(whole)):
                with self.assertRaises(wire.Refused):
                    wire.open_frame(whole[:size])

    def test_a_wrong_header(self):
        whole = vector('retire')
        for at, value in ((0, 0), (4, 2), (5, 0), (5, 99), (6, 2), (16, 1)):
            with self.assertRaises(wire.Refused):
                wire.open_frame(whole[:at] + bytes([value]) + whole[at + 1:])


if __name__ == '__main__':
    unittest.main()
