"""A lock has one holder, names it, and dies with it."""

import fcntl
import os
import subprocess
import sys
import threading
import time

import pytest

from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.store.locks import hold, is_held, share


def test_the_second_to_come_is_told_who_holds_it(tmp_path):
    path = tmp_path / "run" / "lock"
    with hold(path, "run 2.1"):
        assert is_held(path)
        with (
            pytest.raises(WorkspaceError, match=r"^run 2\.1 is in use by process \d+ on "),
            hold(path, "run 2.1"),
        ):
            pass
    assert not is_held(path)
    with hold(path, "run 2.1"):
        pass


def test_a_shared_lock_is_held_by_nobody_and_names_who_shares_it(tmp_path):
    path = tmp_path / "lock"
    with share(path, "the review"), share(path, "the review"):
        assert f'"pid": {os.getpid()}' in path.read_text()
        with path.open("a+") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (
        hold(path, "the review"),
        pytest.raises(WorkspaceError, match="is in use by process"),
        share(path, "the review"),
    ):
        pass
    assert not is_held(path)


def test_a_lock_that_nobody_ever_took_is_free(tmp_path):
    assert not is_held(tmp_path / "lock")


def test_a_lock_dies_with_its_process_however_it_ends(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import fcntl, sys, time\n"
        f"file = open({str(path)!r}, 'a+')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_held(path)
        with pytest.raises(WorkspaceError, match="in use by another process"), hold(path, "it"):
            pass
        process.kill()
    deadline = time.monotonic() + 5
    while is_held(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    with hold(path, "it"):
        pass


def test_who_looks_whether_it_is_held_takes_it_from_nobody_however_long_that_takes(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    with path.open("r+") as looking:  # as `is_held` does, stopped by a busy machine in the middle
        fcntl.flock(looking, fcntl.LOCK_SH)
        ends = threading.Timer(0.4, fcntl.flock, [looking, fcntl.LOCK_UN])
        ends.start()
        with hold(path, "run 2.1"):
            assert is_held(path)
        ends.join()


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with (
        pytest.raises(UsageError, match=r"gives no locks .* REVIEWLOOP_STATE_DIR"),
        hold(tmp_path / "lock", "run"),
    ):
        pass
    with pytest.raises(UsageError, match="gives no locks"):
        is_held(tmp_path / "lock")
