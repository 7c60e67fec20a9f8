"""Repeating a batch command: what it resumes, reports first, and leaves alone."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.checkout import Checkout
from support.many import SPEC, TASKS

from reviewloop.app.project import open_repository
from reviewloop.app.run.cleaning import find_garbage, foreign_runs, leave_out
from reviewloop.store.runs import RunRecord, RunStatus

CHOSEN = ("batch", "--tasks", "1,4")


def batch_of(checkout: Checkout) -> dict:
    return checkout.json("status")["batch"]


def records(checkout: Checkout, change=None) -> list[dict]:
    """Return the records of all batches; `change` may alter each of them first."""
    [table] = checkout.state.glob("repositories/*/batches.sqlite")
    with closing(sqlite3.connect(table)) as batches:
        found = batches.execute("SELECT batch_id, record FROM batches").fetchall()
        bodies = {ident: json.loads(text) for ident, text in found}
        for ident, body in bodies.items():
            if change:
                change(body)
                text = json.dumps(body)
                batches.execute("UPDATE batches SET record = ? WHERE batch_id = ?", (text, ident))
        batches.commit()
    return list(bodies.values())


@pytest.mark.slow
def test_a_batch_is_told_of_and_gone_on_with_on_its_own_branch(shop, tmp_path):
    checkout = shop()
    said = checkout.run(*CHOSEN, "--budget-usd", "5")
    assert said.code == 4, said.err
    assert said.err.splitlines()[0] == (
        ".kiro/specs/many on work: 2 of 6 tasks, one at a time, mode queue; "
        "at most $10 each and $5 in all"
    )
    first, paid = batch_of(checkout), len(checkout.server.ledger)

    checkout.git("switch", "-q", "-c", "other")
    elsewhere = batch_of(checkout)
    assert (elsewhere["branch"], elsewhere["counts"]) == ("work", {"waiting": 2})
    said = checkout.run(*CHOSEN)
    assert said.code == 2
    assert "works on work: 2 of these tasks are not over there (2 waiting for you)" in said.err
    assert "`git switch work` to go on there" in said.err
    records(checkout, lambda body: body.pop("branch"))  # as releases before this one wrote them
    assert batch_of(checkout)["branch"] == "work"

    checkout.git("switch", "-q", "work")
    said = checkout.run(*CHOSEN)
    assert said.code == 4, said.err
    assert said.err.splitlines()[-2:] == [
        ".kiro/specs/many on work: no task left to begin, mode queue",
        f"goes on with {first['batch']}: 2 waiting for you; "
        "budget $5 from before (--budget-usd none lifts it)",
    ]
    assert "from before" not in checkout.run(*CHOSEN, "--budget-usd", "none").err
    assert batch_of(checkout)["budget_usd"] is None
    assert len(checkout.server.ledger) == paid

    assert checkout.run("queue", "reject", "4").code == 7
    said = checkout.run(*CHOSEN, "--budget-usd", "7")  # rejected after its end: done anew in it
    assert said.code == 4, said.err
    assert "1 of 2 tasks left" in said.err
    again = batch_of(checkout)
    assert (again["batch"], again["budget_usd"]) == (first["batch"], 7)
    assert again["tasks"][1]["earlier"]["tries"] == 1
    assert again["totals"]["calls"] == len(checkout.server.ledger) > paid
    paid = len(checkout.server.ledger)

    assert checkout.run("queue", "approve", "--all").code == 0
    report = tmp_path / "account.json"
    said = checkout.run(*CHOSEN, "--json", "--report", str(report))
    assert said.code == 0, said.err
    assert said.err.splitlines() == [
        "every chosen task of .kiro/specs/many is done",
        f"the report is in {report}",
    ]
    assert json.loads(said.out)["counts"] == json.loads(report.read_text())["counts"]
    assert batch_of(checkout)["counts"] == {"committed": 2}
    assert [body["batch_id"] for body in records(checkout)] == [first["batch"]]
    assert len(checkout.server.ledger) == paid

    checkout.git("switch", "-q", "-c", "third")
    said = checkout.run("batch", "--tasks", "4")
    assert (said.code, said.out) == (0, "")
    assert len(records(checkout)) == 1


@pytest.mark.with_tests
@pytest.mark.slow
def test_what_holds_on_from_before_is_said_and_can_be_lifted(shop):
    checkout = shop()
    chosen = ("batch", "--tasks", "1,2")
    assert checkout.run(*chosen, "--budget-usd", "0.000001", "--until-failure").code == 6
    records(checkout, lambda body: body.update(deadline=1e9, budget_usd=5.0))
    said = checkout.run(*chosen)
    assert said.code == 6
    ident = batch_of(checkout)["batch"]
    assert f"goes on with {ident}: 1 stopped on the way; budget $5 from before" in said.err
    assert "deadline 2001-09-0" in said.err
    assert "from before (--deadline none lifts it); failures stop it no longer" in said.err
    assert "with a later `--deadline`, or with `--deadline none`" in said.err
    kept = records(checkout)
    said = checkout.run("batch", "--tasks", "4", "--model", "script:nope.json")
    assert (said.code, said.out, said.err.count("cannot be asked")) == (2, "", 1)
    said = checkout.run("batch", "--tasks", "4", "--model", "foo")  # no usage error ends a batch
    assert (said.code, said.out, said.err.count("reviewloop: ")) == (2, "", 1)
    assert records(checkout) == kept
    said = checkout.run("batch", "--tasks", "4", "--deadline", "none", "--mode", "autopilot")
    assert said.code == 0, said.err  # task 1 had stopped at its cap, and was not chosen
    assert "1 of 3 tasks left, one at a time, mode autopilot" in said.err
    assert "added to it: 4; budget $5 from before" in said.err
    assert "mode queue before" in said.err
    told = batch_of(checkout)
    assert (told["batch"], told["state"]) == (ident, "stopped")
    assert told["counts"] == {"committed": 1, "open": 1, "stopped": 1}
    assert told["reason"].startswith("the chosen tasks are through; `reviewloop batch` without")
    assert [row["why"] for row in told["tasks"][:2]] == [
        "was not chosen this time",
        "waits for 1, which is not finished",
    ]
    assert "deadline" not in told["tasks"][0]["next"]


@pytest.mark.slow
def test_a_task_that_cannot_begin_is_told_as_its_own_failure(shop):
    checkout = shop()
    assert checkout.run("run", "1", "--branch", "side").code == 4
    said = checkout.run("batch", "--tasks", "1")
    assert (said.code, said.out) == (2, "")
    assert said.err.count("task 1 has a run for side already") == 1
    assert checkout.json("status")["batch"] is None
    said = checkout.run(*CHOSEN)
    assert said.code == 2, said.err
    assert "1 First number: cannot begin: task 1 has a run for side already" in said.err
    rows = {row["task"]: row for row in batch_of(checkout)["tasks"]}
    assert [rows[task]["state"] for task in "14"] == ["open", "waiting"]
    assert "answer it there first" in rows["1"]["why"]


@pytest.mark.slow
def test_a_run_of_a_task_that_has_another_number_now_is_left_to_a_person(shop):
    checkout = shop.waiting("1")
    old = batch_of(checkout)["tasks"][0]["run"]
    swapped = TASKS.replace("1. First", "1. New").replace("4. Fourth", "4. First")
    checkout.write(SPEC, swapped.replace("1. New", "1. Fourth"))
    said = checkout.run(*CHOSEN)
    assert said.code == 2, said.err
    assert "numbers its tasks otherwise than when batch-" in said.err
    rows = {row["task"]: row for row in batch_of(checkout)["tasks"]}
    assert (rows["1"]["title"], rows["1"]["state"]) == ("Fourth number", "waiting")
    assert rows["1"]["run"] != old
    assert rows["4"]["state"] == "open"
    assert rows["4"]["why"].startswith(
        f"run {old} (waiting) is of 'First number', which was task 1 when it began; approve or"
    )


def test_a_model_of_unknown_price_is_named_before_anything_is_paid(shop):
    checkout = shop()
    one = ("batch", "--tasks", "1", "--budget-usd", "5", "--model")
    said = checkout.run(*one, "ollama:nobody")
    assert (said.code, "no price is known" in said.err) == (2, False)
    assert checkout.json("status")["batch"] is None  # it could not be asked, so nothing began
    said = checkout.run(*one, "bedrock_converse:acme.nobody-v1:0")
    sentence = "no price is known for bedrock_converse:acme.nobody-v1:0: no cap on money counts its"
    assert said.err.index(sentence) < said.err.index("1 First number: waiting")
    assert "above 0, or none" in checkout.run("batch", "--budget-usd", "much").err


def test_what_began_in_another_repository_at_this_path_is_left_out(repo):
    repository = open_repository(repo)
    here, gone = repository.user.head, "5" * 40
    made = {
        "1-old": RunRecord("1-old", "", "", gone, "work"),
        "2-old": RunRecord("2-old", "", "", "6" * 40, "work", options={"stands_on": "1-old"}),
        "3-new": RunRecord("3-new", "", "", here, "work"),
        "4-new": RunRecord("4-new", "", "", "7" * 40, "work", options={"stands_on": "3-new"}),
        "5-was": RunRecord("5-was", "", "", gone, "work", commit=here),
        "6-was": RunRecord("6-was", "", "", gone, "work", options={"stands_on": "0-cleaned"}),
    }
    for run in made.values():
        run.status = RunStatus.WAITING
        repository.runs.save(run)
        (repository.run_folder(run.run_id) / "lock").touch()
    assert {run.run_id for run in foreign_runs(repository)} == {"1-old", "2-old"}
    garbage = find_garbage(repository, 30)
    assert {run.run_id for run in garbage.runs} == {"1-old", "2-old"}
    assert {run.run_id for run in garbage.going} == {"3-new", "4-new", "5-was", "6-was"}
    assert leave_out(repository).startswith("2 runs are left out (")
    assert {run.run_id for run in repository.runs.again().all()} == set(made) - {"1-old", "2-old"}
