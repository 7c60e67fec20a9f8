"""The report of a batch on workers: correct after redone, deleted or partial runs."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.bedrock import Answer, Received
from support.many import many, writes_parts
from support.parts import says
from support.play import done
from support.team import Team

from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.snapshot import Snapshot
from reviewloop.app.fleet.views import reports_of
from reviewloop.app.fleet.work import figures_shown, spec_dates_shown
from reviewloop.app.fleet.workplace import opened
from reviewloop.app.stats import Chosen, figures
from reviewloop.domain.batch_report import Cost
from reviewloop.store.batches import BatchRecord
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.metrics import RunMetrics
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.figures import SharedFigures
from reviewloop.store.postgres.replica import Replica
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

pytestmark = pytest.mark.needs_postgresql
NOTHING = says(done("There is nothing to do.", "Do nothing"))


def blocked_at_first(received: Received) -> Answer:
    """Do nothing about task 4, until somebody asks again."""
    if blocked_at_first.left:
        blocked_at_first.left -= received.turn == 0
        return NOTHING(received)
    return writes_parts()(received)


def rows(crew: Team) -> dict[str, dict]:
    [told] = crew.person.json("status")["batches"]
    for name in ("calls", "usd"):
        assert sum(row[name] for row in told["tasks"]) == pytest.approx(told["totals"][name])
    return {row["task"]: row for row in told["tasks"]}


@pytest.mark.slow
def test_what_is_told_of_a_task_that_was_redone_stays_true_until_it_is_deleted(team):
    blocked_at_first.left = 1
    crew = team(many({4: blocked_at_first, 5: NOTHING}))
    machine = crew.machine("one")
    assert crew.enqueue("--tasks", "4,5").code == 0
    assert crew.work(machine).code == 0
    first = rows(crew)["4"]
    assert first["state"] == "blocked"

    # What is blocked still was to stop the others: as on one machine, nothing begins.
    said = crew.enqueue("--tasks", "4,5", "--until-failure")
    assert said.code == 3
    assert "0 tasks queued" in said.err
    assert "task 4 is blocked still (--until-failure)" in said.err
    assert "`reviewloop worker" not in said.err

    assert crew.person.run("reject", first["run"], "-m", "do it").code == 0
    assert crew.work(machine).code == 0
    rejected = rows(crew)["4"]
    assert (rejected["state"], rejected["next"]) == ("rejected", "`reviewloop batch` does it anew")
    assert "1 task queued" in crew.enqueue("--tasks", "4").err
    assert crew.work(machine).code == 0
    told = rows(crew)
    assert (told["4"]["state"], told["4"]["earlier"]["why"]) == ("waiting", "do it")
    assert told["5"]["why"] == "was not chosen this time"
    assert "without `--tasks`" in told["5"]["next"]
    assert crew.person.run("approve", told["4"]["run"]).code == 0
    assert crew.work(machine).code == 0
    before = rows(crew)
    assert [before[task]["state"] for task in "45"] == ["committed", "open"]

    # The rejected try changed nothing, so both runs can go; here the commit's goes first.
    said = crew.person.run("clean", "--older-than", "0")
    assert (len(said.out.splitlines()), "hold their work" in said.err) == (2, False)
    with opened(crew.url) as database:
        SharedRuns(database).delete(told["4"]["run"])
    assert rows(crew) == before
    crew.person.git("pull", "-q", "origin", crew.branch)
    said = crew.enqueue("--tasks", "4")
    assert said.code == 0
    assert "every chosen task of .kiro/specs/many is done" in said.err
    assert "1 committed, 1 open" in said.out
    assert crew.enqueue("--tasks", "5").code == 0
    assert crew.work(machine).code == 0  # a worker writes the account anew
    told = rows(crew)
    assert told["5"]["state"] == "blocked"
    assert told["4"] == {**before["4"], "chosen": False}


def test_where_nothing_is_left_of_a_batch_it_is_done_still(team):
    crew = team()
    tasks = (crew.person.root / ".kiro/specs/many/tasks.md").read_text()
    crew.person.write(".kiro/specs/many/tasks.md", tasks.replace("- [ ]", "- [x]"))
    crew.person.git("commit", "-q", "-am", "Do it all")
    crew.person.git("push", "-q", "origin", crew.branch)
    said = crew.enqueue()
    why = "every required task of .kiro/specs/many is done"
    assert (said.code, said.err, why in said.out) == (0, f"{why}\n", True)
    assert crew.count("batches") == 0


def of(branch: str) -> About:
    return About("key", "name", "/remote.git", branch, None, {}, "sha1", "")


def put(database: Database, branch: str, created: float, **fields) -> RunRecord:
    """Put a batch with one task and its run into a store."""
    record = BatchRecord(f"b-{branch}", "spec", "queue", {"1": "First"}, created_at=created)
    record.ended = True
    SharedBatches(database).add(record, of(branch))
    run = RunRecord(f"1-{branch}", "", "First", "", branch, spec_path="spec", **fields)
    run.task_id, run.options = "1", {"batch": record.batch_id}
    SharedRuns(database).insert(run, of(branch))
    return run


def test_a_batch_is_told_of_as_long_as_nobody_has_done_its_rejected_task_again(postgres):
    url = postgres.url()
    with opened(url, make=True) as database:
        put(database, "old", 1.0, status=RunStatus.SKIPPED, reason="no good")
        put(database, "done", 2.0, status=RunStatus.COMMITTED)
        put(database, "new", 3.0, status=RunStatus.WAITING)
        told = {one.branch: one.tasks[0] for one in reports_of(Snapshot(database, url))}
    assert list(told) == ["new", "old"]
    assert told["old"].next.startswith("`reviewloop batch` does it anew")


def test_the_same_task_of_two_branches_is_two_in_the_figures(postgres):
    with opened(postgres.url(), make=True) as database:
        reviews = {"old": "findings", "new": "clean"}  # each is the first one of its task
        for at, (branch, review) in enumerate(reviews.items()):
            row = RunMetrics(f"1-{branch}", "task", "committed", at, at, "1", "spec")
            row = replace(row, first_review=review)
            SharedFigures(database).save("key", branch, [row], {})
        body = figures(figures_shown(database), spec_dates_shown(database), Chosen())
    assert body["tasks"] == 2
    assert body["first_pass"]["rate"] == 0.5


def test_the_row_of_a_task_at_work_shows_what_its_replies_cost_so_far(postgres, tmp_path: Path):
    url = postgres.url()
    with opened(url, make=True) as database:
        run = put(database, "work", 1.0, status=RunStatus.RUNNING, active_seconds=3.0)
        Jobs(database, url).tasks("b-work", of("work"), ["1"])
        database.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        journal = Journal(tmp_path / "journal.sqlite")
        for turn, kind in enumerate(("model", "tool", "model")):
            usage = {"input": 100, "output": 20, "cost_usd": 0.25} if kind == "model" else {}
            key = CallKey("implement", "implement", "", 0, 0, 0, turn)
            said = {"turn": turn}
            journal.record(key, "h", kind, request=said, reply=said, usage=usage, seconds=1.0)
        journal.close()
        Replica(tmp_path, database, run.run_id).ship()
        [told] = reports_of(Snapshot(database, url))
    [row] = told.tasks
    assert row.state == "running"
    assert row.cost == Cost(calls=2, tokens=240, usd=0.5, seconds=3.0)
    assert told.totals.cost.usd == 0.5


@pytest.mark.slow
def test_why_nothing_began_stays_while_what_waits_for_it_is_passed_over(team):
    crew = team()
    assert crew.enqueue("--tasks", "1,2,3").code == 0
    said = crew.work(crew.machine("one"), REVIEWLOOP_MODELS__REASONING="script:/no/such.json")
    assert "/no/such.json" in said.err
    [told] = crew.person.json("status")["batches"]
    assert told["state"] == "stopped"
    assert "/no/such.json" in told["reason"]
    why = [row["why"] for row in told["tasks"]]
    assert "/no/such.json" in why[0]
    assert why[1:] == ["waits for 1, which is not finished", "waits for 2, which is not finished"]
