"""links - a worker's sockets: control, lane, and the way to the sink"""
import os

import zmq


class Links:
    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.control = self.connect(zmq.DEALER, endpoint, linger_ms=1000)
        self.monitor = self.control.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.connections = 0
        self.lane = self.push = None
        self.sink = None  # (endpoint, incarnation) that push is connected to
        self.waker = os.eventfd(0, os.EFD_NONBLOCK)

    def connect(self, kind, endpoint, linger_ms=0):
        opened = self.context.socket(kind)
        opened.set_hwm(0)  # credit and retention bound what is under way
        opened.linger = linger_ms
        opened.reconnect_ivl, opened.reconnect_ivl_max = 20, 1000
        opened.connect(endpoint)
        return opened

    def open_lane(self, endpoint):
        self.lane = self.connect(zmq.PULL, endpoint.decode())

    def close_lane(self):
        """What is not read of it is dropped."""
        if self.lane:
            self.lane.close()
        self.lane = None

    def open_sink(self, endpoint, incarnation):
        """False where it is not known, or is what we are connected to."""
        if not endpoint or self.sink == (endpoint, incarnation):
            return False
        if self.push:
            self.push.close()
        self.sink = (endpoint, incarnation)
        self.push = self.connect(zmq.PUSH, endpoint.decode())
        return True

    def has_reconnected(self):
        before = self.connections
        self.connections += sum(1 for _ in received(self.monitor))
        return self.connections > max(before, 1)

    def wait(self, most_s):
        """Until something comes in, somebody calls wake, or time is over."""
        poller = zmq.Poller()
        for what in (self.control, self.monitor, self.waker, self.lane):
            if what is not None:
                poller.register(what, zmq.POLLIN)
        if self.waker in dict(poller.poll(max(most_s, 0) * 1000)):
            os.eventfd_read(self.waker)

    def wake(self):  # from any thread
        os.eventfd_write(self.waker, 1)

    def close(self):
        self.control.disable_monitor()
        self.context.destroy()  # each socket with the linger it was given


def received(opened):
    """The messages that are there, each a list of its parts."""
    while opened and not opened.closed:
        try:
            yield opened.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return


def sent(opened, frame):
    """False when there is no room, or nobody there yet."""
    try:
        opened.send(frame, zmq.DONTWAIT)
    except zmq.Again:
        return False
    return True
