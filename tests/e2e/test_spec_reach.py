"""All text of a spec reaches implementers and reviewers, whether a task names it or not."""

from pathlib import Path

import pytest
from support.checkout import QUIET_GATES
from support.parts import cast
from support.play import REVIEWERS
from support.shop import CRITERIA, REQUIREMENTS

DATA = Path(__file__).parents[1] / "data/specs"


def told(text: str, below: tuple[str, ...]) -> list[str]:
    """Return the list entries below headings with these words, as they stand there."""
    found, inside = [], False
    for line in text.splitlines():
        if line.startswith("## "):
            inside = any(word in line for word in below)
        elif inside and line.lstrip().startswith("- "):
            found.append(line.lstrip()[2:].removeprefix("[ ] ").strip())
    return found


def said_to(checkout, agent: str) -> str:
    """Return all that was said to an agent, on one line."""
    texts = [one.said for one in checkout.server.ledger if one.agent == agent]
    assert texts, agent
    return " ".join(" ".join(texts).split())


def assert_reaches_all(checkout, lines: list[str]) -> None:
    for agent in ("implement", *REVIEWERS):
        heard = said_to(checkout, agent)
        assert [line for line in lines if " ".join(line.split()) not in heard] == [], agent


@pytest.mark.parametrize("task", ["1", "2"])
def test_each_line_of_a_spec_in_one_file_is_in_the_calls(shop, task):
    checkout = shop(cast(), QUIET_GATES)
    text = (DATA / "sign-in-spec.md").read_text()
    (checkout.root / "docs").mkdir(exist_ok=True)
    path = checkout.root / "docs/sign-in-spec.md"
    path.write_text(text.replace("- [ ] 1.", "- [x] 1.") if task == "2" else text)
    checkout.git("add", ".")
    checkout.git("commit", "-q", "-m", "spec")
    said = checkout.run("run", task, "--spec", "docs/sign-in-spec.md")
    assert said.code == 4, said.err
    lines = told(text, ("Functional", "Constraints", "Testing", "Dependencies", "Success"))
    assert len(lines) == 29
    assert_reaches_all(checkout, lines)


def test_criteria_without_ids_are_in_the_calls(shop):
    checkout = shop(cast(), QUIET_GATES)
    folder = checkout.root / ".kiro/specs/preferences"
    folder.mkdir(parents=True)
    for one in (DATA / "preferences").iterdir():
        (folder / one.name).write_bytes(one.read_bytes())
    checkout.git("add", ".")
    checkout.git("commit", "-q", "-m", "spec")
    said = checkout.run("run", "1", "--spec", "preferences")
    assert said.code == 4, said.err
    lines = told((folder / "requirements.md").read_text(), ("Stories", "Criteria"))
    lines += told((folder / "design.md").read_text(), ("Constraints",))
    assert len(lines) == 7
    assert_reaches_all(checkout, lines)
    assert all(line in said_to(checkout, "review-spec") for line in lines)


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("share", "threshold", "note"),
    [
        (90, 0.9, "the spec asks for 90% coverage, so new lines need that in this run"),
        (70, 0.8, "the spec asks for 70% coverage, which is less than the 80% of"),
        (80, 0.8, ""),
    ],
)
def test_the_coverage_that_a_spec_asks_for_only_raises_the_settings(shop, share, threshold, note):
    quiet = {key: value for key, value in QUIET_GATES.items() if "COVERAGE" not in key}
    checkout = shop(cast(), quiet)
    checkout.write(REQUIREMENTS, f"{CRITERIA[REQUIREMENTS]}\n## Success Criteria\n\n"
                   f"- Code coverage ≥ {share}%\n")  # fmt: skip
    notes = checkout.json("run", "2.1", "--preflight")["notes"]
    assert [one for one in notes if "coverage" in one and note and note in one] or not note
    assert bool([one for one in notes if "the spec asks for" in one]) is bool(note)
    assert checkout.run("run", "2.1").code == 4
    assert checkout.record()["proposal"]["coverage"]["threshold"] == threshold
