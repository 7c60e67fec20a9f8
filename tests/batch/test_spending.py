"""The caps of a batch become caps of its runs."""

import time

import pytest

from reviewloop.app.batch.limits import Spending, is_about_money
from reviewloop.app.project import open_repository
from reviewloop.domain.errors import BudgetExhaustedError, UsageError
from reviewloop.settings import Settings
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord


def run(ident: str = "1-0101-aaaa") -> RunRecord:
    return RunRecord(ident, "", "", "", "work", active_seconds=30.0, options={"batch": "b"})


def test_a_deadline_shortens_the_minutes_of_a_run_and_lets_nothing_begin_after_it(repo):
    repository = open_repository(repo)
    batch = BatchRecord("b", "spec", "queue", deadline=time.time() + 60)
    spending = Spending(repository, batch, Settings())
    spending.require()
    caps = spending.caps(run())
    assert caps["limits.minutes"] == pytest.approx(1.5, abs=0.05)
    assert caps["limits.usd"] == Settings().limits.usd
    assert spending.stopped_by_batch(
        run(), caps, BudgetExhaustedError("used up", cap="limits.minutes")
    )
    assert not spending.stopped_by_batch(
        run(), caps, BudgetExhaustedError("used up", cap="limits.usd")
    )
    assert not spending.stopped_by_batch(run(), caps, UsageError("limits.minutes"))
    raised = run()
    raised.settings = {"limits": {"minutes": 200.0, "usd": 50.0, "tokens": 7_000_000}}  # by resume
    assert spending.caps(raised)["limits.usd"] == 50.0
    assert spending.caps(raised)["limits.minutes"] == pytest.approx(1.5, abs=0.05)
    assert spending.caps(raised)["limits.tokens"] == 7_000_000
    low = run()
    low.settings = {"limits": {"tokens": 9_000}}  # the settings have a higher cap by now
    assert spending.caps(low)["limits.tokens"] == Settings().limits.tokens
    batch.deadline = time.time() - 1
    with pytest.raises(BudgetExhaustedError, match="deadline has passed"):
        spending.require()


def test_money_is_divided_and_what_runs_at_work_may_spend_is_not_left(repo):
    repository = open_repository(repo)
    first, second = run("1-0101-aaaa"), run("2-0101-bbbb")
    for one in (first, second):
        repository.runs.save(one)
    batch = BatchRecord("b", "spec", "queue", budget_usd=8.0)
    spending = Spending(repository, batch, Settings())
    caps = spending.caps(first, 4)
    limits = Settings().limits
    assert caps == {
        "limits.usd": 2.0,
        "limits.minutes": limits.minutes,
        "limits.tokens": limits.tokens,
    }
    assert spending.caps(second, 3, [(first, caps)])["limits.usd"] == 2.0
    assert spending.caps(second, 1, [(first, caps)])["limits.usd"] == 6.0
    assert spending.caps(second)["limits.usd"] == 8.0
    second.options["paid_before"] = 3.0  # of another batch, so not of this one's budget
    repository.runs.save(second)
    assert spending.usd() == 0.0
    batch.budget_usd = 100.0
    assert spending.caps(second)["limits.usd"] == Settings().limits.usd
    assert is_about_money(BudgetExhaustedError("used up", cap="limits.usd"))
    assert not is_about_money(BudgetExhaustedError("used up", cap="limits.tokens"))


def test_what_is_left_of_a_cap_may_be_too_little_for_a_task(repo):
    batch = BatchRecord("b", "spec", "queue", budget_usd=8.0, deadline=time.time() + 60)
    spending = Spending(open_repository(repo), batch, Settings())
    stopped = spending.why_spent("4")
    assert str(stopped).startswith("what is left of the batch's caps is too little for the next ")
    assert "call of task 4; nothing is lost: the same command goes on with a higher" in str(stopped)
    assert stopped.because.lines("flags") == ("--budget-usd", "--deadline")
    batch.budget_usd = None
    assert spending.why_spent("4").because.lines("flags") == ("--deadline",)
    batch.deadline = time.time() - 1  # it has passed meanwhile, which says more
    assert str(spending.why_spent("4")).startswith("the batch's deadline has passed")
