"""Tasks that cannot begin: told as their own failure, or once if it is the same for all."""

from collections.abc import Collection, Iterable

from reviewloop.app.batch.sitting import Sitting
from reviewloop.app.batch.stands import Stand
from reviewloop.domain.errors import UsageError
from reviewloop.specs.order import Step

INTERRUPTED = "interrupted; nothing is lost: the same command goes on"


class Refusals:
    """Collects what kept tasks from beginning; it is told once another began, or at the end."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self._untold: list[tuple[Step, UsageError]] = []

    def add(self, step: Step, error: UsageError) -> None:
        """Take a task that cannot begin for failed."""
        self._sitting.record.held[step.task.id] = str(error)
        self._sitting.record.refused.append(step.task.id)
        self._untold.append((step, error))

    def tell(self) -> None:
        """Tell what was not told yet, task by task."""
        for step, error in self._untold:
            self._sitting.told.opened(f"{step.task.id} {step.task.title}: cannot begin: {error}")
        self._untold.clear()

    def end(self, *, began: bool) -> None:
        """Raise what kept every task from beginning, if it was the same; else tell the rest."""
        if not began and len({str(error) for _, error in self._untold}) == 1:
            raise self._untold[0][1]
        self.tell()


def old_failure(sitting: Sitting) -> str:
    """Return why nothing is begun: what is blocked still was to stop the batch; "" to go on.

    Who is asked at every task can answer that one, too.
    """
    if not sitting.asked.until_failure or sitting.record.mode == "each":
        return ""
    stands = sitting.stands()
    blocked = next((task for task, one in stands.items() if one.stand is Stand.BLOCKED), "")
    return blocked and still_blocked(blocked)


def is_answered(reason: str, blocked: Collection[str], tasks: Iterable[str]) -> bool:
    """Whether a batch began nothing for a blocked task, and somebody answered that since."""
    return any(reason == still_blocked(task) for task in tasks if task not in blocked)


def still_blocked(task: str) -> str:
    """Return why a batch that is to stop at a failure begins nothing."""
    return (
        f"task {task} is blocked still (--until-failure): answer it, or leave --until-failure "
        "out to go on with what does not need it"
    )
