"""Comments on the diff: each finding ends in one place, whatever GitHub refuses or loses."""

import pytest
from support.github_server import GitHubServer

from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import StaleHead, Unprocessable
from reviewloop.github.api.model import Comment, Repo
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import LONGEST, inline_body
from reviewloop.github.comments.marker import findings_in
from reviewloop.github.posting.post import post

GOOD = (3, 5, 6, 7, 40, 41)  # lines of app.py in its two hunks


def finding(number, **fields):
    given = {"path": "app.py", "line": 5, "title": f"Problem {number:03}."} | fields
    ident, agents = f"{number:012x}", ("review-security",)
    return Finding(id=ident, agents=agents, severity=Severity.SHOULD_FIX, **given)


def comment(number, line=5, path="app.py", start=None, **fields):
    found = finding(number, path=path, line=line)
    body = fields.pop("body", None) or inline_body(found)
    return Comment(path, body, line, start, finding=found.id, **fields)


def good(count=6):
    return [comment(n, GOOD[n % len(GOOD)]) for n in range(count)]


def standing(github: GitHubServer) -> dict[str, int]:
    """Return how often each finding is seen on the diff."""
    seen: dict[str, int] = {}
    for each in github.state.visible(7):
        for name in findings_in(each.body):
            seen[name] = seen.get(name, 0) + 1
    return seen


def names(comments):
    return tuple(each.finding for each in comments)


@pytest.fixture
def send(client, github, clock):
    pull = client.pull(7)

    def sent(comments, **more):
        given = {"head_sha": pull.head_sha, "cap": 100, "pace": Pace(clock.sleep, clock.now)}
        posted = post(client, pull, comments, **given | more)
        # Whatever happened: nothing stands twice, and nothing is in two lists.
        seen = standing(github)
        assert set(seen.values()) <= {1}
        lists = [*posted.inline, *posted.on_file, *posted.left]
        assert len(lists) == len(set(lists))
        assert {*lists, *posted.known, *more.get("known", ())} >= set(names(comments))
        assert {*posted.inline, *posted.on_file} <= set(seen)
        assert not seen.keys() & set(posted.left)
        return posted

    return sent


CAUSES = [
    # what is refused, where it ends, GitHub's words
    ("line outside of a hunk", comment(900, 20), "on_file", "Line could not be resolved"),
    ("hunks of two", comment(900, 40, start=5), "on_file", "same hunk"),
    ("start after end", comment(900, 5, start=7), "on_file", "must precede"),
    ("path not in the diff", comment(900, 1, "nothing.py"), "left", "Path could not be"),
    ("binary file", comment(900, 1, "image.bin"), "on_file", "Line could not be resolved"),
    ("renamed as it is", comment(900, 1, "renamed.py"), "on_file", "Line could not be resolved"),
    ("new side of a deleted file", comment(900, 1, "gone.py"), "on_file", "could not be resolved"),
]


@pytest.mark.parametrize(
    ("bad", "place", "said"), [c[1:] for c in CAUSES], ids=[c[0] for c in CAUSES]
)
def test_one_bad_anchor_loses_nothing(bad, place, said, send, client, github):
    with pytest.raises(Unprocessable, match=said):
        client.create_review(7, commit_id=client.pull(7).head_sha, body="", comments=[bad])
    comments = good()
    comments.insert(3, bad)
    posted = send(comments)
    assert sorted(posted.inline) == sorted(names(good()))
    assert getattr(posted, place) == (bad.finding,)
    [problem] = posted.problems
    assert said in problem
    assert f"{bad.path}:{bad.line}" in problem


def test_what_falls_on_the_file_names_its_lines_and_offers_nothing_to_commit(send, github):
    found = finding(1, line=20)
    body = inline_body(found, suggestion="better\n")
    assert "```suggestion\nbetter\n```" in body
    send([Comment("app.py", body, 20, 19, finding=found.id)])
    [made] = github.state.review_comments
    assert (made.subject_type, made.line) == ("file", None)
    assert "_About lines 19–20, where" in made.body
    assert "```\nbetter\n```" in made.body
    assert "suggestion" not in made.body


def test_all_are_bad_or_good_and_batches_hold_thirty(send, github):
    assert len(send(good(65)).inline) == 65
    assert [len(r.body["comments"]) for r in github.asked("pulls/create-review")] == [30, 30, 5]
    assert {r.body["event"] for r in github.asked("pulls/create-review")} == {"COMMENT"}
    bad = [comment(n, 20) for n in range(100, 104)]
    assert send(bad, known=names(good(65))).on_file == names(bad)


def test_a_body_that_is_too_long_is_cut_and_keeps_its_mark(send, client, github):
    long = comment(1, body=inline_body(finding(1)) + "\n```\n" + "code\n" * 20_000)
    with pytest.raises(Unprocessable, match="too long"):
        client.create_review(7, commit_id=client.pull(7).head_sha, body="", comments=[long])
    assert send([long, *good()[2:]]).inline == names([long, *good()[2:]])
    body = github.state.review_comments[0].body
    assert LONGEST - 500 < len(body) <= LONGEST
    assert body.count("```") == 2
    assert body.endswith("takes no longer comment._")


def test_a_commit_that_is_no_part_is_a_stale_head(send, client, github):
    old = client.pull(7).head_sha
    github.push(7, "pushed")
    with pytest.raises(StaleHead, match="moved from"):
        send(good(), head_sha=old)
    assert github.state.reviews == []


def test_a_head_that_is_replaced_in_the_middle_ends_the_posting(send, client, github, monkeypatch):
    create, pushes = client.create_review, iter([None, "other"])

    def pushed_before(*args, **more):
        if revision := next(pushes):
            github.push(7, revision)
        return create(*args, **more)

    monkeypatch.setattr(client, "create_review", pushed_before)
    posted = send(good(), batch=3)
    assert (posted.inline, posted.left) == (names(good()[:3]), names(good()[3:]))
    assert "moved from" in posted.problems[0]


def test_a_pending_review_of_ours_is_deleted_and_that_of_a_person_is_named(
    send, client, github, clock
):
    client._post("/pulls/7/reviews", {"body": "<!-- reviewloop: unsent -->"})
    assert send(good()).problems == ()
    assert {r.state for r in github.state.reviews} == {"COMMENTED"}
    github.identity("token-of-ada", "ada", {"pull-requests": "write"})
    timing = {"sleep": clock.sleep, "now": clock.now}
    with GitHub("token-of-ada", Repo.of(github.full), **github.addresses, **timing) as ada:
        ada._post("/pulls/7/reviews", {"body": "a thought"})
        pull, more = ada.pull(7), [comment(90)]
        posted = post(ada, pull, more, head_sha=pull.head_sha, cap=9)
    assert posted.left == names(more)
    assert "a review of ada is still pending on #7" in posted.problems[0]
    assert "a thought" in {r.body for r in github.state.reviews}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["pulls/create-review", "pulls/create-review-comment"])
def test_a_lost_answer_says_nothing_twice(when, operation, send, github):
    comments = [*good(), comment(900, 20)]
    github.reset(operation, when)
    posted = send(comments, batch=4)
    assert (set(posted.inline), posted.on_file) == (set(names(good())), (comments[-1].finding,))


def test_a_run_that_broke_off_is_finished_by_the_next_one(send, client, github):
    github.reset("pulls/create-review", "after", skip=1)
    github.fail("pulls/list-review-comments", 502, times=9, skip=1)
    first = send_unchecked(client, good())
    assert (len(first.inline), len(first.left)) == (2, 4)
    assert "does not answer" in first.problems[0]
    github.faults.clear()
    known = standing(github)
    assert len(known) == 4  # two of them without our knowing
    second = send(good(), batch=2, known=known)
    assert (len(second.inline), second.left, len(second.known)) == (2, (), 4)


def send_unchecked(client, comments):
    pull = client.pull(7)
    return post(client, pull, comments, head_sha=pull.head_sha, cap=9, batch=2, pace=NO_WAIT)


NO_WAIT = Pace(lambda seconds: None, lambda: 0.0)


def test_answers_that_are_always_lost_end_in_the_summary(send, github):
    github.reset("pulls/create-review", "before", times=9)
    posted = send(good())
    assert posted.left == names(good())
    assert "got lost" in posted.problems[0]
    assert len(github.asked("pulls/create-review")) <= 3
    assert posted.broken


def test_what_is_said_again_on_purpose_is_not_taken_for_its_old_comment(send, client, github):
    assert send(good()).inline == names(good())
    github.reset("pulls/create-review", "before")
    pull = client.pull(7)
    again = post(client, pull, good()[:1], head_sha=pull.head_sha, cap=9, pace=NO_WAIT)
    assert (again.inline, standing(github)[good()[0].finding]) == (names(good()[:1]), 2)
    known = [*names(good()[1:]), "ffffffffffff"]
    told = post(client, pull, good()[:1], head_sha=pull.head_sha, cap=0, known=known)
    assert told.known == names(good()[1:])  # what was only in the summary stays there


def test_a_missing_permission_is_named_with_the_line_to_add(send, github):
    github.grant(pull_requests="read")
    posted = send(good())
    assert posted.left == names(good())
    assert "add `pull-requests: write` under `permissions:`" in posted.problems[0]


def test_a_limit_is_waited_for_and_one_that_lasts_leaves_the_rest(send, github, clock):
    github.limit("pulls/create-review", 7)
    assert len(send(good()).inline) == 6
    assert 7 in clock.slept
    github.limit("pulls/create-review", 3600)
    posted = send([comment(90)], known=names(good()))
    assert posted.left == names([comment(90)])
    assert "3600 s" in posted.problems[0]


def test_known_ones_the_cap_and_the_same_twice(send, github):
    assert send(good(), cap=0).left == names(good())
    assert send([*good(), *good()], cap=4, known=[good()[0].finding]).left == (good()[5].finding,)
    assert [len(r.body["comments"]) for r in github.asked("pulls/create-review")] == [4]


def test_a_secret_is_taken_out_of_a_body_and_the_mark_stays(send, github):
    value = "hun" + "ter2"
    mine = [comment(1, body=inline_body(finding(1, why=f"It is {value}.")))]
    send(mine, rendered=lambda text: text.replace(value, "⟦secret⟧"))
    [made] = github.state.review_comments
    assert "It is ⟦secret⟧." in made.body
    assert findings_in(made.body) == names(mine)


def test_no_more_than_eighty_requests_that_create_something_in_a_minute(clock):
    pace, start = Pace(clock.sleep, clock.now), clock.now()
    made = []
    for _ in range(200):
        pace.wait()
        made.append(clock.now() - start)
    assert all(made[n + 80] - made[n] >= 60 for n in range(120))
    assert made[79] == 0


def test_each_limit_on_speed_halves_how_fast_we_write(github, clock):
    pace = Pace(clock.sleep, clock.now)
    timing = {"sleep": clock.sleep, "now": clock.now, "limited": pace.slow_down}

    def at_once():
        clock.sleep(3600)
        start, count = clock.now(), 0
        while True:
            pace.wait()
            if clock.now() > start:
                return count
            count += 1

    with GitHub(github.token, Repo.of(github.full), **github.addresses, **timing) as client:
        counted = [at_once()]
        for _ in range(4):
            github.limit("issues/create-comment", 1)
            client.create_issue_comment(7, "x")
            counted.append(at_once())
        used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}  # how many, not how fast
        github.fail("issues/create-comment", 403, headers=used_up)
        pace = Pace(clock.sleep, clock.now)
        client.create_issue_comment(7, "x")
        assert at_once() == 80
    assert counted == [80, 40, 20, 10, 10]
