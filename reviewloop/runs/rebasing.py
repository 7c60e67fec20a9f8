"""Brings a waiting run onto another commit: what it stood on was changed, rejected or overtaken."""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from reviewloop.context import RunContext
from reviewloop.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.runs.advance import advance
from reviewloop.runs.branches import head_now
from reviewloop.runs.repository import Repository
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Listener
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.stacked import Base, rebased, set_base

BY = "the queue"


class ConflictError(WorkspaceError):
    """The change and what is below it now changed the same lines of these files."""

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
    """Move a waiting run onto `base`, None for the person's commit; return it as it is then.

    All guard-rails run there; reviewers look at what moved where the change has to do with it. It
    waits anew, or is blocked. `options` is what its record keeps about its new place; `for_now` and
    `opened` are those of `advance`. Raises `ConflictError` when the change does not fit; the run is
    left as it was.
    """
    onto = base.commit if base else repository.user.head or ""
    with hold(repository.run_lock(run_id), f"run {run_id}"):
        record = repository.runs.find(run_id)
        if record.status is not RunStatus.WAITING:
            raise UsageError(f"run {run_id} does not wait for approval (it is {record.status})")
        answer = _answer(repository, record, onto, base)
        record.options = {**record.options, **options}
        record.new_branch = record.new_branch and not head_now(repository, record.branch)
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
        found = rebased(private, tree, record.base_commit, base, repository.user)
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
