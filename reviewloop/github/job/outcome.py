"""The outcome of a review: outputs, job summary, annotations and check of the workflow's run."""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.checkout.files import refuse_links
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, ReviewLoopError, UsageError
from reviewloop.domain.finding import Finding, Severity, by_severity
from reviewloop.domain.finding import Status as FindingStatus
from reviewloop.domain.usage import TokenUsage
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, Forbidden, GitHubError, single_line
from reviewloop.github.api.model import SEVERITIES, Posted, PullRequest, Status
from reviewloop.github.comments.bodies import clip_body, sanitise_line
from reviewloop.regex import regex
from reviewloop.render.github_annotations import annotated, command
from reviewloop.render.report import ReviewReport
from reviewloop.render.review_words import (
    counts_of,
    failures,
    left_out,
    severity_counts,
    tally,
    unread_words,
)
from reviewloop.render.text import all_input, counted
from reviewloop.render.untrusted import one_line

if TYPE_CHECKING:
    from reviewloop.github.posting.postable import PostableReview

NEVER = "never"
_MARKER = regex(r"<!-- reviewloop:.*?-->\n*", re.DOTALL)
_MOST_SUMMARY = 1024 * 1024 - 4096  # bytes; above 1 MiB GitHub drops the summary of a whole step
_CLIPPED = "\n\n_The rest does not fit here; the comments on the pull request hold it._\n"
MOST_REASON = 8000  # characters of an output; Linux takes 131,072 bytes in a variable
_ENDED_WELL = {ExitCode.CLEAN, ExitCode.FINDINGS}
_LEVELS = {
    Status.REVIEW_ERROR: "error",
    Status.NEEDS_USER: "warning",
    Status.SKIPPED: "notice",
}


@dataclass(frozen=True)
class FixResult:
    """The result of a fix: a commit on a branch of this clone, or none; the folder for `push`."""

    commit: str
    branch: str  # local branch with the commit
    goes_to: str  # branch of the pull request
    handoff: str

    @property
    def sentence(self) -> str:
        """The next step for the user."""
        if not self.commit:
            return f"why is in {self.handoff}; `reviewloop github push {self.handoff}` answers it"
        return (
            f"commit {self.commit[:12]} on {self.branch}; `reviewloop github push {self.handoff}` "
            f"pushes it to {self.goes_to}"
        )


@dataclass(frozen=True)
class JobOutcome:
    """The outcome of a job; `reason` is a sentence and set unless everything went well."""

    status: Status
    reason: str = ""
    exit_code: ExitCode = ExitCode.CLEAN
    pull: PullRequest | None = None
    report: ReviewReport | None = None  # without secrets
    posted: Posted | None = None
    summary: str = ""  # Markdown
    summary_url: str = ""
    annotations: str = ""  # workflow commands
    sarif_path: str = ""
    report_path: str = ""
    reading: "PostableReview | None" = None  # all that posting takes
    collected: str = ""  # the file from which another job posts this
    made: FixResult | None = None  # of a fix
    nothing: bool = False  # skipped, because there is nothing to review

    @property
    def sentence(self) -> str:
        """The last sentence for the user."""
        about = f"pull request {self.pull.number}" if self.pull else "the review"
        status = f"{about}: {str(self.status).replace('_', ' ')}"
        if self.made:
            return "; ".join(filter(None, (status, self.reason, self.made.sentence)))
        if self.reason or self.report is None:
            return f"{status}; {self.reason}" if self.reason else status
        if self.collected:
            return f"{status}; {tally(self.report.findings)}, kept in {self.collected} to be posted"
        posted = self.posted or Posted()
        comments = len(posted.inline) + len(posted.on_file)
        return f"{status}; {tally(self.report.findings)}, {counted(comments, 'new comment')}"


def status_of(
    report: ReviewReport,
    fail_on: str,
    *,
    open_: Iterable[Severity] = (),
    counting: Iterable[Severity] | None = None,
    untrusted: bool = False,
) -> Status:
    """Return the status of a review; `open_` are the severities of all open findings.

    `counting` are those of findings that may fail a review (`Finding.may_fail`), all by default. A
    reviewer that failed or did not run prevents PASSED. An `untrusted` change does not pass if it
    excludes its own files from the review.
    """
    open_ = tuple(open_)
    status = _status(report, fail_on, open_, open_ if counting is None else tuple(counting))
    waits = untrusted and any(file.chosen for file in report.skipped)
    if waits and status in {Status.PASSED, Status.FINDINGS, Status.SKIPPED}:
        return Status.NEEDS_USER
    return status


def _status(
    report: ReviewReport, fail_on: str, open_: Sequence[Severity], counting: Sequence[Severity]
) -> Status:
    if report.outcome == "incomplete" or ExitCode(report.exit_code) not in _ENDED_WELL:
        return Status.REVIEW_ERROR
    if report.outcome == "nothing_to_review":
        return Status.SKIPPED
    passed = Status.FINDINGS if Severity.MUST_FIX in open_ else Status.PASSED
    if fail_on == NEVER:
        return passed
    least = SEVERITIES[fail_on].rank
    if any(severity.rank <= least for severity in counting):
        return Status.NEEDS_CHANGES
    # Some that count are not listed, because of the settings; no user dismissed those.
    listed = any(f.may_fail and f.severity.rank <= least for f in report.findings)
    if report.exit_code == ExitCode.FINDINGS and not listed:
        return Status.NEEDS_CHANGES
    return passed


def reason_of(report: ReviewReport, status: Status) -> str:
    """Return the sentence behind a status that is no verdict; "" for the others."""
    if status is Status.REVIEW_ERROR:
        names: dict[str, list[str]] = {}
        for name, why in failures(report):
            names.setdefault(why, []).append(name)
        failed = "; ".join(f"{', '.join(some)}: {why}" for why, some in names.items())
        unread = unread_words(report.readership) if report.readership else ""
        why = failed or unread or "a cap or an interruption ended it early"
        return f"the review is incomplete: {why}"
    if status is Status.NEEDS_USER:
        chosen = [file for file in report.skipped if file.chosen]
        named = ", ".join(one_line(file.path) for file in chosen[:3])
        more = f" and {len(chosen) - 3} more" if chosen[3:] else ""
        return (
            f"a person has to look at {named}{more}: {chosen[0].reason}, which only the change "
            "itself says"
        )
    if status is Status.SKIPPED:
        if report.skipped:
            return f"there is nothing to review: all {len(report.skipped)} files are skipped"
        return "there is nothing to review: the pull request changes no file"
    return ""


def failure_outcome(error: ReviewLoopError, pull: PullRequest | None = None) -> JobOutcome:
    """Return the outcome of an error: exit code 2 if the user has to change something, else 5."""
    code = ExitCode.USAGE if error.exit_code is ExitCode.USAGE else ExitCode.INCOMPLETE
    return JobOutcome(Status.REVIEW_ERROR, str(error), code, pull)


def exit_code_of(status: Status) -> ExitCode:
    """Return the exit code of a status; a review skipped on purpose fails no check."""
    codes = {
        Status.NEEDS_CHANGES: ExitCode.FINDINGS,
        Status.NEEDS_USER: ExitCode.WAITING,
        Status.REVIEW_ERROR: ExitCode.INCOMPLETE,
    }
    return codes.get(status, ExitCode.CLEAN)


def without_dismissed(report: ReviewReport, dismissed: Mapping[str, str]) -> ReviewReport:
    """Return the report with findings that users dismissed on GitHub among the silenced ones.

    `dismissed` maps fingerprints to who dismissed them and why.
    """
    kept = tuple(f for f in report.findings if f.id not in dismissed)
    gone = [
        f.with_note(dismissed[f.id], status=FindingStatus.DISMISSED)
        for f in report.findings
        if f.id in dismissed
    ]
    code, outcome = report.exit_code, report.outcome
    if code == ExitCode.FINDINGS and _counts(report, report.findings):
        code = int(ExitCode.FINDINGS if _counts(report, kept) else ExitCode.CLEAN)
    if outcome == "findings" and not kept and code == ExitCode.CLEAN:
        outcome = "clean"
    silenced = tuple(by_severity([*report.silenced, *gone]))
    return replace(report, findings=kept, silenced=silenced, exit_code=code, outcome=outcome)


def with_threshold(report: ReviewReport, fail_on: str) -> ReviewReport:
    """Return the report of a review with its exit code for the threshold `fail_on`.

    Only findings that it lists can count.
    """
    strict = replace(report, fail_on=fail_on)
    if fail_on == report.fail_on or ExitCode(report.exit_code) not in _ENDED_WELL:
        return strict
    code = ExitCode.FINDINGS if _counts(strict, report.findings) else ExitCode.CLEAN
    return replace(strict, exit_code=int(code))


def _counts(report: ReviewReport, findings: Iterable[Finding]) -> bool:
    least = SEVERITIES.get(report.fail_on)
    return least is not None and any(f.may_fail and f.severity.rank <= least.rank for f in findings)


def outputs_of(ended: JobOutcome) -> dict[str, str]:
    """Return the outputs of the step by name, all of them, unknown ones empty."""
    report, posted = ended.report, ended.posted or Posted()
    counts = counts_of(report) if report else {}
    usage = report.usage if report else TokenUsage()
    cost = usage.get("cost_usd")
    read, all_files = 0, 0
    if report:
        read, all_files = len(report.reviewed), len(report.reviewed) + len(report.skipped)
        read -= len(report.readership.unread) if report.readership else 0
    return {
        "status": str(ended.status),
        "reason": single_line(one_line(ended.reason), MOST_REASON),
        "must-fix": str(counts.get(Severity.MUST_FIX, 0)) if report else "",
        "should-fix": str(counts.get(Severity.SHOULD_FIX, 0)) if report else "",
        "nits": str(counts.get(Severity.NIT, 0)) if report else "",
        "comments-posted": str(len(posted.inline)),
        "comments-demoted": str(len(posted.on_file) + len(posted.left)),
        "comments-known": str(len(posted.known)),
        "coverage": f"{read}/{all_files}" if report else "",
        "cost-usd": "" if cost is None else f"{cost:.4f}",
        "tokens-input": str(all_input(usage)) if report else "",
        "tokens-output": str(usage.get("output", 0)) if report else "",
        "report-path": ended.report_path,
        "sarif-path": ended.sarif_path,
        "artifact-path": ended.collected,
        "summary-url": ended.summary_url,
        "reviewed-sha": ended.pull.head_sha if ended.pull and report else "",
    }


def finish(
    ended: JobOutcome,
    environ: Mapping[str, str],
    *,
    print_line: Callable[[str], None],
    redact: Callable[[str], str],
) -> None:
    """Write the files of the runner, and `print_line` its commands; do nothing outside a workflow.

    `redact` takes secrets out. Raise UsageError for a file that cannot be written: a workflow must
    not miss our status.
    """
    outputs = {name: redact(value) for name, value in outputs_of(ended).items()}
    notify_runner(ended.status, outputs, environ, print_line=print_line)
    if output_file := environ.get("GITHUB_STEP_SUMMARY"):
        _append(output_file, _fitting(redact(job_summary(ended)), output_file))
    if environ.get("GITHUB_ACTIONS") == "true" and ended.annotations:
        print_line(ended.annotations.rstrip("\n"))


def notify_runner(
    status: Status,
    outputs: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    print_line: Callable[[str], None],
) -> None:
    """Write the outputs of a step and `print_line` its reason; do nothing outside a workflow."""
    if output_file := environ.get("GITHUB_OUTPUT"):
        _append(output_file, "".join(_heredoc(name, value) for name, value in outputs.items()))
    reason, level = outputs.get("reason", ""), _LEVELS.get(status)
    if environ.get("GITHUB_ACTIONS") == "true" and reason and level:
        print_line(command(level, f"reviewloop: {status}", reason))


def job_summary(ended: JobOutcome) -> str:
    """Return the Markdown for the page of the run."""
    summary_text = _MARKER.sub("", ended.summary).strip()
    if ended.reason:
        title = str(ended.status).replace("_", " ")
        summary_text = (
            f"### reviewloop: {title}\n\n{sanitise_line(ended.reason)}\n\n{summary_text}".strip()
        )
    return f"{summary_text}\n"


def write_file(path: str, text: str) -> None:
    """Write a report; a symbolic link in its place is replaced, not followed.

    Raise `UsageError` for a folder that is a symbolic link in a checkout.
    """
    target = Path(path)
    refuse_links(target.parent)
    fresh = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        fresh.write_text(text, encoding="utf-8", errors="replace")
        fresh.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _heredoc(name: str, value: str) -> str:
    """Return one output; its random end marker cannot be guessed."""
    end = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _fitting(text: str, path: str) -> str:
    """Return as much of a text as fits into the summary of this step."""
    with contextlib.suppress(OSError):
        room = _MOST_SUMMARY - Path(path).stat().st_size
        data = text.encode("utf-8", "replace")
        if len(data) > room:
            clipped = data[: max(0, room - len(_CLIPPED))].decode("utf-8", "ignore")
            return clipped.rpartition("\n")[0] + _CLIPPED
    return text


def _append(path: str, text: str) -> None:
    try:
        with Path(path).open("ab") as file:
            file.write(text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{path} of the runner cannot be written: {error.strerror}") from None


def annotations_of(ended: JobOutcome, least: str) -> str:
    """Return the workflow commands of an outcome, "" for none; `ended.report` has no secrets.

    They report failures, and the open findings of at least this severity (must, should or nit) that
    have no comment of ours on the diff.
    """
    if ended.report is None:
        return ""
    posted, rank = ended.posted, SEVERITIES[least].rank
    there = {*posted.inline, *posted.on_file, *posted.known} if posted else set()
    left = [f for f in ended.report.findings if f.severity.rank <= rank and f.id not in there]
    return "".join(f"{line}\n" for line in annotated(ended.report, left))


NAME = "reviewloop"
_TITLES = {
    Status.PASSED: ("success", "Reviewed"),
    Status.NEEDS_CHANGES: ("failure", "Needs changes"),
    Status.FINDINGS: ("neutral", "Reviewed"),
    Status.NEEDS_USER: ("action_required", "Needs a person"),
    Status.REVIEW_ERROR: ("failure", "Not reviewed as a whole"),
    Status.SKIPPED: ("skipped", "Nothing to review"),
}


def with_check(
    client: GitHub, pull: PullRequest, ended: JobOutcome, *, run_url: str = ""
) -> JobOutcome:
    """Create the check and return the outcome: that of the review, unless the check failed.

    A pull request without a review gets no check: GitHub counts a skipped check as passed. A
    skipped outcome stays skipped where the token may not write.
    """
    if ended.status is Status.SKIPPED and not ended.nothing:
        return ended
    try:
        put_check(client, pull, ended, run_url=run_url)
    except GitHubError as error:
        failure = failure_outcome(error)
        if ended.status is Status.SKIPPED and isinstance(error, Forbidden):
            return replace(ended, reason=f"{ended.reason}; it got no check: {error}")
        texts = (ended.reason if ended.status is Status.REVIEW_ERROR else "", failure.reason)
        reason = "; ".join(filter(None, texts))
        return replace(ended, status=failure.status, reason=reason, exit_code=failure.exit_code)
    return ended


def _open_must(ended: JobOutcome) -> str:
    """Return how many must-fix findings the report has, "" for none."""
    if ended.report is None:
        return ""
    number = severity_counts(ended.report.findings).get(Severity.MUST_FIX, 0)
    return f"{number} must fix" if number else ""


def put_check(client: GitHub, pull: PullRequest, ended: JobOutcome, *, run_url: str = "") -> None:
    """Create the check; needs `checks: write`. Raise a GitHubError if it is refused."""
    conclusion, title = _TITLES[ended.status]
    left = left_out(ended.report) if ended.report else ""
    title = ", ".join(filter(None, (title, _open_must(ended), left)))
    fields: dict[str, Any] = {
        **{"name": NAME, "head_sha": pull.head_sha, "status": "completed"},
        **{"conclusion": conclusion, "external_id": run_url},
        "output": {"title": title, "summary": clip_body(job_summary(ended))},
    }
    if run_url:
        fields["details_url"] = run_url
    try:
        client.create_check(fields)
    except AnswerLost:
        there = client.checks(pull.head_sha, NAME)
        if not any((c.external_id, c.conclusion) == (run_url, conclusion) for c in there):
            client.create_check(fields)
