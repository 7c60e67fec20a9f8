"""The end of a review as a check on the head commit, for those who require one by its name."""

from dataclasses import replace
from typing import Any

from reviewloop.domain.finding import Severity
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, Forbidden, GitHubError
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.comments.bodies import clipped
from reviewloop.github.job.outcome import Ended, failed, job_summary
from reviewloop.render.review_words import left_out, severity_counts

NAME = "reviewloop"
_TITLES = {
    Status.PASSED: ("success", "Reviewed"),
    Status.NEEDS_CHANGES: ("failure", "Needs changes"),
    Status.FINDINGS: ("neutral", "Reviewed"),
    Status.NEEDS_PERSON: ("action_required", "Needs a person"),
    Status.REVIEW_ERROR: ("failure", "Not reviewed as a whole"),
    Status.SKIPPED: ("skipped", "Nothing to review"),
}


def checked(client: GitHub, pull: PullRequest, ended: Ended, *, run_url: str = "") -> Ended:
    """Create the check and return the end: that of the review, unless the check failed.

    What nobody reviewed gets none: GitHub takes a skipped check for a good one, and who requires it
    waits for a review. What was skipped stays so where the token may not write.
    """
    if ended.status is Status.SKIPPED and not ended.nothing:
        return ended
    try:
        put_check(client, pull, ended, run_url=run_url)
    except GitHubError as error:
        failure = failed(error)
        if ended.status is Status.SKIPPED and isinstance(error, Forbidden):
            return replace(ended, reason=f"{ended.reason}; it got no check: {error}")
        said = (ended.reason if ended.status is Status.REVIEW_ERROR else "", failure.reason)
        reason = "; ".join(filter(None, said))
        return replace(ended, status=failure.status, reason=reason, exit_code=failure.exit_code)
    return ended


def _open_must(ended: Ended) -> str:
    """Return how many must-fix findings the report has, "" for none."""
    if ended.report is None:
        return ""
    number = severity_counts(ended.report.findings).get(Severity.MUST_FIX, 0)
    return f"{number} must fix" if number else ""


def put_check(client: GitHub, pull: PullRequest, ended: Ended, *, run_url: str = "") -> None:
    """Create the check; needs `checks: write`. Raises a GitHubError, as every act does."""
    conclusion, title = _TITLES[ended.status]
    left = left_out(ended.report) if ended.report else ""
    title = ", ".join(filter(None, (title, _open_must(ended), left)))
    fields: dict[str, Any] = {
        **{"name": NAME, "head_sha": pull.head_sha, "status": "completed"},
        **{"conclusion": conclusion, "external_id": run_url},
        "output": {"title": title, "summary": clipped(job_summary(ended))},
    }
    if run_url:
        fields["details_url"] = run_url
    try:
        client.create_check(fields)
    except AnswerLost:
        there = client.checks(pull.head_sha, NAME)
        if not any((c.external_id, c.conclusion) == (run_url, conclusion) for c in there):
            client.create_check(fields)
