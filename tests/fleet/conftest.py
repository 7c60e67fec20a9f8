"""Both fleets, each holding the runs that a test puts into it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.postgres import Postgres, running
from support.shop import make_shop

from reviewloop.app.fleet.local import LocalFleet
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import open_repository
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord

Put = Callable[..., RunRecord]


class Holder:
    """A fleet, and how a run with its events comes into it as if it had been made there."""

    def __init__(self, fleet: Fleet, put: Put, said: list[str]) -> None:
        self.fleet, self.put, self.said = fleet, put, said


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[Postgres, str]]:
    """Yield a server, and the name of a database with all tables, which others are copies of."""
    from reviewloop.app.fleet.place import opened

    with running() as postgres:
        url = postgres.url()
        with opened(url, make=True):
            pass
        yield postgres, url.rpartition("/")[2]


@pytest.fixture(params=["local", pytest.param("postgres", marks=pytest.mark.needs_postgresql)])
def holder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Holder]:
    """Yield each fleet, around the same checkout."""
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "local":
        yield from _local()
    else:
        postgres, template = request.getfixturevalue("server")
        yield from _postgres(postgres.url(template))


def record_of(values: Mapping[str, Any], number: int) -> RunRecord:
    """Return the record of a run that was begun after those before it."""
    given = {"title": "First", "base_commit": "head", "task_id": "1", "spec_path": "spec"}
    run = RunRecord(**{"repository": "", "branch": "main", **given, **values})
    run.created_at = run.updated_at = float(number)
    run.options = {"batch": "b", **run.options}
    return run


def _local() -> Iterator[Holder]:
    said: list[str] = []
    fleet = LocalFleet(said.append)
    with closing(fleet), closing(open_repository().runs) as runs:
        repository = open_repository()
        head = repository.user.head

        def put(*, events: tuple[Mapping[str, Any], ...] = (), **values: Any) -> RunRecord:
            run = record_of({"base_commit": head, **values}, len(runs.all()) + 1)
            folder = repository.run_folder(run.run_id)
            (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
            runs.save(run)
            return run

        yield Holder(fleet, put, said)


def _postgres(url: str) -> Iterator[Holder]:
    from reviewloop.app.fleet.postgres import PostgresFleet
    from reviewloop.store.postgres.batches import About, SharedBatches
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.postgres.runs import SharedRuns

    about = About("key", "name", "/remote.git", "main", None, {}, "sha1", "")
    batch = BatchRecord("b", "spec", "queue", {"1": "First"}, head="")
    fleet = PostgresFleet(url)
    with closing(fleet), closing(Database(url)) as database:
        SharedBatches(database).add(batch, about)
        runs = SharedRuns(database)

        def put(*, events: tuple[Mapping[str, Any], ...] = (), **values: Any) -> RunRecord:
            run = record_of(values, len(runs.all()) + 1)
            runs.insert(run, about)
            data = "".join(json.dumps(e) + "\n" for e in events).encode()
            database.execute(
                "INSERT INTO files VALUES (%s, 'events.jsonl', 0, %s)", (run.run_id, data)
            )
            return run

        yield Holder(fleet, put, [])
