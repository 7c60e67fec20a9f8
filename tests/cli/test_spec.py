"""`spec check` and `spec trace` on a repository, as a person types them."""

import json

import pytest

REQUIREMENTS = """\
# Requirements

### Requirement 1: Login

#### Acceptance Criteria

1. WHEN the password is wrong THEN the system SHALL answer 401 within 300 ms
2. IF five logins fail THEN the system SHALL lock the account for 10 minutes

### Requirement 2: Logout

#### Acceptance Criteria

1. WHEN a member signs out THEN the system SHALL end the session at once
"""
DESIGN = """\
# Design

## Login form

Validates: Requirements 1.1, 1.2

## Session table

Validates: Requirement 2.1
"""
TASKS = """\
# Tasks

- [x] 1. Answer 401 in src/login.py
  - Test it in tests/test_login.py
  - _Requirements: 1.1, 1.2_
- [ ] 2. End the session in src/session.py
  - _Requirements: 2.1_
"""


@pytest.fixture
def spec(project):
    """Return the folder of the one spec in the current repository, without faults."""
    folder = project / ".kiro/specs/login"
    folder.mkdir(parents=True)
    (folder / "requirements.md").write_text(REQUIREMENTS)
    (folder / "design.md").write_text(DESIGN)
    (folder / "tasks.md").write_text(TASKS)
    (project / "tests").mkdir(exist_ok=True)
    (project / "tests/test_login.py").write_text("def test_401():\n    assert True\n")
    return folder


def replaced(folder, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_spec_without_faults_is_clean(spec, reviewloop):
    said = reviewloop("spec", "check", "login")

    assert said.code == 0
    assert said.out.startswith(".kiro/specs/login  ")
    assert "must fix" not in said.out
    assert "should fix" not in said.out


def test_what_is_vague_is_shown_with_its_line_and_what_to_do(spec, reviewloop):
    replaced(spec, "requirements.md", "within 300 ms", "fast")

    said = reviewloop("spec", "check", "login", "--fail-on", "should")

    assert said.code == 1
    assert '"fast" has no number' in said.out
    assert ".kiro/specs/login/requirements.md:7:" in said.out
    assert "Say how much" in said.out
    assert reviewloop("spec", "check", "login").code == 0  # it is no must


def test_json_names_each_spec_and_keeps_its_schema(spec, reviewloop):
    replaced(spec, "tasks.md", "_Requirements: 2.1_", "_Requirements: 2.7_")

    said = reviewloop("spec", "check", "--json")

    body = json.loads(said.out)
    assert said.code == 1
    assert body["exit_code"] == 1
    [one] = body["specs"]
    assert one["path"] == ".kiro/specs/login"
    must = [found for found in one["findings"] if found["severity"] == "must_fix"]
    assert [(found["rule"], found["line"]) for found in must] == [("spec/unknown-requirement", 6)]


def test_sarif_and_markdown_hold_the_same_findings(spec, reviewloop):
    replaced(spec, "requirements.md", "within 300 ms", "fast")

    sarif = json.loads(reviewloop("spec", "check", "--format", "sarif").out)
    rules = [result["ruleId"] for result in sarif["runs"][0]["results"]]
    assert "spec/vague" in rules
    assert "spec/vague" in reviewloop("spec", "check", "--format", "markdown").out


def test_a_finding_is_explained_dismissed_and_then_silent(spec, reviewloop):
    replaced(spec, "requirements.md", "within 300 ms", "fast")
    body = json.loads(reviewloop("spec", "check", "--json").out)
    [vague] = [f for f in body["specs"][0]["findings"] if f["rule"] == "spec/vague"]

    assert "Whoever implements it decides" in reviewloop("explain", vague["id"]).out
    assert reviewloop("dismiss", vague["id"], "-m", "we all know").code == 0

    again = json.loads(reviewloop("spec", "check", "--json").out)["specs"][0]
    assert "spec/vague" not in {found["rule"] for found in again["findings"]}
    assert [found["note"] for found in again["silenced"]] == ["dismissed: we all know"]


def test_settings_and_comments_silence_a_rule(spec, project, reviewloop):
    replaced(spec, "requirements.md", "within 300 ms", "fast")
    (project / "reviewloop.toml").write_text('[rules]\n"spec/vague" = "off"\n')

    body = json.loads(reviewloop("spec", "check", "--json").out)

    assert "spec/vague" not in {found["rule"] for found in body["specs"][0]["findings"]}


def test_a_rule_about_specs_is_explained(reviewloop):
    said = reviewloop("explain", "spec/vague")

    assert said.code == 0
    assert "The system" not in said.err
    assert "Source: ISO/IEC/IEEE 29148:2018" in said.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "nowhere"), "there is no spec 'nowhere'"),
        (("check", "../elsewhere"), "leads out of the repository"),
        (("check", "--fail-on", "red"), "'red' is not one of 'must', 'should', 'nit', 'never'"),
        (("trace", "nowhere"), "there is no spec 'nowhere'"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence_and_2(spec, reviewloop, arguments, sentence):
    said = reviewloop("spec", *arguments)

    assert said.code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1 or "\n" in said.err.strip()[60:]


def test_without_any_spec_it_says_where_one_would_be(project, reviewloop):
    said = reviewloop("spec", "check")

    assert said.code == 2
    assert "there is no spec here" in said.err
    traced = reviewloop("spec", "trace")
    assert (traced.code, "`reviewloop spec new -m TEXT` writes one" in traced.err) == (2, True)


def test_a_trace_without_a_name_is_of_the_only_spec(spec, reviewloop):
    alone = reviewloop("spec", "trace")
    assert (alone.code, alone.out.splitlines()[0]) == (0, ".kiro/specs/login")
    other = spec.with_name("logout")
    other.mkdir()
    (other / "requirements.md").write_text((spec / "requirements.md").read_text())
    said = reviewloop("spec", "trace")
    assert said.code == 2
    assert "there are 2 specs (.kiro/specs/login, .kiro/specs/logout); name one" in said.err


def test_an_empty_spec_is_named(spec, reviewloop):
    for name in ("requirements.md", "design.md", "tasks.md"):
        (spec / name).write_text("")

    said = reviewloop("spec", "check", "login")

    assert said.code == 2
    assert "the spec .kiro/specs/login is empty" in said.err


def test_a_traced_spec_shows_design_tasks_and_tests(spec, reviewloop):
    said = reviewloop("spec", "trace", "login")

    assert said.code == 0
    lines = " ".join(said.out.split())
    assert "1 Login design Login form tasks 1 ✓ tests tests/test_login.py" in lines
    assert "2 Logout design Session table tasks 2 tests none" in lines
    counts = "2 to a task, 2 to the design, 1 to a test"
    assert f"2 of 2 requirements traced: {counts}" in lines


def test_one_orphan_each_way_is_named_with_its_line(spec, reviewloop):
    replaced(spec, "tasks.md", "  - _Requirements: 2.1_\n", "")

    said = reviewloop("spec", "trace", "login", "--json")

    body = json.loads(said.out)
    assert said.code == body["exit_code"] == 1
    assert [(one["path"], one["line"], one["message"]) for one in body["untraced"]] == [
        (".kiro/specs/login/requirements.md", 10, "requirement 2: no task serves it"),
        (".kiro/specs/login/tasks.md", 6, "task 2 serves no requirement"),
    ]


def test_a_requirement_whose_design_and_tests_are_missing_is_untraced(spec, reviewloop):
    replaced(spec, "design.md", "Validates: Requirement 2.1", "As it was.")
    replaced(spec, "tasks.md", "- [ ] 2.", "- [x] 2.")

    missing = {
        row["id"]: row["missing"]
        for row in json.loads(reviewloop("spec", "trace", "login", "--json").out)["requirements"]
    }

    assert missing == {"1": "", "2": "no part of the design is about it"}
    replaced(spec, "design.md", "As it was.", "Validates: Requirement 2.1")
    rows = json.loads(reviewloop("spec", "trace", "login", "--json").out)["requirements"]
    assert rows[1]["missing"] == "its tasks are done and no test names it"


def test_a_test_that_names_a_requirement_covers_it(spec, project, reviewloop):
    (project / "tests/test_out.py").write_text("def test_out():  # Requirement 2.1\n    assert 1\n")

    rows = json.loads(reviewloop("spec", "trace", "login", "--json").out)["requirements"]

    assert [row["tests"] for row in rows] == [["tests/test_login.py"], ["tests/test_out.py"]]


def test_the_table_is_written_as_markdown(spec, reviewloop):
    said = reviewloop("spec", "trace", "login", "--format", "markdown")

    assert "| 1 Login | Login form | 1 ✓ | `tests/test_login.py` |" in said.out
