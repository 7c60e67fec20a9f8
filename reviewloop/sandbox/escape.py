"""Tries to escape from a sandbox: a level counts as proven only if no attempt succeeds.

Started inside as `python -I -S escape.py OUTSIDE PARENT PORT SECRET SEGMENT`; it prints the names
of the successful attempts, one a line, between `inside`, for what must work, and `over`. It uses
the standard library only. `OUTSIDE` is a folder of ours with a file `secret`, a file `victim`, a
listening local socket `socket`, and one for datagrams, `datagrams`; `PARENT` is the process id of
reviewloop, whose environment holds SECRET; `PORT` is a TCP port on 127.0.0.1 at which reviewloop
listens; `SEGMENT` is the number of shared memory of ours that holds SECRET, "-" where the system
has none.
"""

import os
import socket
import sys
from collections.abc import Callable

_SECONDS = 2.0


def main() -> None:
    """Try every attempt."""
    outside, parent, port, secret = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    segment = sys.argv[5]
    with open("inside", "w") as file:
        file.write("works")
    report("inside")
    attempts: dict[str, Callable[[], object]] = {
        "write a new file": lambda: write(f"{outside}/new", os.O_CREAT | os.O_WRONLY),
        "write an existing file": lambda: write(f"{outside}/victim", os.O_WRONLY),
        "empty a file": lambda: os.truncate(f"{outside}/victim", 0),
        "empty a file by opening it": lambda: os.open(f"{outside}/victim", os.O_TRUNC),
        "remove a file": lambda: os.unlink(f"{outside}/victim"),
        "rename a file": lambda: os.rename(f"{outside}/victim", f"{outside}/v2"),
        "link a file": lambda: os.link(f"{outside}/victim", "hard"),
        "make a folder": lambda: os.mkdir(f"{outside}/folder"),
        "read a file": lambda: read(f"{outside}/secret"),
        "list a folder": lambda: os.listdir(outside),
        "read the parent's environment": lambda: environment(parent, secret),
        "read any environment": lambda: any_environment(secret),
        "write the parent's memory": lambda: write(f"/proc/{parent}/mem", os.O_WRONLY),
        "change the kernel's settings": lambda: write("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "reach a TCP port": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "reach a local socket": lambda: connect(socket.AF_UNIX, f"{outside}/socket"),
        "reach an abstract socket": lambda: connect(socket.AF_UNIX, f"\0{secret}"),
        "send a datagram": datagram,
        "send to a local socket from a pair": lambda: pair(f"{outside}/datagrams"),
        "attach shared memory": lambda: attach(segment, secret),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        report(name)
    report("over")


def report(name: str) -> None:
    """Print a name at once: the next attempt may end this process."""
    print(name, flush=True)


def write(path: str, flags: int) -> None:
    """Open a file for writing without changing it."""
    os.close(os.open(path, flags))


def read(path: str) -> bytes:
    """Return a file's content."""
    with open(path, "rb") as file:
        return file.read()


def environment(process: int, secret: str) -> None:
    """Find the secret in the environment of a process; OSError if it cannot be read or found."""
    if secret.encode() not in read(f"/proc/{process}/environ"):
        raise OSError("another process")


def any_environment(secret: str) -> None:
    """Find the secret in the environment of any process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment(int(name), secret)
        except OSError:
            continue
        return
    raise OSError("nowhere")


def connect(family: int, address: object) -> None:
    """Connect to something that listens outside."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_SECONDS)
        probe.connect(address)  # type: ignore[arg-type] # a path or a host with a port


def datagram() -> None:
    """Send to an unroutable address, which must fail."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 53))
        probe.send(b"?")


def pair(address: str) -> None:
    """Send from one end of a pair of sockets to a third one."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with mine, other:
        mine.sendto(b"?", address)


def attach(segment: str, secret: str) -> None:
    """Find the secret in numbered shared memory."""
    if segment == "-":
        raise OSError("no such memory")
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(int(segment), None, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "refused")
    if ctypes.string_at(address, len(secret)) != secret.encode():
        raise OSError("memory of somebody else")


if __name__ == "__main__":
    main()
