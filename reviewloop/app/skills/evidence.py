"""Collects evidence of how runs went: users' own texts, and facts of gates and reviews."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from pydantic import ValidationError

from reviewloop.app.project import Repository
from reviewloop.app.run.answers import user_name
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.finding import Finding, Status
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.review.silencing import is_user_dismissal, reason_of
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import read_events
from reviewloop.store.runs import RunRecord

_ANSWERS = {"modify": "the user wanted changed", "skip": "the user rejected it"}
_MOST = 60  # pieces


@dataclass(frozen=True)
class Evidence:
    """One event of a run, and its source."""

    id: str  # E1, E2 ...: the id used by edits
    source: str  # a run, a file, or the command line
    text: str

    @property
    def line(self) -> str:
        """Return it as one line."""
        return f"{self.id} ({self.source}): {' '.join(self.text.split())}"


def evidence_of(
    repository: Repository, runs: Sequence[RunRecord], texts: Sequence[tuple[str, str]] = ()
) -> list[Evidence]:
    """Return numbered evidence from these runs and these (source, text) pairs."""
    found = [pair for run in runs for pair in _of_run(repository, run)]
    pairs = [*texts, *found][:_MOST]
    return [Evidence(f"E{n}", source, text) for n, (source, text) in enumerate(pairs, 1)]


def words_of(repository: Repository, run: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield (choice, text) of the answers that this machine's user gave in a run."""
    here = user_name()
    for event, _ in read_events(repository.run_folder(run.run_id) / "events.jsonl"):
        choice, text = str(event.get("choice", "")), str(event.get("text", "")).strip()
        own = event.get("kind") == "answer" and event.get("by") == here
        if own and choice in _ANSWERS and text:
            yield choice, text


def failed_gates(repository: Repository, run: RunRecord) -> list[str]:
    """Return the names of the gates that were red when a run last asked."""
    records = _proposal(repository, run).get("gates", ())
    gates = [GateResult.from_plain(record) for record in records]
    return [gate.name for gate in gates if gate.status is GateStatus.FAILED]


def _of_run(repository: Repository, run: RunRecord) -> Iterator[tuple[str, str]]:
    source = f"run {run.run_id}"
    yield source, f"its task was: {run.instruction or run.title}"
    for choice, text in words_of(repository, run):
        yield source, f"{_ANSWERS[choice]}: {text}"
    proposal = _proposal(repository, run)
    for record in proposal.get("findings", ()):
        with suppress(ValidationError):  # another release wrote it
            finding = Finding.model_validate(record)
            if is_user_dismissal(finding):
                yield source, f"the user dismissed {finding.title!r}: {reason_of(finding)}"
            elif finding.status is Status.FIXED and finding.severity.actionable:
                yield source, f"the reviewers had to have fixed: {finding.title}"
            elif finding.status in {Status.OPEN, Status.UNRESOLVED}:
                yield source, f"this was left: {finding.title}"
    for record in proposal.get("gates", ()):
        gate = GateResult.from_plain(record)
        if gate.status is GateStatus.FAILED:
            yield source, f"the gate {gate.name} failed: {gate.summary}"


def _proposal(repository: Repository, run: RunRecord) -> "dict[str, list[dict[str, object]]]":
    if not run.proposal:
        return {}
    with suppress(WorkspaceError, ValueError):  # damaged: `resume` reports it
        found: dict[str, list[dict[str, object]]] = Blobs(
            repository.run_folder(run.run_id) / "blobs"
        ).get_json(run.proposal)
        return found
    return {}
