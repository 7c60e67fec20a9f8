"""What every provider offers the door: one attempt at one reply, without retries of its own."""

from collections.abc import Callable
from typing import Protocol

from reviewloop.models.messages import ModelRequest, Reply
from reviewloop.store.journal import CallKey


class Provider(Protocol):
    """One model, safe to ask from several threads."""

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the reply; call `on_first` when its first event has arrived."""
        ...

    def warm_up(self) -> None:
        """Load what the first call would load."""
        ...
