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
        "sqs has no operation send_messages; did you mean SendMessage?"
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
    assert unverified == ["`docker build --tag x .`: the help of docker build could not be read"]
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
