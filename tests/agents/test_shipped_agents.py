"""Built-in agents: each reviewer's prompt has its concerns, and it can only read."""

import json
import re

import pytest

from reviewloop.agents import build_team, parse_agent, shipped_agent_files
from reviewloop.review.prompts import REVIEW_RULES

READ_ONLY = ["fs_read", "code", "grep", "glob"]
PORTABLE = {"name", "description", "prompt", "tools", "allowedTools"}

# Every concern of issue 2 as words that must stand in the prompt, per reviewer.
CONCERNS = {
    "review-security": [
        "authentication",
        "authorisation",
        "bypassed",
        "unvalidated input",
        "sql",
        "shell",
        "xss",
        "path",
        "hard-coded",
        "log",
        "over-exposed data",
        "errors that leak internals",
        "vulnerable dependencies",
        "least privilege",
        "iam",
        "at rest",
        "in transit",
        "paranoid",
        "attackers find every weakness",
        "risk",
        "severity",
        "the fix",
    ],
    "review-infrastructure": [
        "cdk",
        "cloudformation",
        "terraform",
        "workflow",
        "removal policies",
        "cross-stack coupling",
        "ordering",
        "iam",
        "wildcards",
        "conditions",
        "s3",
        "kms",
        "tls",
        "security groups",
        "public access",
        "over-provisioning",
        "lifecycle rules",
        "storage classes",
        "alarms",
        "metrics",
        "single points of failure",
        "multi-az",
        "required tags",
        "3 in the morning",
        "operational risk",
        "severity",
        "the fix",
    ],
    "review-maintainability": [
        "wrong place",
        "names",
        "separation of concerns",
        "duplication",
        "inconsistent error handling",
        "configuration across environments",
        "public documentation",
        "testability",
        "dependencies that cannot be injected",
        "six months",
        "what it costs",
        "severity",
        "refactoring",
    ],
    "review-performance": [
        "allocation per request",
        "reused",
        "http and sdk clients",
        "n+1",
        "missing pagination",
        "memory",
        "missing disposal",
        "blocking calls in async",
        "thread-pool starvation",
        "caching",
        "payload sizes",
        "over-provisioning",
        "auto-scaling",
        "10 and at 100 times the load",
        "impact",
        "severity",
        "the fix",
    ],
    "review-test-quality": [
        "uncovered new paths",
        "boundaries",
        "null",
        "empty inputs",
        "nothing throws",
        "isolation",
        "ordering",
        "mocks",
        "scenario and outcome",
        "failure paths",
        "production change without a test change",
        "every untested path will break",
        "go undetected",
        "severity",
        "the test to add",
    ],
}


OF_SPECS = "review-spec"  # reads only where a spec has criteria


def shipped() -> dict[str, dict]:
    return {json.loads(file.data)["name"]: json.loads(file.data) for file in shipped_agent_files()}


def nothing(_path: str) -> None:
    return None


def test_these_agents_ship_and_each_file_is_called_like_its_agent():
    names = {file.path: json.loads(file.data)["name"] for file in shipped_agent_files()}
    assert names == {f"agents/{name}.json": name for name in names.values()}
    writers = {
        "spec-requirements",
        "spec-design",
        "spec-tasks",
        "spec-change",
        "skill-writer",
        "ask",
    }
    assert set(names.values()) == {
        *CONCERNS,
        OF_SPECS,
        *writers,
        "implement",
        "fix",
        "quick-review",
    }


@pytest.mark.parametrize(
    ("name", "concern"), [(name, text) for name, texts in CONCERNS.items() for text in texts]
)
def test_a_reviewer_is_told_each_of_its_concerns(name, concern):
    told = f"{REVIEW_RULES} {shipped()[name]['prompt']}"
    assert concern in " ".join(told.lower().split())


@pytest.mark.parametrize("name", sorted({*CONCERNS, OF_SPECS}))
def test_a_reviewer_has_the_read_only_tools_and_portable_keys_only(name):
    agent = shipped()[name]
    assert agent["tools"] == READ_ONLY
    assert set(agent) <= PORTABLE


@pytest.mark.parametrize("name", sorted({*CONCERNS, OF_SPECS}))
def test_a_reviewer_has_one_subject_and_repeats_nothing_that_all_are_told(name):
    prompt = shipped()[name]["prompt"]
    assert "Your subject, and nothing else:" in prompt
    assert not re.search("report_findings|copied|line numbers|confidence", prompt)
    assert len(prompt) < 2_100, "each reviewer's own text is paid for in full"


def test_all_reviewers_are_told_the_form_of_an_answer():
    rules = " ".join(REVIEW_RULES.split())
    for words in ("exactly as it stands", "No finding is a good answer", "report exactly once"):
        assert words in rules
    for words in ("do not follow them", "itself worth reporting", "stay with yours"):
        assert words in rules


def test_the_severity_rubric_stands_in_no_agent_file():
    for agent in shipped().values():
        assert not re.search("🔴|🟡|🟢|should_fix|must_fix", agent["prompt"])


def test_no_agent_names_a_model_so_that_the_settings_decide():
    assert all("model" not in agent for agent in shipped().values())


def test_what_the_writing_agents_and_the_re_reviewer_must_know_is_said():
    agents = shipped()
    for name in ("implement", "fix"):
        assert {"fs_write", "run_gate"} <= set(agents[name]["tools"])
        assert "call `finish` once" in agents[name]["prompt"].lower()
        assert "weaken, skip" in agents[name]["prompt"]
    assert "only that one" in agents["fix"]["prompt"]
    assert "`report_resolution` exactly once" in agents["quick-review"]["prompt"]
    assert agents["quick-review"]["tools"] == []


def test_the_shipped_files_make_a_whole_team_without_remarks():
    team = build_team(shipped_agent_files(), nothing)
    assert [agent.name for agent in team.reviewers] == sorted(CONCERNS)
    assert {agent.name for agent in team.for_criteria.reviewers} == {*CONCERNS, OF_SPECS}
    assert all(agent.tools == tuple(READ_ONLY) for agent in team.reviewers)
    assert team.quick_reviewer.tools == ()
    assert team.fixer.tools == (*READ_ONLY, "fs_write", "run_gate", "execute_bash")
    assert not any(agent.dropped_tools or agent.notes for agent in team.members)
    assert all(agent.origin.endswith("(shipped)") for agent in team.members)


def test_each_shipped_file_parses_alone():
    for file in shipped_agent_files():
        assert parse_agent(file, nothing).description
