"""Approves the runs of the queue in order; a run behind its branch is rebased first."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import Any

from reviewloop.app.batch.policy import left_to_see
from reviewloop.app.batch.queue import Holding, find_missing_task, missing_task_reason, queue_of
from reviewloop.app.batch.stack import (
    Waiting,
    after_conflict,
    approvable_runs,
    base_on,
    chain_below,
    is_landing,
    keep_conflict,
)
from reviewloop.app.project import Repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.branches import on_branch, reread_repository
from reviewloop.app.run.changing import ConflictError, rebase
from reviewloop.app.run.view import proposal_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ExitCode,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.event import Listener
from reviewloop.render.proposal import Left, left_of
from reviewloop.store.locks import holder, is_held
from reviewloop.store.runs import RunRecord, RunStatus, is_stopped


class NeedError(UsageError):
    """A task that this one needs is missing; `next` is the command to run."""

    def __init__(self, why: str, following: str) -> None:
        super().__init__(why)
        self.following = following


class NotMergedError(WorkspaceError):
    """A run that does not merge with the new commits of its branch; it is left as it was."""

    exit_code = ExitCode.WAITING


@dataclass(frozen=True)
class Rebased:
    """A run after its rebase."""

    run: RunRecord
    ask: str  # why the user has to look again; "" if the change is the approved one


def has_moved(repository: Repository, run: RunRecord) -> bool:
    """Return whether the branch of a waiting run moved since the run started from it."""
    if run.status is not RunStatus.WAITING:
        return False
    now = repository.head_of(run.branch)
    return bool(now) if run.new_branch else now != run.base_commit


def rebase_waiting(
    repository: Repository, run: RunRecord, listener: Listener | None = None
) -> Rebased:
    """Rebase a waiting run onto its branch: gates run again, reviewers read what overlaps.

    Raises `NotMergedError` where it does not merge, and `UsageError` where its base is another
    waiting run or its branch is gone. The run is then unchanged.
    """
    repository = reread_repository(repository)
    there = on_branch(repository, run.branch)
    name = run.run_id
    if there is None:
        raise UsageError(
            f"the branch {run.branch}, to which run {name} commits, is gone; `reviewloop checkout "
            f"{name} NAME` saves its work as a branch"
        )
    waiting = queue_of(there).waiting
    mine = next((one for one in waiting if one.run.run_id == name), None)
    chain = chain_below(mine, waiting)[:-1] if mine else ()
    if chain:
        below = ", ".join(one.run.run_id for one in chain)
        raise UsageError(
            f"run {name} builds on {below}, which wait{'s' if len(chain) == 1 else ''} for you, "
            f"too; `reviewloop queue approve {name}` commits what is below it first"
        )
    elsewhere = repository.user.branch != run.branch
    try:
        after = rebase_behind(there, run, None, (), {"elsewhere": elsewhere}, listener)
    except ConflictError as error:
        keep_conflict(repository, name, there.user.head or "", str(error))
        raise NotMergedError(
            f"run {name} and {run.branch}, which moved on, now changed "
            f"the same lines of {', '.join(error.paths)}; nothing was touched. Save "
            f"the work with `reviewloop checkout {name} NAME` and merge that branch by hand, or "
            f"have the task done anew on what is there now: `reviewloop reject {name}`, then "
            "`reviewloop run`"
        ) from error
    return Rebased(after, changes_since_approval(repository, run, after))


def rebase_behind(
    there: Repository,
    run: RunRecord,
    below: Waiting | None,
    chain: Sequence[Waiting],
    options: Mapping[str, Any],
    listener: Listener | None,
) -> RunRecord:
    """Rebase a run onto another waiting run, or onto its branch; `chain` are all waiting runs
    below.

    Raises `NeedError` where a task that it needs is missing there.
    """
    done = [other.run.task_id for other in chain]
    if need := find_missing_task(there, run, set(done)):
        lacks = missing_task_reason(there, run, need)
        raise NeedError(lacks.why, lacks.next)
    kept = {"stands_on": below.run.run_id if below else "", "done": done, "redo": False}
    base = base_on(there, below) if below else None
    return rebase(there, run.run_id, base, options={**kept, **options}, listener=listener)


def changes_since_approval(repository: Repository, before: RunRecord, after: RunRecord) -> str:
    """Return how a rebased run differs from what was approved, "" if it is the same change."""
    if after.status is not RunStatus.WAITING:
        return after.reason or f"it is {after.status}"
    was, now = proposal_of(repository, before), proposal_of(repository, after)
    if was is None or now is None:
        return "there is nothing to compare it with"
    if met := now.get("met", []):
        return f"what came below it meets it in {', '.join(met[:3])}" + (
            f" and {len(met) - 3} more" if len(met) > 3 else ""
        )
    if left_of(was) != left_of(now) or now["incomplete"] != was["incomplete"]:
        return "its findings are others now"
    if now["governance"] != was["governance"]:
        return "governance asks for a person"
    return ""


@dataclass(frozen=True)
class Approved:
    """The outcome of approving one run."""

    run: RunRecord
    what: str  # committed | rebased | blocked | conflict | changed | refused | held | failed
    code: ExitCode
    why: str = ""
    next: str = ""  # the command that continues
    names_next: bool = False  # `why` names that command
    tried: bool = True  # False: it was blocked before, so nothing was tried
    seen: str = ""  # what to look at in a change that was committed

    @property
    def committed(self) -> bool:
        """Return whether its commit is on the branch now."""
        return self.what == "committed"


def approve_each(
    repository: Repository,
    chosen: Sequence[Waiting],
    listener: Listener,
    *,
    named: Collection[str] = (),
    agreed: Collection[str] = (),
) -> Iterator[Approved]:
    """Approve runs in order and yield the outcome of each.

    A run with an open must-fix finding is held unless its id is in `agreed`, and one with an open
    user request unless its id is in `named`.

    A run on the branch's commit is committed. Another one is rebased behind those before it, and
    committed if the user named it and no new commit overlaps it; else it waits for another look.
    Where that fails, runs that build on it or need it are held; others continue. Raises
    `InterruptedByUserError`.
    """
    for branch in dict.fromkeys(one.run.branch for one in chosen):
        approving = _Approving(repository, branch, listener, named, agreed)
        mine = [one for one in chosen if one.run.branch == branch]
        for one in approving.whole(mine):
            yield approving.take(one)


class _Approving:
    """The approvals of one branch; remembers what was not committed."""

    def __init__(
        self,
        repository: Repository,
        branch: str,
        listener: Listener,
        named: Collection[str],
        agreed: Collection[str],
    ) -> None:
        self._repository = repository
        self._branch = branch
        self._here = branch == repository.user.branch
        self._listener = listener
        self._named = named
        self._agreed = agreed
        self._below: Waiting | None = None  # the last run that was rebased and waits
        self._anew: set[str] = set()  # runs that ask again since the start
        self._holding = Holding()

    def whole(self, chosen: Sequence[Waiting]) -> list[Waiting]:
        """Finish interrupted rebases, and return all runs in order."""
        cut_off = [one for one in chosen if not one.commit and is_stopped(one.run)]
        for one in cut_off:
            try:
                self._finished(self._looked(one.run), one.run)
            except InterruptedByUserError:
                raise
            except ReviewLoopError:
                pass  # its turn tries it again and reports the error
            self._anew.add(one.run.run_id)
        if not cut_off:
            return list(chosen)
        known = {one.run.run_id: one for one in chosen}
        order = queue_of(self._looked(cut_off[0].run)).waiting
        now = [one for one in order if one.run.run_id in known]
        there = {one.run.run_id for one in now}
        now = [one if one.run.run_id in self._anew else known[one.run.run_id] for one in now]
        return [*(one for one in chosen if one.run.run_id not in there), *now]

    def take(self, one: Waiting) -> Approved:
        """Approve one run, or rebase it."""
        try:
            found = self._held(one) or self._moved(one)
            if one.run.status is RunStatus.BLOCKED:
                found = replace(found, tried=False)
        except InterruptedByUserError:
            raise
        except ReviewLoopError as error:
            found = self._failed(one, error)
        if not found.committed and found.what != "brought":
            self._holding.lacks(one.run, one.commit, found.next)
        return found

    def _held(self, one: Waiting) -> Approved | None:
        left = self._left(one.run)
        if one.run.run_id in self._agreed:
            left = left._replace(must_fix=0)
        if one.run.run_id in self._named:
            left = left._replace(requests=0)
        held = self._holding.held(one.run, left, self._rebased_onto(one) if left.red else "")
        if held:
            return Approved(one.run, "held", ExitCode.WAITING, held.why, held.next)
        return None

    def _left(self, run: RunRecord) -> Left:
        """Return the open findings of a waiting run; none for one on its way to the branch."""
        if is_landing(run) or run.status is not RunStatus.WAITING:
            return Left()
        return left_of(proposal_of(self._repository, run))

    def _rebased_onto(self, one: Waiting) -> str:
        """Return the branch that a run is rebased onto first, "" when it is there already."""
        stacked = queue_of(self._looked(one.run)).stacked
        there = any(other.run.run_id == one.run.run_id for other in stacked)
        return "" if there else self._branch

    def _moved(self, one: Waiting) -> Approved:
        repository = self._looked(one.run)
        run = repository.runs.find(one.run.run_id)
        if run.status is RunStatus.COMMITTED:
            return Approved(run, "committed", ExitCode.CLEAN, "somebody else approved it meanwhile")
        if is_stopped(run):
            landing, run = is_landing(run), self._finished(repository, run)
            if not landing:
                self._anew.add(run.run_id)
            elif run.status is not RunStatus.WAITING or run.reason:
                return self._answered(run)
        if run.status is RunStatus.BLOCKED:
            return self._blocked(run)
        if self._below is None and run.base_commit == repository.user.head:
            if run.run_id in self._anew:
                return self._asking_again(run)
            answer = build_answer(
                one.run, "approve"
            )  # for the proposal that was read when it was chosen
            return self._answered(
                advance(repository, run.run_id, answer=answer, listener=self._listener)
            )
        if not self._here:
            why = f"it builds on a commit that {self._branch} does not have"
            return Approved(run, "held", ExitCode.WAITING, why, f"git switch {quote(self._branch)}")
        after = self._rebased(repository, run)
        goes_on = self._below is None and run.run_id in self._named
        if goes_on and not changes_since_approval(repository, run, after):
            answer = build_answer(after, "approve")
            return self._answered(
                advance(self._looked(after), run.run_id, answer=answer, listener=self._listener)
            )
        return self._asking_again(after)

    def _finished(self, repository: Repository, run: RunRecord) -> RunRecord:
        """Apply an answer that was given and interrupted."""
        if is_held(lock := repository.run_lock(run.run_id)):
            raise WorkspaceError(f"run {run.run_id} is at work in {holder(lock)}; wait for it")
        return advance(repository, run.run_id, listener=self._listener)

    def _looked(self, run: RunRecord) -> Repository:
        """Return the repository read again, as if the run's branch were checked out."""
        made_on = run.base_commit if run.new_branch else ""
        self._repository = reread_repository(self._repository)
        there = on_branch(self._repository, self._branch, made_on=made_on)
        if there is None:
            raise WorkspaceError(f"the branch {self._branch} is gone")
        self._here = there.user.branch == self._repository.user.branch
        return there

    def _rebased(self, repository: Repository, run: RunRecord) -> RunRecord:
        below = self._below
        if below is not None and run.base_commit == below.commit:
            return run
        chain = chain_below(below, queue_of(repository).waiting) if below else ()
        return rebase_behind(
            repository, run, below, chain, {}, self._listener
        )  # `redo`: see `rebase`

    def _answered(self, run: RunRecord) -> Approved:
        code = ExitCode(run.exit_code)
        if run.status is RunStatus.COMMITTED:
            seen = left_to_see(proposal_of(self._repository, run))
            return Approved(run, "committed", code, run.reason, seen=seen)
        return Approved(run, "refused", code, run.reason, f"reviewloop queue approve {run.run_id}")

    def _blocked(self, run: RunRecord) -> Approved:
        see = f"reviewloop queue show {run.run_id} --diff"
        return Approved(run, "blocked", ExitCode.GUARD_FAILED, run.reason, see)

    def _asking_again(self, run: RunRecord) -> Approved:
        found = approvable_runs(self._repository, [run])
        if not found:
            return self._blocked(run)
        self._below = found[0]
        code, see = ExitCode(run.exit_code), f"reviewloop queue show {run.run_id} --diff"
        proposal = proposal_of(self._repository, run)
        moved = proposal.get("moved") if proposal else ""
        why = f"it {moved or f'builds on {run.base_commit[:10]}'}; look at it again"
        return Approved(run, "brought", code, why, see)

    def _failed(self, one: Waiting, error: ReviewLoopError) -> Approved:
        run = self._repository.runs.find(one.run.run_id)
        what, why, code, names_next = "failed", str(error), error.exit_code, False
        following = f"reviewloop queue approve {run.run_id}"
        if isinstance(error, ConflictError):
            what, code = "conflict", ExitCode.WAITING
            following = after_conflict(self._repository, run)
            onto = self._below.commit if self._below else self._repository.user.head or ""
            keep_conflict(self._repository, run.run_id, onto, why)
        elif isinstance(error, NeedError):
            what, code, following, names_next = "held", ExitCode.WAITING, error.following, True
        elif run.status is RunStatus.PAUSED:
            following = f"reviewloop resume {run.run_id}"
        elif run.status.over or run.proposal != one.run.proposal:
            what, why = "changed", f"it has changed since you looked at it (it is {run.status})"
            following = f"reviewloop queue show {run.run_id} --diff"
        return Approved(run, what, code, why, following, names_next)
