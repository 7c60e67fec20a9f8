"""What has to be known of runs to say how far they are, wherever their files are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from reviewloop.store.runs import RunRecord, RunStore

if TYPE_CHECKING:
    from reviewloop.app.project import Repository
    from reviewloop.domain.batch_report import RunReport
    from reviewloop.llm.budget import Spent
    from reviewloop.render.proposal import Proposal
    from reviewloop.specs.files import Files
    from reviewloop.store.batches import Session


class RunSource(Protocol):
    """The runs of a branch: in the files of a `Repository`, or as workers reported them."""

    @property
    def runs(self) -> RunStore:
        """The table of the runs."""
        ...

    @property
    def branch(self) -> str | None:
        """The branch that is looked at, None when HEAD is detached."""
        ...

    @property
    def head(self) -> str | None:
        """The commit of that branch when it was looked at."""
        ...

    @property
    def checkout(self) -> "Repository | None":
        """The checkout of the branch, None where it is known by reports only."""
        ...

    @property
    def by_workers(self) -> bool:
        """Whether workers move the runs, not this command."""
        ...

    @property
    def files(self) -> "Files":
        """The files of the branch."""
        ...

    def head_of(self, branch: str) -> str:
        """Return the commit of a branch as it is now, "" when there is none."""
        ...

    def is_clean(self) -> bool:
        """Return whether the checkout is known to have no uncommitted edits."""
        ...

    def is_at_work(self, run_id: str) -> bool:
        """Return whether somebody moves a run at this moment."""
        ...

    def is_batch_at_work(self, batch_id: str) -> bool:
        """Return whether somebody goes on with a batch at this moment."""
        ...

    def sessions(self, batch_id: str) -> "Sequence[Session]":
        """Return when the batch was at work, none where workers did it."""
        ...

    def tasks_of(self, spec_path: str) -> list[str]:
        """Return the tasks of a spec as the latest batch took them."""
        ...

    def stored_title(self, title: str) -> str:
        """Return a title as records hold it, without secrets."""
        ...

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return what a run proposes, None when it has not come so far."""
        ...

    def commit_of(self, run: RunRecord) -> str:
        """Return the commit that a run proposes, "" where there is none to approve."""
        ...

    def spent(self, run: RunRecord) -> "Spent":
        """Return what the model calls of a run have used."""
        ...

    def reported(self, run: RunRecord) -> "RunReport | None":
        """Return what a worker reported of a run; None where its own files tell that."""
        ...
