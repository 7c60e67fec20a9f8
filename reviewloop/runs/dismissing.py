"""Dismissals of what runs found: which runs a finding is in, and how they hear of the word."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reviewloop.errors import WorkspaceError
from reviewloop.findings import Finding, Status
from reviewloop.reviewing.silencing import is_persons_dismissal, reason_of
from reviewloop.runs.answers import worded
from reviewloop.runs.repository import Repository
from reviewloop.runs.soundness import CHECKPOINTS
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord, RunStatus

_LEFT = {Status.OPEN, Status.UNRESOLVED}
_ASKING = {RunStatus.WAITING, RunStatus.BLOCKED}


def findings_in_runs(repository: Repository) -> Iterator[tuple[RunRecord, Finding]]:
    """Yield the findings of the runs that are not over, the newest run first.

    Those of the proposal; of a run that is on its way also those it has written down since.
    """
    for record in repository.runs.all():
        if not record.status.over:
            with suppress(WorkspaceError, LookupError, TypeError):  # damaged: `resume` tells of it
                for item in _items(repository, record):
                    with suppress(ValidationError):  # another release wrote it
                        yield record, Finding.model_validate(item)


def tell(repository: Repository, record: RunRecord, word: str) -> RunRecord:
    """Have a run that waits, or is blocked, ask anew with the dismissals as they are now.

    No model is asked and no guard-rail runs: it is the same change. The commit is another one, as
    its message tells of the findings, so an approval of the question before counts no more. `word`
    is what the run's log tells. A run that is on its way hears of it by itself and is returned as
    it is. Raises what `advance` raises.
    """
    from reviewloop.runs.advance import advance

    if record.status not in _ASKING or is_held(repository.run_lock(record.run_id)):
        return record
    return advance(repository, record.run_id, answer=worded(record, "dismiss", word))


def concerns(finding: Finding, reason: str) -> bool:
    """Whether a dismissal for this reason, or "" for its end, changes a finding of a run."""
    if is_persons_dismissal(finding):
        return reason_of(finding) != reason
    return bool(reason) and finding.status in _LEFT


def left_in(repository: Repository, record: RunRecord) -> int:
    """Return how many red and yellow findings the proposal of a run leaves to the person."""
    found = (Finding.model_validate(one) for one in _proposal(repository, record)["findings"])
    return sum(one.severity.actionable and one.status in _LEFT for one in found)


def standing_on(repository: Repository, record: RunRecord) -> list[str]:
    """Return the runs that stand on the commit which a run proposed with this record."""
    commit = _proposal(repository, record)["commit"]
    runs = repository.runs.all() if commit else ()
    return [run.run_id for run in runs if run.base_commit == commit and not run.status.over]


def _proposal(repository: Repository, record: RunRecord) -> dict[str, Any]:
    blobs = Blobs(repository.run_folder(record.run_id) / "blobs")
    found: dict[str, Any] = blobs.get_json(record.proposal)
    return found


def _items(repository: Repository, record: RunRecord) -> Iterator[dict[str, Any]]:
    folder = repository.run_folder(record.run_id)
    blobs = Blobs(folder / "blobs")
    if record.proposal:
        yield from blobs.get_json(record.proposal)["findings"]
    if record.status not in _ASKING and (folder / CHECKPOINTS).is_file():
        for ref in _book(folder / CHECKPOINTS, record.run_id).values():
            yield blobs.get_json(ref["blob"])


def _book(place: Path, run_id: str) -> dict[str, Any]:
    """Return the references to findings in the newest checkpoint of a run."""
    import sqlite3

    from reviewloop.runs.checkpoints import open_checkpoints

    try:
        with open_checkpoints(place) as saver:
            found = saver.get_tuple({"configurable": {"thread_id": run_id, "checkpoint_ns": ""}})
    except sqlite3.Error as error:
        raise WorkspaceError(f"{place} cannot be read: {error}") from error
    return dict(found.checkpoint["channel_values"].get("findings", {})) if found else {}
