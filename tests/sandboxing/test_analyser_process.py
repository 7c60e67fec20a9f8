"""Analysers start without our environment, and are always ended."""

import os
import selectors
import sys
import time
from pathlib import Path

import pytest

from reviewloop.sandbox import analyser_process
from reviewloop.sandbox.analyser_process import clean_environment, run_analyser


@pytest.fixture
def run(tmp_path: Path):
    """Return a function that runs Python code as if it were an analyser."""

    def start(code: str, *, timeout: float = 20.0, **options):
        env = clean_environment(tmp_path, Path(sys.executable), {})
        argv = [sys.executable, "-c", code]
        return run_analyser(argv, cwd=tmp_path, env=env, timeout_seconds=timeout, **options)

    return start


def gone(pid: int) -> bool:
    """Whether a process ends within five seconds; one that nobody collected yet has ended."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


def test_output_errors_and_exit_code_are_told_apart(run):
    done = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 3)
    assert done.ended == "by itself"


def test_what_is_written_between_a_look_and_the_end_is_read(run, monkeypatch, tmp_path):
    """As on a machine that is busy just then: the look was in vain, and now the process is over."""
    look, written = selectors.DefaultSelector.select, tmp_path / "written"

    def late(self, timeout=None):
        if not written.exists():
            (tmp_path / "looked").touch()
            while not written.exists():
                time.sleep(0.01)
            time.sleep(0.2)
            return []
        return look(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", late)
    code = (
        "import pathlib, time\n"
        "while not pathlib.Path('looked').exists(): time.sleep(0.01)\n"
        "print('found', flush=True)\n"
        "pathlib.Path('written').touch()\n"
    )
    assert run(code).stdout == b"found\n"


def test_settings_of_the_user_do_not_reach_an_analyser(run, monkeypatch, tmp_path):
    startup = tmp_path / "startup.py"
    startup.write_text("raise SystemExit('ran')")
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("print('ran')")
    for name in ("PYTHONSTARTUP", "RUFF_CONFIG", "SHELLCHECK_OPTS", "GH_TOKEN", "AWS_PROFILE"):
        monkeypatch.setenv(name, str(startup))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    said = run("import os; print(sorted(os.environ)); print(os.environ['HOME'])").stdout.decode()
    assert "ran" not in said
    assert not {"PYTHONPATH", "PYTHONSTARTUP", "GH_TOKEN", "SHELLCHECK_OPTS"} & set(said.split("'"))
    assert str(tmp_path) in said


def test_program_that_hangs_is_ended_with_what_it_started(run):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    done = run(code, timeout=1.0)
    assert done.ended == "too slow"
    assert gone(int(done.stdout))


def test_program_that_leaves_a_child_behind_does_not_hold_us_up(run):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)"
    )
    done = run(code)
    assert done.ended == "by itself"
    assert gone(int(done.stdout))


def test_program_that_writes_without_end_is_ended(run):
    done = run("while True: print('x' * 65536)", output_limit=1_000_000)
    assert done.ended == "too much"
    assert len(done.stdout) < 2_000_000


def test_complaints_without_end_are_cut(run):
    done = run("import sys\nfor _ in range(300): sys.stderr.write('x' * 65536)")
    assert done.ended == "by itself"
    assert len(done.stderr) < 2_000_000


def test_caller_can_stop_it(run):
    done = run("import time; time.sleep(600)", stop=iter([False] * 3 + [True] * 99).__next__)
    assert done.ended == "stopped"


def test_program_that_cannot_be_started_is_a_result(tmp_path):
    done = run_analyser([str(tmp_path / "none")], cwd=tmp_path, env={}, timeout_seconds=5)
    assert done.ended == "not started"
    assert b"No such file" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_memory_is_limited(run, monkeypatch):
    monkeypatch.setattr(analyser_process, "MEMORY_LIMIT", 200 << 20)
    done = run("import time; time.sleep(0.3); held = bytearray(400 << 20); print('got it')")
    assert done.stdout == b""
    assert b"MemoryError" in done.stderr
