"""The queue: which runs wait for a user, how they stack, and which runs an answer names."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from shlex import quote
from typing import NamedTuple

from reviewloop.app.batch.spec_changes import runs_needed_by
from reviewloop.app.batch.stack import (
    Conflict,
    Line,
    Waiting,
    chain_below,
    conflict_below,
    in_stacks,
    is_landing,
    landing_runs,
    line_up,
)
from reviewloop.app.batch.status import is_called, kept_title
from reviewloop.app.project import Repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer, give_up
from reviewloop.app.run.branches import on_branch
from reviewloop.app.run.view import proposal_of
from reviewloop.app.run_source import RunSource
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.domain.task import Spec, Task
from reviewloop.render.batch import anew_or_not
from reviewloop.render.proposal import Left, left_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.select import is_done
from reviewloop.store.locks import holder, is_held
from reviewloop.store.runs import ANSWERED, OPEN, RunRecord, RunStatus, is_stopped


class Held(NamedTuple):
    """Why a run is not approved, and the command that continues."""

    why: str
    next: str


class Holding:
    """Remembers the runs that are not committed, and holds those that build on or need them."""

    def __init__(self) -> None:
        self._commits: dict[str, tuple[str, str]] = {}  # commit -> (its run, next command)
        self._runs: list[tuple[RunRecord, str]] = []  # of tasks

    def lacks(self, run: RunRecord, commit: str, following: str) -> None:
        """Remember a run that was not approved; `following` is the command that continues it."""
        self._commits[commit] = (run.run_id, following)
        if run.task_id:
            self._runs.append((run, following))

    def held(self, run: RunRecord, left: Left, rebased_onto: str = "") -> Held | None:
        """Return why a run is not approved, None if it is.

        It is held by `left`, its open must-fix findings and user requests, which is empty for a run
        that a user named knowing them. `rebased_onto` is the branch that it is rebased onto first,
        or "".
        """
        if below := self._commits.get(run.base_commit):
            return Held(f"it builds on {below[0]}, which was not committed", below[1])
        goes_on = {other.run_id: following for other, following in self._runs}
        for other, need in runs_needed_by(run, (other for other, _ in self._runs)).items():
            return Held(f"it needs task {need}, and {other} was not committed", goes_on[other])
        if left.red:
            flag = " --with-must-fix" if left.must_fix else ""
            naming = f"naming it with{flag}" if flag else "naming it"
            first = f"{naming} rebases it onto {rebased_onto} first"
            what = (
                f"{first}, and asks again if anything meets it"
                if rebased_onto
                else f"only {naming} commits that all the same"
            )
            return Held(f"{left}; {what}", f"reviewloop queue approve {run.run_id}{flag}")
        return None


@dataclass(frozen=True)
class Queue:
    """The runs that wait on a branch, in the order of their commits."""

    branch: str
    stacked: tuple[Waiting, ...]  # each has the one before it as its base, the first the branch
    stale: tuple[Waiting, ...]  # their base is a commit that the branch does not have
    blocked: tuple[RunRecord, ...]
    cut_off: tuple[RunRecord, ...] = ()  # stopped during a rebase

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """All that can be approved."""
        return (*self.stacked, *self.stale)


@dataclass(frozen=True)
class Elsewhere:
    """The runs that wait on a branch that is not checked out."""

    branch: str
    runs: tuple[str, ...]
    next: str  # the command to run
    blocked: int = 0  # of the runs; the others wait

    def __str__(self) -> str:
        counts = {"waiting": len(self.runs) - self.blocked, "blocked": self.blocked}
        message = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        return f"{message} on {self.branch}: {self.next}"


def queue_of(repository: RunSource) -> Queue:
    """Return the queue of the branch that is checked out."""
    branch = repository.branch or ""
    runs = [run for run in repository.runs.all() if not run.status.over and run.branch == branch]
    positions = _positions(repository, runs)
    runs.sort(key=lambda run: (positions.get((run.spec_path, run.task_id), 0), run.created_at))
    landing = landing_runs(repository, runs)
    if repository.head:
        line = line_up(repository.head, landing)
    else:  # without a report all count as on the branch
        line = Line(tuple(in_stacks(landing)), ())
    return Queue(
        branch,
        line.stacked,
        tuple(in_stacks(line.stale)),
        tuple(run for run in runs if run.status is RunStatus.BLOCKED),
        tuple(run for run in runs if is_stopped(run) and run.options.get(ANSWERED) == "rebase"),
    )


def waiting_elsewhere(repository: Repository) -> tuple[Elsewhere, ...]:
    """Return the runs that wait on branches other than the one checked out."""
    found: dict[str, list[RunRecord]] = {}
    for run in reversed(repository.runs.all()):
        waits = run.status in {RunStatus.WAITING, RunStatus.BLOCKED}
        if waits and run.branch != repository.user.branch:
            found.setdefault(run.branch, []).append(run)
    return tuple(
        Elsewhere(
            branch,
            tuple(run.run_id for run in runs),
            _way_to(repository, branch, runs[0]),
            sum(run.status is RunStatus.BLOCKED for run in runs),
        )
        for branch, runs in found.items()
    )


def _way_to(repository: Repository, branch: str, run: RunRecord) -> str:
    if on_branch(repository, branch):
        return f"git switch {quote(branch)}"
    if run.new_branch:
        return f"reviewloop approve {run.run_id}"  # this creates the branch
    return f"reviewloop checkout {run.run_id} NAME"  # the branch is gone


def only_one(repository: Repository) -> RunRecord:
    """Return the only run that waits here; raise `UsageError` when there is none or several."""
    found = queue_of(repository)
    runs = [*(one.run for one in found.waiting), *found.blocked]
    if len(runs) == 1:
        return runs[0]
    if runs:
        names = ", ".join(run.run_id for run in runs)
        raise UsageError(f"{len(runs)} runs wait on {found.branch}: {names}; name the one to show")
    raise UsageError(nothing_waits(repository))


def named_runs(repository: Repository, names: Sequence[str], choice: str) -> list[RunRecord]:
    """Return the runs with these names, each once, if all can be answered with `choice`.

    Raises `UsageError` for the first that cannot; nothing is done then.
    """
    runs: dict[str, RunRecord] = {}
    for name in names:
        run = repository.runs.find(name, OPEN)
        if is_held(lock := repository.run_lock(run.run_id)):
            raise UsageError(
                f"run {run.run_id} is at work in {holder(lock)}; nothing was done: wait for it, "
                "or leave it out"
            )
        why = _why_not(run, choice)
        if why:
            raise UsageError(f"run {run.run_id} {why}; nothing was done")
        runs[run.run_id] = run
    return list(runs.values())


def to_approve(repository: Repository, named: Sequence[str], *, every: bool) -> list[Waiting]:
    """Return the runs to approve, stack by stack, each before those that build on it.

    Raises `UsageError`, before anything is done, for a named run that cannot be approved.
    """
    if every:
        found = queue_of(repository)
        return [*(Waiting(run, "") for run in (*found.cut_off, *found.blocked)), *found.waiting]
    chosen: list[Waiting] = []
    requested = named_runs(repository, named, "approve")
    for branch in dict.fromkeys(run.branch for run in requested):
        mine = [run for run in requested if run.branch == branch]
        there = on_branch(
            repository, branch, made_on=mine[0].base_commit if mine[0].new_branch else ""
        )
        if there is None:
            raise UsageError(
                f"run {mine[0].run_id} is for the branch {branch}, which is gone; nothing was "
                f"done: `reviewloop checkout {mine[0].run_id} NAME` saves its work"
            )
        chosen += _with_what_they_need(queue_of(there), mine)
    return chosen


def _with_what_they_need(found: Queue, requested: Sequence[RunRecord]) -> list[Waiting]:
    by_id = {one.run.run_id: one for one in found.waiting}
    tops = [by_id[run.run_id] for run in requested if run.run_id in by_id]
    run_ids = with_all_below(tops, found.waiting)
    cut_off = [Waiting(run, "") for run in requested if run.run_id not in by_id]
    return [*cut_off, *(one for one in found.waiting if one.run.run_id in run_ids)]


def with_all_below(tops: Sequence[Waiting], waiting: Sequence[Waiting]) -> set[str]:
    """Return the ids of runs, of those below them, and of the runs of tasks they need."""
    by_commit = {one.commit: one for one in waiting}
    by_id = {one.run.run_id: one for one in waiting}
    found: set[str] = set()
    todo = list(tops)
    while todo:
        run = todo.pop().run
        if run.run_id in found:
            continue
        found.add(run.run_id)
        todo += [by_commit[run.base_commit]] if run.base_commit in by_commit else []
        todo += [by_id[other] for other in runs_needed_by(run, (one.run for one in waiting))]
    return found


def find_missing_task(repository: RunSource, run: RunRecord, there: Collection[str]) -> Task | None:
    """Return a task that a run needs and that is neither done nor in `there`, if any."""
    needs = [need for need in run.options.get("needs", ()) if need not in there]
    if not (run.task_id and needs):
        return None
    spec = open_spec(repository.files, run.spec_path)
    called = run.options.get("needs_called", {})
    tasks = (_needed(repository, spec, need, called.get(need, "")) for need in needs)
    return next((task for task in tasks if task and not is_done(spec, task)), None)


def _needed(repository: RunSource, spec: Spec, need: str, title: str) -> Task | None:
    """Return the task that had this id and title when a run started; its id may have changed."""
    known = spec.by_id.get(need)
    if not title or (known and kept_title(repository, known.title) == title):
        return known
    named = [task for task in spec.tasks if kept_title(repository, task.title) == title]
    return named[0] if len(named) == 1 else None


def missing_task_reason(repository: RunSource, run: RunRecord, need: Task) -> Conflict:
    """Return why a run cannot be rebased onto a branch without this task, and the next command.

    A batch does a rejected task again; a run that is not over is answered first.
    """
    same = need.id in run.options.get("needs", ())
    what = f"task {run.task_id}" if same else f"'{run.title}'"  # the task has another number now
    message = f"{what} needs task {need.id}, which is neither done nor waiting below it"
    for one in repository.runs.all():
        here = one.branch == run.branch and one.spec_path == run.spec_path
        if here and not one.status.over and is_called(repository, one, need.title):
            show = f"reviewloop show {one.run_id}"
            why = f"{message} ({one.run_id} is {one.status}): `{show}`"
            return Conflict(why, show, (one.run_id,))
    return Conflict(f"{message}: {anew_or_not(need.id, run.run_id)}", "reviewloop batch")


def _why_not(run: RunRecord, choice: str) -> str:
    """Return why a run cannot be answered so, or ""."""
    if run.status.over:
        return f"does not wait any more (it is {run.status})"
    if choice != "approve":
        return ""
    if run.status is RunStatus.BLOCKED:
        return f"is blocked ({run.reason}); modify or reject it"
    if is_stopped(run) and run.options.get(ANSWERED) not in {"approve", "rebase"}:
        return f"has nothing to approve yet: `reviewloop resume {run.run_id}` goes on with it"
    return ""


def nothing_waits(repository: Repository) -> str:
    """Return the sentence that nothing waits here, with the runs on other branches."""
    message = f"nothing waits on {repository.user.branch}"
    others = "; ".join(map(str, waiting_elsewhere(repository)))
    return f"{message}; {others or '`reviewloop status` lists the runs'}"


def _positions(repository: RunSource, runs: Sequence[RunRecord]) -> dict[tuple[str, str], int]:
    """Return (spec, task) -> position: in the order of the spec; specs in the order of their first
    run.
    """
    oldest_first = sorted(runs, key=lambda run: run.created_at)
    paths = [run.spec_path for run in oldest_first if run.spec_path]
    positions: dict[tuple[str, str], int] = {}
    for path in dict.fromkeys(paths):
        for task in _tasks_of(repository, path):
            positions[path, task] = len(positions) + 1
    return positions


def _tasks_of(repository: RunSource, spec_path: str) -> list[str]:
    """Return the tasks of a spec; those of the latest batch where the spec file is missing."""
    try:
        return [task.id for task in open_spec(repository.files, spec_path).tasks]
    except ReviewLoopError:
        return repository.tasks_of(spec_path)


NO_ANSWERS: Mapping[str, str] = {}


class ApprovalEstimate(NamedTuple):
    """What approving the queue would do to each run, by id in order."""

    branch: str
    commits: list[str]
    rebases: list[str]
    holds: list[str]

    def __str__(self) -> str:
        """Return it as the end of a sentence."""
        first = (
            f"onto {self.branch} first, then asks you about {'it' if self._one else 'them'} again"
        )
        why = "what has a must fix left, a request not done or does not merge, and what needs that"
        done = {
            "commits": (self.commits, ""),
            "rebases": (self.rebases, f" {first}"),
            "holds": (self.holds, f" ({why})"),
        }
        message = [f"{what} {len(runs)}{more}" for what, (runs, more) in done.items() if runs]
        return "; it ".join(message)

    @property
    def _one(self) -> bool:
        return len(self.rebases) == 1


def estimate_approval(
    repository: RunSource, found: Queue, answers: Mapping[str, str] = NO_ANSWERS
) -> ApprovalEstimate:
    """Return what an approval of everything would do, as far as gates stay green.

    `answers` are run -> an answer on its way to a worker; a run approved by one is left out.
    """
    seen = ApprovalEstimate(found.branch, [], [run.run_id for run in found.cut_off], [])
    holding = Holding()
    for run in found.blocked:
        holding.lacks(run, "", "")
    for one in found.waiting:
        given = answers.get(one.run.run_id, "")
        if given == "approve":
            continue
        held = given or holding.held(one.run, _left(repository, one)) is not None
        if not held and one in found.stacked:
            seen.commits.append(one.run.run_id)
        elif not held and not rebase_obstacle(repository, found, one):
            seen.rebases.append(one.run.run_id)
        else:
            seen.holds.extend([] if given else [one.run.run_id])
            holding.lacks(one.run, one.commit, "")
    return seen


def rebase_obstacle(repository: RunSource, found: Queue, one: Waiting) -> str:
    """Return why a run cannot be rebased onto its branch, or ""."""
    if met := conflict_below(repository, one, found.waiting):
        return str(met)
    path = one.run.spec_path
    there = {other.run.task_id for other in found.waiting if other.run.spec_path == path}
    with suppress(ReviewLoopError):  # approving reports a spec that cannot be read
        if need := find_missing_task(repository, one.run, there):
            return missing_task_reason(repository, one.run, need).why
    return ""


def _left(repository: RunSource, one: Waiting) -> Left:
    return Left() if is_landing(one.run) else left_of(proposal_of(repository, one.run))


def reject_each(
    repository: Repository, runs: Sequence[RunRecord], text: str
) -> Iterator[tuple[RunRecord, tuple[RunRecord, ...]]]:
    """Reject runs; yield each with the runs that were built on it."""
    for run in runs:
        above = _above(repository, run)
        if is_stopped(run):
            yield give_up(repository, run, text), above
        else:
            yield advance(repository, run.run_id, answer=build_answer(run, "skip", text)), above


def after_reject(run: RunRecord, other: RunRecord, stacked: Sequence[RunRecord]) -> str:
    """Return the command for a run built on a rejected one; `stacked` are all such runs."""
    lost: set[str] = set()
    for one in stacked:  # from below, so that the base of each comes before it
        if run.task_id in one.options.get("needs", ()) or one.options.get("stands_on") in lost:
            lost.add(one.run_id)
    if other.run_id in lost:
        return anew_or_not(run.task_id, other.run_id)
    approve = f"`reviewloop queue approve {other.run_id}`"
    return f"{approve} rebases it onto {other.branch} first, then asks you again"


def _above(repository: Repository, run: RunRecord) -> tuple[RunRecord, ...]:
    there = on_branch(repository, run.branch)
    waiting = queue_of(there).waiting if there else ()
    return tuple(
        one.run
        for one in waiting
        if any(below.run.run_id == run.run_id for below in chain_below(one, waiting)[:-1])
    )
