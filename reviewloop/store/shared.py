"""What a run needs when several machines share it: a place that another machine can go on from."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reviewloop.store.postgres.database import Database
    from reviewloop.store.rates import Rates
    from reviewloop.store.runs import RunRecord


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

    def publish(self, record: "RunRecord", commit: str) -> None:
        """Push what was approved to the run's branch, and note it in the record.

        Done twice it is pushed once. Raises `WorkspaceError` when the remote refuses it or is out
        of reach; nothing is changed then, and the run can be approved again.
        """
        ...
