"""One prefix for all reviewers, their own part after the cache point, everything foreign fenced."""

import json

import pytest

from reviewloop.agents import build_team, shipped_agent_files
from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.review.prompts import (
    HOUSE_RULES,
    REVIEW_RULES,
    SEVERITY_RUBRIC,
    Fence,
    Material,
    fix_message,
    re_review_message,
    review_messages,
    shared_text,
)

FENCE = Fence("f" * 32)
TEAM = build_team(shipped_agent_files(), lambda path: None)
MATERIAL = Material(
    task="Add search",
    steering="No ORM.",
    files=["a.py (added, +1 -0)", "big.py (added, +9000 -0)"],
    patch="+x = 1\n",
    evidence="- test: passed: 3 passed",
    left_out=["big.py"],
)
FINDING = Finding(
    id="abc123",
    agents=("review-security", "review-performance"),
    severity=Severity.MUST_FIX,
    title="It leaks",
    why="Everybody sees it.",
    suggestion="Close it.",
    path="a.py",
    line=3,
    quote="leak()",
    replacement="close()",
    placement=Placement.CHANGED,
)


def texts(message):
    return [block["text"] for block in message["content"] if block["type"] == "text"]


def blocks(agent, resources=""):
    (message,) = review_messages(MATERIAL, agent, FENCE, resources)
    return message["content"]


def test_all_reviewers_share_everything_before_the_cache_point():
    first = {json.dumps(blocks(agent, f"of {agent.name}")[:2]) for agent in TEAM.reviewers}
    assert len(first) == 1
    kinds = [block["type"] for block in blocks(TEAM.reviewers[0])]
    assert kinds == ["text", "cache_point", "text"]


@pytest.mark.parametrize("agent", TEAM.reviewers, ids=lambda agent: agent.name)
def test_the_persona_and_its_resources_come_after_it(agent):
    persona = blocks(agent, "RESOURCE")[2]["text"]
    assert persona.startswith(f"# Your part: {agent.name}\n")
    assert agent.prompt in persona
    assert f"<<<resources {FENCE.nonce}\nRESOURCE\n" in persona


def test_the_shared_part_holds_steering_task_files_diff_evidence_and_what_was_left_out():
    shared = shared_text(MATERIAL, FENCE)
    parts = ["No ORM.", "Add search", "a.py (added", "+x = 1", "did not fit", "test: passed"]
    places = [shared.index(part) for part in parts]
    assert places == sorted(places)
    outside = "".join(
        piece.partition(f">>>{FENCE.nonce}")[2] for piece in ("\n" + shared).split("<<<")
    )
    assert all(text not in outside for text in ("No ORM.", "Add search", "+x = 1", "big.py"))


def test_the_rubric_stands_in_the_part_that_all_share_and_nowhere_else():
    assert SEVERITY_RUBRIC in REVIEW_RULES
    assert all(SEVERITY_RUBRIC not in agent.prompt for agent in TEAM.reviewers)
    assert HOUSE_RULES in REVIEW_RULES
    for mark in ("🔴", "🟡", "🟢"):
        assert mark in SEVERITY_RUBRIC


def test_the_fixer_is_shown_exactly_one_finding_with_task_code_and_log():
    (text,) = texts(fix_message(FINDING, "leak()\n", "1 failed", "Add search", FENCE, attempt=1))
    for part in (
        "id: abc123",
        "reported by: review-security, review-performance",
        "place: a.py:3",
        "quoted code:\nleak()",
        "proposed replacement:\nclose()",
        "# Attempt 1 made the checks fail",
        f"<<<log {FENCE.nonce}\n1 failed\n",
    ):
        assert part in text


def test_at_the_first_attempt_the_fixer_is_shown_no_failure():
    (text,) = texts(fix_message(FINDING, "", "", "Add search", FENCE, attempt=0))
    assert "made the checks fail" not in text
    assert "# The file as it stands" not in text


def test_the_re_review_is_shown_each_finding_with_its_own_fix_diff():
    other = FINDING.model_copy(update={"id": "def456", "title": "It is slow"})
    message = re_review_message(
        [(FINDING, "-leak()\n"), (other, "-slow()\n")], TEAM.quick_reviewer, FENCE, ""
    )
    (text,) = texts(message)
    order = ["# Finding abc123", "-leak()", "# Finding def456", "-slow()", "report_resolution"]
    places = [text.rindex(part) for part in order]
    assert places == sorted(places)
    assert "Other edits" not in text


def test_repairs_of_the_round_are_shown_to_the_re_review_apart():
    (text,) = texts(re_review_message([(FINDING, "-a\n")], TEAM.quick_reviewer, FENCE, "+mend\n"))
    assert "# Other edits of this round" in text
    assert f"<<<diff {FENCE.nonce}\n+mend\n" in text
