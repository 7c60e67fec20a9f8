"""The stand-in refuses what GitHub refuses, and for GitHub's reasons.

Requests are raw here: the client must not be able to hide a hole.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from support.github_events import of_comment, of_pull
from support.github_server import GitHubServer

Ask = Callable[..., tuple[int, Any]]
PULL = "/repos/octo/demo/pulls/7"
TALK = "/repos/octo/demo/issues/7/comments"


@pytest.fixture
def ask(github: GitHubServer) -> Ask:
    """Send one request; return the status and what was answered, with headers under `headers`."""

    def send(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        given = {
            **{"authorization": f"Bearer {github.token}", "user-agent": "reviewloop/raw"},
            **{"x-github-api-version": "2022-11-28", "content-type": "application/json"},
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            github.url + path, data, {**given, **headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                text = response.read()
                github.headers = response.headers  # type: ignore[attr-defined]
                return response.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            github.headers = error.headers  # type: ignore[attr-defined]
            return error.code, json.loads(error.read())

    return send


def review(github: GitHubServer, *comments: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = github.state.pulls[7].head_sha
    whole = [{"path": "app.py", "body": "why?", **comment} for comment in comments]
    return {"commit_id": head, "event": "COMMENT", "body": "seen", "comments": whole, **more}


WRONG_ANCHORS = {  # name: comment, what reviews say, what the field of a single comment is
    "outside every hunk": ({"line": 20}, "Line could not be resolved", "line"),
    "beyond the file": ({"line": 900}, "Line could not be resolved", "line"),
    "no such line on the old side": (
        {"line": 61, "side": "LEFT"},
        "Line could not be resolved",
        "line",
    ),
    "two hunks": ({"start_line": 5, "line": 40}, "part of the same hunk", "start_line"),
    "start is the end": ({"start_line": 5, "line": 5}, "must precede the end", "start_line"),
    "start after the end": ({"start_line": 6, "line": 5}, "must precede the end", "start_line"),
    "path not in the diff": (
        {"path": "README.md", "line": 1},
        "Path could not be resolved",
        "path",
    ),
    "old name": ({"path": "kept.py", "line": 1}, "Path could not be resolved", "path"),
    "binary": ({"path": "image.bin", "line": 1}, "Line could not be resolved", "diff_hunk"),
    "rename only": ({"path": "renamed.py", "line": 1}, "Line could not be resolved", "diff_hunk"),
    "deleted, new side": ({"path": "gone.py", "line": 1}, "Line could not be resolved", "line"),
}


@pytest.mark.parametrize("name", WRONG_ANCHORS)
def test_a_wrong_anchor_is_refused_and_takes_the_whole_review_with_it(github, ask, name):
    comment, said, field = WRONG_ANCHORS[name]
    status, answer = ask("POST", f"{PULL}/reviews", review(github, {"line": 5}, comment))
    assert (status, answer["message"]) == (422, "Unprocessable Entity")
    assert [said in error for error in answer["errors"]] == [True]
    single = {"path": "app.py", "body": "why?", **comment}
    head = github.state.pulls[7].head_sha
    status, answer = ask("POST", f"{PULL}/comments", {**single, "commit_id": head})
    assert (status, answer["message"]) == (422, "Validation Failed")
    assert answer["errors"][0]["field"] == f"pull_request_review_thread.{field}"
    assert github.state.review_comments == github.state.reviews == []


def test_good_anchors_are_taken_with_a_suggestion_on_the_old_side_as_mere_text(github, ask):
    body = review(
        github,
        {"line": 5},
        {"line": 8},  # shown for context
        {"start_line": 40, "line": 41},
        {"line": 5, "side": "LEFT", "body": "```suggestion\nx\n```"},
        {"path": "gone.py", "line": 2, "side": "LEFT"},
    )
    status, answer = ask("POST", f"{PULL}/reviews", body)
    assert (status, answer["state"]) == (200, "COMMENTED")
    assert [c.line for c in github.state.review_comments] == [5, 8, 41, 5, 2]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"body": "x" * 65_537}, "too long"),
        ({"body": " ", "comments": []}, "blank"),
        ({"event": "APPROVE"}, "not permitted to approve"),
        ({"comments": [{"path": "app.py", "line": 5, "body": "x" * 65_537}]}, "too long"),
    ],
)
def test_a_review_with_a_wrong_text_or_kind_is_refused(github, ask, more, said):
    status, answer = ask("POST", f"{PULL}/reviews", review(github, **more))
    assert status == 422
    assert said in answer["errors"][0]


def test_a_commit_must_be_of_the_pull_request_and_anchors_hold_on_an_earlier_one(github, ask):
    diffs = github.state.diffs
    stale = review(github, {"line": 5}, commit_id=diffs.sha("other"))
    assert ask("POST", f"{PULL}/reviews", stale)[0] == 422
    single = {"path": "app.py", "body": "x", "line": 5, "commit_id": diffs.sha("other")}
    status, answer = ask("POST", f"{PULL}/comments", single)
    assert (status, answer["errors"][0]["field"]) == (422, "commit_id")
    earlier = review(github, {"line": 5}, commit_id=diffs.sha("feature~1"))
    assert ask("POST", f"{PULL}/reviews", earlier)[0] == 200
    github.push(7, "other")
    assert ask("POST", f"{PULL}/reviews", review(github, commit_id=diffs.sha("feature")))[0] == 422


def test_a_second_review_waits_for_the_pending_one(github, ask):
    pending = review(github, {"line": 5})
    del pending["event"]
    status, made = ask("POST", f"{PULL}/reviews", pending)
    assert (status, made["state"]) == (200, "PENDING")
    assert ask("GET", f"{PULL}/comments")[1] == []
    status, answer = ask("POST", f"{PULL}/reviews", review(github, {"line": 5}))
    assert (status, "one pending review" in answer["errors"][0]) == (422, True)
    single = {"path": "app.py", "body": "x", "line": 5, "commit_id": pending["commit_id"]}
    assert ask("POST", f"{PULL}/comments", single)[0] == 422
    assert ask("DELETE", f"{PULL}/reviews/{made['id']}")[0] == 200
    assert ask("POST", f"{PULL}/reviews", review(github, {"line": 5}))[0] == 200


def test_texts_of_the_conversation_have_a_length(github, ask):
    assert ask("POST", TALK, {"body": "x" * 65_536})[0] == 201
    status, answer = ask("POST", TALK, {"body": "x" * 65_537})
    assert status == 422
    assert answer["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"
    assert ask("POST", TALK, {"body": "  "})[0] == 422


def test_a_permission_that_was_not_given_is_named_in_the_header(github, ask):
    github.grant(pull_requests="read")
    for path, body in ((TALK, {"body": "x"}), (f"{PULL}/reviews", review(github))):
        status, answer = ask("POST", path, body)
        assert (status, answer["message"]) == (403, "Resource not accessible by integration")
    assert github.headers["x-accepted-github-permissions"] == "pull_requests=write"
    assert ask("GET", PULL)[0] == 200
    assert ask("GET", "/user")[0] == 403
    assert ask("GET", PULL, authorization="Bearer wrong")[0] == 401
    assert ask("GET", "/repos/octo/other/pulls/7")[0] == ask("GET", f"{PULL}0")[0] == 404


def test_a_diff_that_is_too_large_is_406(github, ask):
    github.state.pulls[7].diff_too_large = True
    status, answer = ask("GET", PULL, accept="application/vnd.github.diff")
    assert (status, answer["errors"][0]["code"]) == (406, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", TALK, {"text": "x"}, "'body' is a required property"),
        ("POST", TALK, {"body": "x", "mood": "y"}, "'mood' was unexpected"),
        ("POST", f"{PULL}/reviews", {"event": "LIKE"}, "'LIKE' is not one of"),
        (
            "POST",
            f"{PULL}/reviews",
            {"comments": [{"path": "a", "body": "b", "position": 1}]},
            "'po",
        ),
        (
            "POST",
            f"{PULL}/reviews",
            {"comments": [{"path": "a", "body": "b", "subject_type": "file"}]},
            "'subject_type' was unexpected",
        ),
        ("GET", f"{PULL}/comments?per_page=500", None, "per_page is not in 1 to 100"),
        ("GET", f"{PULL}/comments?size=5", None, "unknown size"),
        ("GET", "/repos/octo/demo/pulls/seven", None, "'seven' is not of type 'integer'"),
        ("PUT", f"{PULL}/merge", None, "no operation that we are known to use"),
        ("POST", "/graphql", {"query": "{ viewer { email } }"}, "Cannot query field 'email'"),
    ],
)
def test_a_request_against_the_description_fails_the_test(github, ask, method, path, body, problem):
    status, answer = ask(method, path, body)
    assert (status, problem in answer["message"]) == (400, True)
    assert any(problem in violation for violation in github.violations)
    with pytest.raises(AssertionError):
        github.__exit__(None, None, None)
    github.violations.clear()


def test_a_push_moves_comments_or_leaves_them_behind(github, ask):
    ask("POST", f"{PULL}/reviews", review(github, {"line": 5}, {"start_line": 40, "line": 41}))
    ask("POST", f"{PULL}/reviews", review(github, {"line": 3, "side": "LEFT"}))
    github.push(7, "pushed")
    _, found = ask("GET", f"{PULL}/comments")
    assert [(c["line"], c["start_line"], c["original_line"]) for c in found] == [
        (None, None, 5),
        (42, 41, 41),  # two lines came above it and one went
        (3, None, 3),
    ]
    assert [thread.outdated for thread in github.state.threads] == [True, False, False]
    assert found[0]["commit_id"] != found[1]["commit_id"] == github.state.pulls[7].head_sha


def test_a_thread_is_resolved_only_with_write_access_to_the_contents(github, ask):
    ask("POST", f"{PULL}/reviews", review(github, {"line": 5}))
    query = "mutation($t: ID!) { resolveReviewThread(input: {threadId: $t}) { thread { id } } }"
    body = {"query": query, "variables": {"t": github.state.threads[0].id}}
    status, answer = ask("POST", "/graphql", body)
    assert (status, answer["errors"][0]["type"]) == (200, "FORBIDDEN")
    github.grant(contents="write")
    assert "errors" not in ask("POST", "/graphql", body)[1]
    assert github.state.threads[0].resolved_by == "github-actions[bot]"


def test_events_are_the_published_ones_about_this_pull_request(github):
    found = of_pull(github, 7, "synchronize")
    assert found["pull_request"]["head"]["sha"] == github.state.pulls[7].head_sha
    assert found["repository"]["full_name"] == "octo/demo"
    said = of_comment(github, github.say(7, "ada", "/reviewloop help").id)
    assert said["comment"]["body"] == "/reviewloop help"
    assert said["issue"]["pull_request"]["url"].endswith("/pulls/7")
