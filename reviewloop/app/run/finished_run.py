"""Acts on a finished run: undo its commit, export its work, offer follow-ups."""

import os
import sys
from pathlib import Path
from typing import Any

from reviewloop.app.audit import keep_trail
from reviewloop.app.deploy_logs import begin_deploy, end_deploy
from reviewloop.app.project import Repository, settings_of
from reviewloop.checkout.promote import Promotion
from reviewloop.checkout.promote import undo as undo_promotion
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.git.commits import branch_ref, commit_at, export_branch
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.sandbox.run import excerpt, read_log, run_command
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

_LIMIT_SECONDS = 3600.0
# -I: Python must not import from the checkout, where the command runs.
_OURS = (sys.executable, "-I", "-m", "reviewloop")
_SHOWN_CHARS = 2000


@dataclass(frozen=True)
class FollowUp:
    """One follow-up; not configured where argv is empty."""

    name: str
    argv: tuple[str, ...]
    shown: str = ""  # the command to show in the question

    @property
    def command(self) -> str:
        """Return the command as it is shown to the user."""
        return self.shown or " ".join(self.argv)


@dataclass(frozen=True)
class FollowUpResult:
    """The exit code of a follow-up, and the relevant part of its output."""

    exit_code: int
    printed: str


def follow_ups(
    record: RunRecord, *, on_github: bool = False, ships: bool = False, asks: bool = False
) -> tuple[FollowUp, ...]:
    """Return the three follow-ups in the order in which they are offered.

    Without a configured command, `publish` pushes if the remote is `on_github` and the settings
    allow it, `ship` deploys if the project shows how (`ships`), and `handoff` hands over if a user
    can be asked (`asks`).
    """
    configured = settings_of(record).follow_ups
    pushes = FollowUp("push-and-pr", configured.push_and_pr)
    if not pushes.argv and configured.pull_request and on_github:
        argv = (*_OURS, "publish", record.run_id)
        pushes = FollowUp("push-and-pr", argv, f"reviewloop publish {record.run_id}")
    deploys = FollowUp("build-and-deploy", configured.build_and_deploy)
    if not deploys.argv and ships:
        ship = (*_OURS, "ship", record.run_id, "--yes")
        deploys = FollowUp("build-and-deploy", ship, f"reviewloop ship {record.run_id}")
    hands_over = FollowUp("session-handoff", configured.session_handoff)
    if not hands_over.argv and asks:
        hands_over = FollowUp("session-handoff", (*_OURS, "handoff"), "reviewloop handoff")
    return (deploys, pushes, hands_over)


def run_follow_up(repository: Repository, record: RunRecord, chosen: FollowUp) -> FollowUpResult:
    """Run a follow-up in the user's checkout.

    It is the user's own command, which they started, so it has their whole environment: pushing and
    deploying need credentials.
    """
    log = repository.run_folder(record.run_id) / "logs" / f"{chosen.name}.log"
    begin_deploy(log)
    result = run_command(
        chosen.argv,
        cwd=Path(record.repository),
        env={**os.environ, "REVIEWLOOP_RUN": record.run_id, "REVIEWLOOP_COMMIT": record.commit},
        timeout_seconds=_LIMIT_SECONDS,
        log=log,
    )
    if result.exit_code == 0:
        end_deploy(log, 0)  # the log was written again
    output = excerpt(read_log(log), _SHOWN_CHARS)
    ended = "done" if result.exit_code == 0 else f"failed with exit code {result.exit_code}"
    return FollowUpResult(result.exit_code, f"{ended} in {result.seconds:.1f} s\n{output}".strip())


_INTENT = "undo.json"  # exists while an undo is in progress


def undo_run(repository: Repository, named: str | None) -> list[str]:
    """Undo the commit of a run; return the notices for the user.

    Without a name it is the run whose commit is checked out. Raises `WorkspaceError` when the
    commit was pushed, built upon or edited since.
    """
    runs = repository.runs
    statuses = (RunStatus.COMMITTED,)
    record = runs.find(named, statuses) if named else _latest_committed(repository)
    if record.status is not RunStatus.COMMITTED:
        raise UsageError(f"run {record.run_id} has no commit to take back (it is {record.status})")
    published = record.evidence.get("published") or {}
    if published.get("commit") == record.commit:
        raise WorkspaceError(
            f"{record.commit[:12]} was published as {published['branch']} of {published['repo']}; "
            "take it back with `git revert`"
        )
    intent = repository.run_folder(record.run_id) / _INTENT
    if not intent.exists():
        _require_tip(repository, record)
    fault("undo.begin")
    with hold(repository.lock, f"the repository {record.repository}"):
        back = undo_promotion(
            repository.user, Promotion.from_plain(record.evidence["promotion"]), intent=intent
        )
    fault("undo.moved")
    record.status = RunStatus.UNDONE
    repository.runs.save(record)
    intent.unlink(missing_ok=True)  # last: until here another `undo` continues this one
    fault("undo.end")
    lost = keep_trail(repository, [record])
    taken = (
        f"Took back {record.commit[:10]} from {record.branch}; the work is kept with the run: "
        f"`reviewloop approve {record.run_id}` commits it again."
    )
    return [taken, *back.notes, *([lost] if lost else [])]


def _latest_committed(repository: Repository) -> RunRecord:
    """Return the run with an unfinished undo, else that of the commit checked out, else the last.

    Runs start in another order than that in which they are committed.
    """
    user = repository.user
    found = [run for run in repository.runs.all() if run.status is RunStatus.COMMITTED]
    if not found:
        raise UsageError("no run of this repository has a commit to take back")
    for candidate in (
        lambda run: (repository.run_folder(run.run_id) / _INTENT).exists(),
        lambda run: run.commit == user.head,
        lambda run: run.branch == user.branch,
    ):
        if one := next(filter(candidate, found), None):
            return one
    return found[0]


def _require_tip(repository: Repository, record: RunRecord) -> None:
    """Raise `WorkspaceError` for a commit that is not the tip of its branch any more."""
    user, branch = repository.user, record.branch
    git = Git(user.git_dir, cwd=user.root)
    tip = commit_at(git, branch_ref(git, branch))
    if tip == record.commit:
        return
    if not tip or git.result("merge-base", "--is-ancestor", record.commit, tip).exit_code:
        where = f"{branch} does not hold it any more" if tip else f"the branch {branch} is gone"
        raise WorkspaceError(f"{record.commit[:12]} cannot be taken back: {where}")
    for run in repository.runs.all():
        if run.commit == tip and run.status is RunStatus.COMMITTED:
            name = f"task {run.task_id}" if run.task_id else f"run {run.run_id}"
            raise WorkspaceError(
                f"{name} came after {record.run_id} on {branch}; take it back first: "
                f"`reviewloop undo {run.run_id}`"
            )
    raise WorkspaceError(
        f"{tip[:12]} came after the commit of {record.run_id} on {branch}; "
        f"`git revert {record.commit[:12]}` takes it back there"
    )


def export_run(repository: Repository, run_id: str, name: str, *, before_edit: bool = False) -> str:
    """Create the branch `name` with the latest work of a run; return the commit's id.

    `before_edit` takes the work as it was before the user edited it.
    """
    record = repository.runs.find(run_id)
    folder = repository.run_folder(record.run_id)
    private = PrivateRepo.open(folder / "git")
    try:
        blobs = Blobs(folder / "blobs")
        commit = _unedited(record, blobs) if before_edit else latest_commit(record, private, blobs)
        with hold(repository.lock, f"the repository {record.repository}"):
            export_branch(repository.user, private, commit, name)
        record = repository.runs.find(record.run_id)  # a batch may have moved it meanwhile
        if not before_edit:
            record.options["exported"] = private.tree_of(commit)
            repository.runs.save(record)
        fault("export.end")
    finally:
        private.close()
    return commit


def _unedited(record: RunRecord, blobs: Blobs) -> str:
    proposal = blobs.get_json(record.proposal) if record.proposal else {}
    if before := (proposal.get("person_edited") or {}).get("before"):
        return str(before)
    raise UsageError(f"nobody has edited what run {record.run_id} proposes")


def has_unsaved_work(repository: Repository, record: RunRecord) -> bool:
    """Return whether deleting the run loses work: its latest tree is in no commit and no branch."""
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
        unchanged = ("", record.options.get("exported"), private.tree_of(record.base_commit))
        return tree not in unchanged
    except WorkspaceError:  # there is data, and it cannot be read
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
    # Steps are kept in the order in which they end; the state with the last one may be unreadable.
    return (private.tree_of(list(kept.values())[-1]) if kept else ""), ""
