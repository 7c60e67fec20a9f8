"""Servers and a process as targets of escape attempts; each server returns a token."""

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any


def serving(
    stack: contextlib.ExitStack, folder: Path, token: str, seen: list[bytes]
) -> dict[str, object]:
    """Start servers that answer whatever they are asked with the token."""
    answer = f"HTTP/1.0 200 OK\r\n\r\n{token}\r\n".encode()
    facts: dict[str, object] = {}
    folder.mkdir()
    streams: dict[str, tuple[int, Any]] = {
        "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, ("::1", 0)),
        **{
            name: (socket.AF_UNIX, str(folder / file))
            for name, file in {
                "socket": "socket",
                "docker": "docker.sock",
                "agent": "agent",
                "bus": "bus",
            }.items()
        },
        "abstract": (socket.AF_UNIX, f"\0{token}"),
        "abstract_bus": (socket.AF_UNIX, f"\0/tmp/dbus-{token}"),
    }
    datagrams: dict[str, tuple[int, Any]] = {
        "udp": (socket.AF_INET, ("127.0.0.1", 0)),
        "udp6": (socket.AF_INET6, ("::1", 0)),
        "datagrams": (socket.AF_UNIX, str(folder / "datagrams")),
    }
    for kind, wanted in ((socket.SOCK_STREAM, streams), (socket.SOCK_DGRAM, datagrams)):
        for name, (family, address) in wanted.items():
            server = socket.socket(family, kind)
            try:
                server.bind(address)
            except OSError:  # no IPv6 on this machine: the control says so
                facts[name] = 1
                server.close()
                continue
            bound = server.getsockname()
            if isinstance(bound, tuple):
                facts[name] = bound[1]
            else:
                facts[name] = os.fsdecode(bound).removeprefix("\0")
            serve = _stream if kind == socket.SOCK_STREAM else _datagram
            _thread(stack, server, partial(serve, answer=answer, seen=seen))
    with socket.create_server(("127.0.0.1", 0)) as free:
        facts["free"] = free.getsockname()[1]
    over = threading.Event()
    stack.callback(over.set)
    port = facts["free"]
    threading.Thread(target=_keep_trying, args=(port, over), daemon=True).start()
    return facts


def _thread(
    stack: contextlib.ExitStack, server: socket.socket, serve: Callable[[socket.socket], None]
) -> None:
    if server.type == socket.SOCK_STREAM:
        server.listen(64)

    over = threading.Event()

    def loop() -> None:
        with contextlib.suppress(OSError):  # it was shut down
            while not over.is_set():
                serve(server)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()

    def end() -> None:
        # Closing alone leaves the thread in its call, with the number of a file that a later test
        # is given: it then answers there.
        over.set()
        with contextlib.suppress(OSError):  # datagrams have no connection, and are woken up
            server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        server.close()

    stack.callback(end)


def _stream(server: socket.socket, answer: bytes, seen: list[bytes]) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        connection.settimeout(1)
        seen.append(connection.recv(4096))
        connection.sendall(answer)


def _datagram(server: socket.socket, answer: bytes, seen: list[bytes]) -> None:
    data, sender = server.recvfrom(4096)
    seen.append(data)
    if sender:
        server.sendto(answer, sender)


def _keep_trying(port: object, over: threading.Event) -> None:
    """Connect to what an attempt opens for others, until it is there."""
    while not over.wait(0.02):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", int(str(port))), 1).close()


_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)  # anybody of ours may trace it
held = ctypes.create_string_buffer(os.environ["TOKEN"].encode())
print(ctypes.addressof(held), os.open(sys.argv[1], os.O_RDONLY), flush=True)
sys.stdin.read()
"""


def processes(
    stack: contextlib.ExitStack, opened: Path, setuid: Path, token: str
) -> dict[str, object]:
    """Start a process that stands for reviewloop, and make the other things a kernel holds."""
    parent = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PARENT, str(opened), token],
            env={"TOKEN": token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
    )
    assert parent.stdout is not None
    address, handle = map(int, parent.stdout.readline().split())
    terminals = os.openpty()
    for terminal in terminals:
        stack.callback(os.close, terminal)
    shared = secrets.randbits(30)
    stack.enter_context(_shared_memory(shared, token))
    stack.enter_context(_message_queue(token))
    stack.enter_context(_message_queue(f"{token}-2"))
    numbers = stack.enter_context(_by_number(token))
    shutil.copy("/usr/bin/id", setuid)
    if os.getuid() == 0:
        os.chown(setuid, 65534, 65534)
        setuid.chmod(0o4755)
    return {
        "parent": parent.pid,
        "address": address,
        "handle": handle,
        "terminal": os.ttyname(terminals[1]),
        "shared": shared,
        "queue": token,
        "other_queue": f"{token}-2",
        **numbers,
        "setuid": str(setuid),
    }


@contextlib.contextmanager
def _shared_memory(key: int, text: str) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    number = libc.shmget(key, 4096, 0o1600)
    if number < 0:
        yield  # the control says so
        return
    address = libc.shmat(number, None, 0)
    ctypes.memmove(address, text.encode(), len(text))
    try:
        yield
    finally:
        libc.shmdt(ctypes.c_void_p(address))
        libc.shmctl(number, 0, None)


@contextlib.contextmanager
def _by_number(text: str) -> Iterator[dict[str, int]]:
    """Make what System V shares by number: memory, a message, locks."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment, messages = libc.shmget(0, 4096, 0o1600), libc.msgget(0, 0o1600)
    locks = libc.semget(0, 1, 0o1600)
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, text.encode(), len(text))
    message = (1).to_bytes(8, sys.byteorder) + text.encode()
    libc.msgsnd(messages, message, len(text), 0)
    try:
        yield {"segment": segment, "messages": messages, "locks": locks}
    finally:
        libc.shmdt(ctypes.c_void_p(address))
        libc.shmctl(segment, 0, None)
        libc.msgctl(messages, 0, None)
        libc.semctl(locks, 0, 0, 0)


@contextlib.contextmanager
def _message_queue(name: str) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    queue = libc.mq_open(f"/{name}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    try:
        yield
    finally:
        if queue >= 0:
            os.close(queue)
            libc.mq_unlink(f"/{name}".encode())
