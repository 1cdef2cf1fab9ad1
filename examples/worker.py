#!/usr/bin/python3
"""A worker written from docs/protocol.md alone, with Debian's python3-zmq: worker.py ENDPOINT

It runs tasks one at a time, beside native workers or without them, until the ventilator says END.
It speaks the whole protocol, but does less for a command than fan-worker: no timeout, output-max,
retain-max, delay, compat, live output, files for stdout and stderr, FAN_SEED, FAN_ARRAY_ID; and
no drain: at SIGTERM it kills its task, says BYE, and the ventilator gives the task to another.
"""
import collections, os, signal, struct, subprocess, sys, tempfile, time, zlib, zmq

HELLO, WELCOME, REFUSED, TASKS, REPORT, RECALL, RETURNED, CANCEL, RESULTS = range(1, 10)
RETIRE, RESEND, END, BYE = 11, 12, 16, 17
EXIT, SIGNAL, SPAWN, OUTPUT, CANCELLED = 1, 2, 6, 7, 9  # failure classes
Task = collections.namedtuple('Task', 'number round attempt failures flags key command generation')

class Fields:
    """Takes one field after another off a body. A body that is cut short raises struct.error."""
    def __init__(self, data):
        self.data, self.at = data, 0
    def take(self, codes):  # by their struct codes: a tuple, or the value itself if it is one
        values = struct.unpack_from('<' + codes, self.data, self.at)
        self.at += struct.calcsize('<' + codes)
        return values if len(values) > 1 else values[0]
    def bytes(self, size='I'):  # 'H': a text or a path
        return self.take('%ds' % self.take(size))
    def list(self, entry, count='I'):  # 'H': a short list
        return [entry() for _ in range(self.take(count))]
    def end(self, accepted=True):  # before anything is done about it
        if self.at != len(self.data) or not accepted:
            raise ValueError('bytes left over, or not for us')

def read_frame(frame):
    """(type, generation, run, Fields) of a message."""
    magic, version, kind, deflated, generation, size, inflated, run, _ = struct.unpack(
        '<4sBBHIII16s16s', frame[:52])
    body = frame[52:]
    if (magic, version, size, deflated) != (b'FAN1', 1, len(body), inflated > 0) \
            or max(size, inflated) > (64 << 20) - 52:
        raise ValueError('not a message of this protocol')
    if deflated:
        inflater = zlib.decompressobj()
        body = inflater.decompress(body, inflated + 1)
        if len(body) != inflated or not inflater.eof or inflater.unused_data:
            raise ValueError('it does not inflate to the size it told')
    return kind, generation, run, Fields(body)

def read_command(f):
    """(arguments, values as they came, input) of a command; its slot is number 1."""
    _, args = f.take('B'), f.list(f.bytes, 'H')
    for arg, offset in reversed(f.list(lambda: f.take('HI'), 'H')):
        args[arg] = args[arg][:offset] + b'1' + args[arg][offset:]
    begin = f.at
    f.list(lambda: (f.bytes('H'), f.bytes()), 'H')
    values, stdin, _ = f.data[begin:f.at], f.bytes(), (f.bytes('H'), f.bytes('H'))
    f.end(args)
    return args, values, stdin

def refs(tasks):
    entries = [struct.pack('<QIII', t.number, 1, t.generation, t.attempt) for t in tasks]
    return struct.pack('<I', len(entries)) + b''.join(entries)

class Worker:
    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.control = self.connect(zmq.DEALER, endpoint, linger=1000)  # so that BYE leaves
        self.me, self.run, self.generation, self.settings = os.urandom(16), bytes(16), 0, {}
        self.lane, self.number, self.received = None, 1, 0  # PULL, once we are WELCOME; its number
        self.push = self.sink = None      # PUSH, and the (endpoint, incarnation) that it goes to
        self.queue, self.running = {}, None  # tasks by number, in their order; the one that runs
        self.kept, self.made = {}, 0      # results by number until RETIRE; the last number
        self.finished = self.busy_us = self.dropped = self.reason = 0
        self.due = self.said = self.heard = 0  # HELLO or REPORT: the next, the last; control

    def connect(self, kind, endpoint, linger=0):
        link = self.context.socket(kind)
        link.set_hwm(0)
        link.linger = linger
        link.connect(endpoint)
        return link

    def send(self, link, kind, body):
        link.send(struct.pack('<4sBBHIII16s16s', b'FAN1', 1, kind, 0, self.generation, len(body), 0,
                              self.run, self.me) + body)

    def speak(self):
        """HELLO until WELCOME comes, and again when all is silent; else REPORT."""
        now, kept = time.monotonic(), min(self.kept, default=self.made + 1)
        held = refs(self.queue.values()) + refs([self.running] if self.running else [])
        if not self.lane or now > self.heard + self.liveness:
            self.send(self.control, HELLO, struct.pack(
                '<BBBBIIIQ16sQQHH', 1, 1, 2, 0, self.number, 1, os.getpid(), 0, bytes(16), kept,
                self.made, 0, 0) + held)  # of our host we tell nothing
            self.due = now + 1
        else:
            self.send(self.control, REPORT, struct.pack(
                '<IIQQQQQQ', self.number, 0, self.received, kept, self.made, self.finished,
                self.busy_us, self.dropped) + held)
            self.due = now + self.heartbeat
        self.said = now

    def changed(self):
        """What REPORT tells: at once if we are idle, else not more often than each 10 ms."""
        self.due = min(self.due, self.said + (0.01 if self.queue or self.running else 0))

    def greet_again(self):
        """With a new lane. What the old one has unread is dropped; tasks and results stay."""
        self.lane.close()
        self.lane, self.number, self.received, self.due = None, self.number + 1, 0, 0

    def push_results(self, endpoint, sink, number):
        """From a number on; all that we keep if the sink is new here."""
        if endpoint and self.sink != (endpoint, sink):
            if self.push:
                self.push.close()
            self.push, self.sink, number = self.connect(zmq.PUSH, endpoint), (endpoint, sink), 0
        for made in self.kept if self.push else ():
            if made >= number:
                self.send(self.push, RESULTS, struct.pack('<QQI', made, min(self.kept), 1)
                          + self.kept[made])

    def hear(self, link):
        parts = link.recv_multipart()
        try:
            kind, generation, run, f = read_frame(parts[0] if len(parts) == 1 else b'')
            if kind != REFUSED:  # which may be of another run, or say no generation yet
                if generation < self.generation or self.run not in (run, bytes(16)):
                    raise ValueError('of another run, or of a ventilator of the past')
                self.generation = generation
            if link is self.control:
                self.heard = time.monotonic()
            elif kind != TASKS:
                raise ValueError('not said on a lane')
            self.HEAR[kind](self, f, run)
        except (ValueError, LookupError, struct.error, zlib.error):
            self.dropped += 1

    def hear_welcome(self, f, run):
        _, number, heartbeat, liveness, message_max, sink = f.take('BIIIQ16s')
        lane_endpoint, results_endpoint = f.bytes('H'), f.bytes('H')
        settings = f.list(lambda: (f.bytes('H'), f.bytes()))
        f.end(number == self.number)
        if not self.lane:
            self.run, self.settings, self.message_max = run, dict(settings), message_max
            self.heartbeat, self.liveness = heartbeat / 1000, liveness / 1000
            self.lane, self.lane_endpoint = self.connect(zmq.PULL, lane_endpoint), lane_endpoint
            self.due = 0
        elif lane_endpoint != self.lane_endpoint:  # another ventilator's lane
            return self.greet_again()
        self.push_results(results_endpoint, sink, self.made + 1)

    def hear_refused(self, f, _):
        code, why = f.take('H'), f.bytes('H')
        f.end()
        if code == 1 and self.lane:  # this ventilator does not know us
            self.greet_again()
        elif code not in (1, 5, 8):  # with which we go on saying HELLO; 4: the run is complete
            sys.exit(0 if code == 4 else 'refused: %r' % why)

    def hear_tasks(self, f, _):
        lane, addressee, number = f.take('I16sQ')
        tasks = f.list(lambda: Task(*f.take('QIIIH16s'), read_command(Fields(f.bytes())),
                                    self.generation))
        f.end((lane, addressee, number) == (self.number, self.me, self.received + 1))
        self.received = number
        for new in tasks:  # an attempt that is here, or an older one, is ignored
            if all((old.generation, old.attempt) < (new.generation, new.attempt)
                   for old in [*self.queue.values(), self.running]
                   if old and old.number == new.number):
                self.queue[new.number] = new
        self.changed()
