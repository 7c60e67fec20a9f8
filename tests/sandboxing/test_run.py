"""Commands end, leave nothing running, and never fill the disk or block."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.sandbox import run
from reviewloop.sandbox.run import excerpt, read_log, run_command

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")


@pytest.fixture
def env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_output_goes_to_the_log_and_the_exit_code_comes_back(
    tmp_path: Path, env: dict[str, str]
) -> None:
    log = tmp_path / "gate.log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    result = run_command(python(code), cwd=tmp_path, env=env, timeout_seconds=20, log=log)
    assert result.exit_code == 3
    assert not result.timed_out
    assert not result.truncated
    assert sorted(read_log(log).split()) == ["err", "out"]
    assert result.output_bytes == 8
    assert result.log == log


def test_the_command_sees_exactly_the_environment_it_was_given(
    tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    log = tmp_path / "gate.log"
    run_command(["env"], cwd=tmp_path, env=env | {"ONLY": "this"}, timeout_seconds=20, log=log)
    names = {line.partition("=")[0] for line in read_log(log).splitlines()}
    assert names == {"PATH", "LC_ALL", "ONLY"}


def test_nobody_can_be_asked_a_question(tmp_path: Path, env: dict[str, str]) -> None:
    log = tmp_path / "gate.log"
    result = run_command(
        python("print(input('sure? '))"), cwd=tmp_path, env=env, timeout_seconds=20, log=log
    )
    assert result.exit_code == 1
    assert "EOFError" in read_log(log)


def test_a_command_past_its_time_is_ended(tmp_path: Path, env: dict[str, str]) -> None:
    result = run_command(
        ["sleep", "600"], cwd=tmp_path, env=env, timeout_seconds=0.3, log=tmp_path / "log"
    )
    assert result.timed_out
    assert result.exit_code == 124


def test_a_command_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, env: dict[str, str]
) -> None:
    code = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(60)
    """
    result = run_command(
        python(code), cwd=tmp_path, env=env, timeout_seconds=0.5, log=tmp_path / "log"
    )
    assert result.timed_out
    assert gone(int(read_log(tmp_path / "log")))


def test_a_command_may_clean_up_when_it_is_ended(tmp_path: Path, env: dict[str, str]) -> None:
    code = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: (print("cleaned"), sys.exit()))
    time.sleep(60)
    """
    run_command(python(code), cwd=tmp_path, env=env, timeout_seconds=0.5, log=tmp_path / "log")
    assert read_log(tmp_path / "log").strip() == "cleaned"


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("daemon.pid", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)  # one that held the output open would keep us waiting
    os._exit(0)
while not os.path.exists("daemon.pid") or not open("daemon.pid").read():
    time.sleep(0.01)
"""


@linux_only
def test_a_double_forked_daemon_does_not_survive_the_gate(
    tmp_path: Path, env: dict[str, str]
) -> None:
    result = run_command(
        python(DAEMON), cwd=tmp_path, env=env, timeout_seconds=20, log=tmp_path / "log"
    )
    assert result.exit_code == 0
    assert not alive(int((tmp_path / "daemon.pid").read_text()))


@linux_only
def test_a_daemon_does_not_survive_the_time_limit(tmp_path: Path, env: dict[str, str]) -> None:
    result = run_command(
        python(DAEMON + "time.sleep(60)"),
        cwd=tmp_path,
        env=env,
        timeout_seconds=1,
        log=tmp_path / "log",
    )
    assert result.timed_out
    assert not alive(int((tmp_path / "daemon.pid").read_text()))


@linux_only
def test_nothing_survives_a_killed_reviewloop(tmp_path: Path, env: dict[str, str]) -> None:
    code = f"""
    import sys
    from pathlib import Path
    from reviewloop.sandbox.run import run_command
    run_command([sys.executable, "-c", {DAEMON + "time.sleep(60)"!r}], cwd=Path("."),
                env={env!r}, timeout_seconds=60, log=Path("log"))
    """
    root = str(Path(run.__file__).parents[2])
    ours = subprocess.Popen(python(code), cwd=tmp_path, env=os.environ | {"PYTHONPATH": root})
    pid_file = tmp_path / "daemon.pid"
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    ours.kill()
    ours.wait()
    assert gone(int(pid_file.read_text()))


def test_ctrl_c_ends_the_command_and_is_passed_on(tmp_path: Path, env: dict[str, str]) -> None:
    code = "import os,time; print(os.getpid(), flush=True); time.sleep(60)"

    def interrupt() -> bool:
        if (tmp_path / "log").stat().st_size:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    with pytest.raises(KeyboardInterrupt):
        run_command(
            python(code),
            cwd=tmp_path,
            env=env,
            timeout_seconds=30,
            log=tmp_path / "log",
            stop=interrupt,
        )
    assert not alive(int(read_log(tmp_path / "log")))


def test_the_caller_can_stop_a_command(tmp_path: Path, env: dict[str, str]) -> None:
    result = run_command(
        ["sleep", "600"],
        cwd=tmp_path,
        env=env,
        timeout_seconds=500,
        log=tmp_path / "log",
        stop=lambda: True,
    )
    assert result.stopped
    assert not result.timed_out
    assert result.exit_code == 130


@pytest.mark.slow
def test_endless_output_does_not_fill_the_disk(tmp_path: Path, env: dict[str, str]) -> None:
    code = "print('the beginning', flush=True)\nwhile True: print('y' * 1000)"
    result = run_command(
        python(code),
        cwd=tmp_path,
        env=env,
        timeout_seconds=1,
        log=tmp_path / "log",
        log_limit=100_000,
    )
    text = read_log(tmp_path / "log")
    assert result.truncated
    assert result.output_bytes > len(text)
    assert len(text) <= 100_000
    assert text.startswith("the beginning")
    assert "middle is left out" in text


def test_long_output_keeps_its_end_and_its_exit_code(tmp_path: Path, env: dict[str, str]) -> None:
    code = "for n in range(20_000): print('line', n)\nprint('2 failed'); raise SystemExit(1)"
    result = run_command(
        python(code),
        cwd=tmp_path,
        env=env,
        timeout_seconds=20,
        log=tmp_path / "log",
        log_limit=50_000,
    )
    assert (result.exit_code, result.truncated) == (1, True)
    assert read_log(tmp_path / "log").rstrip().endswith("2 failed")


def test_a_missing_program_is_a_result(tmp_path: Path, env: dict[str, str]) -> None:
    result = run_command(
        ["no-such-tool", "x"], cwd=tmp_path, env=env, timeout_seconds=5, log=tmp_path / "log"
    )
    assert result.exit_code == 127
    assert "no-such-tool was not found" in read_log(tmp_path / "log")


def test_a_program_that_cannot_be_started_is_a_result(tmp_path: Path, env: dict[str, str]) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    result = run_command(["./tool"], cwd=tmp_path, env=env, timeout_seconds=5, log=tmp_path / "log")
    assert result.exit_code == 126
    assert "could not be started" in read_log(tmp_path / "log")


def test_a_program_of_the_tree_is_not_found_by_name(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "ls").write_text("#!/bin/sh\necho pwned\n")
    (tmp_path / "ls").chmod(0o755)
    run_command(["ls"], cwd=tmp_path, env=env, timeout_seconds=5, log=tmp_path / "log")
    assert "pwned" not in read_log(tmp_path / "log")


def test_a_crash_is_told_by_its_signal(tmp_path: Path, env: dict[str, str]) -> None:
    result = run_command(
        python("import os; os.abort()"),
        cwd=tmp_path,
        env=env,
        timeout_seconds=5,
        log=tmp_path / "log",
    )
    assert result.exit_code == 128 + signal.SIGABRT
    assert not list(tmp_path.glob("core*"))


def test_a_full_disk_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(WorkspaceError, match="free some space"):
        run_command(
            ["true"],
            cwd=tmp_path,
            env=env,
            timeout_seconds=5,
            log=tmp_path / "log",
            free_bytes=2**62,
        )


def test_a_command_that_fills_the_disk_is_ended(
    tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = iter([False, True])
    monkeypatch.setattr(run, "lacks_room", lambda folders, needed: next(full))
    log = tmp_path / "log"
    result = run_command(["sleep", "600"], cwd=tmp_path, env=env, timeout_seconds=500, log=log)
    assert result.exit_code == 125
    assert "the disk is full" in read_log(log)


def test_excerpt_keeps_what_matters() -> None:
    lines = [f"collecting item number {n}" for n in range(2000)]
    lines[900] = "\x1b[31mE   AssertionError: assert 1 == 2\x1b[0m"
    lines[-1] = "==== 1 failed, 1999 passed ===="
    text = excerpt("\n".join(lines), 2000)
    assert len(text) <= 2000
    assert "E   AssertionError: assert 1 == 2\n" in text
    assert "collecting item number 899" in text
    assert text.startswith("collecting item number 0")
    assert text.endswith("1999 passed ====")
    assert "lines left out" in text
    assert "\x1b" not in text


def test_excerpt_of_a_short_log_is_the_log() -> None:
    assert excerpt("10%\r100%\ndone\r\n", 1000) == "100%\ndone"


@pytest.mark.parametrize("limit", [0, 1, 50, 500])
def test_excerpt_never_exceeds_its_limit(limit: int) -> None:
    assert len(excerpt("error: x\n" * 500 + "y" * 5000, limit)) <= limit
