"""The table of runs: what `status` lists, and how a run is named on the command line."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from threading import Thread

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import ReasonKind, reason
from reviewloop.store.folders import private_file
from reviewloop.store.runs import OPEN, RunRecord, RunStatus, RunStore


@pytest.fixture
def runs(tmp_path):
    store = RunStore(tmp_path)
    yield store
    store.close()


def add(runs, ident, status=RunStatus.WAITING, at=1.0, **more):
    record = RunRecord(ident, "/project", f"title of {ident}", "abc", "work", **more)
    record.status, record.created_at = status, at
    runs.save(record)
    return record


def test_a_record_comes_back_as_it_was_saved(runs, tmp_path):
    saved = add(runs, "2.1-a", incomplete=["review-x"], evidence={"gates": [1]}, new_branch=True)
    other = RunStore(tmp_path)
    assert other.find("2.1-a") == saved
    other.close()


def test_the_newest_run_stands_first(runs):
    add(runs, "old", at=1)
    add(runs, "new", at=2)
    assert [run.run_id for run in runs.all()] == ["new", "old"]


def test_a_run_is_named_by_any_unique_beginning_of_its_id(runs):
    add(runs, "2.1-1121-ab")
    add(runs, "2.1-1121-cd")
    add(runs, "2.1")
    assert runs.find("2.1-1121-a").run_id == "2.1-1121-ab"
    assert runs.find("2.1").run_id == "2.1", "an exact id wins over longer ones"
    with pytest.raises(UsageError, match=r"several runs whose id starts with '2\.1-': .*give more"):
        runs.find("2.1-")
    with pytest.raises(UsageError, match=r"there is no run '9', and none of task '9', .*status"):
        runs.find("9")


def test_a_run_is_found_by_its_id_without_reading_all_others(runs, tmp_path):
    add(runs, "1")
    add(runs, "1-a", task_id="2")
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as table:
        table.execute("UPDATE runs SET record = 'not read' WHERE run_id = '1'")
        table.commit()
    assert runs.find("1-a").task_id == "2"
    runs.leave_out(["1-a"])
    with pytest.raises(ValueError, match="Expecting value"):
        runs.find("1-a")  # as if there was none, so all are looked through
    runs.delete("1")
    with pytest.raises(UsageError, match="there is no run '1-a'"):
        runs.find("1-a")


def test_the_only_run_in_a_state_need_not_be_named(runs):
    with pytest.raises(UsageError, match="there is no run to approve"):
        runs.only([RunStatus.WAITING], "approve")
    add(runs, "one")
    add(runs, "over", RunStatus.COMMITTED)
    assert runs.only([RunStatus.WAITING], "approve").run_id == "one"
    add(runs, "two")
    with pytest.raises(UsageError, match=r"more than one run could be meant: .*name the one"):
        runs.only([RunStatus.WAITING], "approve")


def test_a_deleted_run_is_forgotten(runs):
    add(runs, "one")
    runs.delete("one")
    assert runs.all() == []


@pytest.mark.parametrize("number", (3, 30))  # a few are read one by one
def test_what_another_table_saved_or_deleted_is_seen_and_nobody_shares_a_record(
    runs, tmp_path, number
):
    other = RunStore(tmp_path)
    saved = [add(other, f"run-{at}", at=at) for at in range(1, number + 1)]
    looked = {run.run_id: run for run in runs.all()}
    looked["run-1"].options["mine"] = True
    for at, record in enumerate(saved[1:]):
        record.explain(reason(ReasonKind.USER, text=f"changed {at}"), f"changed {at}")
        other.save(record)
    other.delete("run-2")
    add(other, "run-0", at=0.5)
    assert [run.run_id for run in runs.all()] == [
        *(f"run-{at}" for at in range(number, 2, -1)),
        *("run-1", "run-0"),
    ]
    found = {run.run_id: run for run in runs.all()}
    assert [found[one.run_id] for one in saved[2:]] == saved[2:]
    assert not found["run-1"].options
    runs.save(looked["run-1"])
    assert runs.all()[-2].options == {"mine": True}
    other.close()


def test_a_change_is_noticed_whoever_made_it_and_nothing_else_is(runs, tmp_path):
    other = RunStore(tmp_path)
    seen = [runs.seen()]
    mine = add(runs, "mine", at=1)
    seen.append(runs.seen())
    theirs = add(other, "theirs", at=2)
    seen.append(runs.seen())
    theirs.explain(reason(ReasonKind.USER, text="changed"), "changed")
    other.save(theirs)
    seen.append(runs.seen())
    runs.save(mine)
    seen.append(runs.seen())
    other.delete("theirs")
    seen.append(runs.seen())
    runs.delete("mine")
    seen.append(runs.seen())
    runs.all()
    other.all()
    assert runs.seen() == seen[-1]
    assert len(set(seen)) == len(seen)
    other.close()


def test_the_runs_of_one_task_are_all_of_it_and_its_alone(runs):
    for at, task in enumerate(("1", "1.1", "1"), start=1):
        add(runs, f"run-{at}", at=at, task_id=task)
    found = runs.of_task("1")
    assert [run.run_id for run in found] == ["run-3", "run-1"]
    found[0].options["mine"] = True
    assert not runs.of_task("1")[0].options
    assert runs.of_task("2") == []


def test_a_record_of_a_newer_release_with_keys_we_do_not_know_is_still_listed(runs, tmp_path):
    add(runs, "one")
    with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
        (text,) = connection.execute("SELECT record FROM runs").fetchone()
        later = {**json.loads(text), "something_later": 1}
        connection.execute("UPDATE runs SET record = ?", (json.dumps(later),))
    connection.close()
    assert runs.find("one").title == "title of one"


@pytest.mark.parametrize("status", list(RunStatus))
def test_a_run_is_over_when_nothing_can_come_any_more(status):
    assert status.over == (status in {"committed", "skipped", "undone"})


def test_what_is_written_stays_though_another_process_looked_after_a_second_table_was_closed(
    runs, tmp_path
):
    runs.again().close()
    look = f"import sqlite3; c = sqlite3.connect({str(tmp_path / 'runs.sqlite')!r})"
    look += "; c.execute('SELECT * FROM runs').fetchall(); c.close()"
    subprocess.run([sys.executable, "-S", "-c", look], check=True)
    add(runs, "1-a")
    with closing(RunStore(tmp_path)) as later:
        assert [run.run_id for run in later.all()] == ["1-a"]


def test_no_thread_finds_a_file_that_another_one_is_still_making(tmp_path, monkeypatch):
    """Closing it then would take the locks that SQLite holds on it by that time."""
    close, found = os.close, []

    def late(handle):
        other.start()
        other.join(0.2)
        found.append(other.is_alive())
        close(handle)

    other = Thread(target=private_file, args=[tmp_path / "new.sqlite"])
    monkeypatch.setattr(os, "close", late)
    private_file(tmp_path / "new.sqlite")
    monkeypatch.undo()
    other.join(5)
    assert found == [True]


def test_a_task_is_meant_before_a_run_whose_id_begins_so_and_two_of_it_are_both_named(runs):
    for ident, task in (("2-a", "2"), ("2.1-b", "2.1"), ("20-c", "20")):
        add(runs, ident, task_id=task, spec_path="one")
    assert runs.find("2").run_id == "2-a"
    add(runs, "2.1-d", at=2.0, task_id="2.1", spec_path="two")
    with pytest.raises(UsageError, match=r"2.1-d \(waiting; two, on work\), 2.1-b \(waiting; one"):
        runs.find("2.1")


def test_of_several_runs_only_those_are_meant_with_which_something_can_be_done(runs):
    of = {"task_id": "9", "spec_path": "one"}
    add(runs, "9-a", RunStatus.COMMITTED, at=1, **of)
    add(runs, "9-b", RunStatus.UNDONE, at=2, **of)
    add(runs, "9-c", RunStatus.SKIPPED, at=3, options={"redo": True}, **of)
    assert runs.find("9", (RunStatus.COMMITTED,)).run_id == "9-a"
    assert runs.find("9-", (RunStatus.COMMITTED,)).run_id == "9-a"
    said = (
        r"no run of task 9 is running, stopped, waiting or blocked: "
        r"9-c \(redone; one, on work\), 9-b \(undone; .*\), 9-a \(committed; "
    )
    with pytest.raises(UsageError, match=said):
        runs.find("9", OPEN)
    with pytest.raises(UsageError, match=r"several runs of task 9: 9-c .*; name the run"):
        runs.find("9")
    add(runs, "9-d", RunStatus.COMMITTED, at=4, **of)
    with pytest.raises(UsageError, match=r"of task 9: 9-d \(committed; .*\), 9-a .*; name"):
        runs.find("9", (RunStatus.COMMITTED,))
    add(runs, "9-e", RunStatus.PAUSED, at=5, **of)
    assert runs.find("9", OPEN).run_id == "9-e"
