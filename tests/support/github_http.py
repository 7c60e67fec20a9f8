"""How the stand-in for GitHub speaks HTTP."""

import json
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.github_server import GitHubServer


class Gone(Exception):
    """The connection is to be reset instead of an answer."""


class GitHubHttp(ThreadingHTTPServer):
    """One thread per connection; none of them outlives the test."""

    daemon_threads = True

    def __init__(self, github: "GitHubServer") -> None:
        self.github = github
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away, but keep what is our own mistake."""
        import sys

        error = sys.exception()
        if not isinstance(error, OSError | Gone):
            self.github.violations.append(f"the stand-in broke: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GitHubHttp

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _handle(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            reply = self.server.github.answer(self.command, self.path, headers, data)
        except Gone:
            # With this option closing sends a reset, which is what a broken way looks like.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.rfile.close()
            self.connection.close()
            return
        plain = isinstance(reply.data, str)
        content = reply.data.encode() if plain else json.dumps(reply.data).encode()
        content = b"" if reply.data is None else content
        self.send_response(reply.status)
        self.send_header("content-type", "text/plain" if plain else "application/json")
        self.send_header("content-length", str(len(content)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle
