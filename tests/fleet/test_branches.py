"""Answers to runs that wait on several branches of several repositories, without a worker."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.checkout import Checkout
from support.postgres import Postgres
from support.shop import make_shop

from reviewloop.app.batch.report import unbegun_row
from reviewloop.app.fleet.jobs import ANSWER, Jobs
from reviewloop.render.batch import task_object
from reviewloop.store.batches import BatchRecord
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

pytestmark = pytest.mark.needs_postgresql
_ABOUT = About("shop", "shop", "", "", None, {}, "sha1", "")


class Store:
    """A store in which runs wait as if workers had done them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)

    def wait(self, address: str, branch: str, run: str, told: str = "", **of_run: Any) -> None:
        about = replace(_ABOUT, repository=address, address=address, branch=branch)
        batch = f"batch-{address}-{branch}"
        record = BatchRecord(batch, "specs/shop", "queue", head="", tasks={"1": "First"})
        SharedBatches(self.database).add(record, about)
        options = {"batch": batch, "needs": of_run.pop("needs", [])}
        table, commit = SharedRuns(self.database), f"commit of {run}"
        status = of_run.pop("status", RunStatus.WAITING)
        values = {"base_commit": "head", "task_id": "1", "spec_path": "specs/shop", **of_run}
        waits = RunRecord(run, "", "First", branch=branch, proposal=run, options=options, **values)
        waits.status = status
        table.insert(waits, about)
        row = task_object(unbegun_row(waits.task_id, waits.title)) | {
            "run": run,
            "proposed": commit,
        }
        table.show(run, json.dumps({**row, "of": [told or run, ""]}), {"findings": []}, "")

    def answers(self) -> list[str]:
        """Return the runs to which an answer is on its way, in the order of the queue."""
        jobs = Jobs(self.database, self.url).pending()
        return [job.args["run"] for job in jobs if job.name == ANSWER]


@pytest.fixture
def store(server: tuple[Postgres, str]) -> Iterator[Store]:
    postgres, template = server
    found = Store(postgres.url(template))
    with closing(found.database):
        yield found


def machine(store: Store, folder: Path) -> Checkout:
    folder.mkdir()
    home = folder.parent / f"{folder.name}-home"
    return Checkout(folder, home, settings={"REVIEWLOOP_STORE": store.url})


def test_everything_is_what_waits_on_one_branch(store, tmp_path):
    person, elsewhere = machine(store, tmp_path / "one"), machine(store, tmp_path / "two")
    make_shop(person.root)
    work = person.git("branch", "--show-current")
    person.git("remote", "add", "mine", "https://me:word@example.org/shop.git")
    store.wait("ssh://git@example.org/shop.git", work, "1-a")
    every = ("queue", "approve", "--all")
    person.git("switch", "-q", "-c", "other")
    said = person.run(*every)
    assert said.code == 2
    assert "nothing waits on other; waiting: " in said.err
    store.wait("ssh://git@example.org/shop.git", "side", "1-b")
    store.wait("/second.git", work, "1-c")
    said = elsewhere.run(*every)
    assert said.code == 2
    for place in (f"{work} of ssh://git@example.org/shop.git", f"{work} of /second.git"):
        assert place in said.err
    assert "say which with `--branch NAME`" in said.err
    said = elsewhere.run(*every, "--branch", work)
    assert said.code == 2
    assert f"{work} is a branch of several repositories; waiting: {work} of ssh://" in said.err
    assert f"say which with `--branch '{work} of /second.git'`" in said.err
    assert elsewhere.run(*every, "--branch", "nope").code == 2
    assert store.answers() == []

    # In a checkout of the repository it is the branch that is checked out there, or named.
    person.git("switch", "-q", work)
    assert person.run(*every).code == 0
    assert store.answers() == ["1-a"]
    assert elsewhere.run(*every, "--branch", "side").code == 0
    assert store.answers() == ["1-a", "1-b"]
    assert person.run(*every).code == 0  # it was answered already
    assert store.answers() == ["1-a", "1-b"]
    place = ("--branch", f"{work} of /second.git")
    assert [row["run"] for row in elsewhere.json("queue", *place)["runs"]] == ["1-c"]
    assert elsewhere.run(*every, *place).code == 0
    assert store.answers() == ["1-a", "1-b", "1-c"]


def test_the_queue_names_branch_and_repository_of_what_waits(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    store.wait("/first.git", "work", "1-a")
    assert "`reviewloop queue approve --all` commits" in elsewhere.run("queue").out
    store.wait("/second.git", "work", "1-b")
    store.wait("/first.git", "side", "1-c")
    store.wait("/first.git", "work", "2-d", task_id="2", base_commit="commit of 1-a")
    out = elsewhere.run("queue").out
    heads = [line for line in out.splitlines() if line.endswith(".git") or " waiting " in line]
    assert [line.partition("  ")[0] for line in heads] == [
        *("work of /first.git", "1-a", "2-d"),
        *("work of /second.git", "1-b"),
        *("side of /first.git", "1-c"),
    ]
    assert out.count("work of /first.git") == 1
    assert "`reviewloop queue approve --all --branch NAME` commits" in out
    rows = elsewhere.json("queue", "--branch", "side")["runs"]
    assert [row["run"] for row in rows] == ["1-c"]
    assert "nothing waits on nope" in elsewhere.run("queue", "--branch", "nope").out


def test_a_branch_is_named_only_where_that_says_something(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    assert elsewhere.run("queue", "--branch", "work", "approve", "--all").code == 2
    assert elsewhere.run("queue", "approve", "1-a", "--branch", "work").code == 2
    every = ("approve", "--all")
    for command in (("queue",), ("queue", *every)):
        said = elsewhere.run(*command, "--branch", "work", "--store", "")
        assert said.code == 2
        assert "--branch needs --store" in said.err
    assert "--branch needs" in elsewhere.run("queue", "--store", "", *every, "--branch", "work").err


@pytest.mark.slow
def test_what_a_named_run_stands_on_or_needs_is_approved_first(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    store.wait("/first.git", "work", "3-c", task_id="3", base_commit="old", needs=["1"])
    store.wait("/first.git", "work", "4-d", task_id="4", base_commit="commit of 3-c")
    store.wait("/first.git", "work", "1-a")
    store.wait("/first.git", "side", "1-b")
    said = elsewhere.run("approve", "3-c")
    assert said.code == 2
    assert "run 3-c needs what 1-a does, which waits: approve that one first" in said.err
    said = elsewhere.run("queue", "approve", "4-d")
    assert said.code == 0, said.err
    assert store.answers() == ["1-a", "3-c", "4-d"]
    assert "1-a: first, others that you approve build on it or need it: approve is on" in said.err


@pytest.mark.slow
def test_nothing_is_approved_on_a_run_that_is_answered_otherwise(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    store.wait("/first.git", "work", "1-a")
    store.wait("/first.git", "work", "2-b", task_id="2", base_commit="commit of 1-a")
    assert elsewhere.run("modify", "1-a", "-m", "say EURO").code == 0
    said = elsewhere.run("queue", "approve", "2-b")
    assert said.code == 2
    assert "builds on 1-a, and another answer to that (modify) is on its way" in said.err
    said = elsewhere.run("queue", "approve", "--all")
    assert said.code == 4
    assert "2-b: held: it builds on 1-a, which was not committed" in said.err
    assert store.answers() == ["1-a"]


def test_what_nobody_can_see_yet_is_not_approved_with_all(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    store.wait("/first.git", "work", "1-a", told="what it proposed before")
    assert "nothing waits in the queue" in elsewhere.run("queue", "approve", "--all").err
    store.wait("/first.git", "work", "2-b", task_id="2")
    assert elsewhere.run("queue", "approve", "--all").code == 0
    assert store.answers() == ["2-b"]


@pytest.mark.slow
def test_blocked_runs_are_left_out_and_hold_what_needs_them(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    blocked = {"status": RunStatus.BLOCKED, "reason": "its tests fail"}
    store.wait("/first.git", "work", "1-a", **blocked)
    store.wait("/first.git", "work", "2-b", task_id="2", needs=["1"])
    store.wait("/first.git", "work", "3-c", task_id="3")
    store.wait("/first.git", "side", "1-d", **blocked)
    every = ("queue", "approve", "--all")
    said = elsewhere.run(*every)  # the one branch on which something waits
    assert said.code == 4
    assert said.err.splitlines() == [
        "1-a: left out: it is blocked (its tests fail); next: `reviewloop queue show 1-a --diff`",
        "2-b: held: it needs task 1, and 1-a was not committed; next: "
        "`reviewloop queue show 1-a --diff`",
        "3-c: approve is on its way; the next free worker carries it out",
        "1 on the way, 1 not, 1 left out (blocked)",
    ]
    assert store.answers() == ["3-c"]
    assert elsewhere.run("queue", "approve", "2-b").code == 4
    told = elsewhere.json(*every, "--branch", "work")
    assert [row["what"] for row in told["runs"]] == ["blocked", "held", "answered"]
    assert [told[name] for name in ("on_the_way", "not_approved", "left_out")] == [1, 1, 1]

    # Where nothing else waits, they are no failure.
    said = elsewhere.run(*every, "--branch", "side")
    assert (said.code, "0 on the way, 0 not, 1 left out (blocked)" in said.err) == (0, True)


def test_an_answer_is_told_in_the_words_of_the_command(store, tmp_path):
    elsewhere = machine(store, tmp_path / "one")
    for run in ("1-a", "2-b"):
        store.wait("/first.git", "work", run, task_id=run[0])
    assert "1-a: reject is on its way" in elsewhere.run("reject", "1-a", "-m", "no").err
    said = elsewhere.run("queue", "reject", "2-b")
    assert "2-b: reject is on its way; the next free worker" in said.err
