"""The text of a pull request: by the repository's template, or as a hook has it."""

import pytest
from support.hub import Hub
from support.parts import CLEAN, cast, writes
from support.shop import CRITERIA

from reviewloop.github.publishing.template import fill_template

HOOK = ".reviewloop/hooks/description.yaml"
TEMPLATE = """\
<!-- Thank you. -->
## Description

Say what changes.

## Why

## How was it tested?

- [ ] I ran the tests

```sh
# Tests
```

## Screenshots
"""


def hook(source: str = "", template: str = "standard", more: str = "") -> str:
    return (
        f"name: describes\ntrigger: {{event: pr.created{more}}}\naction:\n"
        f"  run: generateDescription\n  config: {{source: '{source}', template: {template}}}\n"
    )


def published(shop, tmp_path, trusted: bool = True, **files: str):
    """Return the body of a pull request, and what the command printed."""
    play = cast(implement=writes({"shop/search.py": CLEAN}))
    with Hub(shop(play, files={**CRITERIA, **files}), tmp_path) as hub:
        if trusted:
            hub.checkout.run("trust", "--yes")
        assert hub.checkout.run("run", "2.1").code == 4
        assert hub.checkout.run("approve").code == 0
        said = hub.checkout.run("publish")
        assert said.code == 0, said.err
        assert hub.leaked() == []
        return hub.pull.body, said.err


def test_the_repositorys_template_is_filled_and_its_words_stay(shop, tmp_path):
    body, _ = published(shop, tmp_path, **{".github/pull_request_template.md": TEMPLATE})
    order = [
        "## Description\n\nWrote it.\n\nSay what changes.",
        "## Why\n\nTask `2.1`: ",
        "## How was it tested?\n\n| | |\n|---|---|\n",
        "- [ ] I ran the tests\n\n```sh\n# Tests\n```\n\n## Screenshots\n\n",
        "### Acceptance criteria\n\n- [ ] `1.1` ",
        "### Findings\n\n",
    ]
    places = [body.find(part) for part in order]
    assert places == sorted(places)
    assert -1 not in places, body
    assert body.count("### Evidence") == 0


@pytest.mark.slow
def test_a_hook_lists_the_criteria_of_its_source_and_takes_its_template(shop, tmp_path):
    [(path, text)] = CRITERIA.items()
    more = (
        "\n### Requirement 2: Names\n\n#### Acceptance Criteria\n\n1. THE Shop SHALL show names\n"
    )
    files = {path: text + more, "docs/pull.md": "# Tested\n"}
    files[HOOK] = hook("requirements.md", "docs/pull.md")
    body, told = published(shop, tmp_path, **files)
    assert "# Tested\n\n| | |" in body
    assert "### Other criteria of `requirements.md`\n\n- `2.1` THE Shop SHALL show names" in body
    assert "the text follows the hook describes" in told
    others = body.partition("### Other criteria of `requirements.md`")[2]
    assert "`1.1`" not in others, "the task's own criteria are its checklist"


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("files", "words", "trusted"),
    [
        ({HOOK: hook("nowhere.md")}, "its source nowhere.md is not there", True),
        ({HOOK: hook("../../etc/passwd")}, "its source ../../etc/passwd is not there", True),
        ({HOOK: hook("", "docs/none.md")}, "the template docs/none.md is not there", True),
        ({HOOK: hook("plain.md"), "plain.md": "Hello.\n"}, "plain.md has no criteria", True),
        ({HOOK: hook("requirements.md")}, "the hook describes is not trusted", False),
    ],
)
def test_a_hook_that_cannot_be_followed_is_named_and_the_text_is_ours(
    shop, tmp_path, files, words, trusted
):
    body, told = published(shop, tmp_path, trusted, **files)
    assert "### What was done\n\nWrote it." in body
    assert words in told
    assert words in body.replace("`", "")


@pytest.mark.slow
def test_criteria_of_another_file_are_its_lines_that_demand_something(shop, tmp_path):
    text = "# Rules\n\n- The shop SHALL answer.\n- A remark.\n2. It must not sleep.\n"
    body, _ = published(shop, tmp_path, **{HOOK: hook("rules.md"), "rules.md": text})
    part = body.partition("### Other criteria of `rules.md`\n\n")[2]
    assert part.startswith("- The shop SHALL answer.\n- It must not sleep.\n\n")


@pytest.mark.slow
def test_a_hook_for_other_files_says_nothing(shop, tmp_path):
    more = ", filter: ['docs/**']"
    _, told = published(shop, tmp_path, **{HOOK: hook("requirements.md", more=more)})
    assert "the hook" not in told


def test_a_part_that_no_heading_asks_for_follows_and_none_is_lost():
    parts = {"asked": "### Asked\n\nA", "done": "### Done\n\nD", "evidence": "", "findings": "F"}
    assert fill_template("# Summary\n\nx\n\n# Summary\n", parts) == (
        "# Summary\n\nD\n\nx\n\n# Summary\n\n### Asked\n\nA\n\nF"
    )
