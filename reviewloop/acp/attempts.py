"""Tries to break the promises of a cage: a promise counts as kept only if no attempt succeeds.

Started inside like an agent, as `python -I -S attempts.py`; it prints the names of the successful
attempts, one a line, between `inside` and `over`. It uses the standard library only. The first line
on stdin is JSON: `outside` is a folder of ours with a `secret`, a `victim`, and the local sockets
`socket` and `datagrams`; `other` is a process whose variables hold `secret` and that began at
`began`; at `port` another process listens.
"""

import json
import os
import socket
import sys
from collections.abc import Callable

_SECONDS = 2.0
_MULTIPATH, _FAST_OPEN = 262, 0x20000000
_ANOTHER_MACHINE = "127.0.0.2"


def main() -> None:
    """Try every attempt."""
    facts = json.loads(sys.stdin.readline())
    outside, other, secret = facts["outside"], facts["other"], facts["secret"]
    there = ("127.0.0.1", facts["port"])
    way = int(os.environ["HTTPS_PROXY"].rpartition(":")[2])
    report("inside")
    attempts: dict[str, Callable[[], object]] = {
        "reach its own port": lambda: connect(("127.0.0.1", way)),
        "write its home": lambda: write(os.path.expanduser("~/new")),
        "write what it reads": lambda: write("new"),
        "read a file": lambda: read(f"{outside}/secret"),
        "list a folder": lambda: os.listdir(outside),
        "write a file": lambda: write(f"{outside}/victim"),
        "make a file": lambda: write(f"{outside}/new"),
        "see that a file is there": lambda: os.stat(f"{outside}/secret"),
        "change a mode": lambda: os.chmod(f"{outside}/victim", 0o640),
        "change a time": lambda: os.utime(f"{outside}/victim", (1, 1)),
        "remove a file": lambda: os.unlink(f"{outside}/victim"),
        "read variables of others": lambda: variables(other, secret),
        "read command lines of others": lambda: same(other, facts["began"]),
        "signal others": lambda: signal(other, facts["began"]),
        "reach another port": lambda: connect(there),
        "reach another machine": lambda: connect((_ANOTHER_MACHINE, way)),
        "open fast": lambda: fast(there),
        "open by more than one path": lambda: connect(there, _MULTIPATH),
        "send a datagram": lambda: datagram(there),
        "reach a local socket": lambda: local(f"{outside}/socket"),
        "reach an abstract socket": lambda: local(f"\0{secret}"),
        "send from a pair": lambda: pair(f"{outside}/datagrams"),
        "leave a daemon": lambda: leave(secret),
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


def write(path: str) -> None:
    """Open a file for writing, creating it if missing."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def read(path: str) -> bytes:
    """Return a file's content."""
    with open(path, "rb") as file:
        return file.read()


def variables(process: int, secret: str) -> None:
    """Find the secret among the variables of a process."""
    if secret.encode() not in read(f"/proc/{process}/environ"):
        raise OSError("another process")


def same(process: int, began: str) -> None:
    """Find a process by its number; in another namespace it is another process."""
    if read(f"/proc/{process}/stat").rpartition(b")")[2].split()[19].decode() != began:
        raise OSError("another process")


def signal(process: int, began: str) -> None:
    """Send a process signal 0, which needs the right to send one."""
    os.kill(process, 0)
    same(process, began)


def connect(address: tuple[str, int], protocol: int = 0) -> None:
    """Connect over TCP, or a similar protocol."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as probe:
        probe.settimeout(_SECONDS)
        probe.connect(address)


def fast(address: tuple[str, int]) -> None:
    """Send data with the first packet, without connecting."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.sendto(b"?", _FAST_OPEN, address)  # without a timeout: else it does not wait


def datagram(address: tuple[str, int]) -> None:
    """Send a datagram, and another one to a machine that does not exist."""
    for there in (address, ("192.0.2.1", 53)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"?", there)


def local(address: str) -> None:
    """Connect to a socket of this machine."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_SECONDS)
        probe.connect(address)


def pair(address: str) -> None:
    """Send from one end of a pair of sockets to a third one."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with mine, other:
        mine.sendto(b"?", address)


def leave(mark: str) -> None:
    """Start a daemon that outlives its parent."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for descriptor in range(3):
        os.close(descriptor)
    os.execv(
        sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", mark]
    )


if __name__ == "__main__":
    main()
