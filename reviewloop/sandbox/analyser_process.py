"""Starts an analyser without the user's settings and with limits on time, memory and output."""

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.git.process import trusted_path

_POLL = 0.1  # seconds between checks of the clock and of `stop`
_PIECE = 256 * 1024
_STDERR_LIMIT = 1024 * 1024
MEMORY_LIMIT = 4 << 30  # bytes of one process
OUTPUT_LIMIT = 64 * 1024 * 1024
_RUNNING: set[int] = set()  # process groups of running analysers


@dataclass(frozen=True)
class Output:
    """The result of one run of an analyser; `ended` says how it ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    ended: str = "by itself"  # by itself | too slow | too much | stopped | not started


def clean_environment(home: Path, program: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of an analyser: only the trusted PATH is inherited.

    `home` is an empty folder; the program's own folder comes first on PATH.
    """
    env = {
        "PATH": os.pathsep.join((str(program.parent), trusted_path())),
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }
    env.update(extra)
    return env


def run_analyser(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_seconds: float,
    output_limit: int = OUTPUT_LIMIT,
    stop: Callable[[], bool] | None = None,
) -> Output:
    """Run argv in `cwd` with exactly `env` and return its output.

    At most `output_limit` bytes of stdout are read; a program that writes more, or runs for longer
    than `timeout_seconds`, is ended with all its children. Nothing is raised for what the program
    does; one that cannot be started has exit code 127 and the reason as stderr.
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Output(127, b"", str(reason).encode(), 0.0, "not started")
    _RUNNING.add(process.pid)
    _bound_memory(process.pid)
    try:
        stdout, stderr, ended = _read(process, started + timeout_seconds, output_limit, stop)
        if ended == "by itself":
            ended = _wait(process, started + timeout_seconds, stop)
    finally:
        _end(process)
    seconds = time.monotonic() - started
    return Output(process.returncode, stdout, stderr, seconds, ended)


def kill_running() -> None:
    """Kill every running analyser, for a process that leaves at once."""
    for group in tuple(_RUNNING):
        _kill(group)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _bound_memory(pid: int) -> None:
    """Limit a program's memory; address space that it only reserves, as V8 does, does not count."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError):  # it has ended, or has a lower limit
        hard = resource.prlimit(pid, resource.RLIMIT_DATA)[1]
        most = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(hard, MEMORY_LIMIT)
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def _read(
    process: "subprocess.Popen[bytes]",
    deadline: float,
    limit: int,
    stop: Callable[[], bool] | None,
) -> tuple[bytes, bytes, str]:
    """Read both streams until they close, the time is over, or the limit is reached."""
    assert process.stdout is not None  # noqa: S101 - tells the type checker
    assert process.stderr is not None  # noqa: S101 - the same
    out, err = bytearray(), bytearray()
    ended = "by itself"
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        while selector.get_map() and ended == "by itself":
            gone = process.poll() is not None  # first: its output until then can still be read
            ready = selector.select(_POLL)
            if not ready and gone:
                break  # its orphaned children hold the streams open
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.data is out:
                    out += piece
                elif len(err) < _STDERR_LIMIT:
                    err += piece
            ended = "too much" if len(out) > limit else _must_end(deadline, stop)
    return bytes(out), bytes(err), ended


def _wait(
    process: "subprocess.Popen[bytes]", deadline: float, stop: Callable[[], bool] | None
) -> str:
    """Wait for a program that closed its streams and may still be running."""
    ended = "by itself"
    while process.poll() is None and ended == "by itself":
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
        if process.returncode is None:
            ended = _must_end(deadline, stop)
    return ended


def _must_end(deadline: float, stop: Callable[[], bool] | None) -> str:
    if time.monotonic() >= deadline:
        return "too slow"
    return "stopped" if stop is not None and stop() else "by itself"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the rest of the process group, then collect the program's exit code."""
    _kill(process.pid)
    process.wait()
    _RUNNING.discard(process.pid)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
