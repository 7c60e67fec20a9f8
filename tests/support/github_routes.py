"""The effect of each operation on the state of the stand-in for GitHub, and its answer."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.github_reviews import (
    create_review,
    create_review_comment,
    delete_pending_review,
    reply,
)
from support.github_rules import Refusal, check_body, detailed
from support.github_spec import spec
from support.github_state import Identity, IssueComment, Pull, State


@dataclass(frozen=True)
class Asked:
    """One request: who asks, the parts of the path, the query and the body."""

    identity: Identity
    values: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    accept: str = ""


@dataclass
class Reply:
    """`data` is JSON, or text where the media type is not; `effect` tells what has changed."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    pages: bool = False  # a list that is handed out in pages
    member: str = ""  # where the list is inside an object


Route = Callable[[State, Asked], Reply]
ROUTES: dict[str, Route] = {}


def route(ident: str) -> Callable[[Route], Route]:
    def keep(function: Route) -> Route:
        ROUTES[ident] = function
        return function

    return keep


def pull_of(state: State, asked: Asked) -> Pull:
    number = int(asked.values.get("pull_number") or asked.values["issue_number"])
    if number not in state.pulls:
        raise Refusal(404, "Not Found")
    return state.pulls[number]


def _found(rows: list[Any], ident: str) -> Any:
    for row in rows:
        if row.id == int(ident):
            return row
    raise Refusal(404, "Not Found")


def _own(asked: Asked, author: str) -> None:
    """Raise the 403 for changing what somebody else wrote; people with write access may."""
    if asked.identity.login != author and asked.identity.is_bot:
        raise Refusal(403, "Resource not accessible by integration")


@route("repos/get")
def _repository(state: State, asked: Asked) -> Reply:
    found = spec().example("repos/get", 200)
    for name in ("source", "parent", "template_repository"):  # of a fork
        found.pop(name, None)
    return Reply(200, {**found, **state.repo(state.full), "default_branch": "main"})


@route("users/get-authenticated")
def _me(state: State, asked: Asked) -> Reply:
    found = spec().example("users/get-authenticated", 200)
    return Reply(200, {**found, **state.user(asked.identity.login)})


@route("repos/get-collaborator-permission-level")
def _permission(state: State, asked: Asked) -> Reply:
    login = asked.values["username"]
    if login.endswith("[bot]"):
        raise Refusal(404, f"{login} is not a user")
    role = state.roles.get(login, "read")  # as in a public repository
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    user = {**state.user(login), "role_name": role}
    return Reply(200, {"permission": legacy, "role_name": role, "user": user})


@route("pulls/get")
def _pull(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    if "diff" in asked.accept:
        files = state.diffs.of(pull.base_sha, pull.head_sha)
        if pull.diff_too_large or len(files) > 300:
            said = "Sorry, the diff exceeded the maximum number of files (300)."
            error = {"resource": "PullRequest", "field": "diff", "code": "too_large"}
            raise Refusal(406, said, [error])
        return Reply(200, "\n".join(files))
    return Reply(200, state.pull_body(pull))


@route("pulls/list")
def _pulls(state: State, asked: Asked) -> Reply:
    owner = state.full.partition("/")[0]
    found = []
    for pull in state.pulls.values():
        wanted = asked.query.get("head", f"{owner}:{pull.head_ref}")
        if wanted != f"{owner}:{pull.head_ref}" or pull.head_repo != state.full:
            continue
        if asked.query.get("base", pull.base_ref) != pull.base_ref:
            continue
        if asked.query.get("state", "open") in {"all", pull.state}:
            found.append(state.pull_body(pull))
    return Reply(200, found, pages=True)


@route("pulls/create")
def _open(state: State, asked: Asked) -> Reply:
    body = asked.body
    same = (body["head"], body["base"])
    if any((p.head_ref, p.base_ref) == same and p.state == "open" for p in state.pulls.values()):
        said = f"A pull request already exists for {state.full.partition('/')[0]}:{same[0]}."
        raise Refusal(422, "Validation Failed", [_custom("PullRequest", said)])
    check_body("PullRequest", body.get("body", ""), blank=True)
    try:
        head, base = state.diffs.sha(body["head"]), state.diffs.sha(body["base"])
    except subprocess.CalledProcessError:
        raise detailed("PullRequest", "head", "head is invalid", "invalid") from None
    if not state.diffs.commits(base, head):
        said = f"No commits between {same[1]} and {same[0]}"
        raise Refusal(422, "Validation Failed", [_custom("PullRequest", said)])
    pull = Pull(
        number=max(state.pulls, default=0) + 1,
        title=body["title"],
        body=body.get("body", ""),
        author=asked.identity.login,
        **{"base_ref": same[1], "base_sha": base, "head_ref": same[0], "head_sha": head},
        head_repo=state.full,
        draft=body.get("draft", False),
    )
    state.pulls[pull.number] = pull
    return Reply(201, state.pull_body(pull))


def _custom(resource: str, said: str) -> dict[str, str]:
    return {"resource": resource, "code": "custom", "message": said}


@route("pulls/update")
def _update(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    check_body("PullRequest", asked.body.get("body", ""), blank=True)
    pull.title, pull.body = asked.body.get("title", pull.title), asked.body.get("body", pull.body)
    return Reply(200, state.pull_body(pull))


@route("pulls/request-reviewers")
def _request(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    users = asked.body.get("reviewers", [])
    if any(login not in state.roles for login in users) or pull.author in users:
        said = "Reviews may only be requested from collaborators."
        raise Refusal(422, f"{said} One or more of them is not a collaborator.")
    asked_for = [*users, *asked.body.get("team_reviewers", [])]
    pull.reviewers += [name for name in asked_for if name not in pull.reviewers]
    return Reply(201, state.pull_body(pull))


@route("issues/remove-label")
def _unlabel(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    if asked.values["name"] not in pull.labels:
        raise Refusal(404, "Label does not exist")
    pull.labels.remove(asked.values["name"])
    return Reply(200, state.pull_body(pull)["labels"])


@route("pulls/list-reviews")
def _reviews(state: State, asked: Asked) -> Reply:
    pull, me = pull_of(state, asked), asked.identity.login
    rows = [r for r in state.reviews if r.pull == pull.number]
    seen = [r for r in rows if r.state != "PENDING" or r.author == me]
    return Reply(200, [state.review_body(review) for review in seen], pages=True)


@route("pulls/create-review")
def _review(state: State, asked: Asked) -> Reply:
    made = create_review(state, pull_of(state, asked), asked.identity, asked.body)
    return Reply(200, state.review_body(made))


@route("pulls/delete-pending-review")
def _unreview(state: State, asked: Asked) -> Reply:
    review = _found(state.reviews, asked.values["review_id"])
    delete_pending_review(state, review, asked.identity)
    return Reply(200, state.review_body(review))


@route("pulls/list-review-comments")
def _review_comments(state: State, asked: Asked) -> Reply:
    rows = state.visible(pull_of(state, asked).number)
    return Reply(200, [state.review_comment_body(comment) for comment in rows], pages=True)


@route("pulls/create-review-comment")
def _review_comment(state: State, asked: Asked) -> Reply:
    made = create_review_comment(state, pull_of(state, asked), asked.identity, asked.body)
    return Reply(201, state.review_comment_body(made))


@route("pulls/create-reply-for-review-comment")
def _reply(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    parent = _found(state.visible(pull.number), asked.values["comment_id"])
    made = reply(state, pull, parent, asked.identity.login, asked.body["body"])
    return Reply(201, state.review_comment_body(made))


@route("pulls/update-review-comment")
def _edit_review_comment(state: State, asked: Asked) -> Reply:
    comment = _found(state.review_comments, asked.values["comment_id"])
    _own(asked, comment.author)
    check_body("PullRequestReviewComment", asked.body["body"])
    comment.body, comment.edits = asked.body["body"], comment.edits + 1
    return Reply(200, state.review_comment_body(comment))


@route("issues/list-comments")
def _talk(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    rows = [c for c in state.issue_comments if c.pull == pull.number]
    return Reply(200, [state.issue_comment_body(comment) for comment in rows], pages=True)


@route("issues/create-comment")
def _say(state: State, asked: Asked) -> Reply:
    pull = pull_of(state, asked)
    check_body("IssueComment", asked.body["body"])
    made = say(state, pull, asked.identity.login, asked.body["body"])
    return Reply(201, state.issue_comment_body(made))


def say(state: State, pull: Pull, login: str, body: str) -> IssueComment:
    ident = state.next_id()
    made = IssueComment(ident, pull.number, login, body, state.moment(ident))
    state.issue_comments.append(made)
    return made


@route("issues/update-comment")
def _edit(state: State, asked: Asked) -> Reply:
    comment = _found(state.issue_comments, asked.values["comment_id"])
    _own(asked, comment.author)
    check_body("IssueComment", asked.body["body"])
    comment.body, comment.edits = asked.body["body"], comment.edits + 1
    return Reply(200, state.issue_comment_body(comment))


@route("issues/delete-comment")
def _delete(state: State, asked: Asked) -> Reply:
    comment = _found(state.issue_comments, asked.values["comment_id"])
    _own(asked, comment.author)
    state.issue_comments.remove(comment)
    return Reply(204)


def _react(state: State, asked: Asked, rows: list[Any]) -> Reply:
    comment = _found(rows, asked.values["comment_id"])
    wanted = (asked.identity.login, asked.body["content"])
    known = wanted in comment.reactions
    if not known:
        comment.reactions.append(wanted)
    found = spec().example("reactions/create-for-issue-comment", 201)
    made = {**found, "content": wanted[1], "user": state.user(wanted[0])}
    return Reply(200 if known else 201, made)


@route("reactions/create-for-issue-comment")
def _react_talk(state: State, asked: Asked) -> Reply:
    return _react(state, asked, state.issue_comments)


@route("reactions/create-for-pull-request-review-comment")
def _react_review(state: State, asked: Asked) -> Reply:
    return _react(state, asked, state.review_comments)
