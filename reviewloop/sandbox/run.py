"""Runs a gate's command so that it cannot block, fill the disk, or leave a process running."""

import contextlib
import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.process import find_program
from reviewloop.regex import regex
from reviewloop.sandbox.base import Confinement, Started


def lacks_room(folders: Iterable[Path], needed: int) -> bool:
    """Return whether fewer than `needed` bytes are free on a disk of one of the folders."""
    return any(shutil.disk_usage(folder).free < needed for folder in folders)


def refuse_full_disk(folders: Iterable[Path], needed: int) -> None:
    """Raise WorkspaceError when fewer than `needed` bytes are free at the folders."""
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise WorkspaceError(
                f"Only {free // 1024 // 1024} MB are free on the disk that holds {folder}; "
                "free some space, then resume the run."
            )


NOT_FOUND = 127
TIMED_OUT = 124
STOPPED = 130
TOO_MUCH = 125  # the same as the launcher's

_GRACE = 2.0  # seconds between the polite signal and the final one
_LONGEST_END = 15.0  # seconds for the launcher to end the rest; it tries for five
_POLL = 0.05
_LOG_LIMIT = 20 * 1024 * 1024
_FREE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class CommandResult:
    """The end of one command; `exit_code` is 124 past the time limit, 127 when not found."""

    argv: tuple[str, ...]
    exit_code: int
    seconds: float
    log: Path
    timed_out: bool = False
    truncated: bool = False  # the middle of the log is missing
    stopped: bool = False  # by the caller's `stop`
    output_bytes: int = 0  # written by the command, before any truncation


def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_seconds: float,
    log: Path,
    stop: Callable[[], bool] | None = None,
    confine: Confinement | None = None,
    log_limit: int = _LOG_LIMIT,
    free_bytes: int = _FREE_BYTES,
) -> CommandResult:
    """Run argv in `cwd` with exactly `env`, its output in the file `log`, and return how it ended.

    `confine` is the sandbox; None is for a user's own commands, never for the repository's code.
    All its processes are dead when this returns. Past `log_limit` bytes the log keeps its start and
    its end. A program that cannot be found is a result (127), not an error. `WorkspaceError` means
    that fewer than `free_bytes` are free, or that a process in the sandbox may still be alive.
    """
    refuse_full_disk((log.parent, cwd), free_bytes)
    started = time.monotonic()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    output = os.open(log, flags, 0o600)
    try:
        program = _program(argv, cwd, env)
        if program is None:
            os.write(output, f"reviewloop: {argv[0]} was not found on the gate's PATH\n".encode())
            return CommandResult(tuple(argv), NOT_FOUND, time.monotonic() - started, log)
        command = (program, *argv[1:])
        started_as = confine.start(command, cwd) if confine else Started(command)
        process = _start(started_as, cwd, env, output)
        ending = _Ending(process, output, log_limit)
        try:
            full = partial(lacks_room, (log.parent, cwd), free_bytes)
            ending.watch(started + timeout_seconds, stop, full)
        finally:
            ending.finish()
        if confine and process.returncode < 0 and not _never_began(process):
            raise WorkspaceError(
                f"{argv[0]} left programs that could not be ended, or whose end nobody saw; they "
                f"may still write into {cwd}. {log} names them if they are known; end them, then "
                "resume."
            )
        return CommandResult(
            tuple(argv),
            ending.exit_code,
            time.monotonic() - started,
            log,
            timed_out=ending.timed_out,
            truncated=ending.dropped > 0,
            stopped=ending.stopped,
            output_bytes=os.fstat(output).st_size + ending.dropped,
        )
    finally:
        os.close(output)


def _never_began(process: "subprocess.Popen[bytes]") -> bool:
    """Return whether the launcher was ended before it had started the command.

    It handles the signal before it forks: only an interpreter that is still starting dies of it,
    and then no command exists.
    """
    return process.returncode == -signal.SIGTERM


class _Ending:
    """Watches one running command and ensures that it ends."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: int, log_limit: int) -> None:
        self.process = process
        self.output = output
        self.log_limit = log_limit
        self.dropped = 0
        self.timed_out = False
        self.stopped = False
        self.full = False
        self._handle = _handle_of(process)

    @property
    def exit_code(self) -> int:
        """Return how it ended, as one number."""
        if self.timed_out or self.stopped:
            return TIMED_OUT if self.timed_out else STOPPED
        code = TOO_MUCH if self.full else self.process.returncode
        return code if code >= 0 else 128 - code

    def watch(
        self, deadline: float, stop: Callable[[], bool] | None, full: Callable[[], bool]
    ) -> None:
        """Wait until it ends, times out, the disk is full, or the caller stops it."""
        while not self._has_ended(max(0.0, min(_POLL, deadline - time.monotonic()))):
            self._shorten_log()
            self.timed_out = time.monotonic() >= deadline
            self.stopped = not self.timed_out and stop is not None and stop()
            self.full = full()
            if self.full:
                with contextlib.suppress(OSError):
                    os.write(
                        self.output, b"\nreviewloop: the command was ended: the disk is full\n"
                    )
            if self.timed_out or self.stopped or self.full:
                return

    def _has_ended(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`; woken by it where the system can do that."""
        if self._handle is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        else:
            ends = select.poll()
            ends.register(self._handle, select.POLLIN)
            ends.poll(seconds * 1000)
        return self.process.poll() is not None

    def finish(self) -> None:
        """End the command if it still runs, then all its processes."""
        try:
            if self.process.poll() is None:
                self.process.terminate()
                # The launcher gives the command its grace and then kills all of its descendants.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(_GRACE + _LONGEST_END)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self._handle is not None:
                os.close(self._handle)
            self._shorten_log()

    def _shorten_log(self) -> None:
        size = os.fstat(self.output).st_size
        if size <= self.log_limit:
            return
        head, tail = self.log_limit // 2, self.log_limit // 4
        end = os.pread(self.output, tail, size - tail)
        os.ftruncate(self.output, head)
        note = b"\n[reviewloop: the log was longer than its limit; its middle is left out]\n"
        os.write(self.output, note + end)
        self.dropped += size - head - len(note) - len(end)


def _handle_of(process: "subprocess.Popen[bytes]") -> int | None:
    """Return a file descriptor that becomes readable at the process's end, None where
    unsupported.
    """
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(process.pid)
    except OSError:  # an older kernel, or a container without the call
        return None


def start_piped(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    confine: Confinement,
    inside: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program with pipes; `end_piped` ends it with all its children.

    The program is an absolute path, `inside` its folder as the sandbox shows it. It also ends with
    the thread that started it.
    """
    started = confine.start(argv, inside or cwd)
    return _start(started, cwd, env, subprocess.PIPE, stdin=subprocess.PIPE)


def end_piped(process: "subprocess.Popen[bytes]") -> None:
    """End what `start_piped` started; raise WorkspaceError when a process may still be alive."""
    try:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE + _LONGEST_END)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == -signal.SIGUSR2:
        raise WorkspaceError("An agent left programs that could not be ended; end them yourself.")


# A module that is imported is compiled once, a program each time: that is a fifth of its time.
_LAUNCHER = (
    f"import sys; sys.path.append({str(Path(__file__).parent)!r}); "
    "import launcher; sys.exit(launcher.main())"
)


def _start(
    started: Started,
    cwd: Path,
    env: Mapping[str, str],
    output: int,
    *,
    stdin: int = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(_GRACE)]
    argv = started.argv
    try:
        return subprocess.Popen(
            [*command, *started.options, "--", argv[0], *argv],
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise WorkspaceError(f"The command line of {argv[0]} is too long to start.") from error
        raise WorkspaceError(f"{argv[0]} could not be started in {cwd}: {error}.") from error


def _program(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str | None:
    name = argv[0]
    if "/" in name:
        path = cwd / name
        return str(path) if path.is_file() else None
    found = find_program(name, env.get("PATH", ""))
    return str(found) if found else None


_TERMINAL_CODES = regex(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[@-Z\\-_]"
)
_INFORMATIVE = regex(
    r"FAILED|ERROR|[Ee]rror\b|[Ee]xception\b|Traceback|\b[Aa]ssert|panic|[✕✗✘×]|not ok\b|FAIL\b"
)
_LINE_LIMIT = 1000


def read_log(log: Path) -> str:
    """Return a log's text without terminal codes; bytes that are not UTF-8 are replaced."""
    return plain_text(log.read_bytes().decode("utf-8", "replace"))


def plain_text(text: str) -> str:
    """Return text as a terminal would show it: no escape codes, overwritten lines dropped."""
    text = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))


def excerpt(log_text: str, limit_chars: int) -> str:
    """Return the relevant part of a log, within `limit_chars`: its end, its start, errors.

    Gaps are marked with their number of lines.
    """
    text = plain_text(log_text).strip("\n")
    if len(text) <= limit_chars:
        return text
    lines = [_short(line) for line in text.split("\n")]
    kept: set[int] = set()
    room = limit_chars
    count = len(lines)
    room = _keep(reversed(range(count)), lines, kept, room, limit_chars * 35 // 100)
    room = _keep(iter(range(count)), lines, kept, room, limit_chars * 10 // 100)
    for number, line in enumerate(lines):
        if _INFORMATIVE.search(line):
            around = range(max(0, number - 2), min(count, number + 5))
            room = _keep(iter(around), lines, kept, room, room)
    room = _keep(reversed(range(count)), lines, kept, room, room)
    return _join(lines, kept)[:limit_chars]


_GAP = 32  # for the mark of one gap


def _keep(
    numbers: Iterator[int], lines: Sequence[str], kept: set[int], room: int, share: int
) -> int:
    for number in numbers:
        if number in kept:
            continue
        cost = len(lines[number]) + 1
        if number - 1 not in kept and number + 1 not in kept:
            cost += _GAP
        if cost > min(room, share):
            break
        kept.add(number)
        room -= cost
        share -= cost
    return room


def _join(lines: Sequence[str], kept: set[int]) -> str:
    parts: list[str] = []
    last = -1
    for number in [*sorted(kept), len(lines)]:
        if number > last + 1:
            parts.append(f"[… {number - last - 1} lines left out …]")
        if number < len(lines):
            parts.append(lines[number])
        last = number
    return "\n".join(parts)


def _short(line: str) -> str:
    return line if len(line) <= _LINE_LIMIT else f"{line[:_LINE_LIMIT]} […]"
