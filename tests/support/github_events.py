"""Published webhook payloads, told about a pull request of the stand-in for GitHub."""

from typing import Any

from support.github_server import GitHubServer
from support.github_spec import event


def of_pull(github: GitHubServer, number: int, action: str, *, sender: str = "") -> dict[str, Any]:
    """Return the payload of `pull_request`; `action` is one of those in tests/data/github."""
    found, pull = event(f"pull_request.{action}"), github.state.pulls[number]
    body = found["pull_request"] | github.state.pull_body(pull)
    if action == "synchronize":
        found |= {"before": (pull.heads or [pull.base_sha])[-1], "after": pull.head_sha}
    return found | {
        **{"number": number, "pull_request": body, **_place(github, found)},
        "sender": github.state.user(sender or pull.author),
    }


def of_comment(github: GitHubServer, comment: int, *, on_diff: bool = False) -> dict[str, Any]:
    """Return the payload of a comment that was just made in the conversation, or on the diff."""
    state = github.state
    if on_diff:
        found = event("pull_request_review_comment.created")
        made = next(c for c in state.review_comments if c.id == comment)
        body = state.review_comment_body(made)
        found["pull_request"] |= state.pull_body(state.pulls[made.pull])
    else:
        found = event("issue_comment.created")
        said = next(c for c in state.issue_comments if c.id == comment)
        body, pull = state.issue_comment_body(said), state.pulls[said.pull]
        url = f"{state.api}/repos/{state.full}/pulls/{pull.number}"
        found["issue"] |= {
            **{"number": pull.number, "title": pull.title, "body": pull.body},
            **{"user": state.user(pull.author), "state": pull.state},
            **{"labels": [], "pull_request": {"url": url}},
        }
    body = found["comment"] | body
    return found | {"comment": body, "sender": body["user"], **_place(github, found)}


def _place(github: GitHubServer, found: dict[str, Any]) -> dict[str, Any]:
    return {"repository": found["repository"] | github.state.repo(github.full)}
