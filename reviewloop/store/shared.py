"""What a run needs when several machines share it: a place that another machine can go on from."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.rates import Rates


class Shared(Protocol):
    """Where the run folders of a repository are kept a second time."""

    @property
    def database(self) -> "Database":
        """The database, in which the run's checkpoints stand as well."""
        ...

    @property
    def rates(self) -> "Rates":
        """The limits on model calls that all machines share."""
        ...

    def ship(self, run_id: str) -> None:
        """Bring what is new in a run's folder there; it is durable when this returns.

        Raises `StoreError`; nothing may be used then that was not brought.
        """
        ...
