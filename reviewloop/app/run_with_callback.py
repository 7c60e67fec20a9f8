"""Advances a run for a program that decides by a callback, without a terminal."""

from collections.abc import Callable
from typing import Literal

from reviewloop.app.batch.approve import has_moved, rebase_waiting
from reviewloop.app.project import Repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.branches import reread_repository
from reviewloop.app.run.view import RunView, view
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.event import Listener
from reviewloop.render.proposal import left_of
from reviewloop.store.runs import RunRecord, RunStatus

Choice = Literal["approve", "modify", "reject", "wait"]
_ANSWERS = {"approve": "approve", "modify": "modify", "reject": "skip"}  # as in a run's record
_ASKS = {RunStatus.WAITING, RunStatus.BLOCKED}


@dataclass(frozen=True)
class Decision:
    """The decision on a proposal; with `wait` it is left for a later answer.

    `text` is the requested change or the reason of the rejection. Without `with_must_fix` a
    proposal that has must-fix findings left is not committed.
    """

    choice: Choice
    text: str = ""
    with_must_fix: bool = False

    def __post_init__(self) -> None:
        if self.choice not in (*_ANSWERS, "wait"):
            raise UsageError(f"there is no decision {self.choice!r}: approve, modify, reject, wait")
        if self.choice == "modify" and not self.text.strip():
            raise UsageError("modify needs a text that says what should be different")


Decide = Callable[[RunView], Decision]


def advance_with_decisions(
    repository: Repository, record: RunRecord, decide: Decide, listener: Listener
) -> RunRecord:
    """Advance a run, call `decide` whenever it proposes something, and apply the decision.

    Returns its record when it is over, waits, or could not be committed. Raises `ReviewLoopError`
    where the run stops on its way, and `UsageError` for an approval of must-fix findings without
    `with_must_fix`: the run then waits.
    """
    record = advance(repository, record.run_id, listener=listener)
    while record.status in _ASKS:
        with view(repository, record) as seen:
            decision = decide(seen)
        if decision.choice == "wait":
            break
        approves = decision.choice == "approve"
        if approves and has_moved(repository, record):
            rebased = rebase_waiting(repository, record, listener)
            repository, record = reread_repository(repository), rebased.run
            if rebased.ask:  # it differs from what was decided on
                continue
        if approves and record.status is RunStatus.WAITING:
            _require_answer(record, seen, decision)
        text = decision.text.strip()
        answer = build_answer(record, _ANSWERS[decision.choice], text, how="program")
        record = advance(repository, record.run_id, answer=answer, listener=listener)
        if approves:  # asked again, it would be refused for the same reason
            break
    return record


def _require_answer(record: RunRecord, seen: RunView, decision: Decision) -> None:
    red = left_of(seen.proposal).must_fix
    if red and not decision.with_must_fix:
        raise UsageError(
            f"run {record.run_id} has {red} must fix left, so nothing was committed; a decision "
            f"with_must_fix or `reviewloop approve {record.run_id} --with-must-fix` commits it"
        )
