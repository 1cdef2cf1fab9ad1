"""images - what a power cut may leave of a recorded run's directory

inject.c records what the programs did to files and what they sent. After each
step of the trace a disk may have lost anything that was not synced, so
`images` gives the directories that may then be there, and how much of the log
somebody was told is stored. The rule:

- What fsync or fdatasync covered is there. Of what was written to a file since,
  any sectors of 512 bytes may be there and any not, in any order; the file may
  have its new size without them; a truncation may be missing. Where that makes
  more than SUBSETS_MAX cases, so many of them are drawn, and `sampled` counts.
- Each write may also end at any byte, with all before it and nothing after it:
  at each `step`-th byte, and at its ends.
- A name made, renamed or removed since its directory was synced may be as it
  was at any moment since, each for itself.
- Files are varied one at a time: the others are as synced, or as written. So
  are names.
"""
import collections
import itertools
import os
import random
import re
import struct
import zlib

HEAD = struct.Struct("<IIIIQQQ")
SECTOR = 512
SUBSETS_MAX = 256
POSITION = {10: 8, 15: 28}  # where STORED and SYNCED tell how far, in the body
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
        more = size if chr(op) in "war" else 0
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


class File:
    """What is synced of a file, and what was done to it since: (offset, bytes)
    of a write, (size, None) of a truncation."""

    def __init__(self, content=b""):
        self.synced = self.latest = content
        self.pending = []

    def change(self, offset, data):
        self.latest = changed(self.latest, offset, data)
        self.pending.append((offset, data))

    def sync(self):
        self.synced, self.pending = self.latest, []


def changed(content, offset, data):
    if len(content) < offset:
        content += bytes(offset - len(content))
    if data is None:
        return content[:offset]
    return content[:offset] + data + content[offset + len(data):]


def sectors(offset, data):
    """The write as one for each sector that it touches."""
    at = 0
    while data is not None and at < len(data):
        end = at + SECTOR - (offset + at) % SECTOR
        yield offset + at, data[at:end]
        at = end
    if data is None:
        yield offset, None


class Disk:
    """The files below a folder, by path, and what a power cut leaves."""

    def __init__(self, seed=0, step=1, start=()):
        self.dice = random.Random(seed)
        self.byte_step = step
        self.names = {path: [File(content)] for path, content in
                      dict(start).items()}  # each name: synced, and since
        self.folders = {}
        self.by_inode = {}
        self.sampled = collections.Counter()

    def latest(self, name):
        return self.names[name][-1] if name in self.names else None

    def name_is(self, name, file):
        self.names.setdefault(name, [None]).append(file)

    def opened(self, step):
        """The file of a step; one that is new to us is new."""
        file = self.latest(step.name)
        if not isinstance(file, File):
            file = self.by_inode.get(step.file)
        if file is None or step.op == "o" and not self.latest(step.name):
            file = File()
            self.name_is(step.name, file)
        self.by_inode[step.file] = file
        return file

    def step(self, step):
        """Does it; returns the name of what changed, if any."""
        if step.op == "m":
            self.folders[step.name] = True
            self.name_is(step.name, True)
        elif step.op == "r":
            self.name_is(step.data.decode(), self.latest(step.name))
            self.name_is(step.name, None)
        elif step.op == "u":
            if self.latest(step.name):
                self.name_is(step.name, None)
        elif step.op == "s" and (step.name in self.folders
                                 or self.is_folder(step.name)):
            for name, history in self.names.items():
                if os.path.dirname(name) == step.name:
                    del history[:-1]
        elif step.op == "s":
            self.opened(step).sync()
        elif step.op == "w":
            self.opened(step).change(step.offset, step.data)
        elif step.op == "t":
            file = self.opened(step)
            if step.offset != len(file.latest):
                file.change(step.offset, None)
        else:
            self.opened(step)
        return step.name

    def is_folder(self, name):
        return any(os.path.dirname(path) == name for path in self.names)

    def base_of(self, file):
        return next((os.path.basename(name) for name, history
                     in self.names.items() if file in history), "?")

    def subsets(self, file):
        """With some sectors of what is pending, and some not."""
        parts = [part for offset, data in file.pending
                 for part in sectors(offset, data)]
        if 1 << len(parts) <= SUBSETS_MAX:
            choices = itertools.product((False, True), repeat=len(parts))
        else:
            self.sampled[self.base_of(file)] += 1
            choices = ([self.dice.random() < 0.5 for _ in parts]
                       for _ in range(SUBSETS_MAX))
        for choice in choices:
            content = file.synced
            for (offset, data), there in zip(parts, choice):
                if there:
                    content = changed(content, offset, data)
            yield content
            # The new size, and nothing in it.
            yield content + bytes(max(0, len(file.latest) - len(content)))

    def torn(self, file):
        """Ending within a write."""
        content = file.synced
        for offset, data in file.pending:
            for cut in sorted({1, len(data) // 2, len(data) - 1,
                               *range(0, len(data), self.byte_step)}
                              if data else ()):
                yield changed(content, offset, data[:cut])
            content = changed(content, offset, data)

    def contents(self, file):
        if file.pending:
            yield from self.subsets(file)
            yield from self.torn(file)
        yield file.latest

    def there(self, synced):
        """All names, as synced or as they are."""
        return {name: history[0 if synced else -1]
                for name, history in self.names.items()}

    @staticmethod
    def tree(names, **more):
        """Path to content of the files that can be reached."""
        found = {}
        for name, file in names.items():
            if isinstance(file, File) and names.get(
                    os.path.dirname(name), True):
                content = more.get("only", {}).get(file)
                found[name] = content if content is not None else (
                    file.synced if more.get("synced") else file.latest)
        return found

    def now(self):
        return self.tree(self.there(synced=False))

    def images(self, changed_name):
        """After a step to this name: the directories that may be there."""
        file = self.latest(changed_name)
        if isinstance(file, File):
            for synced in (False, True):
                names = self.there(synced)
                if file not in names.values():
                    names[changed_name] = file
                for content in self.contents(file):
                    yield self.tree(names, synced=synced, only={file: content})
        for name, history in self.names.items():
            for value in history[:-1]:
                for synced in (False, True):
                    names = self.there(synced)
                    names[name] = value
                    yield self.tree(names, synced=synced)
        for names, files in itertools.product((False, True), repeat=2):
            yield self.tree(self.there(names), synced=files)


def key_of(tree):
    return hash(tuple(sorted(tree.items())))


def images(steps, disk, log):
    """(acknowledged bytes, tree, index of the step) of each image, once."""
    sent, seen = Sent(), {}
    for index, step in enumerate(steps):
        if step.op == "a":
            before = sent.position
            sent.add(step)
            if sent.position == before:
                continue
            name = log
        else:
            name = disk.step(step)
        for tree in disk.images(name):
            key = key_of(tree)
            if seen.get(key, -1) < sent.position:
                seen[key] = sent.position
                yield sent.position, tree, index
