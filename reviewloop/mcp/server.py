"""Serves tools by the Model Context Protocol, over HTTP on a private local socket.

Each turn of an agent has a server of its own, and a token that nobody else knows.
"""

import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from reviewloop.mcp.listening import Listening

NAME = "reviewloop"
"""What the server is called where an agent lists its tools."""

_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
_LONGEST = 16 << 20  # bytes of a request
_PARSE, _REQUEST, _METHOD, _PARAMETERS = -32700, -32600, -32601, -32602


@dataclass(frozen=True)
class Tool:
    """A tool as it is offered; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


Call = Callable[[str, Mapping[str, Any]], tuple[str, bool]]
"""(tool, arguments) -> (what the agent reads, whether the call failed)."""


class ToolServer(Listening):
    """Answers at `path` while inside its `with`; calls are made one after the other."""

    def __init__(self, path: Path, token: str, tools: Sequence[Tool], call: Call) -> None:
        self.handler = _Handler
        self.listed = threading.Event()  # the agent asked for the tools, with the token
        self._token = token
        self._tools = {tool.name: tool for tool in tools}
        self._call = call
        self._turn = threading.Lock()
        super().__init__(path)

    def allows(self, header: str) -> bool:
        """Whether a request comes from the agent that the token was given to."""
        return hmac.compare_digest(header.encode(), f"Bearer {self._token}".encode())

    def answer(self, body: bytes) -> Any:
        """Return the answer to a request, to each of several, or None where there is none."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return _error(None, _PARSE, "not JSON")
        if isinstance(message, list):
            answers = [self._one(each) for each in message]
            return [answer for answer in answers if answer is not None] or None
        return self._one(message)

    def _one(self, request: Any) -> dict[str, Any] | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, _REQUEST, "not a request")
        if "id" not in request:
            return None
        ident, method, parameters = request["id"], request["method"], request.get("params") or {}
        if not isinstance(parameters, dict):
            return _error(ident, _PARAMETERS, "params is no object")
        if method == "initialize":
            requested = parameters.get("protocolVersion")
            version = requested if requested in _VERSIONS else _VERSIONS[0]
            about = {"name": NAME, "version": "1"}
            can = {"tools": {"listChanged": False}}
            result = {"protocolVersion": version, "capabilities": can, "serverInfo": about}
            return _result(ident, result)
        if method == "ping":
            return _result(ident, {})
        if method == "tools/list":
            self.listed.set()
            return _result(ident, {"tools": [_described(tool) for tool in self._tools.values()]})
        if method == "tools/call":
            return self._run(ident, parameters)
        return _error(ident, _METHOD, "there is no such method here")

    def _run(self, ident: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = parameters.get("name"), parameters.get("arguments") or {}
        if name not in self._tools or not isinstance(arguments, dict):
            known = ", ".join(self._tools)
            return _error(ident, _PARAMETERS, f"no such tool, or no object; the tools are: {known}")
        with self._turn:
            text, failed = self._call(str(name), arguments)
        return _result(ident, {"content": [{"type": "text", "text": text}], "isError": failed})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600
    server: Any

    def do_POST(self) -> None:
        """Answer one message."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST:
            self._send(413 if length.isdigit() else 411, None)
            return
        body = self.rfile.read(int(length))
        if not self.server.of.allows(self.headers.get("Authorization", "")):
            self._send(401, None)
            return
        answer = self.server.of.answer(body)
        self._send(202 if answer is None else 200, answer)

    def do_GET(self) -> None:
        """Offer no stream: nothing is told that was not asked."""
        self._send(405, None)

    do_DELETE = do_GET  # noqa: N815

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
        """Return no name: who connects to a local socket has none."""
        return ""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing to stderr."""


def _described(tool: Tool) -> dict[str, Any]:
    schema = dict(tool.schema)
    return {"name": tool.name, "description": tool.description, "inputSchema": schema}


def _result(ident: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "result": result}


def _error(ident: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": text}}
