"""`RunSource`: what reports need to know about runs, wherever these are stored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from reviewloop.store.runs import RunRecord, RunStore

if TYPE_CHECKING:
    from reviewloop.app.project import Repository
    from reviewloop.domain.batch_report import Figures, RunReport
    from reviewloop.llm.budget import Spent
    from reviewloop.render.proposal import Proposal
    from reviewloop.specs.files import Files
    from reviewloop.store.batches import Session


class RunSource(Protocol):
    """The runs of a branch: from the files of a `Repository`, or as workers reported them."""

    @property
    def runs(self) -> RunStore:
        """The table of runs."""
        ...

    @property
    def branch(self) -> str | None:
        """The branch, None when HEAD is detached."""
        ...

    @property
    def head(self) -> str | None:
        """The commit of that branch when it was read."""
        ...

    @property
    def checkout(self) -> "Repository | None":
        """The checkout of the branch, None where only reports are known."""
        ...

    @property
    def by_workers(self) -> bool:
        """Whether workers advance the runs, not this command."""
        ...

    @property
    def files(self) -> "Files":
        """The files of the branch."""
        ...

    def head_of(self, branch: str) -> str:
        """Return the current commit of a branch, "" when there is none."""
        ...

    def is_clean(self) -> bool:
        """Return whether the checkout is known to have no uncommitted edits."""
        ...

    def is_at_work(self, run_id: str) -> bool:
        """Return whether a process or worker advances a run now."""
        ...

    def is_batch_at_work(self, batch_id: str) -> bool:
        """Return whether a process or worker works on a batch now."""
        ...

    def sessions(self, batch_id: str) -> "Sequence[Session]":
        """Return the sessions of a batch, none where workers did it."""
        ...

    def tasks_of(self, spec_path: str) -> list[str]:
        """Return the tasks of a spec as the latest batch took them."""
        ...

    def stored_title(self, title: str) -> str:
        """Return a title as records hold it, redacted."""
        ...

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return the proposal of a run, None when it has none yet."""
        ...

    def commit_of(self, run: RunRecord) -> str:
        """Return the commit that a run proposes, "" where there is none to approve."""
        ...

    def spent(self, run: RunRecord) -> "Spent":
        """Return the usage of a run's model calls."""
        ...

    def figures(self, run: RunRecord) -> "Figures":
        """Return the figures of a run's proposal; zeros without one."""
        ...

    def reported(self, run: RunRecord) -> "RunReport | None":
        """Return the row that a worker reported; None where the run's own files are available."""
        ...
