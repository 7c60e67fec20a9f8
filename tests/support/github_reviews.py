"""Reviews, their comments and threads on the stand-in for GitHub: made whole or not at all."""

from typing import Any

from support.github_rules import (
    Refusal,
    check_body,
    check_commit,
    check_no_pending,
    detailed,
    simple,
    wrong_anchor,
)
from support.github_state import Identity, Pull, Review, ReviewComment, State, Thread

_STATES = {
    "COMMENT": "COMMENTED",
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    None: "PENDING",
}


def create_review(state: State, pull: Pull, identity: Identity, body: dict[str, Any]) -> Review:
    """Post a review with its comments; one that is refused takes all others with it."""
    event, text, comments = body.get("event"), body.get("body", ""), body.get("comments", [])
    check_no_pending(state, pull, identity.login, plain=True)
    if event == "APPROVE" and identity.is_bot:
        raise simple("GitHub Actions is not permitted to approve pull requests.")
    commit = body.get("commit_id", pull.head_sha)
    files = check_commit(state, pull, commit)
    if files is None:
        raise simple("Commit is not part of the pull request")
    problems = []
    for each in [text, *(comment["body"] for comment in comments)]:
        if len(each) > 65_536:
            problems.append("Body is too long (maximum is 65536 characters)")
    if event and not text.strip() and (event == "REQUEST_CHANGES" or not comments):
        problems.append("Body can't be blank")
    for comment in comments:
        if not comment["body"].strip():
            problems.append("Pull request review thread body can't be blank")
        problems.append(wrong_anchor(files, comment)[0])
    if any(problems):
        raise simple(*dict.fromkeys(problem for problem in problems if problem))
    review = _review(state, pull, identity.login, text, _STATES[event], commit)
    for comment in comments:
        _begin_thread(state, pull, review, comment)
    return review


def create_review_comment(
    state: State, pull: Pull, identity: Identity, body: dict[str, Any]
) -> ReviewComment:
    """Post one comment on a line or on a file as a whole."""
    resource = "PullRequestReviewComment"
    if "in_reply_to" in body:
        for parent in state.visible(pull.number):
            if parent.id == body["in_reply_to"]:
                return reply(state, pull, parent, identity.login, body["body"])
        raise detailed(resource, "in_reply_to", "in_reply_to is invalid", "invalid")
    check_no_pending(state, pull, identity.login, plain=False)
    check_body(resource, body["body"])
    files = check_commit(state, pull, body["commit_id"])
    if files is None:
        said = f"No commit found for SHA: {body['commit_id']}"
        raise detailed(resource, "commit_id", said)
    if body.get("subject_type") == "file":
        if body["path"] not in files:
            said = "pull_request_review_thread.path is invalid"
            raise detailed(resource, "pull_request_review_thread.path", said)
    else:
        plain, field, said = wrong_anchor(files, body)
        if plain:
            raise detailed(resource, field, said)
    review = _review(state, pull, identity.login, "", "COMMENTED", body["commit_id"])
    return _begin_thread(state, pull, review, body)


def reply(state: State, pull: Pull, parent: ReviewComment, login: str, body: str) -> ReviewComment:
    """Answer in a thread, always to the comment that began it."""
    check_body("PullRequestReviewComment", body)
    root = next(t.root for t in state.threads if t.root.id == (parent.in_reply_to or parent.id))
    ident = state.next_id()
    review = _review(state, pull, login, "", "COMMENTED", root.commit_id)
    made = ReviewComment(
        id=ident,
        pull=pull.number,
        author=login,
        body=body,
        path=root.path,
        created_at=state.moment(ident),
        review=review.id,
        in_reply_to=root.id,
        commit_id=root.commit_id,
        original_commit_id=root.original_commit_id,
        side=root.side,
        line=root.line,
        original_line=root.original_line,
        subject_type=root.subject_type,
    )
    state.review_comments.append(made)
    return made


def delete_pending_review(state: State, review: Review, identity: Identity) -> None:
    """Delete a review that was not sent, with its comments."""
    if review.author != identity.login:
        raise Refusal(404, "Not Found")
    if review.state != "PENDING":
        raise simple("Can not delete a non-pending pull request review")
    state.reviews.remove(review)
    state.review_comments = [c for c in state.review_comments if c.review != review.id]
    state.threads = [t for t in state.threads if t.root.review != review.id]


def _review(state: State, pull: Pull, login: str, body: str, kind: str, commit: str) -> Review:
    ident = state.next_id()
    made = Review(ident, pull.number, login, body, kind, commit, state.moment(ident))
    state.reviews.append(made)
    return made


def _begin_thread(
    state: State, pull: Pull, review: Review, comment: dict[str, Any]
) -> ReviewComment:
    ident = state.next_id()
    of_file = comment.get("subject_type") == "file"
    line, start = (None, None) if of_file else (comment["line"], comment.get("start_line"))
    side = comment.get("side", "RIGHT")
    made = ReviewComment(
        id=ident,
        pull=pull.number,
        author=review.author,
        body=comment["body"],
        path=comment["path"],
        created_at=state.moment(ident),
        review=review.id,
        commit_id=review.commit_id,
        original_commit_id=review.commit_id,
        side=side,
        line=line,
        start_line=start,
        original_line=line,
        original_start_line=start,
        start_side=comment.get("start_side", side) if start is not None else None,
        subject_type="file" if of_file else "line",
        pending=review.state == "PENDING",
    )
    state.review_comments.append(made)
    state.threads.append(Thread(f"PRRT_{ident}", made))
    if review.commit_id != pull.head_sha:
        state.relocate(pull)
    return made
