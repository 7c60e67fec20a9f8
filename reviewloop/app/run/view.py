"""Reads a run without moving it: its proposal, diff and files, from blobs and git objects."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

from reviewloop.app.project import Repository
from reviewloop.app.redactors import QuotedSecrets, redactor_of
from reviewloop.app.run_source import RunSource
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.domain.finding import Finding
from reviewloop.git.interdiff import interdiff
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import dirty_files
from reviewloop.render.proposal import BaseInfo, Proposal
from reviewloop.secrets import Redactor
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class RunView:
    """A run that has a proposal, with its private repository and redactor."""

    record: RunRecord
    proposal: Proposal
    private: PrivateRepo
    redactor: Redactor

    def diff(self) -> str:
        """Return the whole change as a unified diff, redacted, as output is kept in logs."""
        change = self.private.change(self.proposal["base_tree"], self.proposal["tree"])
        text = change.patch()
        for file in change.files:
            text = self._quoted.without(file.path, text)
        return self.redactor.for_people(text)

    def lines(self, path: str) -> list[str] | None:
        """Return the lines of a file after the change, redacted; None when it is no text file."""
        text = self._text(path)
        if text is None:
            return None
        return self.redactor.for_people(self._quoted.without(path, text)).split("\n")

    @cached_property
    def _quoted(self) -> QuotedSecrets:
        findings = map(Finding.model_validate, self.proposal.get("findings", ()))
        return QuotedSecrets(findings, self._text)

    def _text(self, path: str) -> str | None:
        data = self.private.read(self.proposal["tree"], path)
        if data is None or b"\0" in data[:8000]:
            return None
        return data.decode("utf-8", "replace")


def current_proposal(repository: Repository, seen: RunView) -> Proposal:
    """Return a proposal with what blocks it now: a moved branch, conflicts, uncommitted edits.

    Edits are looked up in the checkout, if that is on the run's branch.
    """
    record, user, found = seen.record, repository.user, seen.proposal
    if record.status is not RunStatus.WAITING:
        return found
    now = _behind(repository, record)
    base: BaseInfo = {**found["base"], "behind": now}
    if now and (why := record.conflict_with(now)):
        base["conflict"] = why
    found = {**found, "base": base}
    if record.branch != user.branch:
        return found
    touched = {path for file in found["files"] for path in (file["path"], file.get("old_path", ""))}
    with suppress(WorkspaceError):  # approving reports what is wrong with the checkout
        edited = [path for path in dirty_files(user) if path in touched]
        return {**found, "base": {**found["base"], "edited": edited}}
    return found


def _behind(repository: Repository, record: RunRecord) -> str:
    """Return the head of the run's branch if that is not the run's base, else ""."""
    now = repository.head_of(record.branch)
    return "" if now == record.base_commit else now


@contextmanager
def view(repository: Repository, record: RunRecord) -> Iterator[RunView]:
    """Yield the view of a run; raises `UsageError` when it has nothing to show yet."""
    if not record.proposal:
        raise UsageError(
            f"run {record.run_id} has nothing to show yet (it is {record.status}); "
            f"`reviewloop logs {record.run_id}` tells what it does"
        )
    folder = repository.run_folder(record.run_id)
    proposal: Proposal = Blobs(folder / "blobs").get_json(record.proposal)
    private = PrivateRepo.open(folder / "git")
    try:
        redactor = redactor_of(repository.user)
        yield RunView(record, proposal, private, redactor)
    finally:
        private.close()


def differs_since(repository: Repository, before: RunRecord, after: RunRecord) -> str:
    """Return the difference between two versions of a run's change as a redacted diff, or ""."""
    old, new = proposal_of(repository, before), proposal_of(repository, after)
    if old is None or new is None:
        return ""
    with view(repository, after) as seen:
        was = seen.private.change(old["base_tree"], old["tree"])
        now = seen.private.change(new["base_tree"], new["tree"])
        return "".join(interdiff(was, now, seen.redactor.for_people).values())


def run_object(record: RunRecord, proposal: Proposal | None) -> dict[str, object]:
    """Return a run and its proposal as the values that `--json` prints."""
    body = record.plain()
    del body["nonce"], body["because"]
    return {**body, "status": str(record.status), "proposal": proposal or None}


def proposal_of(repository: RunSource, record: RunRecord) -> Proposal | None:
    """Return the proposal of a run, None when it has none yet."""
    return repository.proposal(record)
