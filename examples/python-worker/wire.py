"""wire - the messages that a worker says and hears; see docs/protocol.md

put_... makes the body of a message, frame() puts the header in front, and
open_frame() takes a whole message apart. Everything is checked before it is
believed: what breaks a rule raises Refused.
"""
import collections
import struct
import zlib

(HELLO, WELCOME, REFUSED, TASKS, REPORT, RECALL, RETURNED, CANCEL,
 RESULTS) = range(1, 10)
RETIRE, RESEND, END, BYE = 11, 12, 16, 17
ROLE_WORKER = 2
REFUSED_HELLO_FIRST, REFUSED_COMPLETE, REFUSED_SINK, REFUSED_FULL = 1, 4, 5, 8
END_COMPLETE, END_DRAINED, END_ABORTED = 1, 2, 3
TASK_ALONE, REPORT_FULL, REPORT_DRAINING = 1, 1, 2
COMMAND_INPUT, COMMAND_STDOUT_FILE, COMMAND_STDERR_FILE = 1, 2, 4
(SUCCEEDED, EXIT, SIGNAL, TIMEOUT, SPAWN, OUTPUT,
 CANCELLED) = 0, 1, 2, 3, 6, 7, 9
RESULT_STDOUT_CUT, RESULT_STDERR_CUT, RESULT_ALONE = 1, 2, 4

HEADER = struct.Struct('<4sBBHIII16s16s')
DEFLATED, MESSAGE_MAX, RATIO_MAX = 1, 64 << 20, 1032
AROUND_RESULTS = HEADER.size + 20  # bytes of a RESULTS without any result

Header = collections.namedtuple('Header', 'kind generation run sender')
Refs = collections.namedtuple('Refs', 'task count generation attempt')
Command = collections.namedtuple(
    'Command', 'flags args marks values input stdout_path stderr_path raw')


class Task(collections.namedtuple(
        'Task', 'task round attempt failures flags key command generation')):
    """One of TASKS; `raw` of its command holds the values as they came."""
    @property
    def ref(self):
        return self.task, self.generation, self.attempt

    @property
    def age(self):
        return self.generation, self.attempt

    @property
    def alone(self):
        return bool(self.flags & TASK_ALONE)


class Refused(Exception):
    """A message that is not what it should be."""


# -- making --------------------------------------------------------------------

def frame(kind, generation, run, sender, body):
    return HEADER.pack(b'FAN1', 1, kind, 0, generation, len(body), 0, run,
                       sender) + body


def put_text(text):
    return struct.pack('<H', len(text)) + text


def put_bytes(data):
    return struct.pack('<I', len(data)) + data


def put_refs(refs):
    """(task, generation, attempt)s, those with consecutive numbers joined."""
    runs = []
    for task, generation, attempt in refs:
        if runs and (task, generation, attempt) == (
                runs[-1][0] + runs[-1][1], *runs[-1][2:]):
            runs[-1][1] += 1
        else:
            runs.append([task, 1, generation, attempt])
    return struct.pack('<I', len(runs)) + b''.join(
        struct.pack('<QIII', *run) for run in runs)


def put_hello(lane, slots, pid, pid_start, boot, kept, made, host, queued,
              running, versions=(1, 1), flags=0, endpoint=b''):
    return (struct.pack('<BBBBIIIQ16sQQ', *versions, ROLE_WORKER, flags, lane,
                        slots, pid, pid_start, boot, kept, made)
            + put_text(host) + put_text(endpoint)
            + put_refs(queued) + put_refs(running))


def put_report(lane, flags, received, kept, made, finished, busy_us, dropped,
               queued, running):
    return (struct.pack('<IIQQQQQQ', lane, flags, received, kept, made,
                        finished, busy_us, dropped)
            + put_refs(queued) + put_refs(running))


def put_returned(lane, refs):
    return struct.pack('<I', lane) + put_refs(refs)


def put_result(task, slot, why, start_us, wall_us, exit=0, signal=0, flags=0,
               user_us=0, sys_us=0, maxrss_bytes=0, note=b'', out=b'',
               err=b''):
    return (struct.pack('<QIII16sBBBBIqQQQQ', task.task, task.round,
                        task.generation, task.attempt, task.key, why, flags,
                        signal, exit, slot, start_us, wall_us, user_us, sys_us,
                        maxrss_bytes)
            + put_text(note) + task.command.raw + put_bytes(out)
            + put_bytes(err))


def put_results(number, kept, results):
    return struct.pack('<QQI', number, kept, len(results)) + b''.join(results)


def set_kept(results_frame, kept):
    """A RESULTS frame to be sent again, with `kept` as it is now."""
    at = HEADER.size + 8
    return results_frame[:at] + struct.pack('<Q', kept) + results_frame[at + 8:]


def put_bye(reason, finished, refused, duplicates):
    return struct.pack('<BQQQ', reason, finished, refused, duplicates)


# -- taking apart --------------------------------------------------------------

class Reader:
    """Reads fields off a body, and never beyond its end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused('body')
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), 'little')

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def id(self):
        return self.take(16)

    def text(self, limit=1024):
        size = self.u16()
        if size > limit:
            raise Refused('body')
        return self.take(size)

    def bytes(self):
        return self.take(self.u32())

    def pair(self):
        return self.text(), self.bytes()

    def refs(self):
        refs = Refs(self.u64(), self.u32(), self.u32(), self.u32())
        if refs.count == 0 or refs.task + refs.count >= 1 << 64:
            raise Refused('body')
        return refs

    def list(self, count, entry):
        return [entry() for _ in range(count)]  # a lying count ends in take

    def end(self):
        if self.at != len(self.data):
            raise Refused('body')


def get_command(payload):
    r = Reader(payload)
    flags = r.u8()
    args = r.list(r.u16(), r.bytes)
    marks = r.list(r.u16(), lambda: (r.u16(), r.u32()))
    begun = r.at
    values = r.list(r.u16(), r.pair)
    command = Command(flags, args, marks, values, raw=payload[begun:r.at],
                      input=r.bytes(), stdout_path=r.text(65535),
                      stderr_path=r.text(65535))
    r.end()
    texts = args + [command.stdout_path, command.stderr_path]
    if (not args or any(b'\0' in text for text in texts)
            or marks != sorted(marks)
            or any(arg >= len(args) or offset > len(args[arg])
                   for arg, offset in marks)):
        raise Refused('command')
    return command


def get_task(r):
    return Task(r.u64(), r.u32(), r.u32(), r.u32(), r.u16(), r.id(),
                get_command(r.bytes()), 0)


# Keyword arguments are evaluated in order: each line is a table of the page.
GET = {
    WELCOME: lambda r: dict(
        version=r.u8(), lane=r.u32(), heartbeat_ms=r.u32(),
        liveness_ms=r.u32(), message_max=r.u64(), sink=r.id(),
        lane_endpoint=r.text(), results_endpoint=r.text(),
        definition=r.list(r.u32(), r.pair)),
    REFUSED: lambda r: dict(code=r.u16(), text=r.text()),
    TASKS: lambda r: dict(lane=r.u32(), addressee=r.id(), number=r.u64(),
                          tasks=r.list(r.u32(), lambda: get_task(r))),
    RECALL: lambda r: dict(lane=r.u32(), count=r.u32()),
    CANCEL: lambda r: dict(tasks=r.list(r.u32(), r.refs)),
    RETIRE: lambda r: dict(number=r.u64()),
    RESEND: lambda r: dict(number=r.u64(), sink=r.id(), endpoint=r.text()),
    END: lambda r: dict(exit=r.u8(), reason=r.u8(),
                        by_status=r.list(11, r.u64)),
}


def inflate(body, size):
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, size)
        if len(plain) != size or not inflater.eof and (
                inflater.decompress(inflater.unconsumed_tail, 1)
                or not inflater.eof) or inflater.unused_data:
            raise Refused('inflate')
    except zlib.error:
        raise Refused('inflate') from None
    return plain


def open_frame(data):
    """(Header, fields by name) of a message to a worker."""
    if len(data) < HEADER.size:
        raise Refused('short')
    (magic, version, kind, flags, generation, body_size, inflated_size, run,
     sender) = HEADER.unpack_from(data)
    if magic != b'FAN1':
        raise Refused('magic')
    if version != 1:
        raise Refused('version')
    if kind not in GET:
        raise Refused('type')
    if flags & ~DEFLATED or bool(flags) != bool(inflated_size):
        raise Refused('flags')
    body = data[HEADER.size:]
    if body_size != len(body):
        raise Refused('short')
    if max(body_size, inflated_size) > MESSAGE_MAX - HEADER.size:
        raise Refused('too-large')
    if inflated_size // RATIO_MAX > body_size:
        raise Refused('inflate')
    if flags:
        body = inflate(body, inflated_size)
    reader = Reader(body)
    message = GET[kind](reader)
    reader.end()
    return Header(kind, generation, run, sender), message
