"""Proves a level by real attempts to escape, against files and processes of ours outside."""

import contextlib
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.process import find_program
from reviewloop.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.sandbox.run import read_log, run_command
from reviewloop.sandbox.toolchains import interpreter_folders

_SECONDS = 20.0
_SHOWN = 200
_SHORT_ENOUGH = 60  # characters; a local socket's address has room for 108


def escapes(sandbox: Sandbox) -> str | None:
    """Return in one clause why the sandbox is not reliable, None if every attempt failed."""
    temporary = tempfile.gettempdir()
    if len(temporary) > _SHORT_ENOUGH:
        temporary = "/tmp"  # noqa: S108 - mkdtemp makes a folder that is ours alone
    with tempfile.TemporaryDirectory(
        prefix="rl-", dir=temporary, ignore_cleanup_errors=True
    ) as name:
        base = Path(name).resolve()
        outside, work = base / "outside", base / "work"
        for folder in (outside, work):
            folder.mkdir(mode=0o700)
        try:
            output = _attempt(sandbox, outside, work)
        except (OSError, WorkspaceError) as error:
            return f"it could not be tried: {error}"
        lines = output.splitlines()
        if "inside" not in lines:
            reason = " ".join(output.split())[:_SHOWN]
            return f"it does not start: {reason or 'no output'}"
        if lines[-1] != "over" or not (work / "inside").exists():
            return "its trial did not come to its end"
        ways = lines[lines.index("inside") + 1 : -1]
        if not ways and (outside / "victim").read_text(encoding="utf-8") == "victim":
            return None
        return f"a trial command got out of it ({', '.join(ways)})"


def _attempt(sandbox: Sandbox, outside: Path, work: Path) -> str:
    secret = secrets.token_hex(16)
    (outside / "secret").write_text(secret, encoding="utf-8")
    (outside / "victim").write_text("victim", encoding="utf-8")
    script = Path(__file__).with_name("escape.py")
    read = (*interpreter_folders(Path(sys.executable)), script)
    with (
        listeners(outside, secret) as port,
        secret_environment(secret) as parent,
        _secret_memory(secret) as segment,
    ):
        log = outside.with_name("log")
        program = (sys.executable, "-I", "-S", str(script))
        run_command(
            [*program, str(outside), str(parent), str(port), secret, segment],
            cwd=work,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            timeout_seconds=_SECONDS,
            log=log,
            confine=Confinement(lambda: sandbox, Grants(work=work, read=read)),
        )
        return read_log(log)


@contextlib.contextmanager
def listeners(outside: Path, name: str, other_than: Collection[int] = ()) -> Iterator[int]:
    """Yield the TCP port of a listener; a local and an abstract socket listen too."""
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        while tcp.getsockname()[1] in other_than:
            tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        addresses = [str(outside / "socket")]
        if sys.platform == "linux":
            addresses.append(f"\0{name}")
        for address in addresses:
            local = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            local.bind(address)
            local.listen()
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(outside / "datagrams"))
        port: int = tcp.getsockname()[1]
        yield port


@contextlib.contextmanager
def secret_environment(secret: str) -> Iterator[int]:
    """Yield the id of a process of ours outside of the sandbox with a secret in its environment."""
    import subprocess

    waiting = find_program("cat")  # takes a tenth of Python's time
    process = subprocess.Popen(
        [waiting]
        if waiting
        else [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"],
        env={"SECRET": secret},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        assert process.stdin is not None  # noqa: S101 - tells the type checker
        process.stdin.close()
        process.wait()


@contextlib.contextmanager
def _secret_memory(secret: str) -> Iterator[str]:
    """Yield the number of shared memory that holds a secret, "-" where there is none."""
    if sys.platform != "linux":
        yield "-"
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(0, len(secret), 0o1600)
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    try:
        if address in (None, ctypes.c_void_p(-1).value):
            yield "-"
            return
        ctypes.memmove(address, secret.encode(), len(secret))
        yield str(segment)
        libc.shmdt(ctypes.c_void_p(address))
    finally:
        if segment >= 0:
            libc.shmctl(segment, 0, None)
