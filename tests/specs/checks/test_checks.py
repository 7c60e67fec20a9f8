"""Specs as a whole: planted faults are found, a good spec is left alone, and findings are few."""

import pytest
from support.planted_specs import FAULTS, FILES, FOLDER, Fault, planted

from reviewloop.analysis.contract import Tree
from reviewloop.domain.finding import Severity
from reviewloop.specs.checks import SpecChecks, check_spec, read_view
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import MemoryFiles


def checked(texts: dict[str, str], level=lambda rule: "") -> SpecChecks:
    files = MemoryFiles({path: text.encode() for path, text in texts.items()})
    (ref,) = find_specs(files)
    tree = Tree(read=lambda path: texts.get(path), paths=lambda: list(texts))
    return check_spec(read_view(files, ref, tree), level)


def test_a_good_spec_has_nothing_to_mend() -> None:
    found = checked(FILES).findings

    assert [f"{one.where} {one.title}" for one in found if one.severity is not Severity.NIT] == []
    assert {one.rule for one in found} <= {"spec/too-large"}


def test_there_are_planted_faults() -> None:
    assert len(FAULTS) == 42


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.rule}: {fault.new[:30]}")
def test_a_planted_fault_is_found_in_its_document(fault: Fault) -> None:
    found = checked(planted(fault)).findings
    mine = [one for one in found if one.rule == f"spec/{fault.rule}"]

    assert mine, [one.rule for one in found]
    whole = fault.rule.startswith(("requirement", "no-security", "no-data"))
    assert mine[0].path == f"{FOLDER}/{'requirements' if whole else fault.document}.md"
    assert mine[0].line


def test_a_rule_speaks_once_of_a_document_and_names_the_other_lines() -> None:
    text = FILES[f"{FOLDER}/requirements.md"].replace("300 ms", "a short time, fast")
    text = text.replace("within 60 seconds", "quickly")
    found = checked({**FILES, f"{FOLDER}/requirements.md": text}).findings
    vague = [one for one in found if one.rule == "spec/vague"]

    assert [one.line for one in vague] == [15]
    assert vague[0].title == '"fast" has no number (also line 23)'


def test_settings_switch_a_rule_off_or_change_its_severity() -> None:
    fault = FAULTS[0]

    def level(rule: str) -> str:
        return {"spec/vague": "off"}.get(rule, "")

    assert "spec/vague" not in {one.rule for one in checked(planted(fault), level).findings}
    louder = checked(planted(fault), lambda rule: "must" if rule == "spec/vague" else "")
    assert louder.findings[0].severity is Severity.MUST_FIX


@pytest.mark.parametrize("raised", ["ValueError", "KeyErrors", "a TimeoutException"])
def test_an_error_of_the_language_is_an_error_case(raised: str) -> None:
    text = f"""# Requirements

### Requirement 1: Split a bill

#### Acceptance Criteria

1. WHEN a bill of N cents is split THEN the system SHALL return P shares whose sum is N
2. IF P is below 1 THEN the system SHALL raise {raised} "persons must be 1 or more"
"""
    found = checked({f"{FOLDER}/requirements.md": text}).findings
    assert "spec/no-error-case" not in {one.rule for one in found}
    other = checked({f"{FOLDER}/requirements.md": text.partition("2. IF")[0]}).findings
    assert "no requirement says what happens when something fails" in {one.title for one in other}


def test_requirements_are_checked_before_there_are_tasks() -> None:
    path = f"{FOLDER}/requirements.md"
    texts = {path: FILES[path].replace("within 300 ms", "fast")}

    found = checked(texts)

    assert not found.view.has_tasks
    assert [one.rule for one in found.findings] == ["spec/vague"]


def test_words_of_another_language_are_left_alone_and_it_is_said() -> None:
    text = """\
# Anforderungen

### Requirement 1: Kanal

#### Acceptance Criteria

1. Wenn ein Mitglied den Kanal speichert, muss das System ihn schnell und robust ablegen
2. Wenn der Kanal unbekannt ist, nennt das System alle bekannten Kanäle und bleibt modern
"""
    found = checked({f"{FOLDER}/requirements.md": text})

    assert found.findings == ()
    assert found.notes == ("words are checked in English only; this spec is in another language",)


def test_lists_of_key_words_are_english() -> None:
    text = "# Login\n\n### FR-1: Sign in\n\n" + 9 * (
        "- Accept email, password\n- Return access token (JWT, quick expiry)\n- Hash passwords\n"
        "- Send reset email to user\n"
    )
    found = checked({"specs/login.md": text})

    assert not any("another language" in note for note in found.notes)


def test_the_same_amount_in_other_units_is_no_contradiction() -> None:
    design = FILES[f"{FOLDER}/design.md"]
    same = design + "\nThe stored channel record expires after 2160 hours without a visit.\n"
    other = design + "\nThe stored channel record expires after 216 hours without a visit.\n"

    rules = [
        {one.rule for one in checked({**FILES, f"{FOLDER}/design.md": text}).findings}
        for text in (same, other)
    ]

    assert "spec/numbers-contradict" not in rules[0]
    assert "spec/numbers-contradict" in rules[1]


def facts(*lines: str, others: dict[str, str] | None = None, help_of=lambda words: None):
    """Return what the checks say of a task with these lines, and what they could not verify."""
    texts = {f"{FOLDER}/tasks.md": "# Tasks\n\n- [ ] 1. Build src/x.py\n" + "\n".join(lines)}
    texts |= others or {}
    files = MemoryFiles({path: text.encode() for path, text in texts.items()})
    (ref,) = find_specs(files)

    def search(strings):
        return [(p, 1, text) for p, text in texts.items() if any(s in text for s in strings)]

    tree = Tree(read=texts.get, paths=lambda: list(texts), search=search)
    found = check_spec(read_view(files, ref, tree, help_of))
    named = [one.title for one in found.findings if one.severity is Severity.SHOULD_FIX]
    return named, [entry.partition(": ")[2] for entry in found.unverified]


def test_operations_and_parameters_of_aws_are_looked_up() -> None:
    assert facts("  - call sqs.send_messages")[0] == [
        "sqs has no operation send_messages; did you mean send_message?"
    ]
    assert facts("  - dynamodb.put_item(TableNam=t, Item=i)")[0] == [
        "put_item of dynamodb has no parameter TableNam; did you mean TableName?"
    ]
    assert facts("  - s3.upload_file, sqs.get_paginator, ec2.describe_instances()") == ([], [])
    assert facts("  - run `aws lambda creat-function`")[0] == [
        "aws lambda has no command creat-function; did you mean create-function?"
    ]


def test_what_no_list_holds_is_unverified_and_never_right() -> None:
    named, unverified = facts("  - `aws s3 cp a b`", "  - the role needs s3:ListBucket")

    assert named == []
    assert unverified == [
        "aws s3 cp: the AWS CLI adds commands of its own there",
        "s3:ListBucket: an IAM action, of which no list is installed",
    ]


def test_a_locked_version_is_compared_as_far_as_it_is_written() -> None:
    lock = {"uv.lock": '[[package]]\nname = "pyjwt"\nversion = "2.10.1"\n'}
    said = {}
    for written in ("PyJWT 2.8", "PyJWT==2.10", "PyJWT 2.10.1", "PyJWT 2"):
        files = {**lock, f"{FOLDER}/tasks.md": f"# Tasks\n\n- [ ] 1. Sign with {written} in a.py\n"}
        said[written] = [
            one.title for one in checked(files).findings if one.rule == "spec/other-version"
        ]

    assert said == {
        "PyJWT 2.8": ["PyJWT 2.8 here, 2.10.1 is locked"],
        "PyJWT==2.10": [],
        "PyJWT 2.10.1": [],
        "PyJWT 2": [],
    }


def test_options_are_looked_up_in_the_help_that_a_program_prints() -> None:
    asked = []

    def help_of(words):
        asked.append(words)
        return "usage: git commit [--amend] [--[no-]verify]" if words[0] == "git" else None

    named, unverified = facts(
        "  - `git commit --amend --no-verify`, `git commit --amned`",
        "  - `docker build --tag x .`, `mytool --whatever`",
        help_of=help_of,
    )

    assert named == ["git commit has no option --amned; did you mean --amend?"]
    assert unverified == [
        "`docker build --tag x .`: the help of docker build could not be read",
        "`mytool --whatever`: mytool is no program whose help is asked",
    ]
    assert ("mytool",) not in asked


def test_what_could_not_be_checked_is_said_once_with_all_its_lines() -> None:
    tasks = "".join(
        f"- [ ] {n}. Deploy part {n} in `src/p{n}.py`\n  - the role needs s3:ListBucket\n"
        f"  - `docker build --tag p{n} .`\n"
        for n in range(1, 10)
    )
    texts = {f"{FOLDER}/tasks.md": f"# Tasks\n\n{tasks}"}
    files = MemoryFiles({path: text.encode() for path, text in texts.items()})
    (ref,) = find_specs(files)
    tree = Tree(read=texts.get, paths=lambda: list(texts), search=lambda strings: [])
    found = check_spec(read_view(files, ref, tree, lambda words: None)).unverified

    assert sorted(found) == [
        f"{FOLDER}/tasks.md:4: s3:ListBucket: an IAM action, of which no list is installed "
        "(also line 7, line 10, line 13, line 16, line 19, line 22 and 2 more)",
        f"{FOLDER}/tasks.md:5: `docker build --tag p1 .`: the help of docker build could not be "
        "read (also line 8, line 11, line 14, line 17, line 20, line 23 and 2 more)",
    ]


def test_each_vague_word_of_a_sentence_that_no_test_decides_is_named() -> None:
    text = "# Requirements\n\nThe system should be fast and user-friendly etc.\n"
    found = checked({f"{FOLDER}/requirements.md": text})
    said = {one.rule: (one.line, one.title) for one in found.findings if one.line == 3}
    assert said["spec/not-testable"] == (3, 'no test can decide "should be fast"')
    assert said["spec/vague"] == (3, '"user-friendly" can mean anything')


def test_a_variable_is_known_as_one_in_any_of_its_names() -> None:
    for name in ("env var", "environment variable", "env variable", "environment variables"):
        named = facts(f"  - read the {name} `PART_LIMIT`")[0]
        assert named == [], name  # a spec that reads it may introduce it
        named = facts(f"  - the {name} `PART_LIMIT` is 5")[0]
        assert named == ["no file of the repository reads PART_LIMIT"], name


def test_each_name_that_is_not_there_is_told_with_the_nearest_one() -> None:
    code = {"src/queue.py": "import os\nURL = os.environ['QUEUE_URL']\n", "src/db.py": ""}
    named, unverified = facts(
        "  - call `sqs.send_messages()`, then dynamodb.put_itemm()",
        "  - the environment variable `QUEUE_URI` is a URL",
        "  - update `src/queues.py`, then run `docker build --tagg x .`",
        "  - `aws lambda create-function --rol r --region x --zip-file f`",
        others=code,
        help_of=lambda words: "usage: docker build [--tag NAME]",
    )

    assert sorted(named) == [
        "aws lambda create-function has no option --rol; did you mean --role?",
        "docker build has no option --tagg; did you mean --tag?",
        "dynamodb has no operation put_itemm; did you mean put_item?",
        "no file of the repository reads QUEUE_URI; did you mean QUEUE_URL?",
        "sqs has no operation send_messages; did you mean send_message?",
        "src/queues.py is not in the repository; did you mean src/queue.py?",
    ]
    assert unverified == [
        "aws lambda create-function --zip-file: the AWS CLI adds options of its own there"
    ]


def test_the_same_name_is_told_once_with_its_other_lines() -> None:
    named, _ = facts("  - call sqs.send_messages", "  - and sqs.send_messages", "  - sqs.purge_it")

    assert named == [
        "sqs has no operation send_messages; did you mean send_message? (also line 5)",
        "sqs has no operation purge_it",
    ]


def test_a_column_or_a_module_is_no_service() -> None:
    assert facts("  - JOIN venues ON events.venue_id, and config.max_size, batch.run_all()") == (
        [],
        [],
    )
    assert facts("  - call events.put_eventss()")[0] == [
        "events has no operation put_eventss; did you mean put_events?"
    ]


def test_help_that_names_some_options_only_makes_the_others_unverified() -> None:
    named, unverified = facts(
        "  - `npm install --production`, `npm install --save-devv x`",
        help_of=lambda words: "Usage: npm install [--save-dev] [--omit <dev>]",
    )

    assert named == []
    assert unverified == [
        "`npm install --production`: the help of npm install does not name --production",
        "`npm install --save-devv x`: the help of npm install does not name --save-devv; "
        "did you mean --save-dev?",
    ]


def test_a_range_of_versions_allows_the_locked_one_or_does_not() -> None:
    lock = {"uv.lock": '[[package]]\nname = "pyjwt"\nversion = "2.10.1"\n'}
    named = {}
    for written in ("PyJWT 2.8+", "PyJWT>=2.8", "PyJWT^2.8", "PyJWT~=2.8", "PyJWT>=2.11"):
        files = {**lock, f"{FOLDER}/tasks.md": f"# Tasks\n\n- [ ] 1. Sign with {written} in a.py\n"}
        found = checked(files).findings
        named[written] = any(one.rule == "spec/other-version" for one in found)

    assert named == {
        "PyJWT 2.8+": False,
        "PyJWT>=2.8": False,
        "PyJWT^2.8": False,
        "PyJWT~=2.8": False,
        "PyJWT>=2.11": True,
    }


def test_a_version_that_no_lock_file_has_is_unverified() -> None:
    _, unverified = facts("  - pin bcrypt==4.1.2, see Section 2.1")

    assert unverified == ["bcrypt 4.1.2: no lock file names bcrypt"]


def test_a_variable_that_stands_for_any_is_left_alone() -> None:
    assert facts("  - expand `${ENV_VAR}` and $MY_TOKEN in values") == ([], [])


def test_a_template_that_says_no_question_is_open_asks_none() -> None:
    texts = {
        "specs/001-login/spec.md": "# Feature: login\n\n## Requirements\n\n"
        "- **FR-001**: System MUST keep sessions [NEEDS CLARIFICATION: for how long?]\n",
        "specs/001-login/checklists/requirements.md": "# Checklist\n\n"
        "- [x] No [NEEDS CLARIFICATION] markers remain\n",
        "specs/001-login/tasks.md": "# Tasks\n\n- [ ] T001 Keep sessions in src/sessions.py\n",
    }
    found = [one for one in checked(texts).findings if one.rule == "spec/needs-clarification"]

    assert [(one.path, one.title) for one in found] == [
        ("specs/001-login/spec.md", "this question is open: for how long?")
    ]


def test_the_entries_below_a_requirement_are_read_without_shall() -> None:
    text = """\
# Sign in

## Overview

Members sign in.

## Functional Requirements

### FR-1: Sign in

- Accept email and password
- Answer fast
- Show a user-friendly message

## Notes

- A nice idea for later
"""
    found = checked({"docs/sign-in-spec.md": text}).findings
    vague = [one for one in found if one.rule == "spec/vague"]

    assert [(one.line, one.title) for one in vague] == [(12, '"fast" has no number (also line 13)')]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("offer the levels (Easy, Medium, Hard)", False),
        ("be easy to read for all", True),
        ("run lint first to fail fast", False),
        ("answer fast", True),
    ],
)
def test_a_name_or_an_idiom_is_not_vague(words: str, found: bool) -> None:
    text = FILES[f"{FOLDER}/requirements.md"].replace("store it within 300 ms", words)
    rules = {one.rule for one in checked({**FILES, f"{FOLDER}/requirements.md": text}).findings}

    assert ("spec/vague" in rules) is found


def test_the_verb_of_a_command_makes_no_file() -> None:
    named, _ = facts("  - update `src/queues.py`; then `docker build .`")
    assert named == ["src/queues.py is not in the repository"]
    assert facts("  - update `src/queues.py`; create `src/b.py`, then `docker build .`")[0] == []


def test_a_mention_of_todo_comments_is_no_gap() -> None:
    design = FILES[f"{FOLDER}/design.md"]
    for text, found in (("Values stay scoped with TODO comments.", False), ("TODO: rows", True)):
        texts = {**FILES, f"{FOLDER}/design.md": f"{design}\n{text}\n"}
        rules = {one.rule for one in checked(texts).findings}
        assert ("spec/placeholder" in rules) is found, text


def test_the_marks_of_a_drawn_tree_are_held_against_the_repository() -> None:
    design = FILES[f"{FOLDER}/design.md"]
    tree = "```\nsrc/\n  api/\n    a.py  # [NEW]\n    b.py  # [MODIFY]\n    c.py  # [NEW]\n```\n"
    texts = {**FILES, f"{FOLDER}/design.md": f"{design}\n{tree}", "src/api/a.py": "x = 1\n"}
    at = design.count("\n") + 1
    found = {(one.rule, one.line): one.title for one in checked(texts).findings}

    assert found["spec/file-not-new", at + 4] == (
        "src/api/a.py is marked as new and is in the repository already"
    )
    assert found["spec/unknown-file", at + 5].startswith("src/api/b.py is not in the repository")
    assert len([rule for rule, _ in found if "file" in rule]) == 2


def test_why_a_story_comes_first_is_no_demand() -> None:
    path = "specs/001-login/spec.md"
    rest = {"specs/001-login/tasks.md": "# Tasks\n\n- [ ] T001 Keep it in src/sessions.py\n"}
    for begin, found in (("**Why this priority**: The page", False), ("- **FR-001**: Pages", True)):
        text = f"# Feature: login\n\n## Requirements\n\n{begin} must be usable and fast.\n"
        rules = {one.rule for one in checked({path: text, **rest}).findings}
        assert ("spec/not-testable" in rules) is found, begin


def test_criteria_without_ids_are_held_against_what_a_spec_needs() -> None:
    text = """\
## User Stories

- As a member, I want to choose a channel so I can decide how I am told

## Acceptance Criteria

- [ ] Email, SMS and push can each be switched on
- [ ] The choice is the same on all devices
"""
    rules = {one.rule for one in checked({f"{FOLDER}/requirements.md": text}).findings}

    assert {"spec/no-error-case", "spec/no-edge-case", "spec/no-performance-target"} <= rules
    assert not {"spec/no-purpose", "spec/no-role", "spec/no-success-criteria"} & rules
