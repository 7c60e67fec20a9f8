"""Keeps what the account of a batch says of runs that are deleted."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from reviewloop.app.batch.renumbered import row_of
from reviewloop.app.batch.rows import run_row, state_of
from reviewloop.app.batch.stands import Stand
from reviewloop.app.project import Repository
from reviewloop.git.process import Git
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus


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
        task = row_of(repository, record.tasks, run)
        known = {row["run"]: row["state"] for row in record.kept.get(task, ())}
        if known.get(run.run_id) != state_of(repository, run):
            _keep(repository, record, run)


def why_not_undone(repository: Repository, named: str | None) -> str:
    """Return why `undo` cannot take back the commit of a deleted run, "" for a run that is there.

    `named` is a run or a task; without it the commit that is checked out is meant.
    """
    runs = repository.runs.all()
    if named is None:
        if any(run.status is RunStatus.COMMITTED for run in runs):
            return ""
    elif any(run.run_id.startswith(named) or run.task_id == named for run in runs):
        return ""
    git, head = Git(repository.user.git_dir, cwd=repository.user.root), repository.user.head or ""
    for task, row in _kept_commits(repository):
        mine = row["commit"] == head if named is None else named in {task, row["run"]}
        if mine and _holds(git, row["branch"], row["commit"]):
            return (
                f"the records of {row['run']} were cleaned away, and with them how to take its "
                f"commit back; `git revert {row['commit'][:12]}` undoes it on {row['branch']}"
            )
    said = git.text("log", "-1", "--format=%B", head) if head and named is None else ""
    if "\nReview: " not in said:
        return ""
    return (
        "no run of this repository has a commit to take back; the records of the one that made "
        f"{head[:12]} ({said.partition(chr(10))[0]}) were cleaned away: `git revert {head[:12]}` "
        "undoes it"
    )


def _holds(git: Git, branch: str, commit: str) -> bool:
    is_in = git.result("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}")
    return is_in.exit_code == 0


def _kept_commits(repository: Repository) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield task and row of deleted runs that were committed, the newest first."""
    if not (repository.folder / "batches.sqlite").exists():
        return
    with closing(BatchStore(repository.folder)) as store:
        records = store.all()
    for record in records:
        for task, rows in record.kept.items():
            for row in reversed(rows):
                if row["state"] == Stand.COMMITTED and row["commit"]:
                    yield task, row


def _keep(repository: Repository, record: BatchRecord, run: RunRecord) -> None:
    rows = record.kept.setdefault(row_of(repository, record.tasks, run), [])
    rows[:] = [row for row in rows if row["run"] != run.run_id]  # of a `clean` that was killed
    rows.append({**run_row(repository, run, record.batch_id), "created_at": run.created_at})
    rows.sort(key=lambda row: row.get("created_at", 0.0))  # 0: by a release that did not write it
