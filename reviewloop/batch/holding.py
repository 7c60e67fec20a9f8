"""What an approval of everything holds: here, and behind a store, for the same reasons."""

from typing import NamedTuple

from reviewloop.batch.needing import needed_of
from reviewloop.store.runs import RunRecord


class Held(NamedTuple):
    """Why a run is not approved, and the command that goes on from there."""

    why: str
    next: str


class Holding:
    """Knows what will not be on a branch: nothing that stands on it or needs it gets there."""

    def __init__(self) -> None:
        self._commits: dict[str, tuple[str, str]] = {}  # of each its run, and how that goes on
        self._runs: list[tuple[RunRecord, str]] = []  # of tasks

    def lacks(self, run: RunRecord, commit: str, following: str) -> None:
        """Remember a run that was not approved, and what goes on with it."""
        self._commits[commit] = (run.run_id, following)
        if run.task_id:
            self._runs.append((run, following))

    def held(self, run: RunRecord, red: int, left: str = "", brought_to: str = "") -> Held | None:
        """Return why a run is not to be approved, None if it is.

        `red` counts what holds it, and `left` says that in words: its must-fix findings and the
        wishes that were not done; 0 for a run that a person named, knowing them. `brought_to`: the
        branch that it would come to first, "" when it stands there.
        """
        if below := self._commits.get(run.base_commit):
            return Held(f"it stands on {below[0]}, which was not committed", below[1])
        goes_on = {other.run_id: following for other, following in self._runs}
        for other, need in needed_of(run, (other for other, _ in self._runs)).items():
            return Held(f"it needs task {need}, and {other} was not committed", goes_on[other])
        if red:
            naming = (
                f"naming it brings it to {brought_to} first, then asks you again"
                if brought_to
                else "only naming it commits that all the same"
            )
            why = f"{left or f'{red} must fix left'}; {naming}"
            return Held(why, f"reviewloop queue approve {run.run_id}")
        return None
