"""The recipes that need no model do what they say: their files and commands, as printed."""

import json
import re
import shlex

import pytest
from support.checkout import PACKAGE, QUIET_GATES, Checkout

from reviewloop.llm.script import Script

TEXT = (PACKAGE / "docs/recipes.md").read_text("utf-8")
BLOCK = re.compile(r"^   ```(\w+)\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)


def blocks(title: str) -> dict[str, str]:
    """Return the blocks of a section by their kind."""
    section = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return {kind: re.sub("(?m)^ {3}", "", text) for kind, text in BLOCK.findall(section)}


@pytest.mark.slow
@pytest.mark.timeout(100)
def test_a_batch_is_tried_without_a_model(repo, tmp_path):
    given = blocks("Try a batch without a model")
    checkout = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    checkout.write(".kiro/specs/greetings/tasks.md", given["markdown"])
    checkout.git("add", ".")
    checkout.git("commit", "-q", "-m", "spec")
    checkout.git("switch", "-q", "-c", "work")
    (tmp_path / "replies.json").write_text(given["json"])

    commands = re.findall(r"^\$ (.+)\n((?:[^$].*\n)*)", given["console"], re.MULTILINE)
    codes, told = [], []
    for line, expected in commands:
        program, *words = shlex.split(line)
        if program == "git":
            assert checkout.git(*words) == expected.rstrip()
            continue
        said = checkout.run(*words)
        codes.append(said.code)
        told.append(said.out + said.err)
        assert expected == ""
    assert codes == [4, 0, 0], told
    assert re.findall(r"waiting +\d (.+)", told[1]) == ["Say hello", "Say goodbye"]
    assert "Say hello: " in told[2]
    assert checkout.git("status", "--porcelain") == ""


def test_replies_that_recipes_show_are_scripts():
    shown = blocks("Test your agents without paying")["json"]
    assert len(Script.model_validate_json(shown).replies) == 2
    assert json.loads(blocks("Add a reviewer")["json"])["name"]
