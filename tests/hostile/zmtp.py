"""zmtp - ZMTP 3 by hand, on raw sockets, so that it can be spoken wrongly.

Only what the tests need: the NULL mechanism, long and short frames, PING.
"""
import contextlib
import socket
import struct

PATIENCE_S = 60
MORE, LONG, COMMAND = 1, 2, 4


def greeting(mechanism=b"NULL", major=3, minor=0, signature=None):
    if signature is None:
        signature = b"\xff" + bytes(7) + b"\1\x7f"
    return (signature + bytes([major, minor]) + mechanism.ljust(20, b"\0")
            + bytes(32))


def frame(data, flags=0, size=None, long=None):
    """`size` lies about the length; `long` chooses its form."""
    size = len(data) if size is None else size
    if long or size > 255:
        return struct.pack(">BQ", flags | LONG, size) + data
    return bytes([flags, size]) + data


def command(name, body=b"", **how):
    return frame(bytes([len(name)]) + name + body, COMMAND, **how)


def ready(kind, identity=b""):
    def item(name, value):
        return (bytes([len(name)]) + name + struct.pack(">I", len(value))
                + value)
    return command(b"READY", item(b"Socket-Type", kind)
                   + item(b"Identity", identity))


class Closed(Exception):
    """The other side has ended the connection."""


class Wire:
    """One connection of which we are an end."""

    def __init__(self, connected):
        self.socket = connected
        self.socket.settimeout(PATIENCE_S)
        self.unread = b""

    def write(self, data):
        self.socket.sendall(data)

    def read(self, size):
        while len(self.unread) < size:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                raise Closed
            self.unread += piece
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def read_frame(self):
        flags, = self.read(1)
        if flags & LONG:
            size, = struct.unpack(">Q", self.read(8))
        else:
            size, = self.read(1)
        return flags, self.read(size)

    def greet(self, kind):
        """To the end of the handshake. Returns the peer's socket type."""
        self.write(greeting())
        self.read(64)
        self.write(ready(kind))
        _, body = self.read_frame()
        if not body.startswith(b"\5READY"):
            raise Closed
        return body

    def send(self, data):
        self.write(frame(data))

    def receive(self):
        """The next message of one frame; heartbeats are answered."""
        while True:
            flags, data = self.read_frame()
            if not flags & COMMAND:
                return data
            if data.startswith(b"\4PING"):
                self.write(command(b"PONG", data[7:]))

    def is_ended(self):
        """Waits for the other side to close; what it says is dropped."""
        with contextlib.suppress(Closed):
            while True:
                self.read(len(self.unread) + 1)
        return True

    def close(self):
        self.socket.close()


def connect(port, kind=None):
    """A connection; with a socket type, after its handshake."""
    wire = Wire(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
    if kind:
        wire.greet(kind)
    return wire


class Listener:
    """What a role connects to."""

    def __init__(self, kind):
        self.kind = kind
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.port = self.socket.getsockname()[1]
        self.endpoint = b"tcp://127.0.0.1:%d" % self.port

    def accept(self):
        connected, _ = self.socket.accept()
        wire = Wire(connected)
        wire.greet(self.kind)
        return wire

    def close(self):
        self.socket.close()
