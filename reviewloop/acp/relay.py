"""Runs inside the cage, around the agent: lets two ports lead to the sockets that it may use.

Where a cage has no network of its own, we listen ourselves.

Started by path as `python -I -S relay.py PROXY_SOCKET TOOLS_SOCKET -- PROGRAM ARG...`, so it may
use the standard library only, and of that what `socket` and `threading` are made of: these take
longer to load than all else here. Its first line on stdout is JSON with both ports; all that
follows there is the agent's.
"""

import _socket
import _thread
import os
import sys

_PIECE = 1 << 16


def main() -> int:
    """Listen, start the agent, and return its exit code."""
    proxy, tools, _, *argv = sys.argv[1:]
    ports = [listen(path).getsockname()[1] for path in (proxy, tools)]
    print(f'{{"proxy": {ports[0]}, "tools": {ports[1]}}}', flush=True)
    os.environ.update(proxy_variables(ports[0]))
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"reviewloop: {argv[0]} could not be started: {error.strerror}\n".encode())
        return 127
    os.close(0)  # they are only for the agent
    os.close(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def proxy_variables(port: int) -> dict[str, str]:
    """Return the variables by which programs find the proxy."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY")
    around = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {**dict.fromkeys(names, f"http://127.0.0.1:{port}"), **around}


def listen(path: str) -> _socket.socket:
    """Forward a port of this machine to a local socket, until the returned socket is shut down."""
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    server.bind(("127.0.0.1", 0))
    server.listen(64)
    _thread.start_new_thread(_accept, (server, path))
    return server


def _accept(server: _socket.socket, path: str) -> None:
    while True:
        try:
            descriptor = server._accept()[0]  # type: ignore[attr-defined] # as `socket` does
        except OSError:  # shut down
            return
        client = _socket.socket(fileno=descriptor)
        _thread.start_new_thread(_forward, (client, path))


def _forward(client: _socket.socket, path: str) -> None:
    inner = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        inner.connect(path)
    except OSError:
        client.close()
        return
    back = _thread.allocate_lock()
    back.acquire()
    _thread.start_new_thread(_carry, (inner, client, back))
    _carry(client, inner)
    back.acquire()
    client.close()
    inner.close()


def _carry(
    source: _socket.socket, target: _socket.socket, ended: _thread.LockType | None = None
) -> None:
    try:
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(_socket.SHUT_WR)
    except OSError:
        return
    finally:
        if ended:
            ended.release()


if __name__ == "__main__":
    code = main()
    os._exit(code)
