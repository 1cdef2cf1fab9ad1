#!/usr/bin/env python3
"""vectors - holds docs/protocol.md against the messages in this folder

The specification's own tables drive the decoder: each vector is decoded by
them, field by field, and written again with the values beside the bytes. What
comes out must be the file as it stands, so that neither a table nor a vector
can change alone. (That the programs make the same bytes, the unit test
test_wire_vectors shows.)

  vectors.py check PROTOCOL.md DIR           are all vectors as the tables say?
  vectors.py annotate PROTOCOL.md < FRAME    writes a vector of a raw frame
"""
import os
import re
import struct
import sys
import zlib

INTEGERS = {'u8': '<B', 'u16': '<H', 'u32': '<I', 'u64': '<Q', 'i64': '<q'}
DEFLATED = 1
TEXT_MAX = 1024


class Mismatch(Exception):
    """A vector that is not what the tables say."""


def read_tables(path):
    """(header rows, {type number: name}, {name: [(field, type, meaning)]})"""
    tables, types, header, name = {}, {}, [], None
    with open(path, encoding='utf-8') as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip('|').split('|')]
            title = re.match(r'### ([A-Z]+)$|An? ([a-z ]+):$', line)
            if title:
                name = title.group(1) or title.group(2)
                tables[name] = []
            elif line.startswith('#'):
                name = None
            elif re.match(r'\| \d+ \| \[[A-Z]+\]', line):
                types[int(cells[0])] = re.match(r'\[([A-Z]+)\]', cells[1])[1]
            elif re.match(r'\| \d+ \| \w+ \| [^|]+ \|', line) and name is None:
                header.append((int(cells[0]), cells[1], cells[2]))
            elif re.match(r'\| \w+ \| [^|]+ \|', line) and name:
                if cells[0] != 'field':
                    tables[name].append(tuple(cells[:3]))
    tables['run'] = fields('u64 first, u64 count')
    tables['refs'] = fields('u64 task, u32 count, u32 generation, u32 attempt')
    tables['pair'] = fields('text name, bytes value')
    return header, types, tables


def fields(text):
    """'u64 first, u64 count' as rows of a table."""
    rows = [part.strip().rsplit(' ', 1) for part in text.split(',')]
    return [(name, kind, '') for kind, name in rows]


def quoted(data):
    return '"%s"' % ''.join(
        chr(b) if 32 <= b < 127 and b not in b'"\\' else '\\x%02x' % b
        for b in data)


class Decoder:
    """Walks one frame and keeps a line for each field."""

    def __init__(self, tables, data):
        self.tables, self.data, self.at, self.lines = tables, data, 0, []

    def take(self, size):
        piece = self.data[self.at:self.at + size]
        if len(piece) < size:
            raise Mismatch('the frame ends early, at byte %d' % self.at)
        self.at += size
        return piece

    def note(self, begun, text):
        hexed = self.data[begun:self.at].hex(' ')
        self.lines.append('%-47s # %s' % (hexed, text))

    def integer(self, kind):
        size = struct.calcsize(INTEGERS[kind])
        return struct.unpack(INTEGERS[kind], self.take(size))[0]

    def sized(self, kind):
        size = self.integer('u32' if kind == 'bytes' else 'u16')
        if kind == 'text' and size > TEXT_MAX:
            raise Mismatch('a text of %d bytes' % size)
        return self.take(size)

    def entries(self, name, kind):
        short, entry = re.match(r'(short )?list of (.+)$', kind).groups()
        begun = self.at
        count = self.integer('u16' if short else 'u32')
        self.note(begun, '%s: %d' % (name, count))
        for index in range(count):
            self.value('%s[%d]' % (name, index), entry, '')

    def value(self, name, kind, meaning):
        begun = self.at
        array = re.match(r'(\d+) (\w+)$', kind)
        if 'list of' in kind:
            self.entries(name, kind)
        elif kind.startswith('('):
            self.table(name + '.', fields(kind.strip('()')))
        elif array:
            for index in range(int(array[1])):
                self.value('%s[%d]' % (name, index), array[2], '')
        elif kind in INTEGERS:
            number = self.integer(kind)
            self.note(begun, '%s = %d' % (name, number))
        elif kind == 'id':
            self.take(16)
            self.note(begun, name)
        elif meaning.startswith('a command'):
            size = self.integer('u32')
            self.note(begun, '%s: %d bytes' % (name, size))
            end = self.at + size
            self.table(name + '.', self.tables['command'])
            if self.at != end:
                raise Mismatch('%s ends elsewhere' % name)
        elif kind in ('text', 'path', 'bytes'):
            text = self.sized(kind)
            self.note(begun, '%s = %s' % (name, quoted(text)))
        elif kind in self.tables:
            self.table(name + '.', self.tables[kind])
        else:
            raise Mismatch('the type "%s" of %s is explained nowhere'
                           % (kind, name))

    def table(self, prefix, rows):
        for name, kind, meaning in rows:
            self.value(prefix + name, kind, meaning)

    def header(self, rows):
        values = {}
        for offset, name, kind in rows:
            if offset != self.at:
                raise Mismatch('%s is at %d' % (name, self.at))
            if kind == '4 bytes':
                if self.take(4) != b'FAN1':
                    raise Mismatch('wrong magic')
                self.note(self.at - 4, 'magic')
                continue
            begun = self.at
            self.value(name, kind, '')
            if kind in INTEGERS:
                values[name] = struct.unpack(
                    INTEGERS[kind], self.data[begun:self.at])[0]
        return values


def annotate(specification, frame):
    """The text of a vector: the frame in hex, a field to a line."""
    header_rows, types, tables = specification
    decoder = Decoder(tables, frame)
    header = decoder.header(header_rows)
    name = types.get(header['type'])
    if name is None or len(frame) - decoder.at != header['body_size']:
        raise Mismatch('the header does not fit the frame')
    title = '# ' + name
    if header['flags'] & DEFLATED:
        body = zlib.decompress(frame[decoder.at:])
        if len(body) != header['inflated_size']:
            raise Mismatch('inflates to %d bytes' % len(body))
        decoder.at = len(frame)
        decoder.note(len(frame) - header['body_size'], 'one zlib stream')
        title += ', deflated; the fields are those of the plain one'
        inside = Decoder(tables, body)
        inside.table('', tables[name])
        finished = inside.at == len(body)
    else:
        decoder.table('', tables[name])
        finished = decoder.at == len(frame)
    if not finished:
        raise Mismatch('bytes are left over')
    return '\n'.join([title] + decoder.lines) + '\n'


def frame_of(text):
    return bytes.fromhex(' '.join(line.split('#')[0]
                                  for line in text.splitlines()))


def check(specification, folder):
    faults = 0
    names = sorted(n for n in os.listdir(folder) if n.endswith('.hex'))
    for name in names:
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            text = file.read()
        try:
            told = annotate(specification, frame_of(text))
            if told != text:
                lines = zip(text.splitlines(), told.splitlines())
                here = next((pair for pair in lines if pair[0] != pair[1]),
                            ('the vector', 'the tables'))
                raise Mismatch('vector and tables differ: %s / %s' % here)
        except Mismatch as mismatch:
            print('%s: %s' % (name, mismatch), file=sys.stderr)
            faults += 1
    told = {name.lower() + '.hex' for name in specification[1].values()}
    for name in sorted(told - set(names)):
        print('%s: is missing' % name, file=sys.stderr)
        faults += 1
    print('%d vectors, %d faults' % (len(names), faults))
    return 1 if faults else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == 'check':
        return check(read_tables(arguments[1]), arguments[2])
    if len(arguments) == 2 and arguments[0] == 'annotate':
        sys.stdout.write(annotate(read_tables(arguments[1]),
                                  sys.stdin.buffer.read()))
        return 0
    sys.stderr.write(__doc__)
    return 2


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
