"""Keeps what the account of a batch says of runs that are about to be deleted."""

from collections.abc import Sequence
from contextlib import closing

from reviewloop.batch.rows import run_row
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


def _keep(repository: Repository, record: BatchRecord, run: RunRecord) -> None:
    rows = record.kept.setdefault(run.task_id, [])
    rows[:] = [row for row in rows if row["run"] != run.run_id]  # of a `clean` that was killed
    rows.append(run_row(repository, run, record.batch_id))
