"""Refusals of GitHub: its 422s with their messages, and required permissions."""

from typing import Any

from support.github_diff import FileDiff
from support.github_state import Identity, Pull, State

MOST = 65_536  # characters of a body
TOO_LONG = f"Body is too long (maximum is {MOST} characters)"
NOT_ACCESSIBLE = "Resource not accessible by integration"

# Each alternative is a full set; none at all means that any token will do.
_READ_PULL = [{"pull-requests": "read"}]
_WRITE_PULL = [{"pull-requests": "write"}]
_READ_TALK = [{"issues": "read"}, {"pull-requests": "read"}]
_WRITE_TALK = [{"issues": "write"}, {"pull-requests": "write"}]
NEEDED: dict[str, list[dict[str, str]]] = {
    "pulls/get": _READ_PULL,
    "pulls/list": _READ_PULL,
    "pulls/list-reviews": _READ_PULL,
    "pulls/list-review-comments": _READ_PULL,
    "pulls/create": _WRITE_PULL,
    "pulls/update": _WRITE_PULL,
    "pulls/create-review": _WRITE_PULL,
    "pulls/delete-pending-review": _WRITE_PULL,
    "pulls/create-review-comment": _WRITE_PULL,
    "pulls/update-review-comment": _WRITE_PULL,
    "pulls/create-reply-for-review-comment": _WRITE_PULL,
    "pulls/request-reviewers": _WRITE_PULL,
    "reactions/create-for-pull-request-review-comment": _WRITE_PULL,
    "reactions/create-for-issue-comment": [{"issues": "write"}],
    "issues/list-comments": _READ_TALK,
    "issues/create-comment": _WRITE_TALK,
    "issues/update-comment": _WRITE_TALK,
    "issues/delete-comment": _WRITE_TALK,
    "issues/remove-label": _WRITE_TALK,
    "actions/get-reviews-for-run": [{"actions": "read"}],
    "repos/get-branch": [{"contents": "read"}],
    "repos/list-commits": [{"contents": "read"}],
    "repos/get-content": [{"contents": "read"}],
    "checks/list-for-ref": [{"checks": "read"}],
    "checks/create": [{"checks": "write"}],
    "checks/update": [{"checks": "write"}],
}


class Refusal(Exception):
    """GitHub says no; `errors` are plain strings for reviews and objects elsewhere."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body: dict[str, Any] = {"message": message, "status": str(status)}
        self.body["documentation_url"] = "https://docs.github.com/rest"
        if errors is not None:
            self.body["errors"] = errors


def check_permission(identity: Identity, ident: str) -> None:
    """Raise the 403 of a permission that the token was not given."""
    if ident == "users/get-authenticated" and identity.is_bot:
        raise Refusal(403, NOT_ACCESSIBLE)
    needed = NEEDED.get(ident)
    if needed is None or any(
        all(identity.may(name, level) for name, level in each.items()) for each in needed
    ):
        return
    spelled = [
        ",".join(f"{name.replace('-', '_')}={level}" for name, level in each.items())
        for each in needed
    ]
    raise Refusal(
        403, NOT_ACCESSIBLE, headers={"x-accepted-github-permissions": "; ".join(spelled)}
    )


def simple(*messages: str) -> Refusal:
    """Return the 422 of reviews."""
    return Refusal(422, "Unprocessable Entity", list(messages))


def detailed(resource: str, field: str, message: str, code: str = "custom") -> Refusal:
    """Return the 422 of everything else."""
    error = {"resource": resource, "code": code, "field": field, "message": message}
    return Refusal(422, "Validation Failed", [error])


def check_commit(state: State, pull: Pull, commit: str) -> dict[str, FileDiff] | None:
    """Return the files that differ at a commit of the pull request; None for another commit."""
    if commit != pull.head_sha and commit not in state.diffs.commits(pull.base_sha, pull.head_sha):
        return None
    return state.diffs.of(pull.base_sha, commit)


def wrong_anchor(files: dict[str, FileDiff], comment: dict[str, Any]) -> tuple[str, str, str]:
    """Return what reviews say, and field and message elsewhere; empty strings for a good anchor."""
    thread = "pull_request_review_thread"
    if comment["path"] not in files:
        return "Path could not be resolved", f"{thread}.path", f"{thread}.path is invalid"
    diff = files[comment["path"]]
    line, side = comment.get("line"), comment.get("side", "RIGHT")
    unresolved = "Line could not be resolved"
    outside = f"{thread}.line", f"{thread}.line must be part of the diff"
    if not diff.right or line is None:
        return unresolved, f"{thread}.diff_hunk", f"{thread}.diff_hunk can't be blank"
    hunk = diff.hunk_of(side, line)
    if hunk is None:
        return unresolved, *outside
    start = comment.get("start_line")
    if start is None:
        return "", "", ""
    start_side = comment.get("start_side", side)
    if start_side == side and start >= line:
        said = "must precede the end line."
        return f"Start line {said}", f"{thread}.start_line", f"{thread}.start_line {said}"
    if diff.hunk_of(start_side, start) != hunk:
        said = "must be part of the same hunk as the line."
        return f"Start line {said}", f"{thread}.start_line", f"{thread}.start_line {said}"
    return "", "", ""


def check_body(resource: str, body: str, *, blank: bool = False) -> None:
    """Raise the 422 of a body that is too long or has nothing in it."""
    if len(body) > MOST:
        raise detailed(resource, "data", TOO_LONG, "unprocessable")
    if not blank and not body.strip():
        raise detailed(resource, "body", "body can't be blank", "missing_field")


def check_no_pending(state: State, pull: Pull, login: str, *, plain: bool) -> None:
    """Raise the 422 of a second pending review."""
    said = "User can only have one pending review per pull request"
    if any(
        r.pull == pull.number and r.author == login and r.state == "PENDING" for r in state.reviews
    ):
        raise simple(said) if plain else detailed("PullRequestReview", "user_id", said)
