"""A gateway to its model for an agent that never gets the user's key, which is added here.

Inside of its cage the agent has a secret for this turn only, which is good for the requests that
its model needs; other keys and paths are refused.
"""

import hmac
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler
from typing import Any
from urllib.parse import SplitResult, urlsplit

from reviewloop.acp.agents import KnownAgent
from reviewloop.dataclass import dataclass
from reviewloop.mcp.listening import Listening
from reviewloop.mcp.proxy import refuse

HOST = "model.reviewloop"
"""The host name of the gateway inside of a cage, known only to its proxy."""

_ADDRESS = "@GATEWAY"  # in the rows of agents.toml
_HEAD = 256 << 10  # bytes of the lines before a body
_LINGER_SECONDS = 2.0  # that an agent gets to close after a refusal
_MOST_PIECES = 1000  # pieces read after a refusal
_PIECE = 64 << 10
_CONNECT_SECONDS, _SILENT_SECONDS = 20.0, 900.0
_BEARER = "Bearer "
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_DROPPED = (*_KEYS, "host", "connection", "proxy-connection", "keep-alive", "te", "expect")


@dataclass(frozen=True)
class ModelRoute:
    """The gateway of one turn: its address, its key, and the secret that opens it."""

    address: SplitResult
    header: str
    key: str
    paths: tuple[str, ...]
    secret: str

    def allows(self, target: str) -> bool:
        """Return whether a request's path is one that a model needs."""
        path = target.partition("?")[0].removeprefix(self.address.path)
        if ".." in path or "%" in path or "//" in path:  # a server may normalise these
            return False
        below = (one for one in self.paths if one.endswith("/"))
        return path in self.paths or path.startswith(tuple(below))

    def accepts(self, given: str) -> bool:
        """Return whether a header's value is this turn's secret."""
        return hmac.compare_digest(given.removeprefix(_BEARER).encode(), self.secret.encode())


def gateway_for(
    agent: KnownAgent, environ: Mapping[str, str]
) -> tuple[ModelRoute, KnownAgent, Mapping[str, str]] | None:
    """Return the gateway, and the agent and its variables without the key; None without one.

    There is one where the agent takes its key from a variable and its model's address can be set;
    other kinds of login, and a user's own variables, are passed unchanged.
    """
    row = agent.gateway
    if not row or not environ.get(row["key"]) or any(map(environ.get, row.get("unless", ()))):
        return None
    address = urlsplit(environ.get(row["variable"]) or row["address"])
    if address.scheme not in {"http", "https"} or not address.hostname:
        return None
    secret = f"sk-{secrets.token_urlsafe(32)}"
    route = ModelRoute(address, row["header"], environ[row["key"]], tuple(row["paths"]), secret)
    inside = f"http://{HOST}{address.path.rstrip('/')}"
    variables = {name: text.replace(_ADDRESS, inside) for name, text in row.get("set", {}).items()}
    files = dict(agent.files)
    for name, text in row.get("files", {}).items():
        files[name] = text.replace(_ADDRESS, inside) + files.get(name, "")
    hidden = replace(agent, hosts=(), set={**agent.set, **variables}, files=files)
    return route, hidden, {**environ, row["key"]: secret}


class Gateway(Listening):
    """Forwards to a model while inside its `with`.

    `on_refused` is called once for each other method and path.
    """

    def __init__(
        self, path: Path, route: ModelRoute, on_refused: Callable[[str], None] = lambda _: None
    ) -> None:
        self.handler = _Handler
        self.route = route
        self._on_refused = on_refused
        self._refused: set[str] = set()
        super().__init__(path)

    def note(self, target: str) -> None:
        """Report a refused request."""
        if target not in self._refused:
            self._refused.add(target)
            self._on_refused(target)


class _Handler(BaseRequestHandler):
    request: socket.socket
    server: Any

    def handle(self) -> None:
        """Handle one request; each has its own connection, so that none can be smuggled into
        another.
        """
        self.request.settimeout(_SILENT_SECONDS)
        gateway: Gateway = self.server.of
        route = gateway.route
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
            if not any(route.accepts(given[name]) for name in _KEYS if name in given):
                self._refuse(401, "another key than the one of this turn")
                return
            if not route.allows(target):
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
                self._forward(route, f"{method} {target}", headers, lines.read(int(length[0])))
            except OSError as error:
                self._refuse(502, f"{route.address.netloc} cannot be reached ({error})")

    def _refuse(self, code: int, why: str) -> None:
        """Refuse, and read the rest of the request: unread, it would reset the response."""
        refuse(self.request, code, why)
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_WR)
            self.request.settimeout(_LINGER_SECONDS)
            for _ in range(_MOST_PIECES):
                if not self.request.recv(_PIECE):
                    break

    def _forward(
        self, route: ModelRoute, request: str, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        kept = [f"{name}: {value}" for name, value in headers if name not in _DROPPED]
        key = f"{_BEARER}{route.key}" if route.header == "authorization" else route.key
        own = [f"host: {route.address.netloc}", f"{route.header}: {key}", "connection: close"]
        head = "\r\n".join([f"{request} HTTP/1.1", *own, *kept]) + "\r\n\r\n"
        with _connected(route.address) as upstream:
            upstream.sendall(head.encode("latin-1") + body)
            with suppress(OSError):  # started: a client that disconnects is noticed
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
