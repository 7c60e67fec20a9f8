"""`spec new --revise` for specs with headings of their own, and for bug fixes."""

from pathlib import Path

import pytest
from e2e.test_spec_session import Site
from support.spec_script import document, questions

from reviewloop.specs.files import DiskFiles
from reviewloop.specs.writing import PHASES, TITLES, SpecFiles

SIGN_IN = Path(__file__).parents[1] / "data/specs/sign-in-spec.md"
SERVES = ("FR-1, NFR-1", "FR-2, FR-3, FR-4, NFR-2, NFR-3")
BUGFIX = """\
# Bugfix Requirements Document

## Current Behavior

1.1 WHEN a reply is deleted THEN the system still sends its message

## Expected Behavior

2.1 WHEN a reply is deleted THEN the system SHALL send nothing

## Unchanged Behavior

3.1 WHEN a reply stays THEN the system SHALL CONTINUE TO send one message
"""


def texts_of(repo) -> dict[str, str]:
    """Return the phases of the file as they stand."""
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/sign-in-spec.md")
    return {phase: spec.text_of(phase) for phase in PHASES}


@pytest.fixture
def sign_in(repo) -> str:
    """Put a spec under headings of its own into the repository and return it."""
    text = SIGN_IN.read_text("utf-8")
    (repo / "docs").mkdir()
    (repo / "docs/sign-in-spec.md").write_text(text)
    return text


def test_its_sections_are_the_phases_and_written_back_it_is_the_same(repo, sign_in):
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/sign-in-spec.md")
    texts = texts_of(repo)
    assert "### FR-4: Guarding" in texts["requirements"]
    assert "## Success Criteria" in texts["requirements"]
    assert texts["high_level"].splitlines()[0] == "## Architecture"
    assert (texts["low_level"], texts["tasks"].splitlines()[0]) == ("", "## Implementation Plan")
    for phase, text in texts.items():
        if text:
            assert spec.with_phase(phase, text) == {"docs/sign-in-spec.md": sign_in}


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_phase_gets_is_read_back_as_that_phase(repo, sign_in, phase):
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/sign-in-spec.md")
    before = texts_of(repo)
    text = (before[phase] or "## Low-Level Design\n") + "\n## Notes\n\nNew.\n"
    (repo / "docs/sign-in-spec.md").write_text(spec.with_phase(phase, text)["docs/sign-in-spec.md"])
    assert texts_of(repo) == {**before, phase: text}


@pytest.mark.parametrize("text", ["", "# notify\n", "no heading\n"])
def test_a_file_without_sections_has_none(repo, text):
    (repo / "docs").mkdir()
    (repo / "docs/notify-spec.md").write_text(text)
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/notify-spec.md")
    assert spec.parts == ()
    [written] = spec.with_phase("requirements", "# R\n\n## Requirement 1: X\n").values()
    assert written.endswith("## Requirements\n\n### Requirement 1: X\n")


def test_two_sections_of_one_title_are_two(repo):
    path = repo / "docs/sign-in-spec.md"
    path.parent.mkdir()
    text = "# S\n\n## Needs\n\n- FR-1: a\n\n## Needs\n\n- FR-2: b\n\n## Tasks\n\n- [ ] 1. c\n"
    path.write_text(text)
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/sign-in-spec.md")
    changed = text.replace(": b", ": d")
    requirements = spec.text_of("requirements").replace(": b", ": d")
    assert spec.with_phase("requirements", requirements) == {"docs/sign-in-spec.md": changed}
    fewer = requirements.rpartition("\n## Needs")[0]
    [left] = spec.with_phase("requirements", fewer).values()
    assert left == "# S\n\n## Needs\n\n- FR-1: a\n\n## Tasks\n\n- [ ] 1. c\n"


def replies(text: str, before: dict[str, str], serves=SERVES) -> list[dict]:
    """Return the replies of a revision that adds a requirement and a low-level design."""
    tasks = before["tasks"]
    for title, named in zip(("passphrases.py`", "Hand out tokens"), serves, strict=True):
        tasks = tasks.replace(title, f"{title}\n  - _Requirements: {named}_")
    return [
        questions(),
        document("spec-requirements", "requirements", text),
        document("spec-design", "high_level", before["high_level"]),
        document("spec-design", "low_level", "## Low-Level Design\n\n`codes.check(code)`\n"),
        document("spec-tasks", "tasks", tasks),
    ]


@pytest.mark.slow
def test_a_revision_keeps_the_headings_and_all_that_it_does_not_change(repo, tmp_path, sign_in):
    before = texts_of(repo)
    new = "### FR-5: Second factor\n\n- Ask for a code of six digits\n"
    text = before["requirements"].replace(
        "## Non-Functional Requirements", f"{new}\n## Non-Functional Requirements"
    )
    entries = replies(text, before, (SERVES[0], f"{SERVES[1]}, FR-5"))
    site = Site(repo, tmp_path / "home", entries)
    idea = "ask clerks for a second factor"
    begun = site.run("new", "sign-in", "-m", idea, "--revise", "--model", site.model)
    assert begun.returncode == 4, begun.stderr
    shown = site.run("show").stdout
    assert "FR-5: Second factor" in shown and "## Overview" not in shown
    ends = [site.run("approve") for _ in range(4)]
    assert [one.returncode for one in ends] == [4, 4, 4, 0], ends[-1].stderr

    after = (repo / "docs/sign-in-spec.md").read_text()
    added = set(after.splitlines()) - set(sign_in.splitlines())
    assert added == {
        *filter(None, new.splitlines()),
        "## Low-Level Design",
        "`codes.check(code)`",
        f"  - _Requirements: {SERVES[0]}_",
        f"  - _Requirements: {SERVES[1]}, FR-5_",
    }
    assert set(sign_in.splitlines()) <= set(after.splitlines())
    heads = [line for line in after.splitlines() if line.startswith("## ")]
    at = heads.index("## Low-Level Design")
    assert heads[at + 1 :] == ["## Implementation Plan"]
    assert [one for one in heads if one != "## Low-Level Design"] == [
        line for line in sign_in.splitlines() if line.startswith("## ")
    ]
    assert site.program("tasks", "--spec", "sign-in").returncode == 0


@pytest.mark.slow
def test_a_heading_of_another_phase_is_sent_back(repo, tmp_path, sign_in):
    before = texts_of(repo)
    text = before["requirements"] + "\n## Task Plan\n\nnone\n"
    site = Site(repo, tmp_path / "home", replies(text, before))
    said = site.run("new", "sign-in", "-m", "codes", "--revise", "--model", site.model)
    assert said.returncode == 5
    assert "`## Task Plan` is no heading of this phase" in said.stderr
    assert (repo / "docs/sign-in-spec.md").read_text() == sign_in


@pytest.mark.parametrize("how", ["--revise", pytest.param("--fresh", marks=pytest.mark.slow)])
def test_what_a_bug_fix_requires_stands_in_its_own_file(repo, tmp_path, how):
    folder = repo / ".kiro/specs/deleted"
    folder.mkdir(parents=True)
    (folder / "bugfix.md").write_text(BUGFIX)
    text = BUGFIX.replace("SHALL send nothing", "SHALL send nothing within 60 seconds")
    site = Site(
        repo, tmp_path / "home", [questions(), document("spec-requirements", "requirements", text),
        document("spec-design", "high_level", "# Design\n")],
    )  # fmt: skip
    idea = "members get no message of a reply that is deleted"
    begun = site.run("new", "deleted", "-m", idea, how, "--model", site.model)
    assert begun.returncode == 4, begun.stderr
    assert ("{+ within 60 seconds+}" in site.run("show").stdout) == (how == "--revise")
    assert site.run("approve").returncode == 4
    names = {path.relative_to(repo / ".kiro/specs").as_posix(): path.read_text()
             for path in (repo / ".kiro/specs").rglob("*.md")}  # fmt: skip
    if how == "--revise":
        assert names == {"deleted/bugfix.md": text}
    else:
        assert names == {"deleted/requirements.md": text, "archive/deleted/bugfix.md": BUGFIX}


def test_the_usual_headings_are_read_as_before(repo):
    path = repo / "docs/notify-spec.md"
    path.parent.mkdir()
    path.write_text("# notify\n\n## Requirements\n\n### Requirement 1: X\n\n## Notes\n\nmine\n")
    spec = SpecFiles(DiskFiles(repo), "single-file", "docs/notify-spec.md")
    assert spec.parts == ()
    assert spec.text_of("requirements") == "## Requirement 1: X\n\n## Notes\n\nmine\n"
    assert TITLES["tasks"] not in path.read_text()
