"""How many requests this process has under way at once: one number for all its runs."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SLICE = 0.1  # seconds between looks at the clock and the stop signal while waiting


@dataclass(frozen=True, eq=False)
class _Ticket:
    """Somebody's place in the line: whose it is, and how many requests they allow in all."""

    owner: object
    most: int


class Slots:
    """A line before the provider that all runs of a process stand in.

    The next slot goes to who holds the fewest, and of their requests to the oldest. So a run alone
    has all of them, and one with many requests keeps none from starting.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: Counter[object] = Counter()
        self._line: list[_Ticket] = []

    @contextmanager
    def one(self, owner: object, most: int, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a slot and hold it; at most `most` requests of all owners are under way then.

        `check` raises when `owner` may not wait any longer, or not ask any more.
        """
        ticket = _Ticket(owner, most)
        self._wait(ticket, check)
        try:
            check()  # the slot may have come with the end
            yield
        finally:
            self._give_back(owner)

    def _wait(self, mine: _Ticket, check: Callable[[], None]) -> None:
        with self._changed:
            self._line.append(mine)
            try:
                # Who is first waits although another owner allows more; or they would never go.
                while self._first() is not mine or self._held.total() >= mine.most:
                    self._changed.wait(_SLICE)
                    check()
                self._held[mine.owner] += 1
            finally:
                self._line.remove(mine)
                self._changed.notify_all()  # somebody else is first now, and may go as well

    def _first(self) -> _Ticket:
        return min(self._line, key=lambda ticket: self._held[ticket.owner])

    def _give_back(self, owner: object) -> None:
        with self._changed:
            self._held[owner] -= 1
            self._held += Counter()  # forgets who holds none
            self._changed.notify_all()


OF_THIS_PROCESS = Slots()
