"""The trigger in GitHub's own payloads; a skipped event has its reason in a sentence."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.github_spec import event

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.model import PullRequest, Repo
from reviewloop.github.job.event import Allowed, Trigger, read_event, skip_reason, with_named_pull

HEAD = "a" * 40
REPO = Repo("octo", "demo")
PULL = PullRequest(REPO, 7, "b" * 40, HEAD, "main", "feature", "octo/demo", "ada", changed_files=3)
PUSHED = Trigger("review", "pull_request", "synchronize", REPO, 7, HEAD, "ada")


def read(tmp_path: Path, name: str, payload: object) -> Trigger:
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return read_event({"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path)})


@pytest.mark.parametrize("action", ["opened", "synchronize", "ready_for_review", "closed"])
def test_an_event_of_a_pull_request_asks_for_its_review(tmp_path: Path, action: str) -> None:
    payload = event(f"pull_request.{action}")
    found = read(tmp_path, "pull_request", payload)
    sender = payload["sender"]["login"]
    assert (found.kind, found.pull, found.action) == ("review", payload["number"], action)
    assert (found.head, found.actor) == (payload["pull_request"]["head"]["sha"], sender)
    assert found.repo == Repo.of(payload["repository"]["full_name"])
    assert not found.by_hand


def test_a_comment_on_a_pull_request_is_a_command_and_one_on_an_issue_is_not(
    tmp_path: Path,
) -> None:
    payload = event("issue_comment.created")
    payload["issue"].pop("pull_request", None)
    assert read(tmp_path, "issue_comment", payload).kind == "none"
    payload["issue"]["pull_request"] = {"url": "u"}
    found = read(tmp_path, "issue_comment", payload)
    assert (found.kind, found.pull) == ("command", payload["issue"]["number"])
    assert (found.comment, found.body) == (payload["comment"]["id"], payload["comment"]["body"])
    assert read(tmp_path, "issue_comment", {**payload, "action": "edited"}).kind == "none"
    found = read(
        tmp_path, "pull_request_review_comment", event("pull_request_review_comment.created")
    )
    assert (found.kind, found.on_diff) == ("command", True)


def test_an_event_that_is_about_nothing_says_so(tmp_path: Path) -> None:
    assert read(tmp_path, "", {}).why == "the payload is about no pull request; name one with `pr`"
    assert "the event 'push' is about no" in read(tmp_path, "push", {}).why
    assert read_event({}).kind == "review"  # a person will say which


def test_a_dispatch_names_the_pull_request_in_an_input(tmp_path: Path) -> None:
    payload = event("workflow_dispatch")
    assert read(tmp_path, "workflow_dispatch", payload).pull == 0
    found = read(tmp_path, "workflow_dispatch", {**payload, "inputs": {"pull-request": "12"}})
    assert (found.kind, found.pull, found.by_hand) == ("review", 12, True)
    with pytest.raises(UsageError, match="not the number"):
        read(tmp_path, "workflow_dispatch", {**payload, "inputs": {"pr": "$(id)"}})


@pytest.mark.parametrize("payload", ["", "[]", "{", "[" * 100_000, '{"pull_request": {}}'])
def test_a_broken_payload_is_named(tmp_path: Path, payload: str) -> None:
    with pytest.raises(UsageError, match=r"event\.json"):
        read(tmp_path, "pull_request", payload)


def test_without_an_event_the_person_names_the_pull_request() -> None:
    hand = read_event({"GITHUB_REPOSITORY": "octo/demo"})
    assert (hand.kind, hand.pull, hand.by_hand) == ("review", 0, True)
    assert with_named_pull(hand, pull=9).pull == 9
    assert with_named_pull(hand, repo="a/b").repo == Repo("a", "b")
    with pytest.raises(UsageError, match="not owner/name"):
        with_named_pull(hand, repo="nonsense")
    pushed = read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_REPOSITORY": "octo/demo"})
    assert (pushed.kind, with_named_pull(pushed, pull=9).kind) == ("none", "review")
    assert "`pr`" in pushed.why
    assert with_named_pull(PUSHED, pull=7) == PUSHED  # naming it is no reason to review a draft


FORK: dict[str, Any] = {"head_repo": "eve/demo"}
SKIPPED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "fork": (FORK, {"forks": True}, "eve/demo"),
    "deleted fork": ({"head_repo": ""}, {"forks": True}, "deleted fork"),
    "draft": ({"draft": True}, {"drafts": True}, "draft"),
    "bot": ({"author": "tool[bot]", "author_is_bot": True}, {"bots": True}, "bot tool"),
    "dependabot": (
        {"author": "dependabot[bot]", "author_is_bot": True},
        {"bots": True},
        "Dependabot",
    ),
    "too large": ({"changed_files": 3001}, {"files": 5000}, "3001 files"),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_skipped_can_be_allowed(name: str) -> None:
    changed, allowed, said = SKIPPED[name]
    pull = replace(PULL, **changed)
    assert said in skip_reason(pull, PUSHED, Allowed())
    assert skip_reason(pull, PUSHED, Allowed(**allowed)) == ""
    by_hand = skip_reason(pull, Trigger("review", pull=7), Allowed())
    assert bool(by_hand) == (name == "too large")


def test_a_closed_one_and_an_old_head_are_never_reviewed() -> None:
    everything = Allowed(True, True, True, 10**6)
    assert skip_reason(PULL, PUSHED, everything) == ""
    assert "closed" in skip_reason(replace(PULL, open=False), PUSHED, everything)
    assert "pushed to" in skip_reason(PULL, replace(PUSHED, head="c" * 40), everything)
    assert "Dependabot" in skip_reason(PULL, replace(PUSHED, actor="dependabot[bot]"), Allowed())
