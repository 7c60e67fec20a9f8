"""Text that users type is stored and printed without the secrets of their machine."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from e2e.test_secrets import everything_in
from support.checkout import Checkout
from support.skill_script import SKILL, edit, edits, skill
from support.spec_script import HIGH_LEVEL, REQUIREMENTS, TASKS, replies, written

GATES = {f"REVIEWLOOP_GATES__{name}__ENABLED": "false" for name in ("BUILD", "TEST", "COVERAGE")}
HELD = "s3cr3t-value-of-the-shop"
TOKEN = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"  # no scanner takes this for a leak
WORDS = f"log in with {HELD} or {TOKEN}"
ANSWER = {
    **{"agent": "ask", "step": "ask", "turn": 0},
    "tool_calls": [
        {"name": "answer", "args": {"answer": "x", "quotes": [{"path": "a.sh", "quote": "chmod"}]}}
    ],
}
SKILL_FILE = ".kiro/skills/review-pr/SKILL.md"


@pytest.fixture
def here(repo: Path, tmp_path: Path, git: Callable[..., str]) -> Checkout:
    """Return a checkout with a skill and a script that has a finding, on a machine with secrets."""
    (repo / SKILL_FILE).parent.mkdir(parents=True)
    (repo / SKILL_FILE).write_text(SKILL)
    (repo / ".kiro/specs/notify").mkdir(parents=True)
    for name, text in (("requirements", REQUIREMENTS), ("design", HIGH_LEVEL), ("tasks", TASKS)):
        (repo / f".kiro/specs/notify/{name}.md").write_text(text)
    (repo / "a.sh").write_text("#!/bin/sh\nset -e\nchmod 777 /srv/data\n")
    git(repo, "checkout", "-qb", "work")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "a script")
    found = Checkout(repo, tmp_path / "home", settings=GATES)
    found.environ["SHOP_API_KEY"] = HELD
    return found


def model(tmp_path: Path, *entries: dict[str, Any]) -> Sequence[str]:
    return ("--model", written(tmp_path, [*entries]))


def dismissed(here: Checkout, _: Path) -> list[Sequence[str]]:
    body = json.loads(here.run("review", "--commit", "HEAD", "--model", "none", "--json").out)
    return [("dismiss", body["findings"][0]["id"], "-m", WORDS), ("dismiss", "--list")]


def improved(_: Checkout, tmp_path: Path) -> list[Sequence[str]]:
    row = edit("- Ask instead of guessing.", "- Ask.")
    script = model(tmp_path, edits(row))
    return [("skills", "improve", "review-pr", "-m", WORDS, *script), ("skills", "reject")]


COMMANDS: dict[str, Callable[[Checkout, Path], list[Sequence[str]]]] = {
    "ask": lambda _, at: [("ask", WORDS, *model(at, ANSWER))],
    "change": lambda _, at: [
        ("change", "-m", WORDS, "--spec", "notify", *model(at, ANSWER)),
        ("change", "show"),
    ],
    "dismiss": dismissed,
    "handoff": lambda _, at: [("handoff", "-m", WORDS), ("session", "resume", "--offline")],
    "memory": lambda _, at: [("memory", "add", "-m", WORDS), ("memory", "list")],
    "skills capture": lambda _, at: [
        ("skills", "capture", "read-pr", "-m", WORDS, *model(at, skill(cycle=0), skill(cycle=1))),
        ("skills", "modify", "read-pr", "-m", WORDS),
    ],
    "skills improve": improved,
    "spec new": lambda _, at: [
        ("spec", "new", "messages", "-m", WORDS, *model(at, *replies())),
        ("spec", "answer", "messages", "1=email"),
        ("spec", "modify", "messages", "-m", WORDS),
        ("spec", "show", "messages"),
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_words_with_secrets_are_stored_and_printed_without_them(here, tmp_path, command):
    printed = {}
    for words in COMMANDS[command](here, tmp_path):
        said = here.run(*words)
        assert said.code in {0, 4, 5, 7}, (words[:2], said.err)
        printed[" ".join(words[:2])] = said.out + said.err
    kept = everything_in(here.state)
    kept |= {
        path: text
        for path, text in everything_in(here.root).items()
        if path.startswith((".kiro", ".reviewloop"))
    }
    assert [
        (secret[:4], where)
        for secret in (HELD, TOKEN)
        for where, text in (kept | printed).items()
        if secret in text
    ] == []
