"""A client of the Agent Client Protocol: lines of JSON-RPC over a process's pipes, with threads.

The smallest library for it takes half a second and 42 MiB to load; this is the part that we use.
"""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

_LONGEST = 64 << 20  # bytes of a line; some agents send megabytes
_MOST_JUNK = 1000  # lines that are not a message
_KEPT = 400  # characters of the first of them
_NO_METHOD = -32601


class ClosedError(Exception):
    """The agent's end of the pipe is closed: it ended."""


class GarbageError(Exception):
    """Its output is not the protocol."""


class BrokenError(Exception):
    """Handling its message failed; the cause is chained."""


@dataclass
class Refused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The agent answered a request with an error."""

    code: int
    message: str
    data: Any = None


NO_ANSWER = (ClosedError, GarbageError, BrokenError, Refused)
"""The errors instead of an answer."""

OnRequest = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]
"""(method, parameters) -> the result, None for a method that we do not offer."""


class Client:
    """One connection; `on_update` gets notifications, `on_request` answers the agent's requests."""

    def __init__(
        self,
        stdin: IO[bytes],
        stdout: IO[bytes],
        *,
        on_request: OnRequest,
        on_update: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self.junk = ""  # the first line that was not a message
        self._stdin = stdin
        self._stdout = stdout
        self._on_request = on_request
        self._on_update = on_update
        self._next = 0
        self._unsent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._waiting: dict[int, queue.SimpleQueue[Any]] = {}
        self._ended: Exception | None = None
        self._junk_lines = 0
        self._reader = threading.Thread(target=self._read, name="acp", daemon=True)
        self._reader.start()
        # An agent that does not read its input must not block the reader or the end.
        threading.Thread(target=self._write, name="acp writer", daemon=True).start()

    def ask(self, method: str, parameters: Mapping[str, object]) -> "Answer":
        """Send a request and return an object that waits for its result."""
        self._next += 1
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waiting[self._next] = waiting
        if self._ended is not None:
            waiting.put(self._ended)
        self._send({"id": self._next, "method": method, "params": parameters})
        return Answer(waiting)

    def notify(self, method: str, parameters: Mapping[str, object]) -> None:
        """Send a notification."""
        self._send({"method": method, "params": parameters})

    def _send(self, message: Mapping[str, Any]) -> None:
        self._unsent.put(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def _write(self) -> None:
        with suppress(OSError, ValueError):  # it ended, which the reader reports
            while data := self._unsent.get():
                self._stdin.write(data)
                self._stdin.flush()

    def _read(self) -> None:
        ended: Exception = ClosedError()
        try:
            while line := self._line():
                self._take(line)
        except GarbageError as error:
            ended = error
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may go on to wait
            ended = BrokenError()
            ended.__cause__ = error
        self._ended = ended
        self._unsent.put(b"")
        for waiting in list(self._waiting.values()):
            waiting.put(ended)

    def _line(self) -> bytes:
        try:
            line = self._stdout.readline(_LONGEST)
        except (OSError, ValueError):  # closed while waiting, or before
            return b""
        if len(line) >= _LONGEST:
            raise GarbageError("a line without an end")
        return line

    def _take(self, line: bytes) -> None:
        try:
            read = json.loads(line)
            if not isinstance(read, dict):
                raise ValueError
        except (ValueError, RecursionError):
            self._count_junk(line)
            return
        ident, method = read.get("id"), read.get("method")
        if isinstance(method, str):
            given = read.get("params")
            parameters = given if isinstance(given, dict) else {}
            if ident is None:
                self._on_update(method, parameters)
                return
            result = self._on_request(method, parameters)
            answer = {"error": {"code": _NO_METHOD, "message": "not offered"}}
            self._send({"id": ident, **(answer if result is None else {"result": result})})
        elif isinstance(ident, int) and (waiting := self._waiting.pop(ident, None)):
            waiting.put(read)
        elif ident is None and "error" in read:
            return
        else:
            self._count_junk(line)

    def _count_junk(self, line: bytes) -> None:
        if not line.strip():
            return
        self.junk = self.junk or line.decode("utf-8", "replace").strip()[:_KEPT]
        self._junk_lines += 1
        if self._junk_lines > _MOST_JUNK:
            raise GarbageError("many lines that are no message")


class Answer:
    """A pending result."""

    def __init__(self, waiting: "queue.SimpleQueue[Any]") -> None:
        self._waiting = waiting

    def wait(self, seconds: float) -> dict[str, Any] | None:
        """Return the result, None at the timeout.

        An answer that is no object, result or error, is an empty one. Raises `Refused` for an
        error, and another of `NO_ANSWER` where none will come.
        """
        try:
            message = self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(message, Exception):
            self._waiting.put(message)
            raise message
        error = message.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            number = code if isinstance(code, int) else 0
            raise Refused(number, str(error.get("message", "")), error.get("data"))
        result = message.get("result")
        return result if isinstance(result, dict) else {}
