"""The end of a review as a check on the head commit, for those who require one by its name."""

from typing import Any

from reviewloop.github.bodies import clipped
from reviewloop.github.client import GitHub
from reviewloop.github.errors import AnswerLost
from reviewloop.github.model import PullRequest, Status
from reviewloop.github.outcome import Ended, job_summary

NAME = "reviewloop"
_TITLES = {
    Status.PASSED: ("success", "Reviewed"),
    Status.NEEDS_CHANGES: ("failure", "Needs changes"),
    Status.REVIEW_ERROR: ("failure", "Not reviewed as a whole"),
    Status.SKIPPED: ("skipped", "Skipped"),
}


def put_check(client: GitHub, pull: PullRequest, ended: Ended, *, run_url: str = "") -> None:
    """Create the check; needs `checks: write`. Raises a GitHubError, as every act does."""
    conclusion, title = _TITLES[ended.status]
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
