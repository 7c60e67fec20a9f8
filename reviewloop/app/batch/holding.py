"""What an approval of everything holds: here, and behind a store, for the same reasons."""

from typing import NamedTuple

from reviewloop.app.batch.needing import needed_of
from reviewloop.render.proposal import Left
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

    def held(self, run: RunRecord, left: Left, brought_to: str = "") -> Held | None:
        """Return why a run is not to be approved, None if it is.

        Its must-fix findings and the wishes that were not done hold it; `left` has none for a run
        that a person named, knowing them. `brought_to`: the branch that it would come to first, ""
        when it stands there.
        """
        if below := self._commits.get(run.base_commit):
            return Held(f"it builds on {below[0]}, which was not committed", below[1])
        goes_on = {other.run_id: following for other, following in self._runs}
        for other, need in needed_of(run, (other for other, _ in self._runs)).items():
            return Held(f"it needs task {need}, and {other} was not committed", goes_on[other])
        if left.red:
            flag = " --with-must-fix" if left.must_fix else ""
            naming = f"naming it with{flag}" if flag else "naming it"
            what = (
                f"{naming} rebases it onto {brought_to} first, and asks again if anything meets it"
                if brought_to
                else f"only {naming} commits that all the same"
            )
            return Held(f"{left}; {what}", f"reviewloop queue approve {run.run_id}{flag}")
        return None
