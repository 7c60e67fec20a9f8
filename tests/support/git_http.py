"""Git over HTTP on this machine, as a host serves it: git's own program behind a small server.

Whoever pushes has to show the token in a header. While a request is answered the arguments of all
processes of this machine are looked at, because a token has no place there.
"""

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class GitHttp:
    """Serves the bare repositories below a folder; `/OWNER/NAME.git` is where they lie."""

    def __init__(self, folder: Path, token: str) -> None:
        self.folder, self.token = folder, token
        self.word = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        self.received: list[str] = []  # methods and paths
        self.leaks: list[str] = []  # arguments of processes that hold the token
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.git = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        if kind is None:
            assert self.leaks == []

    @property
    def pushes(self) -> int:
        return sum(line.startswith("POST ") and "receive-pack" in line for line in self.received)

    def look_around(self) -> None:
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = place.read_bytes()
            except OSError:
                continue
            if self.token.encode() in words or self.word.encode() in words:
                self.leaks.append(words.replace(b"\0", b" ").decode("utf-8", "replace"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    git: GitHttp


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _handle(self) -> None:
        git, parts = self.server.git, urlsplit(self.path)
        git.received.append(f"{self.command} {self.path}")
        git.look_around()
        if self.headers.get("authorization") != f"Basic {git.word}":
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="git"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = self._body()
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(git.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "REMOTE_USER": "somebody",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environ, capture_output=True, check=True
        )
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.split(b"\r\n")]
        fields = {name.decode().lower(): value.strip().decode() for name, _, value in lines}
        self.send_response(int(fields.pop("status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = _handle
