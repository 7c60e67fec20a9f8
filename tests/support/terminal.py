"""A person at a terminal: starts a command on a pseudo-terminal, reads, and types."""

import os
import pty
import re
import select
import signal
import time

from support.checkout import Checkout
from support.prepared import Prepared

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """One command on a pseudo-terminal of its own."""

    def __init__(self, checkout: Checkout, *arguments: str) -> None:
        self._mine, theirs = pty.openpty()
        environ = {**checkout.environ, "TERM": "xterm", "LINES": "60"}
        self._process = Prepared(arguments, checkout.root, environ, terminal=theirs)
        os.close(theirs)
        self.screen = ""
        self._read = 0

    def expect(self, words: str, seconds: float = 110) -> None:
        """Read until these words stand on the screen, after those expected before."""
        deadline = time.monotonic() + seconds
        while (place := self.screen.find(words, self._read)) < 0:
            if not self._more(max(0.0, deadline - time.monotonic())):
                raise AssertionError(f"{words!r} did not appear on:\n{self.screen[-2000:]}")
        self._read = place + len(words)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._mine, line.encode() + b"\n")

    def leave(self) -> None:
        """Press Ctrl-D."""
        os.write(self._mine, b"\x04")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.kill(self._process.pid, signal.SIGINT)

    def end(self, seconds: float = 110) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + seconds
        while self._more(max(0.0, deadline - time.monotonic())):
            pass
        os.close(self._mine)
        with self._process as process:
            return process.wait(5)

    def _more(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._mine], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._mine, 65536)
        except OSError:  # the other end is closed
            return False
        self.screen += _ESCAPES.sub(b"", data).decode("utf-8", "replace")
        return bool(data)
