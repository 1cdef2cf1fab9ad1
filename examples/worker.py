#!/usr/bin/python3
"""A worker written from docs/protocol.md alone, with Debian's python3-zmq: worker.py ENDPOINT

It runs tasks one at a time, beside native workers or without them, until the ventilator says END.
It speaks the whole protocol, but does less for a command than fan-worker: no timeout, output-max,
retain-max, delay, compat, live output, standard input, files for output, FAN_SEED, FAN_ARRAY_ID;
no drain either: at SIGTERM it kills its task, says BYE, and another worker gets the task.
"""
import collections, io, os, signal, struct, subprocess, sys, tempfile, time, zlib, zmq

HELLO, WELCOME, REFUSED, TASKS, REPORT, RECALL, RETURNED, CANCEL, RESULTS = range(1, 10)
RETIRE, RESEND, END, BYE = 11, 12, 16, 17
EXIT, SIGNAL, SPAWN, OUTPUT, CANCELLED = 1, 2, 6, 7, 9  # failure classes; 0: none
HEADER = struct.Struct('<4sBBHIII16s16s')
# What a worker hears, field by field: struct codes, and what is counted: (code of the count, fields
# of an entry; none for bytes).
COUNTED = {'text': ('H', ''), 'bytes': ('I', ''), 'args': ('H', 'bytes'), 'marks': ('H', 'H I'),
           'values': ('H', 'text bytes'), 'definition': ('I', 'text bytes'),
           'refs': ('I', 'Q I I I'), 'tasks': ('I', 'Q I I I H Q Q 16s bytes')}
HEARD = {WELCOME: 'B I I I Q I text 16s text text definition', REFUSED: 'H text', TASKS: 'I 16s Q tasks',
         RECALL: 'I I', CANCEL: 'refs', RETIRE: 'Q', RESEND: 'Q 16s text', END: 'B B' + 11 * ' Q'}
COMMAND = 'B args marks values bytes text text'
Task = collections.namedtuple('Task', 'number round attempt failures flags timeout_ms mem_max key command generation')

def check(accepted):
    if not accepted:
        raise ValueError('the message is to be dropped')

def take(types, body):
    """The next fields of a body. One that is too short makes a struct.error."""
    fields = []
    for name in types.split():
        code, entry = COUNTED.get(name, (name, None))
        field, = struct.unpack('<' + code, body.read(struct.calcsize('<' + code)))
        if entry:
            field = [take(entry, body) for _ in range(field)]
        elif entry == '':
            field, = struct.unpack('%ds' % field, body.read(field))
        fields.append(field)
    return fields

def parse(types, data):
    body = io.BytesIO(data)
    fields = take(types, body)
    check(not body.read())  # nothing left over
    return fields

def parse_frame(frame):
    """(type, generation, run, fields) of a message."""
    magic, version, kind, flags, generation, size, inflated, run, _ = HEADER.unpack_from(frame)
    body = frame[HEADER.size:]
    check((magic, version, flags, size) == (b'FAN1', 1, inflated > 0, len(body)))
    check(max(size, inflated) <= (64 << 20) - HEADER.size)
    if flags:
        inflater = zlib.decompressobj()
        body = inflater.decompress(body, inflated + 1)
        check(len(body) == inflated and inflater.eof and not inflater.unused_data)
    return kind, generation, run, parse(HEARD[kind], body)

def sized(code, data):  # a text: 'H', or bytes: 'I'
    return struct.pack('<' + code, len(data)) + data

def refs(tasks):
    return struct.pack('<I', len(tasks)) + b''.join(
        struct.pack('<QIII', t.number, 1, t.generation, t.attempt) for t in tasks.values())

class Worker:
    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.context.sndhwm = self.context.rcvhwm = self.context.linger = 0
        self.control = self.connect(zmq.DEALER, endpoint)
        self.me, self.run, self.generation = os.urandom(16), bytes(16), 0
        self.lane, self.lane_number, self.received = None, 1, 0  # no PULL until HELLO is answered
        self.push, self.sink = None, (b'', b'')  # the PUSH: endpoint and incarnation it goes to
        self.queue, self.running = {}, {}        # tasks by number, in their order
        self.retained, self.made = {}, 0         # results by number until RETIRE; their last
        self.busy_us = self.dropped = self.reason = 0
        self.due = self.said = self.heard = 0    # HELLO or REPORT: next and last; when last heard

    def connect(self, kind, endpoint):
        link = self.context.socket(kind)
        link.connect(endpoint)
        return link

    def send(self, link, kind, body):
        link.send(HEADER.pack(b'FAN1', 1, kind, 0, self.generation, len(body), 0, self.run, self.me)
                  + body)

    def speak(self):
        """HELLO until it is answered, and when nothing is heard any more; else REPORT."""
        self.said, kept = time.monotonic(), min(self.retained, default=self.made + 1)
        if not self.lane or self.said >= self.heard + self.liveness:
            self.due = self.said + 1  # of our process and host it tells nothing: 0 and empty
            self.send(self.control, HELLO, struct.pack(
                '<BBBBIIIQ16sQQHH', 1, 1, 2, 0, self.lane_number, 1, 0, 0, bytes(16), kept,
                self.made, 0, 0) + refs(self.queue) + refs(self.running) + bytes(4))
        else:
            self.due = self.said + self.heartbeat
            self.send(self.control, REPORT, struct.pack(
                '<IIQQQQQQ', self.lane_number, 0, self.received, kept, self.made, self.made,
                self.busy_us, self.dropped) + refs(self.queue) + refs(self.running))

    def changed(self):  # REPORT at once if we are idle, else not within 10 ms of the last
        self.due = min(self.due, self.said + (0.01 if self.queue or self.running else 0))

    def greet_again(self):
        """With a new lane: what is unread of the old one is dropped. Tasks and results stay."""
        self.lane.close()
        self.lane, self.lane_number, self.received, self.due = None, self.lane_number + 1, 0, 0

    def push_from(self, number, endpoint, sink):
        """Pushes the results from a number on; to a sink that is new here, all we retain."""
        if endpoint and self.sink != (endpoint, sink):
            if self.push:
                self.push.close()
            self.push, self.sink, number = self.connect(zmq.PUSH, endpoint), (endpoint, sink), 0
        for made in self.retained if self.push else ():
            if made >= number:
                self.send(self.push, RESULTS, struct.pack('<QQI', made, min(self.retained), 1)
                          + self.retained[made])

    def hear(self, link):
        parts = link.recv_multipart()
        check(len(parts) == 1)
        kind, generation, run, fields = parse_frame(parts[0])
        check((kind == TASKS) == (link is self.lane))
        if kind != REFUSED:  # which may be of another run, or of generation 0
            check(self.run in (run, bytes(16)) and generation >= self.generation)
            self.generation = generation
        self.heard = time.monotonic()
        if kind == WELCOME:
            (_, number, heartbeat, liveness, message_max, _, _, sink, lane, results,
             definition) = fields
            check(number == self.lane_number)
            if self.lane and lane != self.lane_endpoint:  # another ventilator's
                return self.greet_again()
            if not self.lane:
                self.run, self.definition, self.message_max = run, dict(definition), message_max
                self.heartbeat, self.liveness = heartbeat / 1000, liveness / 1000
                self.lane, self.lane_endpoint, self.due = self.connect(zmq.PULL, lane), lane, 0
            self.push_from(self.made + 1, results, sink)
        elif kind == REFUSED:
            code, why = fields
            if code == 1 and self.lane:    # this ventilator does not know us
                self.greet_again()
            elif code not in (1, 5, 8):    # with which HELLO goes on; 4: the run is complete
                sys.exit(0 if code == 4 else 'refused: ' + why.decode(errors='replace'))
        elif kind == TASKS:
            lane, addressee, number, tasks = fields
            check((lane, addressee, number) == (self.lane_number, self.me, self.received + 1))
            self.received = number
            for task in (Task(*fields, generation) for fields in tasks):
                held = [self.queue.get(task.number), self.running.get(task.number)]
                if all((t.generation, t.attempt) < (generation, task.attempt) for t in held if t):
                    self.queue[task.number] = task  # in the place of an older attempt
            self.changed()
        elif kind == RECALL:
            lane, count = fields
            check(lane == self.lane_number)
            last = dict(self.queue.popitem() for _ in range(min(count, len(self.queue))))
            self.send(self.control, RETURNED, struct.pack('<I', lane) + refs(last))
            self.changed()
        elif kind == CANCEL:
            for first, count, *attempt in fields[0]:
                def named(tasks):
                    return [n for n, t in tasks.items() if first <= n < first + count
                            and [t.generation, t.attempt] == attempt]
                for number in named(self.queue):
                    del self.queue[number]
                if named(self.running):
                    self.cancelled = True
                    os.killpg(self.process.pid, signal.SIGKILL)
            self.changed()
        elif kind == RETIRE:
            check(fields[0] <= self.made)
            self.retained = {n: r for n, r in self.retained.items() if n > fields[0]}
        elif kind == RESEND:
            number, sink, endpoint = fields
            self.push_from(number, endpoint, sink)
        elif kind == END:
            self.reason = fields[1]
            sys.exit(0)

    def start(self):
        """Starts the next task, if none runs."""
        while self.queue and not self.running:
            task = self.queue.pop(next(iter(self.queue)))
            self.running, self.values, self.cancelled = {task.number: task}, [], False
            self.began, self.began_utc = time.monotonic_ns(), time.time_ns()
            self.outputs = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
            try:
                flags, args, marks, self.values, given, *_ = parse(COMMAND, task.command)
                args = [arg for arg, in args]
                for arg, offset in reversed(marks):  # where the slot's number goes in
                    args[arg] = args[arg][:offset] + b'1' + args[arg][offset:]
                own = {'FAN_TASK_ID': str(task.number), 'FAN_ATTEMPT': str(task.failures + 1),
                       'FAN_RUN': self.definition.get(b'name', self.run.hex()), 'FAN_SLOT': '1',
                       **({'FAN_TASK': given} if flags & 1 and len(given) < 100000 else {})}
                self.process = subprocess.Popen(  # in a process group of its own
                    args, stdin=subprocess.DEVNULL, stdout=self.outputs[0], stderr=self.outputs[1],
                    env={**os.environ, **own}, cwd=self.definition.get(b'chdir'),
                    start_new_session=True)
                self.ended = os.pidfd_open(self.process.pid)
            except (OSError, ValueError, LookupError, struct.error) as error:
                self.tell(SPAWN, 0, str(error).encode()[:1024])

    def finish(self):
        """The process has ended. What it left behind is killed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        os.close(self.ended)
        why = SIGNAL if code < 0 else EXIT if code else 0
        self.tell(CANCELLED if self.cancelled else why, code)

    def tell(self, why, code, note=b''):
        """One RESULTS of one result, retained and pushed. Too long an output is left out."""
        (t,), wall_us = self.running.values(), (time.monotonic_ns() - self.began) // 1000
        output = b''
        for file in self.outputs:
            file.seek(0)
            output += sized('I', file.read(self.message_max))
        if len(output) + len(t.command) + 2048 > self.message_max:
            why, note, output = OUTPUT, b'its output is too long', bytes(8)
        self.made, self.busy_us, self.running = self.made + 1, self.busy_us + wall_us, {}
        self.retained[self.made] = struct.pack(
            '<QIII16sBBBBIqQQQQ', t.number, t.round, t.generation, t.attempt, t.key, why,
            4 * (t.flags & 7), max(-code, 0), max(code, 0), 1, self.began_utc // 1000, wall_us,
            0, 0, 0) + sized('H', note) + struct.pack('<H', len(self.values)) + b''.join(
            sized('H', name) + sized('I', value) for name, value in self.values) + output
        self.push_from(self.made, *self.sink)
        self.changed()

    def serve(self, signals):
        """Starts, speaks, waits for something to happen, and sees to it; until sys.exit."""
        while True:
            self.start()
            if time.monotonic() >= self.due:
                self.speak()
            poller = zmq.Poller()
            sources = [signals, self.control, self.lane, self.running and self.ended]
            for source in filter(None, sources):
                poller.register(source, zmq.POLLIN)
            for source, _ in poller.poll(max(0, self.due - time.monotonic()) * 1000 + 1):
                if source == signals:
                    sys.exit(128 + os.read(signals, 1)[0])
                elif self.running and source == self.ended:
                    self.finish()
                elif source in (self.control, self.lane):
                    try:
                        self.hear(source)
                    except (ValueError, LookupError, struct.error, zlib.error):
                        self.dropped += 1

    def leave(self):
        if self.running:  # it has not failed by itself: no result
            os.killpg(self.process.pid, signal.SIGKILL)
        self.send(self.control, BYE, struct.pack('<BQQQ', self.reason, self.made, self.dropped, 0))
        self.context.destroy(linger=1000)  # so that BYE leaves

if __name__ == '__main__':
    signals, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write_end)  # a signal is a byte to read, and interrupts nothing
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    worker = Worker(sys.argv[1])
    try:
        worker.serve(signals)
    finally:
        worker.leave()
