"""Runs inside the cage, around the agent: lets two ports lead to the sockets that it may use.

Where a cage has no network of its own, we listen ourselves.

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
    ports = [listen(path).getsockname()[1] for path in (proxy, tools)]
    print(json.dumps({"proxy": ports[0], "tools": ports[1]}), flush=True)  # noqa: T201
    os.environ.update(proxy_variables(ports[0]))
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"reviewloop: {argv[0]} could not be started: {error.strerror}\n".encode())
        return 127
    os.close(0)  # they are the agent's alone
    os.close(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def proxy_variables(port: int) -> dict[str, str]:
    """Return the variables by which programs find the way out."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY")
    around = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {**dict.fromkeys(names, f"http://127.0.0.1:{port}"), **around}


def listen(path: str) -> socket.socket:
    """Let a port of this machine lead to a local socket, until what is returned is shut down."""
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_accept, args=(server, path), daemon=True).start()
    return server


def _accept(server: socket.socket, path: str) -> None:
    while True:
        try:
            client = server.accept()[0]
        except OSError:  # shut down
            return
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
