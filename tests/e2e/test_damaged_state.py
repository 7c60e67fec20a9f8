"""A stopped run resumes from an intact state only, and pays only for what it can store."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from support.crash import WAITING, Site

from reviewloop.domain.errors import WorkspaceError
from reviewloop.store import folders
from reviewloop.store.locks import hold, is_held

MARK = "called.by.a.checkpoint"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A run that broke off at its first check; each test leaves it as it was."""
    with Site(tmp_path_factory.mktemp("stopped") / "site") as site:
        said = site.checkout.run("run", "2.1", REVIEWLOOP_FAULT="guard.begin=raise")
        assert said.code == 70, said.err
        yield site


@pytest.fixture
def folder(stopped: Site) -> Iterator[Path]:
    """The run's folder; its databases are put back afterwards, and nobody may have been asked."""
    place, asked = stopped.checkout.folder(), len(stopped.server.ledger)
    kept = {path: path.read_bytes() for path in place.glob("*.sqlite*")}
    record = stopped.runs()[0]
    yield place
    assert len(stopped.server.ledger) == asked
    for path in place.glob("*.sqlite*"):
        path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    write_record(stopped, record)


def write_record(site: Site, record: dict[str, Any]) -> None:
    (place,) = site.checkout.state.glob("repositories/*/runs.sqlite")
    with closing(sqlite3.connect(place)) as runs, runs:
        runs.execute("UPDATE runs SET record = ?", (json.dumps(record),))


def refused(site: Site) -> str:
    """Return what `resume` says, and see that the work can still be saved."""
    said = site.checkout.run("resume")
    assert said.code == 2, said.err
    return said.err


def forge(folder: Path, kind: str, value: bytes) -> None:
    with closing(sqlite3.connect(folder / "checkpoints.sqlite")) as checkpoints, checkpoints:
        checkpoints.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, value))
        assert checkpoints.total_changes


def called(module: str, name: str, argument: str) -> bytes:
    """Return a value that LangGraph reads by importing and calling what it names."""
    inner = ormsgpack.packb((module, name, argument))
    return ormsgpack.packb({"channel_values": ormsgpack.Ext(0, inner)})


def test_the_forged_row_would_run_if_langgraph_read_it(tmp_path: Path) -> None:
    """The control of the next test."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    usual = JsonPlusSerializer(allowed_msgpack_modules=True)
    usual.loads_typed(("msgpack", called("os", "mkdir", str(tmp_path / MARK))))
    assert (tmp_path / MARK).exists()


@pytest.mark.parametrize("kind", ["msgpack", "pickle", "json"])
def test_a_forged_checkpoint_is_refused_and_not_run(
    stopped: Site, folder: Path, kind: str, tmp_path: Path
) -> None:
    forge(folder, kind, called("os", "mkdir", str(tmp_path / MARK)))
    said = refused(stopped)
    what = "a value of the type os.mkdir" if kind == "msgpack" else f"of the kind '{kind}'"
    assert f"{what}, which reviewloop never writes there" in said
    assert "`reviewloop checkout RUN NAME` saves the run's work" in said
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("name", ["checkpoints.sqlite", "journal.sqlite"])
def test_a_damaged_database_points_to_the_snapshots(stopped: Site, folder: Path, name: str) -> None:
    with closing(sqlite3.connect(folder / name)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray((folder / name).read_bytes())
    data[4096:8192] = b"\xff" * 4096
    (folder / name).write_bytes(data)

    said = refused(stopped)
    run = folder.name
    assert f"the state of run {run} is damaged ({name}: " in said
    assert f"`reviewloop checkout {run} NAME` saves the latest as a branch" in said
    branch = f"saved-{name.partition('.')[0]}"
    assert stopped.checkout.run("checkout", run, branch).code == 0
    assert "items_of" in stopped.checkout.git("show", f"{branch}:shop/search.py")


def test_a_state_of_another_release_names_the_release_to_use(stopped: Site, folder: Path) -> None:
    record = stopped.runs()[0]
    write_record(stopped, {**record, "schema_version": 99, "release": "7.1.0"})
    assert "was begun by reviewloop 7.1.0 (state version 99, this one reads " in refused(stopped)

    write_record(stopped, {**record, "release": "7.1.0"})  # the record may be older than its state
    with closing(sqlite3.connect(folder / "checkpoints.sqlite")) as checkpoints, checkpoints:
        checkpoints.execute(
            "UPDATE checkpoints SET metadata = json_set(metadata, '$.state_version', 98)"
        )
    assert "was begun by reviewloop 7.1.0 (state version 98" in refused(stopped)


def test_a_run_at_work_is_not_resumed_and_its_process_is_named(stopped: Site, folder: Path) -> None:
    with hold(folder / "lock", "it"):
        said = refused(stopped)
    assert f"is at work in process {os.getpid()} on {socket.gethostname()} since " in said


def test_what_a_process_starts_does_not_keep_its_locks(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    with hold(tmp_path / "lock", "it"):
        daemon = subprocess.Popen(command, close_fds=False, start_new_session=True)
    try:
        assert not is_held(tmp_path / "lock")
    finally:
        daemon.kill()
        daemon.wait()


def test_nothing_is_asked_when_the_disk_has_no_room(
    stopped: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)._replace(free=folders.LEAST_FREE - 1)
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(WorkspaceError, match=r"only 63 MB are free .* nothing was paid for"):
        folders.require_room(folder)


def test_nothing_is_asked_when_the_disk_refuses_to_write(tmp_path: Path) -> None:
    """A folder stands where the block would go: the same answer for root as for everybody."""
    (tmp_path / "room").mkdir()
    with pytest.raises(WorkspaceError, match=r"cannot be written \(Is a directory\)"):
        folders.require_room(tmp_path)


@pytest.mark.slow
def test_a_run_without_room_stops_before_it_pays_and_goes_on_later(tmp_path: Path) -> None:
    with Site(tmp_path / "site") as site:
        said = site.checkout.run("run", "2.1", REVIEWLOOP_FAULT="room.write:4=enospc")
        assert said.code == 2
        assert "(No space left on device), so no answer of a model could be kept" in said.err
        assert len(site.server.ledger) == 3
        assert site.runs()[0]["status"] == "paused"
        assert site.checkout.run("resume").code == WAITING
        assert len(site.server.ledger) == site.journalled()
