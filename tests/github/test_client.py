"""Requests of the client to GitHub, over HTTP, and the parsing of answers."""

import re

import pytest
from support.github_server import GitHubServer

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubUnavailable
from reviewloop.github.api.model import Comment, Repo

REPO = Repo("octo", "demo")


def post(client, github, *comments):
    head = github.state.pulls[7].head_sha
    return client.create_review(7, commit_id=head, body="seen", comments=comments)


def test_a_review_with_lines_ranges_and_threads_is_read_back(client, github):
    pull = client.pull(7)
    assert (pull.head_ref, pull.base_ref, pull.author, pull.is_fork) == (
        *("feature", "main", "ada"),
        False,
    )
    assert (pull.labels, pull.changed_files, pull.open) == (("review me",), 4, True)
    one, same, two = (
        Comment("app.py", "one", 5),
        Comment("app.py", "the same line twice", 6, 6),
        Comment("app.py", "two", 41, 40),
    )
    made = post(client, github, one, same, two)
    assert (made.state, made.author) == ("COMMENTED", client.me()) == ("COMMENTED", made.author)
    found = client.review_comments(7)
    assert [(c.line, c.start_line, c.review) for c in found] == [
        *[(5, None, made.id), (6, None, made.id)],
        (41, 40, made.id),
    ]
    on_file = client.create_file_comment(7, commit_id=pull.head_sha, path="image.bin", body="big")
    assert (on_file.line, on_file.subject_type) == (None, "file")
    reply = client.reply(7, found[0].id, "gone now")
    assert reply.reply_to == found[0].id
    github.grant(contents="write")
    threads = client.review_threads(7)
    assert threads[0].comments == (found[0].id, reply.id)
    client.resolve_thread(threads[0].id)
    assert [t.resolved for t in client.review_threads(7)] == [True, False, False, False]
    assert client.review_threads(7)[0].resolved_by == "github-actions[bot]"


def test_the_other_acts_do_what_they_say(client, github):
    github.grant(issues="write", checks="write")
    said = client.create_issue_comment(7, "one")
    client.update_issue_comment(said.id, "two")
    client.react(said.id, "eyes")
    client.react(said.id, "eyes")
    assert github.state.issue_comments[0].reactions == [("github-actions[bot]", "eyes")]
    assert [(c.body, c.author_is_bot) for c in client.issue_comments(7)] == [("two", True)]
    assert (client.delete_issue_comment(said.id), client.delete_issue_comment(said.id)) == (
        *(True, False),
    )
    assert (client.remove_label(7, "review me"), client.remove_label(7, "review me")) == (
        *(True, False),
    )
    assert [client.permission(name) for name in ("ada", "max", "eve", "robot[bot]")] == [
        *("admin", "write", "read", "none")
    ]
    head = github.state.pulls[7].head_sha
    check = client.create_check({"name": "reviewloop", "head_sha": head})
    client.update_check(check.id, {"conclusion": "neutral"})
    [found] = client.checks(head, "reviewloop")
    assert (found.id, found.status, found.conclusion) == (check.id, "completed", "neutral")
    assert client.find_pull("feature", "main").number == 7
    made = client.create_pull(title="new", body="text", head="pushed", base="main")
    assert (made.draft, made.number, client.find_pull("nothing", "main")) == (True, 8, None)
    client.request_reviewers(8, ["eve"])
    client.update_pull(8, title="better", body="text")
    assert (github.state.pulls[8].title, github.state.pulls[8].reviewers) == ("better", ["eve"])
    assert client.default_branch() == "main"


def test_only_the_unsent_review_of_a_program_is_deleted(client, github, clock):
    def leave(token):
        own = GitHub(token, REPO, **github.addresses, sleep=clock.sleep)
        own._post("/pulls/7/reviews", {"body": "a thought"})
        return own

    assert client.delete_pending_review(7) is False
    leave(github.token).close()
    assert client.delete_pending_review(7) is True
    github.identity("token-of-ada", "ada", {"pull-requests": "write"})
    with leave("token-of-ada") as person:
        assert person.delete_pending_review(7) is False
    assert [r.body for r in github.state.reviews] == ["a thought"]


def test_all_pages_are_read(client, github):
    for number in range(205):
        github.say(7, "ada", str(number))
    assert [c.body for c in client.issue_comments(7)] == [str(number) for number in range(205)]
    assert [r.query.get("page") for r in github.asked("issues/list-comments")] == [None, "2", "3"]
    post(client, github, *[Comment("app.py", "x", 5)] * 60)
    assert len(client.review_threads(7)) == 60


def test_an_enterprise_server_is_asked_beside_its_own_address(changed):
    with GitHubServer(changed, enterprise=True) as server:
        server.open_pull(head="feature", head_repo="eve/demo")
        environ = {k: v for k, v in server.environ.items() if k != "GITHUB_GRAPHQL_URL"}
        with GitHub.from_environment(environ, REPO) as client:
            assert (client.me(), client.pull(7).is_fork) == ("github-actions[bot]", True)
        assert {r.path for r in server.received} == {
            *("/api/graphql", "/api/v3/repos/octo/demo/pulls/7")
        }
    with pytest.raises(UsageError, match="GITHUB_TOKEN"):
        GitHub.from_environment({}, REPO)


def test_an_answer_is_read_leniently_but_not_without_what_it_must_have():
    fields = Fields({"id": 7, "flag": True, "new": 1, "null": None}, "comment")
    assert (fields.number("id"), fields.text("null", "x"), fields.maybe("flag")) == (7, "x", None)
    for read in (fields.text, fields.number, fields.flag):
        with pytest.raises(GitHubUnavailable, match="nothing as gone of a comment"):
            read("gone")
    with pytest.raises(GitHubUnavailable, match="bool as flag of a comment"):
        fields.number("flag")
    with pytest.raises(GitHubUnavailable, match=re.escape("no comment.user")):
        fields.inside("user")
