"""Listens at a private local socket, with a thread for each connection."""

import threading
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import Self


class Listening:
    """Serves at `path` while inside its `with`; each connection has a handler of `handler`.

    The handler finds this object as `self.server.of`.
    """

    handler: type[BaseRequestHandler]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = _Server(str(path), self)

    def __enter__(self) -> Self:
        """Begin to serve."""
        work = self._server.serve_forever
        name = type(self).__name__
        threading.Thread(target=work, args=(0.05,), name=name, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take nothing new; what is open ends with the agent."""
        self._server.shutdown()
        self._server.server_close()
        self.path.unlink(missing_ok=True)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: str, of: Listening) -> None:
        self.of = of
        super().__init__(path, of.handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who hangs up in the middle sees that itself."""
