"""Bugfix specs: the first test fails on the unfixed code, or the run reports that it does not."""

import pytest
from support.bedrock import reply
from support.parts import cast, says, writes
from support.play import done, replace

SPEC = ".kiro/specs/short-names"
SETTINGS = {
    "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]',
    "REVIEWLOOP_GATES__BUILD__ENABLED": "false",
    "REVIEWLOOP_GATES__COVERAGE__ENABLED": "false",
}
FILES = {
    "setup.cfg": "[tool:pytest]\naddopts = --disable-plugin-autoload\n",
    "shop/names.py": "def short(name):\n    return name[:3]\n",
    f"{SPEC}/bugfix.md": """# Bugfix

## Current Behavior

1.1 WHEN a name is short THEN the shop cuts it after three letters

## Expected Behavior

2.1 WHEN a name has at most four letters THEN the shop SHALL show all of it
""",
    f"{SPEC}/tasks.md": """# Implementation Plan

- [ ] 1. Write a test that shows the bug
  - _Requirements: 1.1_
- [ ] 2. Show short names whole
  - _Requirements: 2.1_
  - _Depends: 1_
""",
}
SHOWS = "from shop.names import short\n\n\ndef test_four():\n    assert short('Anna') == 'Anna'\n"
GREEN = SHOWS.replace("'Anna') == 'Anna'", "'Ada') == 'Ada'")
BREAKS = "from shop.names import whole\n\n\ndef test_four():\n    assert whole('Anna')\n"
FIXED = {"shop/names.py": "def short(name):\n    return name[:4]\n"}
TEST = "tests/test_names.py"
NODE = f"{TEST}::test_four"


def gates(checkout) -> dict[str, dict]:
    return {one["name"]: one for one in checkout.record()["proposal"]["gates"]}


@pytest.fixture
def run(shop):
    """Return a function that runs the first task with an implementer who writes these files."""

    def begun(files: dict[str, str]):
        checkout = shop(cast(implement=writes(files)), SETTINGS, files=FILES)
        said = checkout.run("run", "1", "--spec", SPEC)
        assert said.code == 4, said.err
        return checkout

    return begun


@pytest.mark.slow
def test_a_test_alone_that_is_red_for_its_own_assertion_shows_the_bug(run):
    checkout = run({TEST: SHOWS})
    assert "fails on the code as it was" in checkout.server.of("implement")[0].said
    shown = gates(checkout)
    assert shown["reproduced"]["status"] == "passed"
    assert shown["reproduced"]["summary"] == f"red on the code as it was: {NODE}"
    assert shown["test"]["status"] == "needs_person"
    assert "that is the bug, and nothing mends it yet" in shown["test"]["summary"]

    # The fix comes with the next task: what was red is green, and nobody asks for a first test.
    assert checkout.run("approve").code == 0
    fix = says(reply(replace("shop/names.py", "[:3]", "[:4]")), done("Fixed."))
    checkout.server.answer = cast(implement=fix)
    assert checkout.run("run", "2", "--spec", SPEC).code == 4
    shown = gates(checkout)
    assert "reproduced" not in shown
    assert shown["test"]["status"] == "passed"


@pytest.mark.slow
def test_a_fix_with_a_test_that_is_green_without_it_reproduces_nothing(run):
    checkout = run({**FIXED, TEST: GREEN})
    gate = gates(checkout)["reproduced"]
    assert gate["status"] == "needs_person"
    assert gate["summary"] == (
        "the bug was not reproduced: the tests of the change pass without the rest of it"
    )
    said = checkout.run("show")
    assert "the bug was not reproduced" in " ".join(said.out.split())


@pytest.mark.slow
def test_a_fix_with_its_test_is_run_on_the_code_as_it_was(run):
    checkout = run({**FIXED, TEST: SHOWS})
    shown = gates(checkout)
    assert shown["reproduced"]["summary"] == f"red on the code as it was: {NODE}"
    assert shown["test"]["status"] == "passed"


@pytest.mark.slow
def test_a_test_that_breaks_before_it_asserts_shows_nothing(run):
    more = "\n\ndef whole(name):\n    return True\n"
    checkout = run({"shop/names.py": FIXED["shop/names.py"] + more, TEST: BREAKS})
    summary = gates(checkout)["reproduced"]["summary"]
    assert summary.startswith("the bug was not reproduced: ")
    assert "breaks there before it asserts anything" in summary


@pytest.mark.slow
def test_a_fix_without_a_test_reproduces_nothing(run):
    summary = gates(run(FIXED))["reproduced"]["summary"]
    assert summary == "the bug was not reproduced: the change has no test"


@pytest.mark.slow
def test_a_broken_test_alone_is_red_as_ever(shop):
    checkout = shop(cast(implement=writes({TEST: BREAKS})), SETTINGS, files=FILES)
    assert checkout.run("run", "1", "--spec", SPEC).code == 3
    assert gates(checkout)["test"]["status"] == "failed"
