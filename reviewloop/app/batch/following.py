"""Waits, at the end of a batch, for other processes that move a run of it: a person's approval."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from reviewloop.app.batch.line import line_up
from reviewloop.app.batch.sitting import Sitting
from reviewloop.app.batch.stands import Stand
from reviewloop.app.interrupts import asking
from reviewloop.store.locks import holder, is_held
from reviewloop.store.runs import RunRecord

_PATIENCE = 600.0  # seconds for which one process is followed
_LOOK = 0.1
_CALM = 0.5  # so long nobody moves a run: an approval of several takes up one after the other


@dataclass
class Following:
    """What other processes do with runs of a batch; none of its own may be at work."""

    sitting: Sitting
    given_up: set[str] = field(default_factory=set)  # runs that are not waited for any longer

    def waits_for(self, run: RunRecord | None, stand: Stand) -> bool:
        """Whether another process moves this run, which may stand elsewhere then."""
        return stand is Stand.RUNNING and run is not None and run.run_id not in self.given_up

    def is_moved(self, run: RunRecord) -> bool:
        """Whether another process has a run that is none of those at work here."""
        return is_held(self.sitting.repository.run_lock(run.run_id))

    def follow(self) -> bool:
        """Wait until others let go of the runs that keep the line from being straight.

        Returns whether one did. What is in nobody's way is not waited for.
        """
        found = self._in_the_way()
        if not found:
            return False
        locks = [self.sitting.repository.run_lock(run.run_id) for run in found.values()]
        tasks = " and ".join(found)
        moves = f"{holder(locks[0])} {'moves' if len(found) == 1 else 'and others move'}"
        self.sitting.told.opened(f"waits for the end of task {tasks}, which {moves}")
        with asking():
            self._wait()
        stands = self.sitting.stands()
        held = {task for task, run in found.items() if self.is_moved(run)}
        self.given_up |= {found[task].run_id for task in held}
        for task in found.keys() - held:
            if (run := stands[task].run) is not None:
                self.sitting.told.settled(task, run, run.reason)
        return bool(found.keys() - held)

    def _wait(self) -> None:
        """Wait until nobody moves a run of the batch, for a while, or patience ends."""
        open_ones = [one.run for one in self.sitting.stands().values() if one.run]
        open_ones = [run for run in open_ones if not run.status.over]
        calm, until = 0.0, time.monotonic() + _PATIENCE
        while calm < _CALM and time.monotonic() < until:
            time.sleep(_LOOK)
            calm = 0.0 if any(map(self.is_moved, open_ones)) else calm + _LOOK

    def _in_the_way(self) -> Mapping[str, RunRecord]:
        """Return by task the runs that others move and that the line has to wait for."""
        stands = self.sitting.stands()
        runs = {task: one.run for task, one in stands.items() if one.run is not None}
        found = {task: run for task, run in runs.items() if self.waits_for(run, stands[task].stand)}
        waiting = self.sitting.waiting(stands)
        self.sitting.look()
        if found or len(line_up(self.sitting.head, waiting).standing) == len(waiting):
            return found
        # Who is about to move a run has it already, and has not said so yet.
        return {
            task: run
            for task, run in runs.items()
            if stands[task].stand is Stand.WAITING
            and run.run_id not in self.given_up
            and self.is_moved(run)
        }
