"""A push while a stack waits: all of it is rebased onto the new commit at once."""

import signal
import time
from contextlib import closing

import pytest
from support.team import Team

from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunStatus

pytestmark = pytest.mark.needs_postgresql
EVERY = ("queue", "approve", "--all")


def push_a_note(crew: Team) -> None:
    crew.person.write("notes.md", "# Notes\n")
    crew.person.git("add", "notes.md")
    crew.person.git("commit", "-q", "-m", "Add notes")
    crew.person.git("push", "-q", "origin", crew.branch)


@pytest.mark.slow
def test_a_stack_is_brought_at_once_and_committed_by_the_second_approval(team):
    crew = team.waiting("1,2,4")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, second, fourth = (row["run"] for row in elsewhere.json("queue")["runs"])
    push_a_note(crew)

    assert elsewhere.run(*EVERY).code == 0
    assert crew.work(crew.machine("two")).code == 0
    assert crew.history() == ["Add notes"]
    rows = {row["run"]: row for row in elsewhere.json("queue")["runs"]}
    assert [rows[run]["stands_on"] for run in (first, second, fourth)] == ["", first, second]
    for run in (first, second, fourth):
        assert "look at it again" in rows[run]["why"]

    assert elsewhere.run(*EVERY).code == 0
    assert crew.work(machine).code == 0
    assert crew.history() == ["Add notes", "Add part 1", "Add part 2", "Add part 4"]
    assert elsewhere.json("queue")["runs"] == []


@pytest.mark.slow
def test_what_stood_on_a_rejected_run_is_one_line_when_it_was_approved(team):
    crew = team.waiting("1,4,5")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, fourth, fifth = (row["run"] for row in elsewhere.json("queue")["runs"])
    assert elsewhere.run("reject", first, "-m", "no").code == 0
    assert f"{first}: reject is carried out, it is rejected now" in crew.work(machine).err
    # What `--all` does is known before, and told.
    every = elsewhere.json("queue")["approve_all"]
    assert [every[name] for name in ("commits", "brings", "holds")] == [[], [fourth, fifth], []]
    assert "rebases 2 onto work first" in every["said"]
    why = elsewhere.json("queue")["runs"][0]["why"]
    assert f"{first} was rejected, so approving rebases this onto work first" in why
    assert "`reviewloop queue approve --all` rebases 2 onto work" in elsewhere.run("queue").out
    # One after the other, before a worker is there: the same as both at once.
    said = elsewhere.run("queue", "approve", fourth)
    assert f"{fourth}: approve is on its way: a worker rebases it onto work first" in said.err
    assert elsewhere.run("approve", fifth).code == 0
    assert crew.work(machine).code == 0
    assert "--all` commits 2" in elsewhere.run("queue").out
    said = elsewhere.run(*EVERY)
    assert (said.code, said.err.splitlines()[-1]) == (0, "2 on the way, 0 not")
    # The run that a worker has in hand is on the way still.
    with closing(Database(crew.url)) as database:
        taken = f"args->>'run' = '{fourth}' AND status = "
        job = "UPDATE procrastinate_jobs SET status = "
        database.execute(f"{job}'doing' WHERE {taken}'todo'")
        run = SharedRuns(database).find(fourth)
        run.status = RunStatus.RUNNING
        SharedRuns(database).save(run)
        said = elsewhere.run(*EVERY)
        assert (said.code, said.err.splitlines()[-1]) == (0, "2 on the way, 0 not")
        database.execute(f"{job}'todo' WHERE {taken}'doing'")
        run.status = RunStatus.WAITING
        SharedRuns(database).save(run)
    assert f"{fifth}: approve is carried out, it is committed now" in crew.work(machine).err
    assert crew.history() == ["Add part 4", "Add part 5"]


@pytest.mark.slow
def test_what_stands_on_a_run_that_does_not_merge_stays_where_it_is(team):
    crew = team.waiting("1,4")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, fourth = (row["run"] for row in elsewhere.json("queue")["runs"])
    crew.person.write("shop/part1.py", "def total():\n    return 7\n")
    crew.person.git("add", "shop/part1.py")
    push_a_note(crew)

    assert elsewhere.run(*EVERY).code == 0
    assert crew.work(machine).code == 0
    why = {row["run"]: row["why"] for row in elsewhere.json("queue")["runs"]}
    assert "changed the same lines of shop/part1.py" in why[first]
    assert f"builds on {first}, which does not merge" in why[fourth]
    assert crew.history() == ["Add notes"]


@pytest.mark.with_tests
@pytest.mark.slow
def test_what_stood_on_a_run_that_is_blocked_where_it_was_brought_stays_where_it_is(team):
    crew = team.waiting("1,4")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, fourth = (row["run"] for row in elsewhere.json("queue")["runs"])
    unwanted = "import pathlib\n\n\ndef test_it():\n    assert not pathlib.Path('shop/part1.py')"
    crew.person.write("tests/test_unwanted.py", f"{unwanted}.exists()\n")
    crew.person.git("add", "tests/test_unwanted.py")
    push_a_note(crew)

    assert elsewhere.run(*EVERY).code == 0
    assert crew.work(machine).code == 0
    rows = {row["run"]: row for row in elsewhere.json("queue")["runs"]}
    assert rows[first]["state"] == "blocked"
    assert f"was built on {first}, which is blocked now" in rows[fourth]["why"]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["rebase.ready:2", "advance.begin:2"])
def test_a_worker_that_dies_half_way_up_a_stack_is_gone_on_from_there(team, where):
    crew = team.waiting("1,2")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, second = (row["run"] for row in elsewhere.json("queue")["runs"])
    push_a_note(crew)
    assert elsewhere.run(*EVERY).code == 0
    quick = ("--heartbeat", "0.1")
    assert crew.work(machine, *quick, REVIEWLOOP_FAULT=where).code == -signal.SIGKILL
    time.sleep(0.4)  # three signs of life that lack
    assert crew.work(crew.machine("two"), *quick).code == 0
    rows = elsewhere.json("queue")["runs"]
    assert [(row["run"], row["stands_on"]) for row in rows] == [(first, ""), (second, first)]
    assert elsewhere.run(*EVERY).code == 0
    assert crew.work(machine).code == 0
    assert crew.history() == ["Add notes", "Add part 1", "Add part 2"]


@pytest.mark.slow
def test_the_latest_reason_counts_and_what_helps_is_said(team):
    crew = team.waiting("1,4")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, fourth = (row["run"] for row in elsewhere.json("queue")["runs"])
    hook = crew.remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no pushes today' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert elsewhere.run("approve", first).code == 0
    assert crew.work(machine).code == 0
    why = elsewhere.json("queue")["runs"][0]["why"]
    assert why.count("no pushes today") == 1
    assert elsewhere.json("queue")["approve_all"]["commits"] == [first, fourth]
    hook.unlink()
    crew.person.write("shop/part1.py", "def total():\n    return 7\n")
    crew.person.git("add", "shop/part1.py")
    push_a_note(crew)

    assert elsewhere.run("approve", first).code == 0
    assert crew.work(machine).code == 0
    anew = "`reviewloop batch --spec .kiro/specs/many --tasks 1`"
    why = elsewhere.json("queue")["runs"][0]["why"]
    assert "no pushes" not in why
    assert f"changed the same lines of shop/part1.py; next: {anew}, or reject it" in why
    row = elsewhere.json("status")["batch"]["tasks"][0]
    assert (row["next"], "same lines" in row["why"]) == (f"{anew}, or reject it", True)
    assert elsewhere.json("queue")["approve_all"]["holds"] == [first, fourth]
    # What stands on it cannot be approved before it, and nobody says so.
    said = elsewhere.run("approve", fourth)
    assert f"which does not merge: run {first}" in said.err
    assert f"next: {anew}" in said.err
    said = elsewhere.run(*EVERY)
    assert said.err.splitlines()[-1] == "0 on the way, 2 not"

    said = crew.enqueue("--tasks", "1")
    assert "1 task queued" in said.err
    assert "a worker does its task once more" in said.out
    assert crew.work(machine).code == 0
    rows = elsewhere.json("status")["batch"]["tasks"]
    assert [row["state"] for row in rows] == ["waiting", "waiting"]
    assert rows[0]["run"] != first
    assert "the task is done once more" in rows[0]["earlier"]["why"]
