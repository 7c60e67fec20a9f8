"""Where the tasks of a sitting stand: gone through only after a change, for a batch can be long."""

from collections.abc import Mapping

from reviewloop.app.batch.line import Waiting, waiting_in
from reviewloop.app.batch.stands import TaskRun, counting, stands_now
from reviewloop.app.project import Repository
from reviewloop.store.runs import RunRecord, RunStatus


class Looks:
    """What the last look found; each task of a batch asks for it some five times."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()  # what it is true of
        self._still: dict[str, TaskRun] = {}
        self._moving: dict[str, RunRecord] = {}  # these may end without being saved again
        self._line: list[Waiting] | None = None  # what waits, by what stands still
        self._waiting: dict[str, Waiting] = {}

    def stands(
        self, repository: Repository, of: tuple[str, str, str], titles: Mapping[str, str]
    ) -> Mapping[str, TaskRun]:
        """Return where each of the tasks stands that `titles` names, in that order.

        Nobody changes the records in it: they are those of the next look as well.
        """
        seen = (repository.runs.seen(), of, titles)
        if seen != self._seen:
            found = counting(repository, repository.runs.looked(), of, titles)
            self._moving = {t: run for t, run in found.items() if run.status is RunStatus.RUNNING}
            self._still = stands_now(repository, found, titles)
            self._seen = seen
            self._line = None
        if not self._moving:
            return self._still
        return {**self._still, **stands_now(repository, self._moving, self._moving)}

    def waiting(self, repository: Repository, stands: Mapping[str, TaskRun]) -> list[Waiting]:
        """Return the runs that can be approved, in the order of their tasks."""
        if stands is not self._still:
            return self._waiting_of(repository, stands)
        if self._line is None:
            self._line = self._waiting_of(repository, stands)
        return [*self._line]

    def _waiting_of(self, repository: Repository, stands: Mapping[str, TaskRun]) -> list[Waiting]:
        found = []
        for run in (one.run for one in stands.values() if one.run is not None):
            known = self._waiting.get(run.run_id)
            if known is not None and known.run is run:
                found.append(known)
            elif fresh := waiting_in(repository, [run]):
                self._waiting[run.run_id] = fresh[0]
                found += fresh
        return found
