"""The limits of one command, and its complete cleanup: at every level, with small limits."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reviewloop.sandbox import run
from reviewloop.sandbox.base import Confinement, Grants, Limits
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.run import CommandResult, read_log, run_command
from reviewloop.sandbox.toolchains import interpreter_folders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")

LIMITS = Limits(processes=64, memory_mb=96, file_mb=8)
Run = Callable[..., CommandResult]


@pytest.fixture(
    params=[
        pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
        pytest.param("landlock", marks=pytest.mark.needs_landlock),
    ]
)
def confined(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Return what runs Python in the sandbox; afterwards none of its processes may be left."""
    monkeypatch.setattr(run, "_GRACE", 0.2)
    sandbox = replace(choose(requested=request.param), limits=LIMITS)
    assert sandbox.level == request.param
    work = tmp_path / "work"
    work.mkdir()
    grants = Grants(work=work, read=interpreter_folders(Path(sys.executable)))
    mark = f"left-{os.urandom(8).hex()}"

    log = tmp_path / "log"

    def go(code: str, until: str = "", **more: int) -> CommandResult:
        result = run_command(
            [sys.executable, "-I", "-S", "-c", textwrap.dedent(code), mark],
            cwd=work,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            timeout_seconds=20,
            log=log,
            stop=lambda: bool(until) and until in read_log(log),
            confine=Confinement(lambda: sandbox, grants),
            **more,
        )
        assert not still_there(mark)
        return result

    return go


def still_there(mark: str) -> list[int]:
    """Return the processes whose command line has the mark, once dying ones had half a second."""
    deadline = time.monotonic() + 0.5
    while True:
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if mark.encode() in Path("/proc", name, "cmdline").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_processes(confined: Run) -> None:
    """300 forks, not a real bomb: were the limit broken, this machine would go on."""
    code = """
    import os, time
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    time.sleep(600)
    """
    result = confined(code)
    assert result.exit_code != 0
    assert "64 are allowed" in read_log(result.log)


def test_processes_that_are_reborn(confined: Run) -> None:
    """Each one that ends leaves two behind, up to a depth."""
    code = """
    import os, time
    def live(depth):
        for _ in range(2):
            if depth and os.fork() == 0:
                os.setsid()
                live(depth - 1)
        os.write(1, b"ready")
        time.sleep(10)
        os._exit(0)
    live(4)
    """
    assert confined(code, until="ready" * 20).exit_code != 0


def test_a_large_file(confined: Run, tmp_path: Path) -> None:
    code = """
    import os, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    handle = os.open("large", os.O_CREAT | os.O_RDWR)
    for attempt in (lambda: os.ftruncate(handle, 10 << 30),
                    lambda: os.posix_fallocate(handle, 0, 10 << 30),
                    lambda: os.pwrite(handle, b"x", 10 << 30)):
        try:
            attempt()
        except OSError as error:
            print(error.strerror)
        else:
            print("made")
    """
    result = confined(code)
    assert read_log(result.log).split("\n")[:3] == ["File too large"] * 3
    assert (tmp_path / "work/large").stat().st_size <= LIMITS.file_mb << 20


def test_memory(confined: Run) -> None:
    code = """
    import time
    held = [bytearray(b"x" * (1 << 20)) for _ in range(200)]
    time.sleep(600)
    """
    result = confined(code)
    assert result.exit_code != 0
    assert "96 are allowed" in read_log(result.log)


def test_memory_of_many(confined: Run) -> None:
    """No process takes much, all of them do."""
    code = """
    import os, time
    for _ in range(5):
        if os.fork() == 0:
            break
    held = bytearray(b"x" * (40 << 20))
    time.sleep(10)
    """
    assert "96 are allowed" in read_log(confined(code).log)


@pytest.mark.slow
def test_memory_that_is_shared_counts_once(confined: Run) -> None:
    code = """
    import os, time
    held = bytearray(b"x" * (48 << 20))
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(0.7)
            os._exit(0)
    time.sleep(0.6)
    """
    result = confined(code)
    assert result.exit_code == 0, read_log(result.log)


def test_output_without_end(confined: Run) -> None:
    code = "import os\nwhile True: os.write(1, b'y' * 65536)"
    result = confined(code, log_limit=100_000)
    assert result.exit_code != 0  # the log is as large as any file may be, or it is stopped
    assert result.truncated
    assert result.log.stat().st_size <= 100_000


def test_signals_are_ignored(confined: Run) -> None:
    code = """
    import signal, time
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    print("ready", flush=True)
    while True:
        time.sleep(10)
    """
    assert confined(code, until="ready").stopped


def test_a_stopped_process(confined: Run) -> None:
    code = "import os, signal; os.write(1, b'ready'); os.kill(os.getpid(), signal.SIGSTOP)"
    assert confined(code, until="ready").stopped


DAEMON = """
    import os, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            {more}
            time.sleep(600)
        os._exit(0)
    time.sleep(0.1)
    print("over", flush=True)
"""


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("pass", id="holds the output open"),
        pytest.param("os.closerange(0, 1024)", id="closes all it has open"),
        pytest.param("import signal; signal.signal(15, signal.SIG_IGN)", id="ignores the end"),
    ],
)
def test_a_daemon(confined: Run, more: str) -> None:
    result = confined(DAEMON.format(more=more))
    assert result.exit_code == 0
    assert read_log(result.log) == "over\n"


def test_everything_is_closed(confined: Run) -> None:
    code = "import os, time; os.write(1, b'ready'); os.closerange(0, 1024); time.sleep(30)"
    assert confined(code, until="ready").stopped


def test_a_full_pipe(confined: Run) -> None:
    code = "import os; a, b = os.pipe(); os.write(1, b'ready'); os.write(b, bytes(1 << 20))"
    assert confined(code, until="ready").stopped


def test_what_watches_the_command_is_out_of_its_reach(confined: Run) -> None:
    if getattr(choose().method, "version", 6) < 6:
        pytest.skip("before Linux 6.12 processes outside can be signalled")
    code = """
    import os, signal
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(os.getppid(), number)  # the first process of a name space does not even see it
        except PermissionError:
            pass
    print("over")
    """
    result = confined(code)
    assert (result.exit_code, read_log(result.log)) == (0, "over\n")


_KILLED = """
import sys
from pathlib import Path
from reviewloop.sandbox.run import run_command
run_command([sys.executable, "-I", "-S", "-c", "import time; print(1, flush=True); time.sleep(60)",
             sys.argv[1]], cwd=Path("."), env={}, timeout_seconds=60, log=Path("log"))
"""


def test_nothing_is_left_when_reviewloop_is_killed_on_a_busy_machine(tmp_path: Path) -> None:
    """The launcher had no processor when it happened: two signals wait for it at once."""
    mark = f"left-{os.urandom(8).hex()}"
    ours = subprocess.Popen([sys.executable, "-c", _KILLED, mark], cwd=tmp_path)
    log = tmp_path / "log"
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    children = Path(f"/proc/{ours.pid}/task/{ours.pid}/children").read_text().split()
    (launcher,) = map(int, children)
    os.kill(launcher, signal.SIGSTOP)
    ours.kill()
    ours.wait()
    time.sleep(0.1)  # the launcher's timer has run out as well
    os.kill(launcher, signal.SIGCONT)
    assert not still_there(mark)


@pytest.mark.needs_bubblewrap
def test_folders_in_memory_are_bounded(tmp_path):
    places = "/tmp /run /var/tmp /dev/shm"
    fill = f"for p in {places}; do head -c 20M /dev/zero > $p/x; wc -c < $p/x; done"
    limits = Limits(memory_mb=32)
    sandbox = choose(requested="bubblewrap", limits=limits)
    result = run_command(
        ["/bin/sh", "-c", fill],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        timeout_seconds=20,
        log=tmp_path / "log",
        confine=Confinement(lambda: sandbox, Grants(work=tmp_path)),
    )
    sizes = [int(line) for line in read_log(result.log).split() if line.isdigit()]
    assert len(sizes) == 4
    assert max(sizes) <= 8 << 20


def test_memory_in_files_without_a_name_counts(confined: Run) -> None:
    code = """
    import os, time
    held = [os.memfd_create("held") for _ in range(40)]
    for handle in held:
        os.write(handle, bytes(4 << 20))
    time.sleep(10)
    """
    result = confined(code)
    assert result.exit_code != 0
    assert "96 are allowed" in read_log(result.log)


def test_memory_shared_by_number_is_small_or_refused(confined: Run) -> None:
    """No process has it mapped, so nobody counts it: databases lock with a few bytes of it."""
    code = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
    for size in (1 << 16, (1 << 16) + 1, 300 << 20, (1 << 32) + 4096):
        made = libc.shmget(0, size, 0o1600)
        if made >= 0:
            libc.shmctl(made, 0, None)
        print("shmget", size, made >= 0)
    """
    log = read_log(confined(code).log)
    assert "shmget 65536 " in log
    assert [line for line in log.splitlines() if line.endswith("True")] in (
        ["shmget 65536 True"],
        [],
    )
