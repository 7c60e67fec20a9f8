"""Fault points: silent without the variable, exact with it."""

import errno
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reviewloop.faults import EXIT, FaultError, fault

PACKAGE = Path(__file__).parent.parent


def in_a_process(code: str, wanted: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "REVIEWLOOP_FAULT": wanted, "PYTHONPATH": str(PACKAGE)}
    return subprocess.run(
        [sys.executable, "-S", "-c", f"from reviewloop.faults import fault\n{code}"],
        env=environ,
        capture_output=True,
        text=True,
    )


def test_without_the_variable_a_point_only_looks_whether_it_is_set(monkeypatch):
    monkeypatch.delenv("REVIEWLOOP_FAULT", raising=False)
    called: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: event == "call" and called.append(frame.f_code.co_name))
    try:
        fault("x")
    finally:
        sys.setprofile(before)
    assert called[0] == "fault"
    assert set(called[1:]) <= {"get", "__getitem__", "encode", "decode"}  # of os.environ
    assert len(called) < 6  # a run passes some hundred points


def test_the_kth_passing_is_the_one(monkeypatch):
    monkeypatch.setenv("REVIEWLOOP_FAULT", "here:3=raise")
    for _ in range(2):
        fault("here")
        fault("there")
    with pytest.raises(FaultError, match="made to fail at here"):
        fault("here")
    fault("here")  # once is enough


def test_a_full_disk_names_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("REVIEWLOOP_FAULT", "here=enospc")
    with pytest.raises(OSError, match="No space left") as full:
        fault("here", tmp_path / "blob")
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path / "blob"))


def test_the_clock_jumps_and_durations_do_not(monkeypatch):
    monkeypatch.setattr(time, "time", time.time)  # put back afterwards
    before, began = time.time(), time.clock_gettime(time.CLOCK_MONOTONIC)
    monkeypatch.setenv("REVIEWLOOP_FAULT", "here=clock+")
    fault("here")
    assert time.time() - before == pytest.approx(86_400, abs=60)
    assert began <= time.monotonic() < began + 3600


def test_all_points_can_be_listed(monkeypatch, tmp_path):
    monkeypatch.setenv("REVIEWLOOP_FAULT", f"@{tmp_path / 'passed'}")
    for name in ("a", "b", "a"):
        fault(name)
    assert (tmp_path / "passed").read_text().split() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("action", "code"), [("", -9), ("=kill", -9), ("=term", -15), ("=exit", EXIT)]
)
def test_a_process_ends_where_it_is_told_to(action, code):
    done = in_a_process(
        "print('on the way', flush=True); fault('x'); print('past it')", f"x{action}"
    )
    assert (done.returncode, done.stdout) == (code, "on the way\n")


def test_a_torn_log_has_lost_exactly_its_last_transaction(tmp_path):
    code = f"""
import sqlite3
base = sqlite3.connect({str(tmp_path / "base")!r}, isolation_level=None)
base.execute("PRAGMA journal_mode=WAL")
base.execute("CREATE TABLE t (x)")
for number in range(3):
    base.execute("INSERT INTO t VALUES (?)", (number,))
fault("x")
"""
    for action, left in (("kill", 3), ("torn", 2)):
        for file in tmp_path.iterdir():
            file.unlink()
        assert in_a_process(code, f"x={action}").returncode == -9
        base = sqlite3.connect(tmp_path / "base")
        assert base.execute("SELECT count(*) FROM t").fetchone() == (left,)
        assert base.execute("PRAGMA quick_check").fetchone() == ("ok",)
        base.close()
