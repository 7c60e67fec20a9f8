"""Changes a waiting run: its base, its findings, its proposed files."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reviewloop.app.project import Repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.view import RunView
from reviewloop.app.state_check import CHECKPOINTS
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.event import Listener
from reviewloop.domain.finding import Finding, Status
from reviewloop.faults import fault
from reviewloop.git.commits import Base, rebase_change, set_base
from reviewloop.git.diff import FileChange, Hunk
from reviewloop.git.private import PrivateRepo
from reviewloop.loop.context import RunContext
from reviewloop.review.silencing import is_user_dismissal, reason_of
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold, is_held
from reviewloop.store.runs import RunRecord, RunStatus

BY = "the queue"


class ConflictError(WorkspaceError):
    """The run and its new base changed the same lines of these files."""

    def __init__(self, why: str, paths: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.paths = paths


def rebase(
    repository: Repository,
    run_id: str,
    base: Base | None,
    *,
    options: Mapping[str, Any],
    listener: Listener | None = None,
    for_now: Mapping[str, Any] | None = None,
    opened: Callable[[RunContext], None] | None = None,
) -> RunRecord:
    """Rebase a waiting run onto `base`, or onto HEAD for None; return its new record.

    All guard-rails run again; reviewers read what the new base changed and the change relates to.
    The run then waits again, or is blocked. `options` are saved in its record; `for_now` and
    `opened` are those of `advance`. Raises `ConflictError`, and changes nothing, when the change
    does not fit.
    """
    onto = base.commit if base else repository.user.head or ""
    with hold(repository.run_lock(run_id), f"run {run_id}"):
        record = repository.runs.find(run_id)
        if record.status is not RunStatus.WAITING:
            raise UsageError(f"run {run_id} does not wait for approval (it is {record.status})")
        answer = _answer(repository, record, onto, base)
        record.options = {**record.options, **options}
        record.new_branch = record.new_branch and not repository.head_of(record.branch)
        repository.runs.save(record)
    fault("rebase.ready")
    return advance(
        repository, run_id, answer=answer, listener=listener, for_now=for_now, opened=opened
    )


def _answer(
    repository: Repository, record: RunRecord, onto: str, base: Base | None
) -> dict[str, str]:
    folder = repository.run_folder(record.run_id)
    tree = Blobs(folder / "blobs").get_json(record.proposal)["tree"]
    with closing(PrivateRepo.open(folder / "git")) as private:
        found = rebase_change(private, tree, record.base_commit, base, repository.user)
        if not found.tree:
            paths = ", ".join(found.conflicts)
            raise ConflictError(
                f"run {record.run_id} and what is below it now changed the same lines of {paths}",
                found.conflicts,
            )
        set_base(private, onto)
    return {
        "choice": "rebase",
        "by": BY,
        "text": f"onto {onto[:10]}",
        "proposal": record.proposal,
        "base": onto,
        "tree": found.tree,
    }


_LEFT = {Status.OPEN, Status.UNRESOLVED}
_ASKING = {RunStatus.WAITING, RunStatus.BLOCKED}


def findings_in_runs(repository: Repository) -> Iterator[tuple[RunRecord, Finding]]:
    """Yield the findings of the runs that are not over, the newest run first.

    They are those of the proposal; for a run in progress also those recorded since.
    """
    for record in repository.runs.all():
        if not record.status.over:
            with suppress(WorkspaceError, LookupError, TypeError):  # damaged: `resume` reports it
                for item in _items(repository, record):
                    with suppress(ValidationError):  # another release wrote it
                        yield record, Finding.model_validate(item)


def dismiss_in_run(repository: Repository, record: RunRecord, word: str) -> RunRecord:
    """Have a waiting or blocked run ask again with the current dismissals; return its record.

    No model is asked and no guard-rail runs. As the commit message lists the findings, the commit
    changes, so an approval of the earlier question no longer counts. `word` is the text for the
    run's log. A run in progress reads dismissals by itself and is returned unchanged. Raises what
    `advance` raises.
    """
    from reviewloop.app.run.advance import advance

    if record.status not in _ASKING or is_held(repository.run_lock(record.run_id)):
        return record
    return advance(repository, record.run_id, answer=build_answer(record, "dismiss", word))


def concerns(finding: Finding, reason: str) -> bool:
    """Return whether a dismissal for `reason`, or its end for "", changes a finding of a run."""
    if is_user_dismissal(finding):
        return reason_of(finding) != reason
    return bool(reason) and finding.status in _LEFT


def count_left(repository: Repository, record: RunRecord) -> int:
    """Return how many red and yellow findings the proposal of a run leaves to the user."""
    found = (Finding.model_validate(one) for one in _proposal(repository, record)["findings"])
    return sum(one.severity.actionable and one.status in _LEFT for one in found)


def dependents_of(repository: Repository, record: RunRecord) -> list[str]:
    """Return the ids of the runs whose base is the commit that this record proposes."""
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


def _book(folder: Path, run_id: str) -> dict[str, Any]:
    """Return the references to findings in the newest checkpoint of a run."""
    import sqlite3

    from reviewloop.app.run.checkpoints import open_checkpoints

    try:
        with open_checkpoints(folder) as saver:
            found = saver.get_tuple({"configurable": {"thread_id": run_id, "checkpoint_ns": ""}})
    except sqlite3.Error as error:
        raise WorkspaceError(f"{folder} cannot be read: {error}") from error
    return dict(found.checkpoint["channel_values"].get("findings", {})) if found else {}


def files_of(seen: RunView) -> tuple[FileChange, ...]:
    """Return the files of the proposed change."""
    return seen.private.change(seen.proposal["base_tree"], seen.proposal["tree"]).files


def tree_without_files(seen: RunView, selection: Iterable[str]) -> str:
    """Return the tree without the change of these files; each may be a path, folder or pattern.

    Raises `UsageError` for a name that the change does not touch, and when nothing would be left.
    """
    files, out = files_of(seen), dict[str, FileChange]()
    for word in selection:
        name = word.rstrip("/")
        found = [one for one in files if _is_meant(one, name)]
        if not found:
            paths = ", ".join(one.path for one in files[:8]) + (", …" if len(files) > 8 else "")
            raise UsageError(f"the change has no file {word}; it touches {paths}")
        out |= {one.path: one for one in found}
    if len(out) == len(files):
        raise UsageError(
            f"nothing would be left of the change; `reviewloop reject {seen.record.run_id}` ends "
            "the run"
        )
    return _restored(seen, out.values())


def tree_without_hunks(seen: RunView, out: Mapping[str, Collection[int]]) -> str:
    """Return the tree without these hunks of each file, given by index.

    A file without any of its hunks is as it was before.
    """
    tree, whole = seen.proposal["tree"], []
    changes: dict[str, bytes | None] = {}
    for file in files_of(seen):
        gone = out.get(file.path, ())
        if not gone:
            continue
        if len(gone) == len(file.hunks):
            whole.append(file)
            continue
        base, path = seen.proposal["base_tree"], file.old_path or file.path
        old = seen.private.read(base, path) or b""
        new = seen.private.read(tree, file.path) or b""
        changes[file.path] = rebuild_file(old, new, file.hunks, gone)
    if changes:
        tree = seen.private.edit(tree, changes)
    return _restored(seen, whole, tree) if whole else tree


def rebuild_file(old: bytes, new: bytes, hunks: Iterable[Hunk], out: Collection[int]) -> bytes:
    """Return a file with all hunks of its change except those in `out`."""
    before, after = _lines(old), _lines(new)
    made: list[bytes] = []
    at = 0  # line of the old file
    for number, hunk in enumerate(hunks):
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        made += before[at:start]
        first = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        kept = before[start : start + hunk.old_count]
        made += kept if number in out else after[first : first + hunk.new_count]
        at = start + hunk.old_count
    return b"".join([*made, *before[at:]])


def editable_files(seen: RunView) -> dict[str, bytes]:
    """Return the changed files that an editor can open, as the change leaves them."""
    found = {}
    for file in files_of(seen):
        if file.binary or file.submodule or file.status == "D" or file.new_mode == "120000":
            continue
        data = seen.private.read(seen.proposal["tree"], file.path)
        if data is not None:
            found[file.path] = data
    return found


def edited_tree(seen: RunView, files: Mapping[str, bytes | None]) -> str:
    """Return the tree with these files as the user edited them."""
    tree = seen.proposal["tree"]
    changed = {path: data for path, data in files.items() if data != seen.private.read(tree, path)}
    return seen.private.edit(tree, changed) if changed else str(tree)


def _is_meant(file: FileChange, name: str) -> bool:
    return any(
        path == name or path.startswith(f"{name}/") or fnmatch(path, name)
        for path in (file.path, file.old_path)
        if path
    )


def _lines(data: bytes) -> list[bytes]:
    """Return lines with their ends, as git counts them: only a line feed ends a line."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _restored(seen: RunView, files: Iterable[FileChange], tree: str = "") -> str:
    paths = {path for file in files for path in (file.path, file.old_path) if path}
    return seen.private.restore(tree or seen.proposal["tree"], seen.proposal["base_tree"], paths)
