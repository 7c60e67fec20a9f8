"""When the client waits, retries, or gives up, and its error messages."""

import pytest
from support import github_rules

from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import (
    AnswerLost,
    BadCredentials,
    Forbidden,
    GitHubError,
    GitHubUnavailable,
    MissingPermission,
    NotFound,
    RateLimited,
    Unprocessable,
)
from reviewloop.github.api.model import Comment, Repo

REPO = Repo("octo", "demo")
TALK = "issues/create-comment"
NO_HEADER = {
    name: [{"metadata": "write"}]
    for name in ("pulls/create-review", "checks/create", "reactions/create-for-issue-comment")
}


def post(client, github, *comments):
    head = github.state.pulls[7].head_sha
    return client.create_review(7, commit_id=head, body="seen", comments=comments)


@pytest.mark.parametrize("reset", [True, False])
def test_reading_is_repeated_with_growing_pauses(client, github, clock, reset):
    if reset:
        github.reset("pulls/get", "before", times=3)
    else:
        github.fail("pulls/get", 502, times=3)
    assert client.pull(7).number == 7
    assert [round(seconds) // 1 for seconds in clock.slept] == pytest.approx([1, 2, 4], abs=1)
    github.fail("pulls/get", 503, times=9)
    with pytest.raises(GitHubUnavailable, match="4 times") as caught:
        client.pull(7)
    assert (caught.value.exit_code, caught.value.status) == (ExitCode.INCOMPLETE, 503)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [0, 502])
def test_a_post_whose_answer_is_lost_is_not_repeated(client, github, clock, when, status):
    if status:
        github.fail(TALK, status, after=when == "after")
    else:
        github.reset(TALK, when)
    with pytest.raises(AnswerLost, match="may have happened"):
        client.create_issue_comment(7, "once")
    assert [r.happened for r in github.asked(TALK)] == [when == "after"]
    assert len(client.issue_comments(7)) == (when == "after")
    assert clock.slept == []


def test_what_is_the_same_when_done_twice_is_repeated(client, github):
    said = github.say(7, "github-actions[bot]", "one")
    github.reset("issues/update-comment", "after")
    assert client.update_issue_comment(said.id, "two").body == "two"
    github.reset("graphql", "after")
    assert client.me() == "github-actions[bot]"
    github.reset("issues/delete-comment", "after")
    assert client.delete_issue_comment(said.id) is False
    github.grant(checks="write")
    head = github.state.pulls[7].head_sha
    check = client.create_check({"name": "reviewloop", "head_sha": head})
    github.reset("checks/update", "after")
    with pytest.raises(AnswerLost):
        client.update_check(check.id, {"status": "in_progress"})


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"retry-after": "7"}, [7]),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000030"}, [30]),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, [60]),
        ({}, [60]),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for_and_a_post_sent_again(
    client, github, clock, headers, waited, status
):
    said = "You have exceeded a secondary rate limit."
    github.fail(TALK, status, message=said, headers=headers)
    client.create_issue_comment(7, "once")
    assert clock.slept == waited
    assert [c.body for c in github.state.issue_comments] == ["once"]


def test_limits_without_a_time_are_waited_for_longer_each_time(client, github, clock):
    github.limit(TALK, None)
    github.limit(TALK, None)
    client.create_issue_comment(7, "once")
    assert clock.slept == [60, 120]


def test_a_limit_beyond_our_patience_is_told_with_its_time(client, github, clock):
    github.limit(TALK, 100)
    github.limit(TALK, 100, status=429)
    with pytest.raises(RateLimited, match=r"opens in 100 s.* \(80 s left\)") as caught:
        client.create_issue_comment(7, "once")
    assert (caught.value.seconds, clock.slept) == (100, [100])
    assert github.state.issue_comments == []


def test_a_missing_permission_is_named_by_the_line_to_add(client, github, monkeypatch):
    post(client, github, Comment("app.py", "one", 5))
    [thread] = client.review_threads(7)
    github.grant(pull_requests="read")
    head = github.state.pulls[7].head_sha
    asked = {
        "pull-requests: write": lambda: post(client, github),
        "checks: write": lambda: client.create_check({"name": "x", "head_sha": head}),
        "issues: write": lambda: client.react(github.say(7, "ada", "x").id, "eyes"),
        "contents: write\npull-requests: write": lambda: client.resolve_thread(thread.id),
    }
    for without_header in (False, True):
        for line, act in asked.items():
            with pytest.raises(MissingPermission) as caught:
                act()
            assert caught.value.line_to_add == line
            assert caught.value.exit_code == ExitCode.USAGE
            assert f"`{line.splitlines()[0]}`" in str(caught.value)
        if not without_header:
            monkeypatch.setattr(github_rules, "NEEDED", NO_HEADER)


def test_other_refusals_say_what_github_said(client, github):
    with pytest.raises(Unprocessable) as caught:
        post(client, github, Comment("app.py", "x", 20))
    assert caught.value.messages == ("Line could not be resolved",)
    with pytest.raises(Unprocessable) as caught:
        client.create_issue_comment(7, "x" * 65_537)
    [said] = caught.value.messages
    assert said.startswith("data: unprocessable: Body is too long")
    with pytest.raises(NotFound):
        client.pull(70)
    github.fail(TALK, 403, message="Unable to create comment because issue is locked.")
    with pytest.raises(Forbidden, match="locked") as forbidden:
        client.create_issue_comment(7, "x")
    assert not isinstance(forbidden.value, MissingPermission)
    github.fail(TALK, 418, message="x\x1b[31m\n" + "y" * 900)
    with pytest.raises(GitHubError) as odd:
        client.create_issue_comment(7, "x")
    assert len(str(odd.value)) < 450
    assert str(odd.value).isprintable()


def test_the_token_is_shown_nowhere_and_follows_to_no_other_host(github, clock):
    secret = "secret" + "-of-nobody"
    github.fail("pulls/get", 400, message=f"bad {secret}")
    github.fail("pulls/get", 302, headers={"location": "http://localhost:1/steal"})
    github.fail("pulls/list", 301, headers={"location": f"{github.url}/repos/octo/demo/pulls"})
    with GitHub(secret, REPO, **github.addresses, sleep=clock.sleep) as stranger:
        shown = [repr(stranger), repr(stranger._transport)]
        for kind in (Unprocessable, GitHubUnavailable, BadCredentials):
            with pytest.raises(kind) as caught:
                stranger.pull(7)
            shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
        with pytest.raises(BadCredentials):  # the same host is asked once more, in vain
            stranger.find_pull("feature", "main")
    assert not [text for text in shown if secret in text]
    assert ("elsewhere (302)" in shown[5], clock.slept) == (True, [])
    assert len(github.asked("pulls/list")) == 2
    for wrong in (f"{secret}\n", "", f"{secret} x", "ü" + secret):
        with pytest.raises(UsageError) as refused:
            GitHub(wrong, REPO)
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["http://api.example.org", "https://ada:pw@api.example.org", "ftp://x", "https://", "x"],
)
def test_the_token_goes_to_no_address_that_is_open_to_others(address):
    with pytest.raises(UsageError, match="GITHUB_API_URL"):
        GitHub("token", REPO, api_url=address)


def test_a_program_that_does_not_answer_is_given_up(client, github):
    client._transport._client.timeout = 0.05
    with github._lock, pytest.raises(AnswerLost, match="ReadTimeout"):
        client.create_issue_comment(7, "x")
