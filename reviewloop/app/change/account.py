"""Builds the report of a change: its commits, the files they touched by kind, and what is open."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reviewloop.app.change.session import KIND as CHANGES
from reviewloop.app.change.session import (
    delta_of,
    impact_of,
    next_step,
    sessions_of,
    shown,
)
from reviewloop.app.project import Repository
from reviewloop.app.spec.approval import spec_on_disk
from reviewloop.dataclass import dataclass
from reviewloop.domain.impact import KINDS, FileKind, ImpactedFile
from reviewloop.git.process import Git
from reviewloop.specs.files import DiskFiles, decode
from reviewloop.specs.impact import kind_of
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class ChangeCommit:
    """One commit of a change: the delta, or a task."""

    commit: str
    subject: str
    task: str  # "" for the delta
    files: tuple[str, ...]


@dataclass(frozen=True)
class ChangeAccount:
    """The report of a change."""

    commits: tuple[ChangeCommit, ...]
    touched: Mapping[FileKind, tuple[str, ...]]
    open: tuple[ImpactedFile, ...]  # of the impact list, not touched yet
    stays: tuple[ImpactedFile, ...]  # with the reason


def account_of(repository: Repository, record: RunRecord) -> ChangeAccount:
    """Return the current report of a change."""
    commits = tuple(_commits(repository, record))
    paths = list(dict.fromkeys(path for one in commits for path in one.files))
    disk = DiskFiles(repository.user.root)
    spec = spec_on_disk(repository, record.spec_path)
    of_spec = set(spec.files) if spec else set()
    touched: dict[FileKind, list[str]] = {kind: [] for kind in KINDS}
    for path in sorted(paths):
        kind = "spec" if path in of_spec else kind_of(path, decode(disk.read(path) or b""))
        touched[kind].append(path)
    impact = impact_of(repository, record)
    left = [one for one in impact.files if one.path not in paths]
    return ChangeAccount(
        commits,
        {kind: tuple(found) for kind, found in touched.items() if found},
        tuple(one for one in left if not one.stays),
        tuple(one for one in left if one.stays),
    )


def _commits(repository: Repository, record: RunRecord) -> Iterator[ChangeCommit]:
    if record.status is not RunStatus.COMMITTED:
        return
    delta = delta_of(repository, record)
    runs = [
        (position, run)
        for run in repository.runs.all()
        if run.status is RunStatus.COMMITTED
        and run.spec_path == record.spec_path
        and run.created_at >= record.created_at
        and delta is not None
        and (position := delta.order_of(run.task_id, run.title)) >= 0
    ]
    git = Git(repository.user.git_dir, cwd=repository.user.root)
    runs.sort(key=lambda one: one[0])
    commits = [(record.commit, ""), *((run.commit, run.task_id) for _, run in runs)]
    for commit, task in commits:
        subject = git.text("show", "-s", "--no-show-signature", "--format=%s", commit)
        named = git.run("diff-tree", "--no-commit-id", "--name-only", "-r", "-z", commit)
        files = tuple(decode(one) for one in named.split(b"\0") if one)
        yield ChangeCommit(commit, subject, task, files)


def plain(repository: Repository, record: RunRecord) -> Mapping[str, object]:
    """Return a change as JSON-plain values: its status, its question, its report."""
    asks, used = shown(repository, record), CHANGES.spent(repository, record)
    account = account_of(repository, record)
    delta, impact = asks.get("delta", {}), impact_of(repository, record)
    return {
        "name": record.run_id,
        "sentence": record.instruction,
        "spec": record.spec_path,
        "branch": record.branch,
        "status": str(record.status),
        "exit_code": record.exit_code,
        "waits_for": record.options.get("asks", ""),
        "next": next_step(repository, record),
        "notes": list(asks.get("notes", record.options.get("notes", ()))),
        "reasons": list(asks.get("reasons", ())),
        "edits": list(delta.get("edits", ())),
        "changes": list(delta.get("changes", ())),
        "tasks": list(delta.get("tasks", ())),
        "impact": [_file(one) for one in impact.files],
        "common": list(impact.common),
        "common_files": impact.common_files,
        "commits": [{**vars(one), "files": list(one.files)} for one in account.commits],
        "touched": {kind: list(paths) for kind, paths in account.touched.items()},
        "open": [one.path for one in account.open] if account.commits else [],
        "spent": {"calls": used.calls, "tokens": used.tokens, "usd": used.usd},
    }


def _file(one: ImpactedFile) -> dict[str, Any]:
    return {
        "path": one.path,
        "kind": one.kind,
        "line": one.line,
        "why": one.reason,
        "endpoints": list(one.endpoints),
        "task": one.task,
        "stays": one.stays,
    }


def plain_list(repository: Repository) -> Sequence[Mapping[str, object]]:
    """Return all changes as JSON-plain values."""
    return [plain(repository, one) for one in sessions_of(repository).runs.all()]
