"""The errors of GitHub: refusals and missing answers, with what to do about them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, ReviewLoopError
from reviewloop.regex import regex


class GitHubError(ReviewLoopError):
    """GitHub did not do the request; `status` is that of HTTP, 0 without an answer."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class GitHubUnavailable(GitHubError):
    """No usable answer, even after waiting and retrying."""


class AnswerLost(GitHubUnavailable):
    """The answer to a request was lost; it may have had its effect, so look before repeating."""


class RateLimited(GitHubUnavailable):
    """The limit resets in `seconds`, longer than our patience; nothing was done."""

    def __init__(self, message: str, *, seconds: float, status: int = 0) -> None:
        super().__init__(message, status=status)
        self.seconds = seconds


class NotFound(GitHubError):
    """The object does not exist, or the token may not see it."""

    exit_code = ExitCode.USAGE


class Unprocessable(GitHubError):
    """GitHub understood the request and refuses its content; nothing was done."""

    def __init__(self, message: str, messages: Sequence[str], *, status: int = 422) -> None:
        super().__init__(message, status=status)
        self.messages = tuple(messages)  # each as `field: code: message`, as far as given


class Forbidden(GitHubError):
    """Forbidden, and no permission of a workflow would change that."""

    exit_code = ExitCode.USAGE


class BadCredentials(Forbidden):
    """The token is missing, wrong or has expired."""


class MissingPermission(Forbidden):
    """The token lacks a permission; `line_to_add` goes under `permissions:` of the job."""

    def __init__(self, message: str, *, line_to_add: str, status: int = 403) -> None:
        super().__init__(message, status=status)
        self.line_to_add = line_to_add  # one `name: level` per line


class StaleHead(GitHubError):
    """The head of the pull request moved during the review; nothing was posted."""


_NOT_ACCESSIBLE = regex(r"not accessible by|must have .*(?:permission|access|rights)", re.I)
_LIMIT = regex(r"rate limit|abuse detection", re.I)
_NEEDED = (  # of the first pattern that fits; a write permission includes reading
    (r"^GET /repos/[^/]+/[^/]+/(?:commits/[^/]+/)?check-runs", "checks: read"),
    (r"/check-runs", "checks: write"),
    (r"^GET .*/actions/runs/\d+/approvals", "actions: read"),
    (r"^GET .*/(?:branches/|commits$|contents/)", "contents: read"),
    (r"^GET /repos/[^/]+/[^/]+/pulls", "pull-requests: read"),
    (r"/pulls", "pull-requests: write"),
    (r"^GET .*/issues/\d+/comments", "pull-requests: read"),
    (r"/issues/\d+/(?:comments|labels)|/issues/comments/\d+$", "pull-requests: write"),
    (r"/issues/comments/\d+/reactions", "issues: write"),
    (r"resolveReviewThread", "contents: write\npull-requests: write"),
    (r"reviewThreads|thumbsDown", "pull-requests: read"),
)
# Permissions that `permissions:` of a workflow can name; `metadata`, for one, is always granted.
_GRANTABLE = {
    *("actions", "attestations", "checks", "contents", "deployments", "discussions", "issues"),
    *("packages", "pages", "pull-requests", "security-events", "statuses"),
}
_MOST_SHOWN = 300  # characters of GitHub's message


@dataclass(frozen=True)
class Refusal:
    """An answer with an error status; header names are in lower case."""

    request: str  # "POST /repos/…", or the name of a GraphQL field
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def message(self) -> str:
        """Return GitHub's message on one line, cut to a limit."""
        return single_line(str(self._object().get("message") or self.body or "no reason given"))

    @property
    def limits(self) -> bool:
        """Whether the refusal is a rate limit."""
        if self.status == 429:
            return True
        if self.status != 403:
            return False
        spent = self.headers.get("x-ratelimit-remaining") == "0"
        return "retry-after" in self.headers or spent or bool(_LIMIT.search(self.message))

    def error(self) -> GitHubError:
        """Return the error to raise for a refusal that is no limit."""
        refusal = f"GitHub refuses {self.request} ({self.status}): {self.message}"
        if self.status == 401:
            return BadCredentials(f"{refusal}; give a token that is valid", status=401)
        if self.status == 403:
            return forbidden(self.request, self.message, self.headers)
        if self.status in {404, 410}:
            return NotFound(
                f"{refusal}; it is gone, or the token may not see it", status=self.status
            )
        if self.status in {400, 409, 422}:
            details = self._details()
            listed = f" [{'; '.join(details)}]" if details else ""
            messages = details or (self.message,)
            return Unprocessable(single_line(refusal + listed, 1000), messages, status=self.status)
        return GitHubError(refusal, status=self.status)

    def _object(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _details(self) -> tuple[str, ...]:
        """Return `field: code: message` of each error; GitHub also writes plain strings."""
        errors = self._object().get("errors")
        if isinstance(errors, str):
            return (single_line(errors),)
        if not isinstance(errors, list):
            return ()
        return tuple(single_line(_detail(error)) for error in errors)


def forbidden(request: str, message: str, headers: Mapping[str, str]) -> Forbidden:
    """Return the error for a 403, with the line to add when a permission is missing."""
    needed = _from_header(headers.get("x-accepted-github-permissions", "")) or _from_table(request)
    if not _NOT_ACCESSIBLE.search(message) or not needed:
        return Forbidden(f"GitHub forbids {request}: {message}", status=403)
    lines = ", ".join(f"`{line}`" for line in needed.splitlines())
    return MissingPermission(
        f"the token may not do {request} ({message}): add {lines} under `permissions:` of the job"
        " (runs for forks and Dependabot cannot get it)",
        line_to_add=needed,
    )


def single_line(text: str, most: int = _MOST_SHOWN) -> str:
    """Return an untrusted text on one line of at most `most` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _detail(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[key]) for key in ("field", "code", "message") if error.get(key))


def _from_header(header: str) -> str:
    """Return the lines for one of the alternatives `a=read,b=write; c=write`."""
    found = []
    for alternative in header.split(";"):
        pairs = [pair.strip().replace("_", "-").partition("=") for pair in alternative.split(",")]
        lines = [f"{name}: {level}" for name, _, level in pairs if name in _GRANTABLE and level]
        if lines:
            found.append("\n".join(sorted(lines)))
    # The job needs this permission anyway, so the fewest are requested.
    ours = [lines for lines in found if lines.startswith("pull-requests")]
    return next(iter(ours or found), "")


def _from_table(request: str) -> str:
    return next((lines for pattern, lines in _NEEDED if re.search(pattern, request)), "")
