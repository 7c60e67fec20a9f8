"""Hidden text is made visible to every model and every user, wherever it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.bedrock import reply, tool_use
from support.checkout import Checkout, Said
from support.hidden import IN_FILES, SAMPLE, apart, hidden_in
from support.parts import cast, finds, found, says, writes
from support.play import done, write

TASKS = ".kiro/specs/orders/tasks.md"
HIDDEN = apart(IN_FILES)
NAME = apart(SAMPLE.replace("\x1b", "")) + ".md"
PLACES = ("task", "requirement", "steering", "prompt", "source", "gate")
LINTER = f"""
import pathlib, sys
sys.stderr.buffer.write(bytes.fromhex("{(apart(SAMPLE) + " (gate)").encode().hex()}"))
sys.exit(not pathlib.Path("shop/mended.py").exists())
"""


@dataclass
class Story:
    """A run in a repository that hides text everywhere, and what it told."""

    checkout: Checkout
    run: Said
    screens: dict[str, str]

    @property
    def requests(self) -> list[Any]:
        return [received.body for received in self.checkout.server.ledger]


def append(checkout: Checkout, path: str, text: str) -> None:
    place = checkout.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text((place.read_text() if place.exists() else "") + text)


def hide_everywhere(checkout: Checkout) -> None:
    line = "    - Add `shop/search.py`\n"
    tasks = checkout.read(TASKS)
    (checkout.root / TASKS).write_text(tasks.replace(line, f"{line}    - {HIDDEN} (task)\n"))
    requirements = checkout.root / ".kiro/specs/orders/requirements.md"
    text = requirements.read_text().rstrip("\n")
    requirements.write_text(f"{text} {HIDDEN} (requirement)\n")
    append(checkout, ".kiro/steering/style.md", f"# Style\n\n{HIDDEN} (steering)\n")
    agent = {
        "name": "review-security",
        "description": "Reads.",
        "prompt": f"Look. {HIDDEN} (prompt)",
        "tools": ["fs_read", "grep", "glob"],
    }
    append(checkout, ".reviewloop/agents/review-security.json", json.dumps(agent))
    append(checkout, "shop/store.py", f"# {HIDDEN} (source)\n")
    append(checkout, f"shop/{NAME}", "A note.\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", f"base {apart(SAMPLE)} (commit)")


@pytest.fixture(scope="module")
def story(shared_shop) -> Iterator[Story]:
    looks = reply(
        tool_use("fs_read", {"path": "shop/store.py"}),
        tool_use("grep", {"pattern": "source"}),
        tool_use("glob", {"pattern": "shop/*.md"}),
        tool_use("run_gate", {"name": "lint"}),
        write("shop/search.py", 'def items_of():\n    return "found"\n'),
    )
    reported = found("should_fix", f"A title {apart(SAMPLE)}", 'return "found"')
    play = cast(
        implement=says(looks, done("Wrote it.")),
        repair=writes({"shop/mended.py": "X = 1\n"}),
        review_security=finds({**reported, "why": HIDDEN, "suggestion": HIDDEN}),
    )
    settings = {
        "REVIEWLOOP_GATES__LINT__ENABLED": "true",
        "REVIEWLOOP_GATES__LINT__COMMAND": json.dumps(["python3", "-c", LINTER]),
    }
    checkout = shared_shop(play)
    checkout.environ |= settings
    hide_everywhere(checkout)
    run = checkout.run("run", "2.1")
    screens = {
        " ".join(arguments): "".join(map(str, checkout.run(*arguments)[1:]))
        for arguments in (("show", "--diff"), ("show", "--json"), ("logs",), ("status",))
    }
    yield Story(checkout, run, {"run": run.out + run.err, **screens})


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *strings_of(item))
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


@pytest.mark.slow
def test_no_model_is_sent_a_character_that_nobody_sees(story):
    assert story.requests
    found = {code for text in strings_of(story.requests) for code in hidden_in(text)}
    assert found == set()


@pytest.mark.parametrize("place", PLACES)
def test_models_are_shown_what_was_hidden(story, place):
    lines = [
        line
        for text in strings_of(story.requests)
        for line in text.split("\n")
        if f"({place})" in line
    ]
    assert lines, story.run.err
    wanted = SAMPLE if place == "gate" else IN_FILES
    missing = [f"U+{ord(char):04X}" for char in wanted if f"U+{ord(char):04X}" not in lines[0]]
    assert missing == []


def test_models_are_shown_what_names_of_files_hide(story):
    [name] = {
        line.strip()
        for text in strings_of(story.requests)
        for line in text.split("\n")
        if line.strip().startswith("shop/x") and line.strip().endswith("x.md")
    }
    assert name.count("U+") == len(SAMPLE) - 1


@pytest.mark.parametrize("screen", ["run", "show --diff", "show --json", "logs", "status"])
def test_no_screen_prints_a_character_that_nobody_sees(story, screen):
    assert story.screens[screen], story.run.err
    assert hidden_in(story.screens[screen]) == []


def test_the_reviewers_words_reach_the_person_with_their_hidden_characters_shown(story):
    assert story.screens["show --diff"].count("<U+202E>") >= 2
    assert "\\u202e" in story.screens["show --json"]
