"""The line of runs that wait for approval: each stands on the commit of the one before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reviewloop.app.project import Repository
from reviewloop.app.run.answers import is_stopped
from reviewloop.git.commits import Base
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import ANSWERED, RunRecord, RunStatus


@dataclass(frozen=True)
class Waiting:
    """A finished run and the commit that it proposes."""

    run: RunRecord
    commit: str  # which only the run's private repository has


@dataclass(frozen=True)
class Line:
    """What waits: `standing` follows the branch without a gap, `stale` stands on another commit."""

    standing: tuple[Waiting, ...]
    stale: tuple[Waiting, ...]


def base_on(repository: Repository, below: Waiting) -> Base:
    """Return the base of a run that stands on this one."""
    private = repository.run_folder(below.run.run_id) / "git"
    return Base(below.commit, private, below.run.base_commit, repository.folder / "line")


def waiting_in(repository: Repository, records: Iterable[RunRecord]) -> list[Waiting]:
    """Return those of the runs that can be approved, in the given order."""
    return _proposed(repository, (one for one in records if one.status is RunStatus.WAITING))


def landing_in(repository: Repository, records: Iterable[RunRecord]) -> list[Waiting]:
    """Return those that can be approved or are approved and not committed yet."""
    return _proposed(
        repository, (one for one in records if one.status is RunStatus.WAITING or is_landing(one))
    )


def is_landing(record: RunRecord) -> bool:
    """Whether a run was approved and is on its way to the branch, or was cut off there."""
    return is_stopped(record) and record.options.get(ANSWERED) == "approve"


def _proposed(repository: Repository, records: Iterable[RunRecord]) -> list[Waiting]:
    found, runs = [], f"{repository.folder}/runs"
    for record in records:
        if not record.proposal:
            continue
        # The folders of all that wait, looked at before every step, were most of what a look cost.
        if commit := _commit_in(f"{runs}/{record.run_id}", record.proposal):
            found.append(Waiting(record, commit))
    return found


@lru_cache(maxsize=4096)
def _commit_in(run: str, proposal: str) -> str:
    """Return the commit of a proposal; what an id names never changes."""
    return str(Blobs(Path(run) / "blobs").get_json(proposal)["commit"] or "")


def line_up(head: str, waiting: Sequence[Waiting]) -> Line:
    """Return the line above `head`; of several on the same commit the first given is in it."""
    above: dict[str, Waiting] = {}
    for one in reversed(waiting):
        above[one.run.base_commit] = one
    standing: dict[str, Waiting] = {}
    at = head
    while (following := above.get(at)) is not None and following.run.run_id not in standing:
        standing[following.run.run_id] = following
        at = following.commit
    stale = tuple(one for one in waiting if one.run.run_id not in standing)
    return Line(tuple(standing.values()), stale)


def in_stacks(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return the runs so that each stack stays together, what others stand on first.

    Stacks, and what stands on the same commit, keep the given order, except that nothing comes
    before what its task needs.
    """
    commits = {one.commit for one in waiting}
    roots = [one for one in waiting if one.run.base_commit not in commits]
    on: dict[str, list[Waiting]] = {}
    for one in waiting:
        on.setdefault(one.run.base_commit, []).append(one)
    stacks = [_stack(root, on) for root in roots]
    ordered: list[Waiting] = []
    while stacks:
        later = {(one.run.spec_path, one.run.task_id) for stack in stacks for one in stack}
        ready = (stack for stack in stacks if not _needs_of(stack) & later)
        stacks.remove(first := next(ready, stacks[0]))
        ordered += first
    known = {one.run.run_id for one in ordered}
    return [*ordered, *(one for one in waiting if one.run.run_id not in known)]


def _stack(root: Waiting, on: Mapping[str, Sequence[Waiting]]) -> list[Waiting]:
    found, todo = [], [root]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += reversed([other for other in on.get(one.commit, ()) if other not in found])
    return found


def _needs_of(stack: Sequence[Waiting]) -> set[tuple[str, str]]:
    """Return what the tasks of a stack need that is not in it."""
    own = {(one.run.spec_path, one.run.task_id) for one in stack}
    runs = [one.run for one in stack]
    needs = {(run.spec_path, need) for run in runs for need in run.options.get("needs", ())}
    return needs - own
