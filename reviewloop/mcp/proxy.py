"""The only network exit of a cage: forwards connections to allowed hosts, refuses others."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler
from typing import Any
from urllib.parse import urlsplit

from reviewloop.mcp.listening import Listening

_HEAD = 64 << 10  # bytes of the lines before a body
_CONNECT_SECONDS = 20.0
_SILENT_SECONDS = 900.0
_PIECE = 64 << 10
_TLS, _PLAIN = 443, 80
_LOOPBACK = "127.0.0.1"


class Proxy(Listening):
    """Forwards connections to a local socket while inside its `with`.

    `hosts` are names, or `name:port` where the port is neither 443 nor 80; `on_refused` is called
    once for each refused location. Names are resolved here, outside of the cage.
    """

    def __init__(
        self, path: Path, hosts: Iterable[str], on_refused: Callable[[str], None] = lambda _: None
    ) -> None:
        self.handler = _Handler
        self.connections = 0  # allowed ones
        self._allowed = {location for host in hosts for location in _locations(host)}
        self._inner: dict[tuple[str, int], Path] = {}
        self._on_refused = on_refused
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        super().__init__(path)

    def lead(self, port: int, to: Path, *, host: str = _LOOPBACK) -> None:
        """Map a location to a socket of ours.

        Also for a port of the cage's own loopback, as some clients do not skip the proxy for it.
        """
        self._inner[host, port] = to

    def inner(self, host: str, port: int) -> Path | None:
        """Return the socket that a location inside of the cage is mapped to."""
        return self._inner.get((host, port))

    def allows(self, host: str, port: int) -> bool:
        """Return whether a location is allowed; report a refused one once."""
        with self._lock:
            if (host.lower(), port) in self._allowed:
                self.connections += 1
                return True
            location = f"{host}:{port}"
            known = location in self._refused
            self._refused.add(location)
        if not known:
            self._on_refused(location)
        return False


def _locations(host: str) -> list[tuple[str, int]]:
    name, colon, port = host.lower().rpartition(":")
    if colon and port.isdigit():
        return [(name, int(port))]
    return [(host.lower(), _TLS), (host.lower(), _PLAIN)]


class _Handler(BaseRequestHandler):
    request: socket.socket
    server: Any

    def handle(self) -> None:
        """Forward one connection."""
        self.request.settimeout(_CONNECT_SECONDS)
        head, rest = _head_of(self.request)
        lines = head.split(b"\r\n")
        words = lines[0].decode("latin-1").split(" ")
        if len(words) != 3:
            refuse(self.request, 400, "not a request")
            return
        method, target, version = words
        try:
            to = urlsplit(f"//{target}" if method == "CONNECT" else target)
            host, port = to.hostname or "", to.port
        except ValueError:
            refuse(self.request, 400, "no such location")
            return
        if method == "CONNECT":
            port = port or _TLS
        elif to.scheme == "http":
            port = port or _PLAIN
        else:
            refuse(self.request, 400, "this is a proxy: CONNECT, or http://")
            return
        proxy: Proxy = self.server.of
        inner = proxy.inner(host, port)
        if inner is None and not proxy.allows(host, port):
            refuse(self.request, 403, f"{host}:{port} is not allowed in this cage")
            return
        try:
            upstream = _connected(inner or (host, port))
        except OSError as error:
            refuse(self.request, 502, f"{host}:{port} cannot be reached ({error})")
            return
        with upstream:
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = to._replace(scheme="", netloc="").geturl() or "/"
                own = (b"proxy-", b"connection:")
                kept = [line for line in lines[1:] if not line.lower().startswith(own)]
                first = f"{method} {path} {version}".encode("latin-1")
                request = b"\r\n".join([first, *kept, b"Connection: close"])
                upstream.sendall(request + b"\r\n\r\n")
            if rest:
                upstream.sendall(rest)
            _join(self.request, upstream)


def refuse(client: socket.socket, status: int, why: str) -> None:
    """Send the response that a request is refused."""
    body = f"reviewloop: {why}\n".encode()
    head = f"HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Length: {len(body)}"
    with suppress(OSError):
        client.sendall(head.encode() + b"\r\n\r\n" + body)


def _connected(location: Path | tuple[str, int]) -> socket.socket:
    if isinstance(location, tuple):
        return socket.create_connection(location, _CONNECT_SECONDS)
    inner = socket.socket(socket.AF_UNIX)
    try:
        inner.connect(str(location))
    except OSError:
        inner.close()
        raise
    return inner


def _head_of(client: socket.socket) -> tuple[bytes, bytes]:
    """Return the bytes before the empty line, and those read after it."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _HEAD:
        piece = client.recv(_PIECE)
        if not piece:
            break
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _join(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until both ends close, or nothing is sent for too long."""
    ends = {one: other, other: one}
    with selectors.DefaultSelector() as ready:
        for one_end in ends:
            one_end.settimeout(_SILENT_SECONDS)
            ready.register(one_end, selectors.EVENT_READ, one_end)
        while ready.get_map():
            events = ready.select(_SILENT_SECONDS)
            if not events:
                return
            for key, _ in events:
                end: socket.socket = key.data
                piece = end.recv(_PIECE)
                if piece:
                    ends[end].sendall(piece)
                    continue
                ready.unregister(end)
                with suppress(OSError):
                    ends[end].shutdown(socket.SHUT_WR)
