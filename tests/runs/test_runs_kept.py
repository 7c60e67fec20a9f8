"""Stored data of a run: what, for how long, and in which form it is read."""

import os
import sqlite3
from contextlib import closing

import pytest

from reviewloop.agents import build_team, shipped_agent_files
from reviewloop.app.project import open_repository, settings_of
from reviewloop.app.run.cleaning import delete_garbage, delete_run, find_garbage
from reviewloop.app.run.finished_run import export_run
from reviewloop.app.run.opening import team_from_plain, team_to_plain
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.private import PrivateRepo
from reviewloop.settings import Settings
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

DAY = 86_400


@pytest.fixture
def repository(repo):
    opened = open_repository(repo)
    yield opened
    opened.runs.close()


def run_of(repository, ident, status, *, days=0):
    record = RunRecord(ident, str(repository.user.root), "t", repository.user.head, "work")
    record.status = status
    record.settings = Settings().model_dump(mode="json")
    repository.run_folder(ident)
    repository.runs.save(record)
    if days:  # `save` always takes the present time
        path = "$.updated_at"
        with closing(sqlite3.connect(repository.folder / "runs.sqlite")) as connection, connection:
            connection.execute(
                "UPDATE runs SET record = json_set(record, ?, ?) WHERE run_id = ?",
                (path, record.updated_at - days * DAY, ident),
            )
    return record


def deletable(repository, days):
    return {record.run_id for record in find_garbage(repository, days).runs}


def test_only_runs_that_are_over_and_old_enough_may_be_deleted(repository):
    run_of(repository, "old", RunStatus.COMMITTED, days=31)
    run_of(repository, "skipped", RunStatus.SKIPPED, days=31)
    run_of(repository, "young", RunStatus.COMMITTED, days=29)
    run_of(repository, "waiting", RunStatus.WAITING, days=400)
    run_of(repository, "paused", RunStatus.PAUSED, days=400)
    assert deletable(repository, None) == {"old", "skipped"}
    assert deletable(repository, 0) == {"old", "skipped", "young"}


def test_a_run_at_work_is_never_deleted(repository):
    run_of(repository, "old", RunStatus.COMMITTED, days=31)
    with hold(repository.run_lock("old"), "run old"):
        assert deletable(repository, None) == set()


@pytest.mark.parametrize("status", [RunStatus.SKIPPED, RunStatus.UNDONE])
def test_work_that_only_a_run_holds_is_not_deleted_without_a_word(repository, status):
    run_of(repository, "work", status, days=31)
    private = PrivateRepo.create(repository.run_folder("work") / "git", repository.user)
    private.keep(
        private.edit(private.tree_of("HEAD"), {"new.py": b"x = 1\n"}), "work", "implement-0"
    )
    private.close()

    garbage = find_garbage(repository, None)
    assert ([r.run_id for r in garbage.kept], garbage.count) == (["work"], 0)
    assert [r.run_id for r in find_garbage(repository, None, with_work=True).runs] == ["work"]
    export_run(repository, "work", "saved")
    assert deletable(repository, 0) == {"work"}


def test_what_a_killed_start_left_goes_once_nobody_works_in_it(repository):
    place = repository.folder / "runs" / "2.1-0101-abcd"
    scratch = repository.folder / "start-x"
    for folder in (place, scratch):
        folder.mkdir(parents=True)
    assert find_garbage(repository, None).starts == ()  # they are young, and have no lock yet
    with hold(place / "lock", "it"), hold(scratch / "lock", "it"):
        assert find_garbage(repository, None).starts == ()
    garbage = find_garbage(repository, None)
    assert garbage.starts == (place, scratch)
    delete_garbage(repository, garbage)
    assert not place.exists()
    assert not scratch.exists()


def test_a_deleted_run_leaves_neither_folder_nor_record(repository):
    record = run_of(repository, "old", RunStatus.COMMITTED, days=31)
    folder = repository.run_folder("old")
    (folder / "blobs").mkdir()
    (folder / "blobs" / "x").write_text("x")
    delete_run(repository, record)
    assert not folder.exists()
    assert repository.runs.all() == []


def test_a_run_without_work_cannot_be_exported(repository):
    run_of(repository, "empty", RunStatus.PAUSED)
    with pytest.raises((UsageError, WorkspaceError)):
        export_run(repository, "empty", "saved")


def test_raised_caps_hold_and_impossible_ones_are_refused(repository):
    record = run_of(repository, "one", RunStatus.PAUSED)
    raised = settings_of(record, {"limits.tokens": 9_000_000})
    assert raised.limits.tokens == 9_000_000
    assert raised.limits.usd == Settings().limits.usd
    for wrong in ({"limits.usd": -1}, {"limits.rounds": 9}, {"limits.usd": float("nan")}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            settings_of(record, wrong)


def test_the_team_of_a_run_comes_back_as_it_was():
    team = build_team(shipped_agent_files(), lambda path: None)
    again = team_from_plain(team_to_plain(team))
    assert [a.name for a in again.members] == [a.name for a in team.members]
    assert again.reviewers[0].prompt == team.reviewers[0].prompt
    assert again.reviewers[0].tools == team.reviewers[0].tools


def test_the_folder_of_a_repository_is_outside_of_it_and_private(repository, repo):
    assert not repository.folder.is_relative_to(repo)
    assert repository.folder.stat().st_mode & 0o077 == 0
    assert os.environ["REVIEWLOOP_STATE_DIR"] in str(repository.folder)
