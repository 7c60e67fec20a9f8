"""What `queue approve --all` would do with what waits: said before anybody does it."""

from contextlib import suppress
from typing import NamedTuple

from reviewloop.app.batch.conflicts import conflict_below
from reviewloop.app.batch.holding import Holding
from reviewloop.app.batch.line import Waiting, is_landing
from reviewloop.app.batch.queue import Queue, lacking, what_lacks
from reviewloop.app.project import Repository
from reviewloop.app.run.view import proposal_of
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.render.proposal import Left, left_of


class Foreseen(NamedTuple):
    """What becomes of which run; all of them by id, in the order in which they are taken."""

    branch: str
    commits: list[str]
    brings: list[str]
    holds: list[str]

    def __str__(self) -> str:
        """Return it as the end of a sentence."""
        first = (
            f"onto {self.branch} first, then asks you about {'it' if self._one else 'them'} again"
        )
        why = "what has a must fix left, a request not done or does not merge, and what needs that"
        done = {
            "commits": (self.commits, ""),
            "rebases": (self.brings, f" {first}"),
            "holds": (self.holds, f" ({why})"),
        }
        said = [f"{what} {len(runs)}{more}" for what, (runs, more) in done.items() if runs]
        return "; it ".join(said)

    @property
    def _one(self) -> bool:
        return len(self.brings) == 1


def foreseen(repository: Repository, found: Queue) -> Foreseen:
    """Return what an approval of everything would do; gates that turn red nobody foresees."""
    seen = Foreseen(found.branch, [], [run.run_id for run in found.cut_off], [])
    holding = Holding()
    for run in found.blocked:
        holding.lacks(run, "", "")
    for one in found.waiting:
        held = holding.held(one.run, _left(repository, one)) is not None
        if not held and one in found.standing:
            seen.commits.append(one.run.run_id)
        elif not held and not hindrance(repository, found, one):
            seen.brings.append(one.run.run_id)
        else:
            seen.holds.append(one.run.run_id)
            holding.lacks(one.run, one.commit, "")
    return seen


def hindrance(repository: Repository, found: Queue, one: Waiting) -> str:
    """Return why a run cannot be brought onto its branch, "" if it may."""
    if why := conflict_below(repository, one, found.waiting):
        return why
    path = one.run.spec_path
    there = {other.run.task_id for other in found.waiting if other.run.spec_path == path}
    with suppress(ReviewLoopError):  # a spec that cannot be read is told when it is approved
        if need := lacking(repository, one.run, there):
            return what_lacks(repository, one.run, need)[0]
    return ""


def _left(repository: Repository, one: Waiting) -> Left:
    return Left() if is_landing(one.run) else left_of(proposal_of(repository, one.run))
