"""Listens at a private local socket, with a thread for each connection."""

import selectors
import socket
import threading
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import Self


class Listening:
    """Serves at `path` while inside its `with`; `handler` handles each connection.

    The handler finds this object as `self.server.of`.
    """

    handler: type[BaseRequestHandler]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = _Server(str(path), self)
        self._over, self._end = socket.socketpair()
        self._work = threading.Thread(target=self._serve, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._work.start()
        return self

    def _serve(self) -> None:
        """Accept connections until the end; without polling for it."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._server, selectors.EVENT_READ)
            ready.register(self._over, selectors.EVENT_READ)
            while all(key.fileobj is self._server for key, _ in ready.select()):
                self._server.handle_request()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Accept no more connections; open ones end with the agent."""
        self._end.close()
        self._work.join()
        self._over.close()
        self._server.server_close()
        self.path.unlink(missing_ok=True)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    timeout = 0.0  # of a connection that was closed meanwhile

    def __init__(self, path: str, of: Listening) -> None:
        self.of = of
        super().__init__(path, of.handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Report nothing: a client that disconnects knows it."""
