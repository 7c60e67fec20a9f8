"""The line of runs that wait for approval: each stands on the commit of the one before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from reviewloop.output.proposal import Proposal
from reviewloop.runs.repository import Repository
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord, RunStatus
from reviewloop.workspace.stacked import Base
from reviewloop.workspace.userrepo import discover


@dataclass(frozen=True)
class Waiting:
    """A finished run and the commit that it proposes."""

    run: RunRecord
    commit: str  # which only the run's private repository has


@dataclass(frozen=True)
class Line:
    """What waits: `standing` follows the branch without a gap, `stale` stands on another commit."""

    head: str
    standing: tuple[Waiting, ...]
    stale: tuple[Waiting, ...]

    def place_of(self, run_id: str) -> int | None:
        """Return the place of a run in the line, None when it is not in it."""
        places = {one.run.run_id: place for place, one in enumerate(self.standing)}
        return places.get(run_id)

    def top(self, repository: Repository) -> Base | None:
        """Return where a run starts that comes after all of the line; None: the branch itself."""
        return base_on(repository, self.standing[-1]) if self.standing else None


def base_on(repository: Repository, below: Waiting) -> Base:
    """Return the base of a run that stands on this one."""
    private = repository.run_folder(below.run.run_id) / "git"
    return Base(below.commit, private, below.run.base_commit, repository.folder / "line")


def proposal_of(repository: Repository, record: RunRecord) -> Proposal | None:
    """Return what a run proposes, None when it has not come so far."""
    if not record.proposal:
        return None
    blobs = Blobs(repository.run_folder(record.run_id) / "blobs")
    proposal: Proposal = blobs.get_json(record.proposal)
    return proposal


def waiting_in(repository: Repository, records: Iterable[RunRecord]) -> list[Waiting]:
    """Return those of the runs that can be approved, in the given order."""
    found = []
    for record in records:
        if record.status is RunStatus.WAITING and record.proposal:
            folder = repository.run_folder(record.run_id)
            if commit := _commit_in(folder / "blobs", record.proposal):
                found.append(Waiting(record, commit))
    return found


@lru_cache(maxsize=4096)
def _commit_in(blobs: Path, proposal: str) -> str:
    """Return the commit of a proposal; what an id names never changes."""
    return str(Blobs(blobs).get_json(proposal)["commit"] or "")


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
    return Line(head, tuple(standing.values()), stale)


def looked_again(repository: Repository) -> Repository:
    """Return the repository as it is now: an approval has moved its branch."""
    return replace(repository, user=discover(repository.user.root))
