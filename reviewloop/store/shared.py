"""`Shared`: the store from which another machine can continue a run."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.rates import Rates
    from reviewloop.store.runs import RunRecord


class Shared(Protocol):
    """Stores copies of a repository's run folders."""

    @property
    def database(self) -> "Database":
        """The database, which also has the checkpoints."""
        ...

    @property
    def rates(self) -> "Rates":
        """The limits on model calls that all machines share."""
        ...

    def ship(self, run_id: str) -> None:
        """Copy what is new in a run's folder there; it is durable when this returns.

        Raises `StoreError`; nothing that was not copied may be used then.
        """
        ...

    def publish(self, record: "RunRecord", commit: str) -> None:
        """Push an approved commit to the run's branch, and record that.

        Repeated, it is pushed once. Raises `WorkspaceError` when the remote refuses it or cannot be
        reached; nothing is changed then, and the run can be approved again.
        """
        ...
