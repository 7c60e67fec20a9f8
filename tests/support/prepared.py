"""Commands in processes of their own that need not import anything first.

A start of Python with the libraries of a run costs a second of CPU, and killing runs at every point
takes hundreds of starts. So one process for all test processes imports them once, when the first
command is asked for, does nothing else, and forks for each command. What it forks is a process like
any other, with environment, folder and output of its own, and dies alone, or with the test process
that asked for it. What a start from nothing does, `Checkout.process` shows.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

# What the commands import only when they need it.
_LATE = (
    "ast_grep_py",
    "boto3",
    "botocore.config",
    "botocore.loaders",
    "encodings.utf_8_sig",
    "genai_prices.data",
    "genai_prices.decompose",
    "genai_prices.update_prices",
    "genai_prices.validation",
    "git",
    "langchain_aws",
    "langchain_core.messages.block_translators.langchain_v0",
    "langchain_core.tracers.context",
    "langchain_core.tracers.run_collector",
    "langchain_core.tracers.stdout",
    "langgraph.checkpoint.sqlite",
    "langgraph.graph",
    "langgraph.types",
    "pathspec.patterns.gitignore.spec",
    "procrastinate.builtin_tasks",
    "procrastinate.worker",
    "rich.console",
    "unidiff",
)
_LENGTH = 8  # bytes in which the length of a message is told
_SHARED = "PREPARED_COMMANDS"  # names the socket that the workers of xdist have in common
_PLACE = os.environ.get(_SHARED, "")  # read now: a checkout has an environment of its own


class Prepared:
    """A command of reviewloop that was started; `subprocess.Popen` as far as tests need it.

    `environ` is all that the command sees. It reads nothing and its output is kept for
    `communicate`, unless it gets a terminal: the descriptor of one.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        terminal: int | None = None,
    ) -> None:
        self.returncode: int | None = None  # negative: a signal
        self._arguments = [*arguments]
        self._kept = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(_PLACE or _server()[0])
        request = json.dumps([self._arguments, str(cwd), dict(environ)]).encode()
        with Path(os.devnull).open("rb") as nothing:
            own = [file.fileno() for file in (nothing, *self._kept)]
            files = own if terminal is None else [terminal] * 3
            socket.send_fds(self._line, [len(request).to_bytes(_LENGTH)], files)
        self._line.sendall(request)
        self.pid = int.from_bytes(_read(self._line, _LENGTH))

    def __enter__(self) -> "Prepared":
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if kind is not None:
            self.send_signal(signal.SIGKILL)
        self.wait(60)
        for file in (*self._kept, self._line):
            file.close()

    def poll(self) -> int | None:
        """Return how it ended, None if it has not."""
        with contextlib.suppress(BlockingIOError):
            self._end(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end and return its exit code.

        Raises `subprocess.TimeoutExpired`, having killed it.
        """
        try:
            return self._end(timeout)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(self._arguments, timeout) from None

    def send_signal(self, number: int) -> None:
        """Send it a signal if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float = 100) -> tuple[str, str]:
        """Wait for its end, as `wait` does, and return its stdout and stderr."""
        self.wait(timeout)
        for file in self._kept:
            file.seek(0)
        out, err = (file.read().decode("utf-8") for file in self._kept)
        return out, err

    def _end(self, timeout: float) -> int:
        if self.returncode is None:
            self._line.settimeout(timeout)
            self.returncode = int.from_bytes(_read(self._line, _LENGTH), signed=True)
        return self.returncode


def run_prepared(
    arguments: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    seconds: float,
    on_start: Callable[[int], None] = lambda pid: None,
) -> tuple[int, str, str]:
    """Run a command to its end; return exit code (negative: a signal), stdout and stderr.

    `on_start` gets its process id. Raises `subprocess.TimeoutExpired`, having killed it.
    """
    with Prepared(arguments, cwd, environ) as process:
        on_start(process.pid)
        out, err = process.communicate(seconds)
        return process.wait(0), out, err


def share_prepared() -> None:
    """Start the process that forks for this process and all that it starts from now on."""
    os.environ[_SHARED] = _server()[0]


def end_prepared() -> None:
    """End the process that forks, where this process started it, and every command that it runs."""
    if _server.cache_info().currsize:
        process = _server()[1]
        assert process.stdin
        process.stdin.close()
        process.wait()


@functools.cache
def _server() -> tuple[str, subprocess.Popen[bytes]]:
    """Start the process that forks; return the path of its socket, and the process.

    It ends when this process does, however that ends: the pipe of its stdin is closed then. A
    session of its own keeps the terminal's Ctrl-C from the commands, which tests send themselves.
    """
    folder = Path(tempfile.mkdtemp(prefix="prepared-"))
    place = str(folder / "socket")
    package = Path(__file__).resolve().parents[2]
    environ = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, __file__, place],
        cwd="/",
        env={**environ, "PYTHONPATH": str(package)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    atexit.register(end_prepared)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n", "the process that forks commands did not start"
    process.stdout.close()
    return place, process


def _read(line: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = line.recv(length - len(data))
        if not more:
            raise ConnectionError("the process that forks commands is gone")
        data += more
    return data


def _import_everything() -> None:
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # as `runs.advance` does before it imports
    os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = shutil.which("git") or ""  # as `workspace` does
    package = importlib.import_module("reviewloop")
    for found in pkgutil.walk_packages(package.__path__, "reviewloop."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in _LATE:
        importlib.import_module(name)
    data = importlib.import_module("bedrock_data")  # beside this file
    data.read_service_data_once()
    data.read_service_data_now()
    importlib.import_module("reviewloop.checkout.protected").protection_of("any/name")


def _serve(place: str) -> None:
    """Fork for each request until stdin is closed; returns in each forked process, as its main."""
    wake, rung = os.pipe()
    os.set_blocking(rung, False)
    signal.set_wakeup_fd(rung)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    os.write(1, b"ready\n")
    waiting: dict[int, socket.socket] = {}
    left: set[int] = set()  # by who asked for them
    imported = False
    while True:
        lines = {line: pid for pid, line in waiting.items() if pid not in left}
        waits_for: list[Any] = [0, wake, listener, *lines]
        ready, _, _ = select.select(waits_for, [], [])
        if 0 in ready:
            _end(waiting, Path(place).parent)
        if wake in ready:
            os.read(wake, 100)
            _tell_ends(waiting)
            left &= {*waiting}
        for line in lines.keys() & {*ready}:  # it was closed: nobody says anything else there
            if waiting.get(lines[line]) is line:
                left.add(lines[line])
                os.kill(lines[line], signal.SIGKILL)
        if listener not in ready:
            continue
        if not imported:
            _import_everything()
            assert threading.active_count() == 1, "a process with threads must not fork"
            gc.freeze()
            imported = True
        line, _ = listener.accept()
        length, files, _, _ = socket.recv_fds(line, _LENGTH, 3)
        request = json.loads(_read(line, int.from_bytes(length)))
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for open_end in (wake, rung, listener.detach(), line.detach()):
                os.close(open_end)
            for other in waiting.values():
                os.close(other.detach())
            return _become(request, files)
        for file in files:
            os.close(file)
        line.sendall(pid.to_bytes(_LENGTH))
        waiting[pid] = line


def _end(running: Iterable[int], folder: Path) -> NoReturn:
    """Leave nothing behind: no command, and not the folder of the socket."""
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    for pid in running:
        os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            code = os.waitstatus_to_exitcode(status)
            with waiting.pop(pid) as line, contextlib.suppress(BrokenPipeError):
                line.sendall(code.to_bytes(_LENGTH, signed=True))


def _become(request: list[Any], files: list[int]) -> None:
    """Be the process of a command: its output, its environment, its folder, its arguments."""
    arguments, cwd, environ = request
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # Those of a start from nothing: what stands behind the old ones was of another kind.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    sys.argv = ["reviewloop", *arguments]
    places = environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place and place not in sys.path]


def _leave(codes: list[int]) -> None:
    """End at once, as the last thing that Python does before it takes its modules apart.

    That would touch, and so copy, most of the memory that is shared with the process that forked.
    """
    if codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])


if __name__ == "__main__":
    codes: list[int] = []
    atexit.register(_leave, codes)  # before all others: those are called first
    _serve(sys.argv[1])
    from reviewloop.cli.main import main

    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int):
            codes.append(end.code)
        raise
