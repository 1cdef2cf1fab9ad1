"""images - what a power cut may leave of a recorded run's log

inject.c records what a sink did to its files and what it sent. A disk may
have any part of what was written since the last sync: so after each step of
the trace, `images` gives the contents that the log may then have, and
`acknowledged` how much of it somebody was told is stored.
"""
import os
import random
import re
import struct
import zlib

HEAD = struct.Struct("<IIIIQQQ")
SECTOR = 512
POSITION = {10: 8, 15: 24}  # where STORED and SYNCED tell how far, in the body
FRAME = re.compile(rb"FAN1\x01(.)(..)(.{4})(.{4})(.{4}).{32}", re.DOTALL)


class Step:
    def __init__(self, pid, op, fd, file, offset, size, name, data):
        self.pid, self.op, self.fd, self.file = pid, op, fd, file
        self.offset, self.size, self.name, self.data = offset, size, name, data


def read_trace(path):
    with open(path, "rb") as file:
        data = file.read()
    steps, at = [], 0
    while at < len(data):
        pid, op, name_size, fd, inode, offset, size = HEAD.unpack_from(data,
                                                                       at)
        at += HEAD.size
        name = data[at:at + name_size].decode()
        at += name_size
        more = size if chr(op) in "wa" else 0
        steps.append(Step(pid, chr(op), fd, inode, offset, size, name,
                          data[at:at + more]))
        at += more
    return steps


class Sent:
    """What has been said on each connection: how far the log is stored."""

    def __init__(self):
        self.streams = {}
        self.position = 0
        self.frames = 0

    def add(self, step):
        key = step.pid, step.fd
        stream = self.streams.get(key, b"") + step.data
        while True:
            found = FRAME.search(stream)
            if not found:
                stream = stream[-60:]
                break
            size = int.from_bytes(found[4], "little")
            if len(stream) < found.end() + size:
                stream = stream[found.start():]
                break
            self.hear(found[1][0], found[2],
                      stream[found.end():found.end() + size])
            stream = stream[found.end() + size:]
        self.streams[key] = stream

    def hear(self, kind, flags, body):
        if flags[0] & 1:
            body = zlib.decompress(body)
        if kind in POSITION:
            self.frames += 1
            to, = struct.unpack_from("<Q", body, POSITION[kind])
            self.position = max(self.position, to)


def applied(content, step, size=None):
    """The content after one write or truncation, or its first `size` bytes."""
    if step.op == "t":
        return (content[:step.offset]
                + bytes(max(0, step.offset - len(content))))
    data = step.data if size is None else step.data[:size]
    if len(content) < step.offset:
        content += bytes(step.offset - len(content))
    return content[:step.offset] + data + content[step.offset + len(data):]


def torn_sectors(content, step, dice):
    """The file has its new size, but only some sectors of the write."""
    after = applied(content, step)
    whole = bytearray(content + bytes(max(0, len(after) - len(content))))
    first = step.offset // SECTOR
    for sector in range(first, (step.offset + step.size) // SECTOR + 1):
        if dice.random() < 0.5:
            part = slice(sector * SECTOR, (sector + 1) * SECTOR)
            whole[part] = after[part]
    return bytes(whole)


class Disk:
    """One file, as it was last synced and with what came since."""

    def __init__(self, content=b""):
        self.content = content
        self.pending = []

    def step(self, step):
        if step.op == "s":
            self.content = self.now()
            self.pending = []
        elif step.op in "wt":
            self.pending.append(step)

    def now(self):
        content = self.content
        for step in self.pending:
            content = applied(content, step)
        return content

    def images(self, dice):
        content = self.content
        yield content
        for step in self.pending:
            if step.op == "w":
                cuts = {1, step.size // 2, step.size - 1,
                        dice.randrange(step.size + 1)}
                cuts.update(range(-step.offset % SECTOR, step.size, SECTOR))
                for cut in cuts:
                    yield applied(content, step, cut)
                # The size first, the bytes never.
                yield content + bytes(
                    max(0, step.offset + step.size - len(content)))
                for _ in range(2):
                    yield torn_sectors(content, step, dice)
            content = applied(content, step)
            yield content
        # Any of several unsynced steps may be missing.
        for left_out in self.pending if len(self.pending) > 1 else ():
            content = self.content
            for step in self.pending:
                if step is not left_out:
                    content = applied(content, step)
            yield content


def images(steps, log, seed, start=b""):
    """(acknowledged bytes, content, index of the step) of each image."""
    dice = random.Random(seed)
    disk, sent, seen = Disk(start), Sent(), set()
    for index, step in enumerate(steps):
        if step.op == "a":
            sent.add(step)
        elif os.path.basename(step.name) == log:
            disk.step(step)
        else:
            continue
        for content in disk.images(dice):
            image = sent.position, hash(content), len(content)
            if image not in seen:
                seen.add(image)
                yield sent.position, content, index
