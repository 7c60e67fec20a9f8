"""The way to its model for an agent that never sees the user's key: it is put in out here.

Inside of its cage the agent has a word that nobody else knows, good for one turn and for the
requests that its model needs; what it asks with another key, or of another path, is refused.
"""

import hmac
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socketserver import BaseRequestHandler
from typing import Any
from urllib.parse import SplitResult, urlsplit

from reviewloop.acp.agents import KnownAgent
from reviewloop.mcp.listening import Listening
from reviewloop.mcp.proxy import refuse

HOST = "model.reviewloop"
"""What the way is called inside of a cage; its proxy knows it, and nobody else does."""

_ADDRESS = "@GATEWAY"  # in the rows of agents.toml
_HEAD = 256 << 10  # bytes of the lines before a body
_LINGER_SECONDS = 2.0  # that an agent has to close after a refusal
_MOST_PIECES = 1000  # of what it still sends by then
_PIECE = 64 << 10
_CONNECT_SECONDS, _SILENT_SECONDS = 20.0, 900.0
_BEARER = "Bearer "
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_DROPPED = (*_KEYS, "host", "connection", "proxy-connection", "keep-alive", "te", "expect")


@dataclass(frozen=True)
class Way:
    """One turn's way: to which address, with which key, asked for by which word."""

    address: SplitResult
    header: str
    key: str
    paths: tuple[str, ...]
    word: str

    def leads_to(self, target: str) -> bool:
        """Return whether a request's path is one that a model needs."""
        path = target.partition("?")[0].removeprefix(self.address.path)
        if ".." in path or "%" in path or "//" in path:  # what a server may read as another one
            return False
        below = (one for one in self.paths if one.endswith("/"))
        return path in self.paths or path.startswith(tuple(below))

    def is_opened_by(self, given: str) -> bool:
        """Return whether what stands in the header of a key is this turn's word."""
        return hmac.compare_digest(given.removeprefix(_BEARER).encode(), self.word.encode())


def way_of(
    agent: KnownAgent, environ: Mapping[str, str]
) -> tuple[Way, KnownAgent, Mapping[str, str]] | None:
    """Return the way, and the agent and its variables without the key; None where there is none.

    There is one where the agent takes its key from a variable and can be told where its model is; a
    login of another kind, and a user's own choice of variables, go as they are.
    """
    row = agent.gateway
    if not row or not environ.get(row["key"]) or any(map(environ.get, row.get("unless", ()))):
        return None
    address = urlsplit(environ.get(row["variable"]) or row["address"])
    if address.scheme not in {"http", "https"} or not address.hostname:
        return None
    word = f"sk-{secrets.token_urlsafe(32)}"
    way = Way(address, row["header"], environ[row["key"]], tuple(row["paths"]), word)
    inside = f"http://{HOST}{address.path.rstrip('/')}"
    variables = {name: text.replace(_ADDRESS, inside) for name, text in row.get("set", {}).items()}
    files = dict(agent.files)
    for name, text in row.get("files", {}).items():
        files[name] = text.replace(_ADDRESS, inside) + files.get(name, "")
    hidden = replace(agent, hosts=(), set={**agent.set, **variables}, files=files)
    return way, hidden, {**environ, row["key"]: word}


class Gateway(Listening):
    """Leads to a model while inside its `with`; `on_refused` hears once of each other path."""

    def __init__(
        self, path: Path, way: Way, on_refused: Callable[[str], None] = lambda _: None
    ) -> None:
        self.handler = _Handler
        self.way = way
        self._on_refused = on_refused
        self._refused: set[str] = set()
        super().__init__(path)

    def note(self, target: str) -> None:
        """Pass on that a request was refused."""
        if target not in self._refused:
            self._refused.add(target)
            self._on_refused(target)


class _Handler(BaseRequestHandler):
    request: socket.socket
    server: Any

    def handle(self) -> None:
        """Answer one request; each has a connection of its own, so that none rides on another."""
        self.request.settimeout(_SILENT_SECONDS)
        gateway: Gateway = self.server.of
        way = gateway.way
        with self.request.makefile("rb") as lines:
            first = lines.readline(_HEAD).decode("latin-1").split()
            headers: list[tuple[str, str]] = []
            read = 0
            while (line := lines.readline(_HEAD).decode("latin-1")) not in ("\r\n", "\n", ""):
                name, _, value = line.partition(":")
                headers.append((name.strip().lower(), value.strip()))
                read += len(line)
                if read > _HEAD:
                    self._refuse(431, "too long a head")
                    return
            if len(first) != 3:
                self._refuse(400, "not a request")
                return
            method, target, _ = first
            given = dict(headers)
            if not any(way.is_opened_by(given[name]) for name in _KEYS if name in given):
                self._refuse(401, "another key than the one of this turn")
                return
            if not way.leads_to(target):
                gateway.note(f"{method} {target.partition('?')[0][:80]}")
                self._refuse(403, "nothing that a model needs")
                return
            length = [value for name, value in headers if name == "content-length"] or ["0"]
            plain = "transfer-encoding" not in given and len(length) == 1
            if "upgrade" in given or not plain or not length[0].isdecimal():
                self._refuse(
                    426 if "upgrade" in given else 411,
                    "one request of a known length",
                )
                return
            try:
                self._forward(way, f"{method} {target}", headers, lines.read(int(length[0])))
            except OSError as error:
                self._refuse(502, f"{way.address.netloc} cannot be reached ({error})")

    def _refuse(self, code: int, why: str) -> None:
        """Refuse, and take in what is still sent: unread, it would reset the answer away."""
        refuse(self.request, code, why)
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_WR)
            self.request.settimeout(_LINGER_SECONDS)
            for _ in range(_MOST_PIECES):
                if not self.request.recv(_PIECE):
                    break

    def _forward(self, way: Way, request: str, headers: list[tuple[str, str]], body: bytes) -> None:
        kept = [f"{name}: {value}" for name, value in headers if name not in _DROPPED]
        key = f"{_BEARER}{way.key}" if way.header == "authorization" else way.key
        own = [f"host: {way.address.netloc}", f"{way.header}: {key}", "connection: close"]
        head = "\r\n".join([f"{request} HTTP/1.1", *own, *kept]) + "\r\n\r\n"
        with _connected(way.address) as upstream:
            upstream.sendall(head.encode("latin-1") + body)
            with suppress(OSError):  # begun: whoever is gone, or breaks off, is seen to be
                while piece := upstream.recv(_PIECE):
                    self.request.sendall(piece)


def _connected(address: SplitResult) -> socket.socket:
    host = address.hostname or ""
    secure = address.scheme == "https"
    plain = socket.create_connection(
        (host, address.port or (443 if secure else 80)), _CONNECT_SECONDS
    )
    plain.settimeout(_SILENT_SECONDS)
    if not secure:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
