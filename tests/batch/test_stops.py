"""Reasons to stop a batch: caps, another batch, an invalid spec, the user, a failed task."""

import json
import os
import re
import signal
import time
from types import SimpleNamespace

import pytest
from support.checkout import Checkout
from support.many import SPEC, TASKS, many
from support.parts import says
from support.play import done, reply, write
from support.terminal import Terminal

from reviewloop.app.batch.limits import read_deadline
from reviewloop.app.batch.work import Work
from reviewloop.domain.errors import InterruptedByUserError, UsageError
from reviewloop.store.locks import hold


def states(checkout: Checkout) -> dict[str, str]:
    batch = checkout.json("status")["batch"]
    return {row["task"]: row["state"] for row in batch["tasks"]}


@pytest.mark.slow
def test_a_spent_budget_pauses_the_batch_and_the_account_is_exact(shop):
    checkout = shop()
    said = checkout.run("batch", "--tasks", "1,2,3,4", "--budget-usd", "0.05")
    assert said.code == 6, said.err
    batch = checkout.json("status")["batch"]
    assert 0 < batch["totals"]["usd"] <= 0.05
    assert batch["state"] == "stopped"
    counts = batch["counts"]
    assert counts["waiting"] >= 1
    assert counts["open"] >= 1
    assert batch["totals"]["calls"] == len(checkout.server.ledger) > 0
    assert checkout.run("batch", "--tasks", "1,2,3,4").code == 6  # the cap holds
    assert checkout.run("batch", "--tasks", "1,2,3,4", "--budget-usd", "5").code == 4
    assert states(checkout) == dict.fromkeys("1234", "waiting")
    assert checkout.server.paid_twice() == []
    batch = checkout.json("status")["batch"]
    assert batch["totals"]["calls"] == len(checkout.server.ledger)


@pytest.mark.slow
def test_who_used_up_a_share_of_the_budget_goes_on_with_what_others_left(shop):
    checkout = shop()
    three = ("batch", "--tasks", "1,4", "--max-parallel", "3", "--budget-usd", "0.08")
    said = checkout.run(*three)
    assert said.code == 4, said.err
    assert "the cap limits.usd" not in said.err  # the run's own is not what was reached
    assert said.err.count("what the batch's budget leaves to this run is used up") >= 1
    batch = checkout.json("status")["batch"]
    assert batch["counts"] == {"waiting": 2}
    assert batch["totals"]["usd"] <= 0.08
    assert batch["totals"]["calls"] == len(checkout.server.ledger)


@pytest.mark.with_tests
@pytest.mark.slow
def test_a_task_whose_tests_stay_red_stops_only_what_needs_it(shop, tmp_path):
    broken = says(
        reply(
            write("shop/part1.py", "def total():\n    return 0\n"),
            write("tests/test_part1.py", "def test_one():\n    assert False\n"),
        ),
        done("Wrote it."),
    )
    checkout = shop(many({1: broken}))
    said = checkout.run("batch", "--until-failure")
    assert said.code == 3
    assert "(--until-failure)" in checkout.json("status")["batch"]["reason"]
    assert states(checkout) == {"1": "blocked", **dict.fromkeys("23456", "open")}
    paid = len(checkout.server.ledger)
    said = checkout.run("batch", "--until-failure")
    assert (said.code, len(checkout.server.ledger)) == (3, paid)
    assert "task 1 is blocked still (--until-failure): answer it, or leave" in said.err
    reports = {name: tmp_path / f"report.{name}" for name in ("md", "json", "html")}
    said = checkout.run("batch", "--report", str(reports["md"]))
    assert f"the report is in {reports['md']}" in said.err
    assert said.code == 3, said.err
    assert states(checkout) == {
        **{"1": "blocked", "2": "open", "3": "open"},
        **{"4": "waiting", "5": "waiting", "6": "open"},
    }
    told = {row["task"]: row["why"] for row in checkout.json("status")["batch"]["tasks"]}
    assert told["2"] == "waits for 1, which is blocked"
    assert told["6"] == "waits for 3, which is not finished"
    said = "| 4 | waiting | **Fourth number**<br>Add part 4<br>next: `reviewloop queue show 4-"
    assert said in reports["md"].read_text()
    both = (option for name in ("json", "html") for option in ("--report", str(reports[name])))
    assert checkout.run("batch", *both).code == 3
    assert json.loads(reports["json"].read_text())["counts"] == {
        "blocked": 1,
        "open": 3,
        "waiting": 2,
    }
    before, paid = reports["json"].read_text(), len(checkout.server.ledger)
    assert checkout.run("status", "--report", str(reports["json"])).code == 0
    assert (json.loads(reports["json"].read_text())["tasks"], len(checkout.server.ledger)) == (
        json.loads(before)["tasks"],
        paid,
    )
    page = reports["html"].read_text()
    assert "<td>2</td><td>open</td><td>Second number<small>waits for 1" in page
    assert "<script" not in page
    told = checkout.json("queue", "approve", "--all")  # its exit code is about what waited
    assert (told["committed"], told["not_committed"], told["left_out"]) == (2, 0, 1)
    said = checkout.run("queue", "approve", "--all")
    assert (said.code, "0 committed, 0 not, 1 left out (blocked)" in said.err) == (0, True)
    assert checkout.run("batch", "--report", "account.txt").code == 2
    (tmp_path / "folder.md").mkdir()
    assert checkout.run("batch", "--report", str(tmp_path / "folder.md")).code == 2


def test_a_second_batch_is_told_who_is_at_work(shop):
    checkout = shop.waiting("1")
    assert checkout.run("queue", "approve", "--all").code == 0
    (lock,) = checkout.state.glob("repositories/*/batch.lock")
    with hold(lock, "the batch of this repository", "spec of somebody"):
        assert checkout.json("status")["batch"]["state"] == "running"
        said = checkout.run("batch")
        checkout.run("clean", "--older-than", "0", "--yes")
        assert checkout.folder().exists()  # the batch knows by it what is done
    assert checkout.run("clean", "--older-than", "0", "--yes").code == 0
    assert list(checkout.state.glob("repositories/*/runs/*")) == []
    assert said.code == 2
    words = rf"repository is in use by process {os.getpid()} on \S+ since \d\d:\d\d, spec of som"
    assert re.search(words, said.err)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("_Depends: none_", "_Depends: 3_", f"{SPEC}:3: these tasks wait for each other: 1 -> 3"),
        ("_Depends: 1_", "_Depends: 9_", f"{SPEC}:5: task 2 depends on '9', which is no task"),
    ],
)
def test_an_order_that_cannot_be_names_the_line(shop, old, new, words):
    checkout = shop(**{SPEC: TASKS.replace(old, new, 1)})
    said = checkout.run("batch")
    assert said.code == 2
    assert words in said.err
    assert checkout.server.ledger == []


def test_a_chosen_task_needs_what_it_waits_for(shop):
    checkout = shop()
    said = checkout.run("batch", "--tasks", "2")
    assert said.code == 2
    assert f"{SPEC}:5: task 2 waits for 1, which is not done" in said.err
    assert "there is no task '7'" in checkout.run("batch", "--tasks", "7").err
    assert "there is no wave 5" in checkout.run("batch", "--wave", "5").err
    assert "no terminal" in checkout.run("batch", "--mode", "each").err
    assert "amount above 0" in checkout.run("batch", "--budget-usd", "nan").err


def test_a_deadline_is_a_time_of_day_a_span_or_a_date():
    now = time.mktime((2026, 1, 31, 22, 30, 0, 0, 0, -1))
    assert read_deadline("07:00", now) - now == 8.5 * 3600
    assert read_deadline("8h", now) - now == 8 * 3600
    assert read_deadline("1h30m", now) - now == 5400
    assert (read_deadline("90m", now) - now, read_deadline("none", now)) == (5400, 0)
    assert read_deadline("2026-02-01T07:00", now) - now == 8.5 * 3600
    for wrong in ("soon", "25:00", "2026-01-01T07:00", "99999999h", "0001-01-01"):
        with pytest.raises(UsageError):
            read_deadline(wrong, now)


def test_the_second_ctrl_c_says_that_the_same_command_goes_on(monkeypatch, capfd):
    def left(code: int) -> None:
        raise SystemExit(code)

    def pressed_twice(*_: object) -> None:
        for _time in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    monkeypatch.setattr(os, "_exit", left)
    monkeypatch.setattr(Work, "_work", pressed_twice)
    work = Work(SimpleNamespace(options=SimpleNamespace(parallel=1)))
    with pytest.raises(SystemExit) as stopped:
        work.do()
    assert stopped.value.code == 130
    said = "interrupted; nothing is lost: the same command goes on"
    assert f"reviewloop: {said}\n" in capfd.readouterr().err


@pytest.mark.slow
def test_a_person_is_asked_at_every_task_and_sees_the_table(shop):
    checkout = shop()
    terminal = Terminal(checkout, "batch", "--tasks", "1,2,4,5")
    for title, typed in (("First", "a"), ("Second", "s"), ("Fourth", "q")):
        terminal.expect(f"{title} number")
        terminal.expect("[d]iff >")
        terminal.type(typed)
    terminal.expect("1 committed, 1 rejected, 1 waiting, 1 open")
    assert terminal.end() == 4
    table = terminal.screen.rpartition("3 of 4 tasks begun")[0].rpartition("findings")[2]
    assert "waiting" in table
    assert "stopped" not in table
    assert states(checkout) == {"1": "committed", "2": "rejected", "4": "waiting", "5": "open"}


def test_who_interrupts_a_batch_is_asked_nothing_more():
    session = SimpleNamespace(
        options=SimpleNamespace(parallel=1), record=SimpleNamespace(mode="each")
    )
    session.order, session.tried, session.head = SimpleNamespace(steps=()), set(), "head"
    session.statuses, session.waiting = dict, lambda tasks: []
    work = Work(session)
    assert work._snapshot().asks
    work._trouble = UsageError("another task cannot begin")
    assert work._snapshot().asks
    work._trouble = InterruptedByUserError("interrupted")
    assert (work._snapshot().asks, work._snapshot().failed) == (False, True)
