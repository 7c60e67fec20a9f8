"""Runs inside the cage, around the agent: lets two ports lead to the sockets that it may use.

Started by path as `python -I -S relay.py PROXY_SOCKET TOOLS_SOCKET -- PROGRAM ARG...`, so it may
use the standard library only. Its first line on stdout is JSON with both ports; all that follows
there is the agent's.
"""

import json
import os
import socket
import sys
import threading

_PIECE = 1 << 16


def main() -> int:
    """Listen, start the agent, and end with its exit code."""
    proxy, tools, _, *argv = sys.argv[1:]
    ports = [_listen(path) for path in (proxy, tools)]
    print(json.dumps({"proxy": ports[0], "tools": ports[1]}), flush=True)  # noqa: T201
    way = f"http://127.0.0.1:{ports[0]}"
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        os.environ[name] = way
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = "127.0.0.1"
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"reviewloop: {argv[0]} could not be started: {error.strerror}\n".encode())
        return 127
    os.close(0)  # they are the agent's alone
    os.close(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _listen(path: str) -> int:
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_accept, args=(server, path), daemon=True).start()
    port: int = server.getsockname()[1]
    return port


def _accept(server: socket.socket, path: str) -> None:
    while True:
        client = server.accept()[0]
        threading.Thread(target=_forward, args=(client, path), daemon=True).start()


def _forward(client: socket.socket, path: str) -> None:
    inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        inner.connect(path)
    except OSError:
        client.close()
        return
    back = threading.Thread(target=_carry, args=(inner, client), daemon=True)
    back.start()
    _carry(client, inner)
    back.join()
    client.close()
    inner.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


if __name__ == "__main__":
    code = main()
    os._exit(code)
