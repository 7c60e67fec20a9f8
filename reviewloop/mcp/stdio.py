"""Serves tools by the Model Context Protocol over stdin and stdout, one message a line.

https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#stdio
"""

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any

from reviewloop.mcp.protocol import LONGEST, Call, Protocol, Tool, error

_TOO_LONG = -32600


def serve(
    source: IO[bytes],
    target: IO[bytes],
    tools: Sequence[Tool],
    call: Call,
    cancel: Callable[[Any], object],
    *,
    version: str,
) -> None:
    """Serve until the other side closes its end.

    Calls run in parallel. `cancel` is called with the id of a cancelled request, which gets no
    response.
    """
    _Connection(target, Protocol(tools, call, version=version), cancel).read(source)


class _Connection:
    def __init__(
        self, target: IO[bytes], protocol: Protocol, cancel: Callable[[Any], object]
    ) -> None:
        self._target, self._protocol, self._cancel = target, protocol, cancel
        self._writing = threading.Lock()
        self._calls: dict[str, threading.Thread] = {}
        self._cancelled: set[str] = set()

    def read(self, source: IO[bytes]) -> None:
        """Read messages until the end, then end the running calls."""
        while line := source.readline(LONGEST):
            if not line.endswith(b"\n") and len(line) >= LONGEST:
                self._write(error(None, _TOO_LONG, "a message is too long"))
                while line and not line.endswith(b"\n"):
                    line = source.readline(LONGEST)
                continue
            if line.strip():
                self._take(line)
        for ident in [*self._calls]:
            self._end(json.loads(ident))
        for thread in [*self._calls.values()]:
            thread.join()

    def _take(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            self._write(self._protocol.answer(line))
            return
        method = request.get("method") if isinstance(request, dict) else None
        if method == "notifications/cancelled":
            parameters = request.get("params")
            self._end(parameters.get("requestId") if isinstance(parameters, dict) else None)
        elif method == "tools/call" and "id" in request:
            ident = json.dumps(request["id"])
            thread = threading.Thread(target=self._answer, args=(ident, request), daemon=True)
            self._calls[ident] = thread
            thread.start()
        elif (answer := self._protocol.answer(line)) is not None:
            self._write(answer)

    def _answer(self, ident: str, request: dict[str, Any]) -> None:
        try:
            answer = self._protocol.answer_one(request)
            if answer is not None and ident not in self._cancelled:
                self._write(answer)
        finally:
            self._calls.pop(ident, None)

    def _end(self, ident: Any) -> None:
        name = json.dumps(ident)
        if name in self._calls:
            self._cancelled.add(name)
            self._cancel(ident)

    def _write(self, answer: Any) -> None:
        with self._writing, suppress(BrokenPipeError):  # the end of its input reports it too
            self._target.write(json.dumps(answer).encode() + b"\n")
            self._target.flush()
