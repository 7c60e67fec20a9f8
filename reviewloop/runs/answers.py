"""Which run an answer is for, and the form in which it reaches the graph."""

import getpass
from collections.abc import Mapping

from reviewloop.errors import UsageError
from reviewloop.runs.repository import Repository
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord, RunStatus

_ANSWERABLE = (RunStatus.WAITING, RunStatus.BLOCKED)
_RESUMABLE = (RunStatus.RUNNING, RunStatus.PAUSED)


def worded(record: RunRecord, choice: str, text: str = "") -> dict[str, str]:
    """Return a person's answer; it names the proposal it was given for."""
    return {"choice": choice, "by": getpass.getuser(), "text": text, "proposal": record.proposal}


def waiting_run(repository: Repository, named: str | None, choice: str) -> RunRecord:
    """Return the run that is answered; raises `UsageError` when it cannot be."""
    runs = repository.runs
    record = runs.only(_ANSWERABLE, choice) if named is None else runs.find(named)
    _require_question(record, choice)
    return record


def require_question(record: RunRecord, answer: Mapping[str, str]) -> None:
    """Raise `UsageError` unless the run asks what this answers: somebody may have been quicker."""
    _require_question(record, answer["choice"])
    if answer["proposal"] != record.proposal:
        raise UsageError(
            f"run {record.run_id} has changed since you looked at it; look again with "
            f"`reviewloop show {record.run_id}` and answer again"
        )


def resumable_run(repository: Repository, named: str | None) -> RunRecord:
    """Return the run to go on with; raises `UsageError` when there is none or it is at work."""
    record = repository.runs.find(named) if named else repository.runs.only(_RESUMABLE, "resume")
    if record.status.over:
        raise UsageError(f"run {record.run_id} is over (it is {record.status})")
    if is_held(repository.run_lock(record.run_id)):
        raise UsageError(f"run {record.run_id} is at work; `reviewloop logs -f` follows it")
    return record


def newest_or_named(repository: Repository, named: str | None) -> RunRecord:
    """Return the named run, or the newest one."""
    if named:
        return repository.runs.find(named)
    runs = repository.runs.all()
    if not runs:
        raise UsageError("there are no runs in this repository yet; `reviewloop run` starts one")
    return runs[0]


def _require_question(record: RunRecord, choice: str) -> None:
    if record.status not in _ANSWERABLE:
        raise UsageError(
            f"run {record.run_id} does not wait for an answer (it is {record.status})"
            + ("; `reviewloop resume` goes on with it" if record.status in _RESUMABLE else "")
        )
    if choice == "approve" and record.status is RunStatus.BLOCKED:
        raise UsageError(
            f"run {record.run_id} is blocked ({record.reason}); modify it, reject it, or save its "
            f"work with `reviewloop checkout {record.run_id} NAME`"
        )
