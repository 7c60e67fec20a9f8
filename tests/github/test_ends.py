"""Every way in which a review ends: its documented status, and nothing posted twice afterwards.

A table; `again` says how a second run ends when what went wrong is over. After it each finding
stands on the pull request exactly once.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import Checkout
from support.ends import (
    CHECK,
    EDIT,
    FILE,
    REPLY,
    REVIEW,
    TALK,
    End,
    Stage,
    after_review,
    both,
    by_hand,
    cut_off,
    dependabot_pushed,
    fails,
    forbids,
    is_,
    lacks,
    limits,
    loses,
    make_repository,
    moves,
    nothing,
    partly,
    push,
    refuses,
    resets,
    said_by_eve,
    spent,
    stale,
)
from support.finding_locations import check_standing, on_diff, standing
from support.github_server import GitHubServer
from support.runner import Clock, Ran, Runner

from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import JobOutcome, outputs_of

FAILED = "review_error"
WHOLE = {"inline": 3, "told": 1, "writes": (REVIEW, TALK)}
HAND = {"event": "workflow_dispatch"}
RESOLVE = "graphql"  # refused, as the token may not push; then it is not tried again
READ_ONLY = "add `pull-requests: write` under `permissions:`"

SKIPPED = [
    End("fork", is_(head_repo="eve/demo"), "skipped", 0, "comes from eve/demo"),
    End("fork that is gone", is_(head_repo=None), "skipped", 0, "a deleted fork"),
    End("Dependabot's", is_(author="dependabot[bot]"), "skipped", 0, "Dependabot's"),
    End("pushed by Dependabot", dependabot_pushed, "skipped", 0, "Dependabot's"),
    End("another bot's", is_(author="tool[bot]"), "skipped", 0, r"the bot tool\[bot\]"),
    End("draft", is_(draft=True), "skipped", 0, "is a draft"),
    End("closed", is_(state="closed"), "skipped", 0, "is closed"),
    End("closed, by hand", by_hand(is_(state="closed")), "skipped", 0, "is closed", **HAND),
    End("empty diff", push("same"), "skipped", 0, "changes no file"),
    End("binary only", push("binary"), "skipped", 0, "all 1 files are", writes=(TALK,)),
    End(
        *("too many files", push("rebased"), "skipped", 0, "changes 2 files, more than the 1 "),
        options=("--max-files", "1"),
    ),
    End("stale head", stale, "skipped", 0, "pushed to since"),
    End("head that moves", moves("pulls/list-review-comments"), "skipped", 0, "moved from"),
    End(
        *("draft to be checked", is_(draft=True), "skipped", 0, "is a draft"),
        options=("--check",),  # a skipped check would let it be merged
    ),
    End(
        *("nothing to check", push("same"), "skipped", 0),
        **{"said": "no file.* got no check", "options": ("--check",), "writes": (CHECK,)},
    ),
    End("started by a comment", said_by_eve, "skipped", 0, "by a comment", event="issue_comment"),
    End("another event", nothing, "skipped", 0, "about no pull request", event="push"),
]
REVIEWED = [
    End("draft, by hand", by_hand(is_(draft=True)), "passed", 0, **WHOLE, **HAND),
    End("bot's, by hand", by_hand(is_(author="tool[bot]")), "passed", 0, **WHOLE, **HAND),
    End("fork's, by hand", by_hand(is_(head_repo="eve/demo")), "passed", 0, **WHOLE, **HAND),
    End("--drafts", is_(draft=True), "passed", 0, options=("--drafts",), **WHOLE),
    End("--bots", is_(author="tool[bot]"), "passed", 0, options=("--bots",), **WHOLE),
    End("--forks", is_(head_repo="eve/demo"), "passed", 0, options=("--forks",), **WHOLE),
    End("--fail-on", nothing, "needs_changes", 1, options=("--fail-on", "should"), **WHOLE),
    End(
        *("empty now", after_review(nothing, "same"), "skipped", 0, "no file"),
        **{"inline": 3, "writes": (REPLY, RESOLVE, REPLY, REPLY, EDIT)},
    ),
]
REFUSED = [
    End("token refused", fails(".*", 401, "Bad credentials"), FAILED, 2, "give a token"),
    End(
        *("token expires", fails(TALK, 401, "Bad credentials"), FAILED, 2, "give a token"),
        **{"inline": 3, "writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("may not write", lacks(pull_requests="read"), FAILED, 2, READ_ONLY),
        **{"writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("may not review", forbids(REVIEW), FAILED, 2, READ_ONLY),
        **{"told": 4, "writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("may not comment", forbids(TALK), FAILED, 2, READ_ONLY),
        **{"inline": 3, "writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("may not comment on files", both(refuses(REVIEW), forbids(FILE)), FAILED, 2, READ_ONLY),
        **{"told": 4, "writes": (REVIEW, REVIEW, FILE, TALK), "again": "passed"},
    ),
    End(
        *("may not answer", after_review(forbids(REPLY)), FAILED, 2, READ_ONLY),
        **{"inline": 3, "told": 1, "writes": (REPLY, EDIT), "again": "passed"},
    ),
    End(
        *("may not edit", after_review(forbids(EDIT), "rebased"), FAILED, 2, READ_ONLY),
        **{"inline": 3, "told": 1, "writes": (EDIT,), "again": "passed"},
    ),
    End(
        *("may not check", nothing, FAILED, 2, "add `checks: write` under"),
        **{**WHOLE, "options": ("--check",), "writes": (REVIEW, TALK, CHECK), "again": "passed"},
    ),
    End(
        *("may not read", lacks(pull_requests="none"), FAILED, 2, "add `pull-requests: read`"),
        again="passed",
    ),
    End("no such pull request", fails("pulls/get", 404, "Not Found"), FAILED, 2, "it is gone"),
]
BROKEN = [
    End("GitHub is down", fails(".*", 503), FAILED, 5, "status 503, 4 times", again="passed"),
    End("no connection", resets(".*"), FAILED, 5, "does not answer", again="passed"),
    End("half an answer", partly, FAILED, 5, "Something went wrong", again="passed"),
    End(
        *("no answer to the review", resets(REVIEW), FAILED, 5, "may have happened"),
        **{"told": 4, "writes": (REVIEW, REVIEW, REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("answers that get lost", both(loses(REVIEW), loses(TALK)), "passed", 0),
        **WHOLE,
    ),
    End("limit of this hour", spent(30), "passed", 0, waits=30, **WHOLE),
    End("limit of this hour, long", spent(3000), FAILED, 5, "opens in 3000 s", again="passed"),
    End(
        *("limit", limits(REVIEW, 5, times=2), "passed", 0),
        **{**WHOLE, "waits": 10, "writes": (REVIEW, REVIEW, REVIEW, TALK)},
    ),
    End(
        *("limit without a time", limits(REVIEW, None, times=2), "passed", 0),
        **{**WHOLE, "waits": 180, "writes": (REVIEW, REVIEW, REVIEW, TALK)},
    ),
    End(
        *("limit, too long", limits(REVIEW, 3600), FAILED, 5, "opens in 3600 s"),
        **{"told": 4, "writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        *("limit for the summary", limits(TALK, 3600), FAILED, 5, "opens in 3600 s"),
        **{"inline": 3, "writes": (REVIEW, TALK), "again": "passed"},
    ),
    End(
        "rebased in mid-posting",
        both(refuses(REVIEW, times=1), moves(REVIEW, "rebased", skip=1)),
        *(FAILED, 5, "moved from"),
        **{"inline": 1, "told": 3, "writes": (REVIEW, REVIEW, REVIEW, TALK), "again": "passed"},
    ),
]
ROWS = {row.name: row for row in (*SKIPPED, *REVIEWED, *REFUSED, *BROKEN)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("ends") / "work")


@pytest.fixture
def stage(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    clock = Clock()
    clock.rule(monkeypatch)
    with GitHubServer(repository, roles={"ada": "write", "eve": "read"}) as github:
        github.open_pull(head="feature")
        runner = Runner(github, Checkout(repository, tmp_path / "home"), tmp_path)
        yield Stage(github, runner, clock)


def there(stage: Stage) -> tuple[int, int]:
    """Return how many comments stand on the diff, and how many findings only in the summary."""
    inline = len(on_diff(stage.github))
    return inline, sum(standing(stage.github).values()) - inline


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("name", ROWS)
def test_it_ends_as_documented_and_says_nothing_twice(name: str, stage: Stage) -> None:
    row = ROWS[name]
    payload = row.prepare(stage)
    slept, last = len(stage.clock.slept), stage.github.state.next_id()
    ran = stage.runner.review("synchronize", *row.options, payload=payload, event=row.event)
    assert (ran.out["status"], ran.code) == (row.status, row.code), ran.out["reason"]
    assert re.search(row.said, ran.out["reason"])
    assert bool(ran.out["reason"]) is bool(row.said)
    check_told(ran)
    assert tuple(ran.writes) == row.writes
    assert there(stage) == (row.inline, row.told)
    posted = sum(comment.id > last for comment in on_diff(stage.github))
    assert int(ran.out["comments-posted"]) == posted
    assert bool(ran.out["must-fix"]) is bool(ran.report)
    if row.waits is not None:
        assert sum(stage.clock.slept[slept:]) == row.waits
    check_found(stage, ran)
    if row.again:
        stage.mend()
        again = stage.runner.review("synchronize", *row.options)
        assert (again.out["status"], again.code) == (row.again, 0), again.out["reason"]
        check_standing(stage.github, again.findings)
        assert sum(there(stage)) == 4 - ("fixed" in row.name)
    else:
        check_standing(stage.github, ())


def check_told(ran: Ran) -> None:
    """The page and the log say what the outputs say; no diff was asked for; only comments."""
    status, reason = ran.out["status"], ran.out["reason"]
    assert set(ran.out) == set(outputs_of(JobOutcome(Status.SKIPPED)))
    level = {"skipped": "notice", FAILED: "error"}.get(status)
    if level:
        assert f"### reviewloop: {status.replace('_', ' ')}" in ran.page
        assert f"::{level} title=reviewloop%3A {status}::{reason[:40]}" in ran.log
    else:
        assert "## reviewloop: " in ran.page
    # The diff is ours: GitHub answers 406 to who asks for a large one.
    assert {r.accept for r in ran.requests} <= {"application/vnd.github+json"}
    assert not [r for r in ran.requests if r.path.endswith((".diff", ".patch", "/files"))]
    assert {r.body["event"] for r in ran.requests if r.operation == REVIEW} <= {"COMMENT"}


def check_found(stage: Stage, ran: Ran) -> None:
    """Each finding stands on the pull request or, where that failed, on the page of the run."""
    seen = standing(stage.github)
    assert [name for name in ran.findings if not seen[name] and name not in ran.page] == []


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_a_run_that_is_cut_off_at_any_write_is_finished_by_the_next(
    number: int, when: str, stage: Stage
) -> None:
    cut_off(number, when)(stage)
    refuses(REVIEW, times=2)(stage)  # so that one comment falls on its file
    cut = stage.runner.review("opened")
    assert (cut.out["status"], cut.code) == (FAILED, 5)
    writes = (REVIEW, REVIEW, FILE, REVIEW, TALK)
    assert cut.writes[: number + 1] == list(writes[: number + 1])
    check_found(stage, cut)
    stage.mend()
    again = stage.runner.review("opened")
    assert (again.out["status"], again.code) == ("passed", 0), again.out["reason"]
    check_standing(stage.github, again.findings)
    assert sum(there(stage)) == 4
