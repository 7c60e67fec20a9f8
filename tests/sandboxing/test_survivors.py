"""Child processes end with their command, even many; otherwise the run stops."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import WorkspaceError
from reviewloop.sandbox import launcher
from reviewloop.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.run import read_log, run_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher ends all on Linux")

_PATCHED = """
import sys, time
sys.path.insert(0, {folder!r})
import launcher
{patch}
sys.exit(launcher.main())
"""


def launched(patch: str, *command: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run a command by the launcher with a part of it replaced; return its end and its errors."""
    program = _PATCHED.format(folder=str(Path(launcher.__file__).parent), patch=patch)
    words = [str(os.getpid()), "0.1", *options, "--", command[0], *command]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *words],
        stdout=subprocess.DEVNULL,  # what outlives it would hold a pipe open
        stderr=subprocess.PIPE,
        start_new_session=True,
        check=False,
    )
    return done.returncode, done.stderr.decode()


def test_a_look_is_not_interrupted_by_the_next_one():
    """Thousands of processes take longer to look at than the time between two looks."""
    patch = """
depth = deepest = 0
def slow():
    global depth, deepest
    depth += 1
    deepest = max(depth, deepest)
    time.sleep(0.12)
    depth -= 1
    return []
launcher._tasks = lambda: 10**6 if depth or deepest else 0
launcher._descendants = slow
launcher._FULL_LOOK = 1
real = launcher._kill_descendants
def said():
    launcher.os.write(2, f"deepest {deepest}".encode())
    return real()
launcher._kill_descendants = said
"""
    watched = ("watch-processes=5", "watch-memory=900")
    code, said = launched(patch, "/bin/sleep", "0.6", options=watched)
    assert (code, said) == (0, "deepest 1")


def test_processes_that_end_without_a_pause_do_not_delay_the_end(monkeypatch):
    monkeypatch.setattr(launcher.os, "waitpid", lambda *_: (987654, 0))
    monkeypatch.setattr(launcher, "_LONGEST_KILL", 0.1)
    monkeypatch.setattr(launcher, "_PATIENCE", 0)
    monkeypatch.setattr(launcher, "_descendants", list)
    assert launcher._wait(5, time.monotonic() + 0.05) == 0
    assert launcher._kill_descendants() is False


DAEMON = 'sleep 30 2>&- & echo "pid $!" >&2'


@pytest.mark.needs_landlock
def test_all_of_a_landlock_domain_end_in_one_step():
    """Nothing has to be found one by one, which what multiplies would outrun."""
    if getattr(choose(requested="landlock").method, "version", 0) < 6:
        pytest.skip("before Linux 6.12 signals leave the domain")
    patch = "launcher._descendants = list"
    options = ("landlock=on", "filter=on", "read=/", "write=/dev/null")
    code, said = launched(patch, "/bin/sh", "-c", DAEMON, options=options)
    assert code == 0, said
    word, left = said.split()
    assert word == "pid"
    assert not Path("/proc", left).exists()


def test_what_could_not_be_ended_is_told():
    patch = "launcher._descendants = list; launcher._LONGEST_KILL = 0.2"
    code, said = launched(patch, "/bin/sh", "-c", DAEMON)
    left = int(said.split("pid ")[1].split()[0])
    os.kill(left, 9)
    assert code < 0
    assert "could not be ended" in said


def test_a_command_whose_end_nobody_saw_stops_the_run(tmp_path):
    confined = Confinement(Sandbox, Grants(work=tmp_path))
    with pytest.raises(WorkspaceError, match="could not be ended"):
        run_command(
            ["/bin/sh", "-c", "kill -9 $PPID; sleep 1"],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            timeout_seconds=20,
            log=tmp_path / "log",
            confine=confined,
        )


def test_a_command_that_is_stopped_before_it_began_left_nothing(tmp_path, monkeypatch):
    """Under load the launcher's interpreter is still starting when somebody presses Ctrl-C."""
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    result = run_command(
        ["/bin/sh", "-c", "echo begun"],
        cwd=tmp_path,
        env={"PATH": os.defpath},
        timeout_seconds=50,
        log=tmp_path / "log",
        stop=lambda: True,
        confine=Confinement(Sandbox, Grants(work=tmp_path)),
    )
    assert (result.stopped, result.exit_code) == (True, 130)
    assert read_log(tmp_path / "log") == ""


@pytest.mark.needs_landlock
def test_a_program_that_is_still_alive_cannot_write_into_the_next_tree(private, tmp_path):
    workspace = Workspace(private, tmp_path / "state/work")
    tree = private.tree_of(private.head)
    workspace.reset(tree)
    (workspace.folder / "sub").mkdir()
    stop = threading.Event()
    sandbox = choose(requested="landlock")
    code = """
cd sub
while :; do
  (echo > ../forged; echo > forged; echo > "$1/forged") 2>/dev/null && echo wrote
  sleep 0.02
done
"""
    log = tmp_path / "log"
    running = threading.Thread(
        target=run_command,
        args=(["/bin/sh", "-c", code, "sh", str(workspace.folder)],),
        kwargs={
            "cwd": workspace.folder,
            "env": {"PATH": os.defpath},
            "timeout_seconds": 30,
            "log": log,
            "stop": stop.is_set,
            "confine": Confinement(lambda: sandbox, Grants(work=workspace.folder)),
        },
    )
    running.start()
    try:
        deadline = time.monotonic() + 20
        while not (log.exists() and "wrote" in read_log(log)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "wrote" in read_log(log)
        workspace.reset(tree)
        time.sleep(0.3)
        assert not [path.name for path in workspace.folder.rglob("forged")]
    finally:
        stop.set()
        running.join()


def test_a_reset_takes_over_what_is_the_same_and_survives_a_killed_one(private, tmp_path):
    workspace = Workspace(private, tmp_path / "state/work")
    tree = private.tree_of(private.head)
    workspace.reset(tree)
    before = {path.name for path in workspace.folder.iterdir()}
    inode = workspace.folder.stat().st_ino
    (workspace.folder / "closed").mkdir(mode=0)
    (workspace.folder / "left").write_text("x")
    (workspace.folder.with_name("work.old")).mkdir()
    (workspace.folder.with_name("work.old") / "left").write_text("x")
    workspace.folder.chmod(0)
    workspace.reset(tree)
    assert {path.name for path in workspace.folder.iterdir()} == before
    assert workspace.folder.stat().st_ino != inode
    assert [path.name for path in (tmp_path / "state").iterdir() if "old" in path.name] == []
