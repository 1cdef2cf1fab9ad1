"""terminal - a program in a terminal of its own, and what is seen there"""
import os
import pty
import select
import signal
import time

import system

CLEAR = b"\r\x1b[K"


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, folder, *command):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvp(command[0], command)

    def read(self, wait_s):
        if self.fd is None or not select.select([self.fd], [], [], wait_s)[0]:
            return
        try:
            self.seen += os.read(self.fd, 65536)
        except OSError:  # it is gone from the other side
            self.close()

    def read_until(self, text):
        until = time.monotonic() + system.PATIENCE_S
        while text not in self.seen:
            if time.monotonic() > until or self.fd is None:
                raise AssertionError(f"no {text!r} in {self.seen[-500:]!r}")
            self.read(1)

    def type(self, keys):
        if self.fd is not None:
            os.write(self.fd, keys)

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None

    def finish(self, keys=b""):
        """Waits for the end, typing `keys` again and again."""
        until = time.monotonic() + system.PATIENCE_S
        over = os.pidfd_open(self.pid)
        try:
            while not select.select([over], [], [], 0)[0]:
                if time.monotonic() > until:
                    os.kill(self.pid, signal.SIGKILL)
                    raise AssertionError("it does not end: " +
                                         repr(self.seen[-500:]))
                self.type(keys)
                select.select([over] if self.fd is None else [over, self.fd],
                              [], [], 0.1)
                self.read(0)
        finally:
            os.close(over)
            _, status = os.waitpid(self.pid, 0)
        while self.fd is not None and select.select([self.fd], [], [], 0)[0]:
            self.read(0)
        self.close()
        return os.waitstatus_to_exitcode(status)
