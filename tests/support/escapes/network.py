"""Attempts on other machines, on servers of this one, and on local sockets."""

import socket
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.escapes.filesystem import Attempt, found
else:
    from filesystem import Attempt, found

Address = Callable[[SimpleNamespace], Any]

_SECONDS = 1.0
_VSOCK, _ALG, _PACKET = 40, 38, 17
_UEVENT, _AUDIT = 15, 9


def asked(
    family: int,
    kind: int,
    address: Address,
    stage: SimpleNamespace,
    question: bytes = b"GET / HTTP/1.0\r\n\r\n",
) -> None:
    with socket.socket(family, kind) as asking:
        asking.settimeout(_SECONDS)
        asking.connect(address(stage))
        asking.sendall(question)
        found(asking.recv(4096), stage)


def tcp(stage: SimpleNamespace) -> None:
    asked(socket.AF_INET, socket.SOCK_STREAM, lambda s: ("127.0.0.1", s.tcp), stage)


def tcp6(stage: SimpleNamespace) -> None:
    asked(socket.AF_INET6, socket.SOCK_STREAM, lambda s: ("::1", s.tcp6), stage)


def udp(stage: SimpleNamespace) -> None:
    """Ask a name server: a header and a question."""
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"
    asked(socket.AF_INET, socket.SOCK_DGRAM, lambda s: ("127.0.0.1", s.udp), stage, question)


def udp6(stage: SimpleNamespace) -> None:
    asked(socket.AF_INET6, socket.SOCK_DGRAM, lambda s: ("::1", s.udp6), stage)


def local(name: str, question: bytes = b"GET / HTTP/1.0\r\n\r\n") -> Attempt:
    return lambda stage: asked(
        socket.AF_UNIX, socket.SOCK_STREAM, lambda s: getattr(s, name), stage, question
    )


def abstract(name: str, question: bytes = b"?") -> Attempt:
    return lambda stage: asked(
        socket.AF_UNIX, socket.SOCK_STREAM, lambda s: "\0" + getattr(s, name), stage, question
    )


def local_datagram(stage: SimpleNamespace) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
        sending.sendto(stage.mark.encode(), stage.datagrams)


def paired(kind: int, connected: bool = False) -> Attempt:
    """Return an attempt to send from one end of a pair to somebody else's socket."""

    def attempt(stage: SimpleNamespace) -> None:
        mine, other = socket.socketpair(socket.AF_UNIX, kind)
        with mine, other:
            if connected:
                mine.connect(stage.datagrams)
                mine.send(stage.pair_marks[1].encode())
            else:
                mine.sendto(stage.pair_marks[0].encode(), stage.datagrams)

    return attempt


def raw(stage: SimpleNamespace) -> None:
    """Send an echo request as ping does."""
    request = b"\x08\x00\xf7\xff\x00\x00\x00\x00"
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sending:
        sending.settimeout(_SECONDS)
        sending.sendto(request, ("127.0.0.1", 0))
        if not sending.recv(100):
            raise OSError("no answer")


def made(*arguments: int) -> Attempt:
    return lambda stage: socket.socket(*arguments).close()


def interfaces(stage: SimpleNamespace) -> None:
    names = [name for _, name in socket.if_nameindex()]
    if names == ["lo"]:
        raise OSError("only a loop that leads back")


def routed(stage: SimpleNamespace) -> None:
    """Ask the kernel for a way to another machine; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.connect(("192.0.2.1", 53))


def ran(*argv: str) -> Attempt:
    """Return an attempt that runs a program whose output must hold the token."""

    def attempt(stage: SimpleNamespace) -> None:
        words = [word.format(**vars(stage)) for word in argv]
        done = subprocess.run(
            words, capture_output=True, timeout=2, stdin=subprocess.DEVNULL, check=False
        )
        found(done.stdout, stage)

    return attempt


def ssh(stage: SimpleNamespace) -> None:
    """Whether it got through is seen at the other end: the server is none, and ssh fails."""
    subprocess.run(
        [
            *("ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=1"),
            *("-p", str(stage.tcp), "127.0.0.1", "true"),
        ],
        timeout=2,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def listen(stage: SimpleNamespace) -> None:
    """Open a port that others can connect to; seen from outside."""
    with socket.create_server(("127.0.0.1", stage.free)) as server:  # the stage keeps trying it
        server.settimeout(0.5)
        server.accept()


_URL = "http://127.0.0.1:{tcp}/"
ATTEMPTS = {
    "connect with TCP": tcp,
    "connect with TCP over IPv6": tcp6,
    "ask a name server with UDP": udp,
    "send UDP over IPv6": udp6,
    "find a way to another machine": routed,
    "see the machine's network interfaces": interfaces,
    "listen where others connect": listen,
    "curl": ran("curl", "-s", "--noproxy", "*", "--max-time", "1", _URL),
    "wget": ran("wget", "-q", "--no-proxy", "-T", "1", "-t", "1", "-O", "-", _URL),
    "nc": ran("sh", "-c", "echo GET / | nc -w 1 127.0.0.1 {tcp}"),
    "bash /dev/tcp": ran("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/{tcp}; echo GET / >&3; cat <&3"),
    "bash /dev/udp": ran(
        "bash", "-c", "exec 3<>/dev/udp/127.0.0.1/{udp}; echo ? >&3; dd bs=512 count=1 <&3"
    ),
    "ssh": ssh,
    "ping": ran("sh", "-c", "ping -c 1 -W 1 127.0.0.1 >&2 && echo {token}"),
    "send raw packets": raw,
    "getent hosts": ran("sh", "-c", "getent hosts {named} >&2 && echo {token}"),
    "connect to a local socket": local("socket"),
    "send to a local socket": local_datagram,
    "send to a local socket from a pair": paired(socket.SOCK_DGRAM),
    "connect a pair to a local socket": paired(socket.SOCK_RAW, connected=True),
    "connect to docker.sock": local("docker", b"GET /_ping HTTP/1.0\r\n\r\n"),
    "connect to the key agent": local("agent"),
    "connect to the session's D-Bus": local("bus", b"\0AUTH EXTERNAL 30\r\n"),
    "connect to an abstract socket": abstract("abstract"),
    "connect to an abstract D-Bus": abstract("abstract_bus", b"\0AUTH EXTERNAL 30\r\n"),
    "hear the kernel's device events": made(socket.AF_NETLINK, socket.SOCK_RAW, _UEVENT),
    "talk to the kernel's audit": made(socket.AF_NETLINK, socket.SOCK_RAW, _AUDIT),
    "see all packets": made(_PACKET, socket.SOCK_RAW, 0x0300),
    "talk to the host of a virtual machine": made(_VSOCK, socket.SOCK_STREAM, 0),
    "use the kernel's cryptography": made(_ALG, socket.SOCK_SEQPACKET, 0),
}
