"""message - fan's messages by docs/protocol.md, made by hand so that they can
be made wrong: no check, and each field can be chosen.
"""
import glob
import os
import struct
import zlib

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "../vectors")
(HELLO, WELCOME, REFUSED, TASKS, REPORT, RECALL, RETURNED, CANCEL, RESULTS,
 STORED, RETIRE, RESEND, RECORD, SYNC, SYNCED, END, BYE, MATCH, MATCHED, ASK,
 ANSWER, PROGRESS) = range(1, 23)
WORKER, SINK = 2, 3
HEADER = struct.Struct("<4sBBHIII16s16s")
ID = bytes(16)


def message(kind, body=b"", run=ID, sender=b"hostile stranger", generation=1,
            magic=b"FAN1", version=1, flags=0, size=None, inflated=0):
    return HEADER.pack(magic, version, kind, flags, generation,
                       len(body) if size is None else size, inflated, run,
                       sender) + body


def deflated(kind, body, inflated=None, packed=None, **header):
    packed = zlib.compress(body, 9) if packed is None else packed
    return message(kind, packed, flags=1,
                   inflated=len(body) if inflated is None else inflated,
                   **header)


class Heard:
    """A message that was received."""

    def __init__(self, data):
        (_, _, self.kind, flags, self.generation, _, _, self.run,
         self.sender) = HEADER.unpack_from(data)
        self.body = data[HEADER.size:]
        if flags:
            self.body = zlib.decompress(self.body)

    def text(self, at):
        """The text at a place of the body, and the place behind it."""
        size, = struct.unpack_from("<H", self.body, at)
        return self.body[at + 2:at + 2 + size], at + 2 + size


def text(data):
    return struct.pack("<H", len(data)) + data


def sized(data):
    return struct.pack("<I", len(data)) + data


def refs(*entries):
    """Entries are (task, count, generation, attempt)."""
    return struct.pack("<I", len(entries)) + b"".join(
        struct.pack("<QIII", *entry) for entry in entries)


def hello(role=WORKER, lane=1, slots=1, host=b"", endpoint=b"", kept=1, made=0,
          queued=refs(), running=refs(), versions=(1, 1), flags=0, pid=0):
    return struct.pack("<BBBBIIIQ16sQQ", *versions, role, flags, lane, slots,
                       pid, 0, ID, kept, made) + text(host) + text(
                           endpoint) + queued + running + struct.pack("<I", 0)


def report(lane=1, flags=0, received=0, kept=1, made=0, finished=0, busy_us=0,
           queued=refs(), running=refs()):
    return struct.pack("<IIQQQQQQ", lane, flags, received, kept, made,
                       finished, busy_us, 0) + queued + running


def result(task=1, turn=0, generation=1, attempt=1, key=ID, why=0, out=b"",
           err=b"", note=b"", values=(), exit_code=0):
    return struct.pack(
        "<QIII16sBBBBIqQQQQ", task, turn, generation, attempt, key, why, 0, 0,
        exit_code, 1, 0, 0, 0, 0, 0) + text(note) + struct.pack(
            "<H", len(values)) + b"".join(
                text(name) + sized(value)
                for name, value in values) + sized(out) + sized(err)


def results(number, *entries, kept=1):
    return struct.pack("<QQI", number, kept, len(entries)) + b"".join(entries)


def stored(start=0, to=0, record=0):
    return struct.pack("<5QIII", start, to, record, 0, 0, 0, 0, 0)


def ask(number=1, json=b'{"v":1,"ask":"status"}'):
    return struct.pack("<I", number) + sized(json)


def bye(reason=0):
    return struct.pack("<BQQQ", reason, 0, 0, 0)


def vectors():
    """{name: frame} of the repository's messages."""
    made = {}
    for path in sorted(glob.glob(os.path.join(VECTORS, "*.hex"))):
        with open(path, encoding="ascii") as file:
            made[os.path.basename(path)[:-4]] = bytes.fromhex(
                "".join(line.partition("#")[0] for line in file))
    return made
