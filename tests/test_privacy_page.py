"""docs/privacy.md: it names each place in the state folder, and each command that sends data."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/privacy.md").read_text("utf-8")
KEPT = " ".join(PAGE.partition("## What is kept on disk")[2].split())
SENT = " ".join(PAGE.partition("## What is kept on disk")[0].split())
PLACES = {
    "runs": "the journal of each run",
    "runs.sqlite": "the journal of each run",
    "reviews": "what models said in reviews",
    "spec-sessions": "sessions of `spec new`",
    "spec-plans": "`spec plan`",
    "changes": "`change`",
    "questions": "`ask`",
    "skill-sessions": "`skills`",
    "hooks": "of hooks",
    "hook-moments.jsonl": "of hooks",
    "ship": "logs of `ship`",
    "logs": "of bugs",
    "audit.jsonl": "of approvals",
    "statements": "of approvals",
    "spec-approvals": "approvals of specs",
    "trust.json": "what you trusted",
    "memory-declined.json": "that `memory` shall propose no more",
    "quiet-pulls.json": "what people held against findings",
    "last-review.json": "the findings of the last review",
    "batches.sqlite": "batches and their queue",
    "line": "batches and their queue",
    "base-tests": "results of tests on a base commit",
    "server-tools.json": "names of MCP servers' tools",
    "skills-installed.json": "skills you installed",
    "skill-runs": "`skills`",
    "metrics.sqlite": "figures for",
    "prices.json": "prices",
    "rates": "rate limits",
    "tool-versions.json": "versions",
    "help": "help texts",
}
"""What stands in the state folder, for everything or for one repository: how the page calls it."""

_IN_STATE = re.compile(
    r"(?:repository\.folder|state_root\(\)|repository_folder\([^()]*(?:\([^()]*\))?\)|self\._read\.folder|\.folder\.parent\.parent)"
    r"\)? / (?:f?\"([\w.{}-]+)\"|([A-Z_]+)\b)"
)
_CONSTANT = re.compile(r"^([A-Z_]+) = \"([\w.-]+)\"", re.MULTILINE)
_SESSIONS = re.compile(r"SessionKind\(\s*\"([\w-]+)\"")
_NOT_KEPT = {"repositories", "agents", "watching", "own.key", "clones"}
"""What holds the others, locks, what is gone at the end, a random number, clones of workers."""


def places() -> set[str]:
    """Return the names in the state folder that the source writes or reads."""
    found: set[str] = set()
    for file in (ROOT / "reviewloop").rglob("*.py"):
        text = file.read_text("utf-8")
        constants = dict(_CONSTANT.findall(text))
        found |= {name or constants.get(word, "") for name, word in _IN_STATE.findall(text)}
        found |= set(_SESSIONS.findall(text))
    return {one for one in found if one and not one.endswith((".lock", "lock"))} - _NOT_KEPT


def test_every_place_in_the_state_folder_has_its_words():
    found = places()
    assert {"ship", "base-tests", "questions", "server-tools.json", "prices.json"} <= found
    assert sorted(found - PLACES.keys()) == []


@pytest.mark.parametrize("place", PLACES)
def test_the_page_tells_of_each(place):
    assert PLACES[place] in KEPT


@pytest.mark.parametrize(
    "way",
    [
        *("`publish`", "`spec publish`", "`tasks --create`", "`reviewloop github`", "webhook"),
        *("MCP servers", "`mcp serve`", "coding agent", "`--store`", "`ship`", "LangSmith"),
    ],
)
def test_the_page_tells_of_each_way_out(way):
    assert way in SENT
