"""What can be done with a run afterwards: take its commit back, export its work."""

from typing import Any

from reviewloop.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.runs.repository import Repository
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus
from reviewloop.workspace.export import export_branch
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.promote import Promotion
from reviewloop.workspace.promote import undo as undo_promotion


def undo_run(repository: Repository, named: str | None) -> list[str]:
    """Take back the commit of a run and return what to tell the person.

    Raises `WorkspaceError` when it was pushed, built upon or edited since.
    """
    record = (
        repository.runs.find(named)
        if named
        else next((r for r in repository.runs.all() if r.status is RunStatus.COMMITTED), None)
    )
    if record is None:
        raise UsageError("no run of this repository has a commit to take back")
    if record.status is not RunStatus.COMMITTED:
        raise UsageError(f"run {record.run_id} has no commit to take back (it is {record.status})")
    published = record.evidence.get("published") or {}
    if published.get("commit") == record.commit:
        raise WorkspaceError(
            f"{record.commit[:12]} was published as {published['branch']} of {published['repo']}; "
            "take it back with `git revert`"
        )
    intent = repository.run_folder(record.run_id) / "undo.json"
    fault("undo.begin")
    with hold(repository.lock, f"the repository {record.repository}"):
        back = undo_promotion(
            repository.user, Promotion.from_plain(record.evidence["promotion"]), intent=intent
        )
    fault("undo.moved")
    record.status = RunStatus.UNDONE
    repository.runs.save(record)
    intent.unlink(missing_ok=True)  # last: until here another `undo` goes on
    fault("undo.end")
    taken = f"Took back {record.commit[:10]} from {record.branch}; the work is kept with the run."
    return [taken, *back.notes]


def export_run(repository: Repository, run_id: str, name: str) -> str:
    """Make the branch `name` with the latest work of a run; return the commit's id."""
    record = repository.runs.find(run_id)
    folder = repository.run_folder(record.run_id)
    private = PrivateRepo.open(folder / "git")
    try:
        commit = latest_commit(record, private, Blobs(folder / "blobs"))
        with hold(repository.lock, f"the repository {record.repository}"):
            export_branch(repository.user, private, commit, name)
        record = repository.runs.find(record.run_id)  # a batch may have moved it meanwhile
        record.options["exported"] = private.tree_of(commit)
        repository.runs.save(record)
        fault("export.end")
    finally:
        private.close()
    return commit


def has_unsaved_work(repository: Repository, record: RunRecord) -> bool:
    """Whether deleting the run would lose work: the latest stands in no commit and no branch."""
    if record.status is RunStatus.COMMITTED:
        return False
    folder = repository.run_folder(record.run_id)
    if not (folder / "git").exists():
        return False
    try:
        private = PrivateRepo.open(folder / "git")
    except WorkspaceError:
        return True
    try:
        tree, commit = _latest_tree(record, private, Blobs(folder / "blobs"))
        tree = private.tree_of(commit) if commit else tree  # with the ticked task
        return tree not in ("", record.options.get("exported"))
    except WorkspaceError:  # something is there, and cannot be read
        return True
    finally:
        private.close()


def latest_commit(record: RunRecord, private: PrivateRepo, blobs: Blobs) -> str:
    """Return the commit to export: the proposed one, else the newest snapshot on the run's base."""
    tree, commit = _latest_tree(record, private, blobs)
    if commit:
        return commit
    if not tree:
        raise UsageError(f"run {record.run_id} has no work to export yet")
    keeper = ("reviewloop", "reviewloop@localhost")
    message = f"reviewloop {record.run_id}: unfinished work\n"
    return private.commit(tree, [record.base_commit], message, keeper, keeper)


def _latest_tree(record: RunRecord, private: PrivateRepo, blobs: Blobs) -> tuple[str, str]:
    """Return the tree of the run's latest work and its proposed commit; both may be empty."""
    if record.proposal:
        proposal: dict[str, Any] = blobs.get_json(record.proposal)
        return str(proposal["tree"]), str(proposal["commit"] or "")
    kept = private.kept(record.run_id)
    # Steps are kept in the order they end; the state that would name the last one may be
    # what cannot be read any more.
    return (private.tree_of(list(kept.values())[-1]) if kept else ""), ""
