"""`spec merge`: OpenSpec's deltas are merged into their specs, with the same result each time."""

import json
import subprocess

import pytest

LIVING = "openspec/specs/menu/spec.md"
CHANGE = "openspec/changes/add-lunch"
MENU = """\
# Menu

## Purpose

What is cooked.   <!-- two  spaces stay -->

## Requirements

### Requirement: Menu of the day
The kitchen SHALL publish a menu at 9:00.

#### Scenario: Morning
- **WHEN** it is 9:00
- **THEN** the menu is there

### Requirement: Old prices
The kitchen SHALL keep prices for 30 days.

### Requirement: Soup
The kitchen SHALL offer a soup.

## Notes

Nothing here is a requirement.
"""
DELTA = """\
## ADDED Requirements

### Requirement: Lunch
The kitchen SHALL serve lunch until 14:00.

#### Scenario: Late
- **WHEN** it is 14:01
- **THEN** lunch is over

## MODIFIED Requirements

### Requirement: Daily menu
The kitchen SHALL publish a menu at 8:00.

## REMOVED Requirements

### Requirement: Old prices
**Reason**: Nobody asks

## RENAMED Requirements

- FROM: `### Requirement: Menu of the day`
- TO: `### Requirement: Daily menu`
"""
MERGED = """\
# Menu

## Purpose

What is cooked.   <!-- two  spaces stay -->

## Requirements

### Requirement: Daily menu
The kitchen SHALL publish a menu at 8:00.

### Requirement: Soup
The kitchen SHALL offer a soup.

### Requirement: Lunch
The kitchen SHALL serve lunch until 14:00.

#### Scenario: Late
- **WHEN** it is 14:01
- **THEN** lunch is over

## Notes

Nothing here is a requirement.
"""


def git(folder, *words: str) -> str:
    done = subprocess.run(("git", *words), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def kitchen(project):
    files = {
        LIVING: MENU,
        f"{CHANGE}/proposal.md": "## Why\n\nGuests are hungry.\n",
        f"{CHANGE}/tasks.md": "## 1. Lunch\n\n- [x] 1.1 Serve lunch\n",
        f"{CHANGE}/specs/menu/spec.md": DELTA,
    }
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "kitchen")
    return project


def test_a_delta_is_merged_and_every_other_byte_stays(kitchen, reviewloop):
    said = reviewloop("spec", "merge", "add-lunch", "--check")
    assert (kitchen / LIVING).read_text() == MENU
    assert reviewloop("spec", "merge", "add-lunch").code == 0
    assert (kitchen / LIVING).read_text() == MERGED
    assert said.out.splitlines() == [
        f"{LIVING}: renamed 'Menu of the day' to 'Daily menu'",
        f"{LIVING}: removed 'Old prices'",
        f"{LIVING}: modified 'Daily menu'",
        f"{LIVING}: added 'Lunch'",
    ]
    again = reviewloop("spec", "merge", "add-lunch")
    assert (again.code, again.out) == (0, "")
    assert (kitchen / LIVING).read_text() == MERGED


def test_line_ends_of_the_spec_are_kept(kitchen, reviewloop):
    (kitchen / LIVING).write_bytes(MENU.replace("\n", "\r\n").encode())
    assert reviewloop("spec", "merge", "add-lunch").code == 0
    assert (kitchen / LIVING).read_bytes() == MERGED.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("menu at 9:00", "menu at 10:00", "MODIFIED 'Daily menu'"),
        ("for 30 days", "for 60 days", "REMOVED 'Old prices'"),
        ("### Requirement: Soup", "### Requirement: Lunch", "ADDED 'Lunch'"),
        ("### Requirement: Soup", "### Requirement: Daily menu", "RENAMED 'Menu of the day'"),
    ],
)
def test_what_changed_since_the_base_is_a_conflict_and_nothing_is_written(
    kitchen, reviewloop, old, new, words
):
    changed = MENU.replace(old, new)
    (kitchen / LIVING).write_text(changed)
    git(kitchen, "commit", "-qam", "meanwhile")
    said = reviewloop("spec", "merge", "add-lunch")
    assert said.code == 3
    assert words in said.err
    assert "nothing is written; the base is" in said.err
    assert (kitchen / LIVING).read_text() == changed


def test_an_approval_is_the_base_from_then_on(kitchen, reviewloop):
    (kitchen / LIVING).write_text(MENU.replace("menu at 9:00", "menu at 10:00"))
    git(kitchen, "commit", "-qam", "meanwhile")
    assert reviewloop("spec", "approve", "add-lunch").code == 0
    body = json.loads(reviewloop("spec", "merge", "add-lunch", "--json").out)
    assert body["base"] == git(kitchen, "rev-parse", "HEAD")
    assert body["written"]
    assert (kitchen / LIVING).read_text() == MERGED


def test_two_open_changes_that_overlap_are_named(kitchen, reviewloop):
    other = kitchen / "openspec/changes/more-soup"
    (other / "specs/menu").mkdir(parents=True)
    (other / "tasks.md").write_text("- [ ] 1.1 Cook\n")
    (other / "specs/menu/spec.md").write_text(
        "## MODIFIED Requirements\n\n### Requirement: Old prices\nThe kitchen SHALL keep none.\n"
    )
    places = f"{CHANGE}/specs/menu/spec.md:17, openspec/changes/more-soup/specs/menu/spec.md:3"
    sentence = f"changes overlap at 'Old prices': {places}"
    assert sentence in reviewloop("spec", "sync").err
    assert sentence in reviewloop("spec", "merge", "add-lunch", "--check").err
    [both] = json.loads(reviewloop("spec", "sync", "--json").out)["overlaps"]
    assert (both["spec"], both["requirement"]) == (LIVING, "Old prices")


def test_a_capability_without_a_spec_gets_one(kitchen, reviewloop):
    path = kitchen / CHANGE / "specs/bar/spec.md"
    path.parent.mkdir()
    path.write_text("## ADDED Requirements\n\n### Requirement: Tea\nThe bar SHALL offer tea.\n")
    assert reviewloop("spec", "merge", "add-lunch").code == 0
    made = (kitchen / "openspec/specs/bar/spec.md").read_text()
    assert made == "# bar\n\n## Requirements\n\n### Requirement: Tea\nThe bar SHALL offer tea.\n"


def test_what_is_no_change_of_openspec_ends_with_2(project, reviewloop):
    folder = project / ".kiro/specs/orders"
    folder.mkdir(parents=True)
    (folder / "tasks.md").write_text("- [ ] 1. Do\n")
    said = reviewloop("spec", "merge", "orders")
    assert said.code == 2
    assert (
        "orders is a spec of kiro, not a change of specs; only those of openspec are merged"
        in said.err
    )
