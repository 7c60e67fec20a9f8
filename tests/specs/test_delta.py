"""A delta of a spec: quotes that occur once, other bytes unchanged, ids stable."""

import pytest
from support.dialects import cc_sdd, openspec, spec_kit

from reviewloop.domain.spec_delta import QuotedEdit, SpecDelta
from reviewloop.specs.delta import QuoteError, apply_edits, read_delta
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import MemoryFiles

FOLDER = ".kiro/specs/iot"
REQUIREMENTS = """\
# Requirements

### Requirement 1: Receive readings

#### Acceptance Criteria

1. WHEN a device publishes THEN the service SHALL store temperature and humidity
2. IF a reading lacks a field THEN the service SHALL drop it

### Requirement 2: Show readings

#### Acceptance Criteria

1. WHEN GET /readings/latest is called THEN the API SHALL answer
"""
DESIGN = "# Design\n\n## Data Model\n\nReading: temperature, humidity\n"
TASKS = """\
# Implementation Plan

- [x] 1. Store readings
  - Create src/readings.js
  - _Requirements: 1.1, 1.2_
- [ ] 2. Show readings
  - Create src/routes.js
  - _Requirements: 2.1_
"""


def spec(newline="\n", **texts):
    documents = {"requirements": REQUIREMENTS, "design": DESIGN, "tasks": TASKS, **texts}
    return MemoryFiles(
        {
            f"{FOLDER}/{name}.md": text.replace("\n", newline).encode()
            for name, text in documents.items()
        }
    )


def edit(name, quote, text, *, below=False):
    return QuotedEdit(f"{FOLDER}/{name}.md", quote, text, below)


CRITERION = edit(
    "requirements",
    "2. IF a reading lacks a field",
    "3. IF a reading has CO₂ THEN the service SHALL store it",
    below=True,
)
TASK = edit(
    "tasks",
    "  - _Requirements: 2.1_",
    "- [ ] 3. Store CO₂\n  - Change src/readings.js\n  - _Requirements: 1.3_",
    below=True,
)


def delta(*edits, files=None):
    files = files or spec()
    return read_delta(files, find_specs(files)[0], edits)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_what_is_quoted_changes_and_line_ends_stay(newline):
    files = spec(newline)
    changed = apply_edits(files, [CRITERION, edit("design", "temperature,", "temperature, CO₂,")])
    before = files.contents[f"{FOLDER}/requirements.md"]
    after = changed[f"{FOLDER}/requirements.md"]
    new = f"3. IF a reading has CO₂ THEN the service SHALL store it{newline}".encode()
    assert after.replace(new, b"") == before
    assert changed[f"{FOLDER}/design.md"] == (
        files.contents[f"{FOLDER}/design.md"].replace(b"temperature,", "temperature, CO₂,".encode())
    )


def test_a_last_line_without_an_end_gets_one_and_bytes_that_are_no_text_stay():
    files = MemoryFiles({"a.md": b"\xef\xbb\xbfone \xff\ntwo"})
    changed = apply_edits(files, [QuotedEdit("a.md", "two", "three\n", below=True)])
    assert changed == {"a.md": b"\xef\xbb\xbfone \xff\ntwo\nthree"}


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([edit("design", "temp", "x"), edit("design", "temperature", "y")], "overlaps another"),
        ([edit("requirements", "SHALL", "MUST")], "is there 3 times"),
        ([edit("requirements", "pressure", "x")], "is not there"),
        ([edit("requirements", "  ", "x")], "quotes nothing"),
        ([QuotedEdit("src/a.js", "x", "y")], "is no document of .kiro/specs/iot"),
        ([edit("requirements", REQUIREMENTS, "# Mine\n")], "is most of its document"),
    ],
)
def test_an_edit_that_cannot_be_anchored_is_refused(edits, words):
    with pytest.raises(QuoteError, match=words):
        delta(*edits)


def test_a_delta_names_what_changes_and_its_tasks_and_survives_json():
    found, _ = delta(CRITERION, TASK, edit("design", "temperature,", "temperature, CO₂,"))
    assert [one.words for one in found.changes] == [
        "criterion 1.3 new",
        "design Data Model changed",
        "task 3 new",
    ]
    assert found.tasks == ("3",)
    assert SpecDelta.from_plain(found.plain()) == found


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (
            [edit("requirements", "1. WHEN a device", "1. IF x THEN y SHALL z\n2. WHEN a device")],
            "criterion 1.1 would become 1.2",
        ),
        (
            [edit("requirements", "2. IF a", "2. IF x THEN it SHALL stop\n2. IF a"), TASK],
            "criterion 1.2 would lose its id",
        ),
        (
            [
                edit(
                    "requirements",
                    "2. IF a reading",
                    "2. IF x THEN it SHALL stop",
                    below=True,
                ),
                TASK,
            ],
            "has the id of another one",
        ),
        ([edit("tasks", "- [x] 1. Store readings", "- [x] 1. Keep readings")], "task 1 is done"),
        ([edit("tasks", "- [ ] 2. Show", "- [ ] 1. Show")], "two tasks have the number 1"),
        ([edit("tasks", "- [ ] 2. Show", "- [ ] 5. Show")], "task 2 would become 5"),
        ([CRITERION], "no task of the change serves requirement 1.3"),
        ([edit("design", "temperature, ", "temperature,  ")], "nothing but layout"),
    ],
)
def test_a_delta_that_breaks_the_spec_is_refused(edits, words):
    with pytest.raises(QuoteError, match=words):
        delta(*edits)


def test_a_done_task_that_is_opened_again_is_a_task_of_the_delta():
    again = edit("tasks", "- [x] 1. Store readings", "- [ ] 1. Store readings and CO₂")
    changed = edit("requirements", "temperature and humidity", "temperature, humidity and CO₂")
    found, _ = delta(again, changed)
    assert found.tasks == ("1",)
    assert [one.words for one in found.changes] == ["criterion 1.1 changed", "task 1 changed"]


SINGLE = f"""\
# iot

{REQUIREMENTS.replace("#", "##", 1).replace("###", "####")}
## Task Plan

- [ ] 1. Show readings
  - _Requirements: 2.1_
"""
DIALECTS = {
    "spec-kit": (
        spec_kit(),
        [
            ("spec.md", "- **FR-002**: Settings", "- **FR-004**: The system MUST log each offer"),
            ("tasks.md", "- [ ] T012 Run", "- [ ] T013 Log offers in swap/log.py (FR-004)"),
            ("contracts/offers.yaml", "  /offers: {}", "  /log: {}"),
        ],
        ["requirement FR-004 new", "task T013 new"],
        ("T013",),
    ),
    "openspec": (
        openspec(),
        [
            (
                "specs/billing/spec.md",
                "- **THEN** its price is the price of the day",
                "\n### Requirement: Log\nThe system SHALL log each bill.\n\n"
                "#### Scenario: Bill\n- **WHEN** a bill is made\n- **THEN** it is logged",
            ),
            ("tasks.md", "- [ ] 3.1 Run", "- [ ] 3.2 Log bills for the requirement Log"),
        ],
        ["task 3.2 new"],
        ("3.2",),
    ),
    "cc-sdd": (
        cc_sdd(),
        [
            ("requirements.md", "2. The Store shall know", "3. The Store shall log each sighting"),
            ("tasks.md", "- [ ] 3.3 Checkpoint", "- [ ] 3.4 Log\n  - _Requirements: 1.3_"),
        ],
        ["criterion 1.3 new", "task 3.4 new"],
        ("3.4",),
    ),
    "single-file": (
        MemoryFiles({"docs/iot-spec.md": SINGLE.encode()}),
        [
            ("docs/iot-spec.md", "2. IF a reading", "3. IF it is CO₂ THEN it SHALL be kept"),
            (
                "docs/iot-spec.md",
                "  - _Requirements: 2.1_",
                "- [ ] 2. CO₂\n  - _Requirements: 1.3_",
            ),
        ],
        ["criterion 1.3 new", "task 2 new"],
        ("2",),
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_in_every_dialect_ids_are_read_and_other_bytes_stay(dialect):
    files, rows, words, tasks = DIALECTS[dialect]
    [ref] = find_specs(files)
    assert ref.dialect == dialect
    folder = "" if dialect == "single-file" else f"{ref.path}/"
    edits = [QuotedEdit(f"{folder}{name}", quote, text, below=True) for name, quote, text in rows]
    found, changed = read_delta(files, ref, edits)
    assert [one.words for one in found.changes if one.part in ("requirement", "task")][
        -len(words) :
    ] == words
    assert found.tasks == tasks
    for path, data in changed.items():
        for edit_ in edits:
            if edit_.path == path:
                above = "\n" if edit_.text.startswith("\n#") else ""
                new = f"{above}{edit_.text.strip(chr(10))}\n".encode()
                assert data.count(new) == 1
                data = data.replace(new, b"")
        assert data.strip(b"\n") == files.contents[path].strip(b"\n")
