"""The artifact from the job with a model to the job that may write: one JSON file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.artifacts.report import FactsPart, Middle, NoCommit, ReportPart, Strict
from reviewloop.github.job.event import Trigger
from reviewloop.github.job.outcome import JobOutcome, failure_outcome, write_file
from reviewloop.github.posting.postable import PostableReview

LARGEST = 32 * 1024 * 1024  # bytes
_NAME = r"[A-Za-z0-9._-]{1,100}"


class Artifact(Strict):
    """A review of one commit of one pull request; without a report it was not reviewed."""

    kind: Literal["reviewloop-review"] = "reviewloop-review"
    version: Literal[1] = 1
    repository: Annotated[str, Field(pattern=rf"^{_NAME}/{_NAME}$")]
    pull: int = Field(ge=1, le=10**9)
    base: NoCommit
    head: NoCommit  # "" only where GitHub could not be queried for it
    status: Status
    exit_code: Literal[0, 1, 2, 4, 5]
    reason: Middle
    report: ReportPart | None = None
    facts: FactsPart | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.report is None) != (self.facts is None):
            raise ValueError("a report comes with facts")
        if self.report is None and self.status not in {Status.SKIPPED, Status.REVIEW_ERROR}:
            raise ValueError(f"{self.status} takes a report")
        if self.report and not (self.base and self.head):
            raise ValueError("a report is about two commits")
        if self.status is Status.REVIEW_ERROR and self.exit_code not in {2, 5}:
            raise ValueError("an error has an exit code")
        return self

    def reading(
        self, *, redact: Callable[[str], str], rendered: Callable[[str], str]
    ) -> PostableReview:
        """Return the review to post; `redact` takes secrets out of texts, `rendered` out of
        comments.
        """
        if self.report is None or self.facts is None:
            raise UsageError("the artifact holds no review")
        report = self.report.report(redact, base=self.base, head=self.head)
        facts = self.facts.facts()
        shown = {finding.id for finding in report.findings if finding.replacement is not None}
        locations = {
            n: s._replace(offers=s.offers and n in shown) for n, s in facts.locations.items()
        }
        return PostableReview(report, replace(facts, locations=locations), rendered, redact)


def artifact_of(
    reading: PostableReview, pull: PullRequest, status: Status, exit_code: int, reason: str
) -> Artifact:
    """Return the artifact of a review; raise ValidationError for one that does not fit."""
    # Whoever sees the run can download it, so secrets are taken out of each text here, too.
    whole = ReportPart.of(reading.report)
    report = ReportPart.of(whole.report(reading.redact, base=pull.base_sha, head=pull.head_sha))
    return Artifact.fitting(
        {
            **{"repository": pull.repo.full, "pull": pull.number, "base": pull.base_sha},
            **{"head": pull.head_sha, "status": status, "exit_code": int(exit_code)},
            **{"reason": reason, "report": report, "facts": FactsPart.of(reading.facts, report)},
        }
    )


def read_artifact(path: str) -> Artifact:
    """Read the artifact in a file; raise UsageError for any other file."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the artifact {path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise UsageError(f"the artifact {path} is refused: it is larger than any that we write")
    try:
        return Artifact.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        at = f" at {where!r}" if where else ""
        raise UsageError(f"the artifact {path} is refused{at}: {first['msg'][:300]}") from None


def serialize(artifact: Artifact) -> bytes:
    """Return the bytes of the file; raise UsageError if it is too large to be read again."""
    data = artifact.model_dump_json().encode()
    if len(data) > LARGEST:
        size = f"{len(data) // 1024 // 1024} MiB"
        raise UsageError(f"the review is too large to be handed over ({size})")
    return data


def write_for_posting(
    ended: JobOutcome, trigger: Trigger, path: str, *, redact: Callable[[str], str] = str
) -> JobOutcome:
    """Write the artifact and return the outcome without what the posting job will report.

    Skipped and failed reviews are written, too: the posting job reports them. Without a pull
    request there is no file. `redact` takes secrets out of the reason.
    """
    if trigger.repo is None or not trigger.pull:
        return ended
    shown = replace(ended, reason=redact(ended.reason))
    try:
        try:
            data = serialize(_artifact(shown, trigger))
        except (ValidationError, UsageError) as error:
            why = str(error) if isinstance(error, UsageError) else _first(error)
            ended = failure_outcome(
                UsageError(f"the review cannot be handed over: {why}"), ended.pull
            )
            data = serialize(_artifact(ended, trigger))
        write_file(path, data.decode())
    except UsageError as error:
        return failure_outcome(error, ended.pull)
    return replace(ended, annotations="", summary="", collected=path)


def _artifact(ended: JobOutcome, trigger: Trigger) -> Artifact:
    if ended.reading and ended.pull:
        end = ended.status, int(ended.exit_code), ended.reason
        return artifact_of(ended.reading, ended.pull, *end)
    bad = ended.status is not Status.SKIPPED
    return Artifact.fitting(
        {
            "repository": trigger.repo.full if trigger.repo else "",
            "pull": trigger.pull,
            "base": ended.pull.base_sha if ended.pull else "",
            "head": trigger.head or (ended.pull.head_sha if ended.pull else ""),
            "status": Status.REVIEW_ERROR if bad else Status.SKIPPED,
            "exit_code": int(ended.exit_code) if bad else 0,
            "reason": ended.reason,
        }
    )


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
