"""Hears what a batch tells people, and keeps what its account needs of it."""

from collections.abc import Collection, Mapping
from typing import Any

from reviewloop.app.batch.reasons import NOT_COMMITTED, STANDS_ON, not_committed
from reviewloop.app.batch.sitting import Told
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import head_now
from reviewloop.store.batches import BatchRecord, BatchStore, SittingClock
from reviewloop.store.runs import RunRecord, RunStatus

_LEFT_TO_A_PERSON = {RunStatus.WAITING, RunStatus.BLOCKED}


class Noting:
    """Stands between a batch and whoever shows it to people; see `Told`."""

    def __init__(
        self,
        told: Told,
        repository: Repository,
        store: BatchStore,
        record: BatchRecord,
        clock: SittingClock | None = None,  # workers sit together, so none tells the time
    ) -> None:
        self._told, self._clock = told, clock
        self._repository, self._store, self._record = repository, store, record

    def opened(self, sentence: str) -> None:
        """Hand on how the batch begins."""
        self._told.opened(sentence)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """Hand on what there is to do."""
        self._told.planned(titles, left)

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        """Hand on that a run is at work: what was said of it before holds no more.

        But for why it could not be committed: it is only brought behind others.
        """
        self._seen()
        if not (run.status is RunStatus.WAITING and self._kept(run).startswith(NOT_COMMITTED)):
            self._record.said.pop(run.run_id, None)
        self._told.begun(task, run, below)

    def event(self, task: str, event: Mapping[str, Any]) -> None:
        """Hand on what a run told; from any thread."""
        self._seen()
        self._told.event(task, event)

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        """Hand on that a run stands still, and keep why when that stands nowhere else."""
        self._seen()
        if kept := self._to_keep(run, why):
            head = head_now(self._repository, self._repository.user.branch or "")
            self._record.said[run.run_id] = [run.proposal, head, kept]
            self._store.save(self._record)
        self._told.settled(task, run, why)

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        """Hand on a question, and the answer."""
        return self._told.ask(repository, run)

    def _to_keep(self, run: RunRecord, why: str) -> str:
        """Return what the account has to know that stands nowhere else, "" for nothing."""
        if run.status is RunStatus.WAITING and run.reason:
            return not_committed(run)  # its record forgets that when it is brought elsewhere
        if why and why != run.reason and run.status in _LEFT_TO_A_PERSON:
            return "" if why.startswith(STANDS_ON) else why  # the account looks what it builds on
        return "" if why else self._kept(run)

    def _kept(self, run: RunRecord) -> str:
        return str(self._record.said.get(run.run_id, ("",))[-1])

    def _seen(self) -> None:
        if self._clock is not None:
            self._clock.seen()
