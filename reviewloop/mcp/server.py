"""Serves tools by the Model Context Protocol, over HTTP on a private local socket.

Each turn of an agent has its own server and its own secret token.
"""

import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from reviewloop.mcp.listening import Listening
from reviewloop.mcp.protocol import LONGEST, Answer, Protocol, Tool

Call = Callable[[str, Mapping[str, Any]], tuple[str, bool]]
"""(tool, arguments) -> (text for the agent, whether the call failed)."""


class ToolServer(Listening):
    """Serves at `path` while inside its `with`; calls run one after the other."""

    def __init__(self, path: Path, token: str, tools: Sequence[Tool], call: Call) -> None:
        self.handler = _Handler
        self.listed = threading.Event()  # the agent has listed the tools, with the token
        self._token = token
        self._protocol = Protocol(tools, self._run, listed=self.listed.set)
        self._call = call
        self._turn = threading.Lock()
        super().__init__(path)

    def allows(self, header: str) -> bool:
        """Return whether a request has the token of the agent."""
        return hmac.compare_digest(header.encode(), f"Bearer {self._token}".encode())

    def answer(self, body: bytes) -> Any:
        """Return the response to a request, None where there is none."""
        return self._protocol.answer(body)

    def _run(self, _: Any, name: str, arguments: Mapping[str, Any]) -> Answer:
        with self._turn:
            return Answer(*self._call(name, arguments))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600
    server: Any

    def do_POST(self) -> None:
        """Respond to one message."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > LONGEST:
            self._send(413 if length.isdigit() else 411, None)
            return
        body = self.rfile.read(int(length))
        if not self.server.of.allows(self.headers.get("Authorization", "")):
            self._send(401, None)
            return
        answer = self.server.of.answer(body)
        self._send(202 if answer is None else 200, answer)

    def do_GET(self) -> None:
        """Offer no stream, as the server sends nothing unasked."""
        self._send(405, None)

    do_DELETE = do_GET  # noqa: N815 - as `http.server` calls it

    def _send(self, status: int, answer: Any) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        with suppress(OSError):
            self.send_response(status)
            if body:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def address_string(self) -> str:
        """Return "": a client of a local socket has no address."""
        return ""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to stderr."""
