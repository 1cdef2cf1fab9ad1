"""proxy - a TCP proxy that does to connections what bad networks do.

A program under inject.c asks at `Proxy.path` where to connect instead, and
gets the port of a listener made for it. Connections of one program to one port
are a Link; what a Link is told holds for those that it has and for those to
come. Directions: UP is what the connecting program says, DOWN what it hears.
"""
import contextlib
import os
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"
BOTH = (UP, DOWN)
CHUNK = 65536
RESET = struct.pack("ii", 1, 0)  # linger on, 0 s: close sends RST


class Link:
    def __init__(self, program, port):
        self.program, self.port = program, port
        self.changed = threading.Condition()
        self.stalled = set()        # directions in which nothing moves
        self.delay_s = lambda: 0.0  # of each chunk
        self.rate = None            # bytes per second of each direction
        self.cuts = iter(())        # bytes after which connections are reset
        self.refuses = False
        self.count = 0              # connections so far
        self.pairs = set()

    def _change(self, **values):
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def stall(self, *directions):
        self._change(stalled=set(directions or BOTH))

    def heal(self):
        self._change(stalled=set(), refuses=False, rate=None, cuts=iter(()),
                     delay_s=lambda: 0.0)

    def delay(self, seconds):
        """`seconds` is a function, called for each chunk."""
        self._change(delay_s=seconds)

    def throttle(self, bytes_per_second):
        self._change(rate=bytes_per_second)

    def lead_to(self, port):
        """Connections end, and the next ones are to another port."""
        self._change(port=port)
        self.reset()

    def refuse(self):
        self._change(refuses=True)

    def cut_at(self, offsets):
        """Resets the next connections, each after so many bytes in all."""
        self._change(cuts=iter(offsets))

    def half_close(self, direction=UP):
        """The connections end in one direction and live on in the other."""
        with self.changed:
            for near, far in self.pairs:
                with contextlib.suppress(OSError):
                    (far if direction == UP else near).shutdown(
                        socket.SHUT_WR)

    def reset(self):
        with self.changed:
            pairs = list(self.pairs)
        for pair in pairs:
            self.end(pair)

    def end(self, pair):
        with self.changed:
            self.pairs.discard(pair)
            self.changed.notify_all()
        for end in pair:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            # A reader in another thread would keep it open.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def serve(self, near):
        with self.changed:
            self.count += 1
            budget = [next(self.cuts, None)]
            refuses = self.refuses
        try:
            if refuses:
                raise OSError("refused")
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            near.close()
            return
        pair = (near, far)
        with self.changed:
            self.pairs.add(pair)
        for direction, source, sink in ((UP, near, far), (DOWN, far, near)):
            threading.Thread(target=self.pump, daemon=True, args=(
                pair, direction, source, sink, budget)).start()

    def pump(self, pair, direction, source, sink, budget):
        with contextlib.suppress(OSError):
            while self.pass_on(pair, direction, source, sink, budget):
                pass
            if pair in self.pairs:
                sink.shutdown(socket.SHUT_WR)
                return
        self.end(pair)

    def pass_on(self, pair, direction, source, sink, budget):
        rate = self.rate
        data = source.recv(max(1, rate // 10) if rate else CHUNK)
        with self.changed:
            self.changed.wait_for(lambda: direction not in self.stalled
                                  or pair not in self.pairs)
            pause = len(data) / rate if rate else self.delay_s()
            left = budget[0]
            if left is not None:
                budget[0] = left - len(data)
        if pause > 0:
            time.sleep(pause)
        if left is not None and len(data) >= left:
            sink.sendall(data[:left])
            raise OSError("cut")
        sink.sendall(data)
        return bool(data)


class Proxy:
    def __init__(self, folder):
        self.path = os.path.join(folder, "proxy")
        self.links = {}
        self.ports = {}
        self.changed = threading.Condition()
        self.new_link = lambda link: None  # sees each link before its use
        self.asked = socket.socket(socket.AF_UNIX)
        self.asked.bind(self.path)
        self.asked.listen(64)
        self.listeners = [self.asked]
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            try:
                asker, _ = self.asked.accept()
            except OSError:
                return
            # Who asks may be killed meanwhile.
            with asker, contextlib.suppress(OSError, ValueError):
                program, port = asker.recv(200).decode().split()
                asker.sendall(b"%d" % self.port_of(program, int(port)))

    def port_of(self, program, port):
        with self.changed:
            if (program, port) not in self.ports:
                listener = socket.create_server(("127.0.0.1", 0))
                self.listeners.append(listener)
                link = Link(program, port)
                self.new_link(link)
                self.links[program, port] = link
                self.ports[program, port] = listener.getsockname()[1]
                threading.Thread(target=self.accept, daemon=True,
                                 args=(listener, link)).start()
                self.changed.notify_all()
            return self.ports[program, port]

    @staticmethod
    def accept(listener, link):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=link.serve, daemon=True,
                                 args=(near,)).start()

    def link(self, program, port, patience_s=60):
        """The link of `program` to `port`, once it has been asked for."""
        with self.changed:
            if not self.changed.wait_for(
                    lambda: (program, port) in self.links, patience_s):
                raise AssertionError(f"{program} never connects to {port}")
            return self.links[program, port]

    def close(self):
        for listener in self.listeners:
            # accept() in another thread would keep it open.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for link in list(self.links.values()):
            link.heal()
            link.reset()
