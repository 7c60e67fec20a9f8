"""Keeps what the account of a batch says of runs that are deleted."""

from collections.abc import Sequence
from contextlib import closing

from reviewloop.batch.rows import run_row, state_of
from reviewloop.runs.repository import Repository
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord


def keep_rows(repository: Repository, runs: Sequence[RunRecord]) -> None:
    """Write the rows of these runs into the records of their batches.

    A run that is there after all counts as it is, so that nothing is lost or counted twice when
    it is not deleted. Raises `WorkspaceError` while a batch is at work, which has the record.
    """
    of_batches = [run for run in runs if run.options.get("batch")]
    if not of_batches:
        return
    with (
        hold(repository.batch_lock, "the batch of this repository"),
        closing(BatchStore(repository.folder)) as store,
    ):
        records: dict[str, BatchRecord | None] = {}
        for run in sorted(of_batches, key=lambda one: one.created_at):
            ident = str(run.options["batch"])
            if ident not in records:
                records[ident] = store.find(ident)
            if (record := records[ident]) is not None:
                _keep(repository, record, run)
        for record in records.values():
            if record is not None:
                store.save(record)


def note_rows(repository: Repository, record: BatchRecord) -> None:
    """Have a record hold the rows of all runs that are over: other machines may delete these."""
    for run in repository.runs.all():
        if run.options.get("batch") != record.batch_id or not run.status.over:
            continue
        known = {row["run"]: row["state"] for row in record.kept.get(run.task_id, ())}
        if known.get(run.run_id) != state_of(repository, run):
            _keep(repository, record, run)


def _keep(repository: Repository, record: BatchRecord, run: RunRecord) -> None:
    rows = record.kept.setdefault(run.task_id, [])
    rows[:] = [row for row in rows if row["run"] != run.run_id]  # of a `clean` that was killed
    rows.append({**run_row(repository, run, record.batch_id), "created_at": run.created_at})
    rows.sort(key=lambda row: row.get("created_at", 0.0))  # 0: by a release that did not write it
