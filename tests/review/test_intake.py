"""Answers are parsed leniently: unambiguous errors are repaired, nothing is invented."""

import json

import pytest

from reviewloop.domain.finding import Severity
from reviewloop.review.intake import MAX_FINDINGS, Intake, read_findings, read_resolutions


def finding(**changes):
    return {
        "severity": "must_fix",
        "title": "It leaks",
        "why": "Everybody sees it.",
        "suggestion": "Close it.",
        "path": "a.py",
        "quote": "leak()",
        **changes,
    }


def only(arguments):
    intake = read_findings(arguments)
    assert intake.problems == ()
    (found,) = intake.findings
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        {"findings": [finding()]},
        {"findings": json.dumps([finding()])},
        {"findings": [json.dumps(finding())]},
        json.dumps({"findings": [finding()]}),
        {"findings": finding()},
        finding(),
        [finding()],
    ],
    ids=["list", "text", "texts", "all-text", "object", "bare-object", "bare-list"],
)
def test_one_finding_is_read_in_whatever_shape_it_comes(arguments):
    found = only(arguments)
    assert (found.severity, found.title, found.path) == (Severity.MUST_FIX, "It leaks", "a.py")


def test_an_empty_list_is_a_complete_answer():
    assert read_findings({"findings": []}) == Intake()
    assert "must be a list" in read_findings({"findings": None}).problems[0]


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("must_fix", Severity.MUST_FIX),
        (" Must Fix ", Severity.MUST_FIX),
        ("🔴", Severity.MUST_FIX),
        ("critical", Severity.MUST_FIX),
        ("HIGH", Severity.MUST_FIX),
        ("should_fix", Severity.SHOULD_FIX),
        ("medium", Severity.SHOULD_FIX),
        ("🟡", Severity.SHOULD_FIX),
        ("warning", Severity.SHOULD_FIX),
        ("nit", Severity.NIT),
        ("minor", Severity.NIT),
        ("🟢", Severity.NIT),
    ],
)
def test_the_words_people_use_for_severities_are_understood(said, severity):
    assert only({"findings": [finding(severity=said)]}).severity is severity


@pytest.mark.parametrize("severity", ["", "awful", None, 7])
def test_a_severity_is_never_invented(severity):
    intake = read_findings({"findings": [finding(severity=severity), finding(title="Other")]})
    assert [f.title for f in intake.findings] == ["Other"]
    (problem,) = intake.problems
    assert problem.startswith("finding 1: severity ")
    assert "must_fix, should_fix, nit" in problem


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "no 'findings' list"),
        ({"verdict": "fine"}, "no 'findings' list"),
        ({"findings": 7}, "must be a list, not int"),
        ("nonsense", "must be a list, not str"),
        ({"findings": ["nonsense"]}, "finding 1: must be an object, not str"),
        ({"findings": [finding(title=" ")]}, "finding 1: title is missing"),
    ],
)
def test_what_cannot_be_read_is_said(arguments, problem):
    intake = read_findings(arguments)
    assert intake.findings == ()
    assert problem in intake.problems[0]


def test_missing_optionals_get_defaults_and_wrong_ones_are_dropped():
    found = only(
        {
            "findings": [
                {
                    "severity": "nit",
                    "title": "t",
                    "line": "12",
                    "end_line": 3,
                    "confidence": "certain",
                    "replacement": ["x"],
                }
            ]
        }
    )
    assert (found.path, found.quote, found.why) == ("", "", "")
    assert (found.line, found.end_line, found.confidence) == (12, None, "medium")
    assert found.replacement is None


@pytest.mark.parametrize(
    ("line", "read"), [(3, 3), (3.0, 3), ("3", 3), (0, None), (-1, None), (True, None), ("x", None)]
)
def test_lines_are_positive_numbers_or_unknown(line, read):
    assert only({"findings": [finding(line=line)]}).line == read


def test_the_most_severe_come_first_and_too_many_are_cut_at_the_end():
    many = [finding(severity="nit", title=f"nit {n}") for n in range(MAX_FINDINGS)]
    intake = read_findings({"findings": [*many, finding()]})
    assert intake.findings[0].severity is Severity.MUST_FIX
    assert (len(intake.findings), intake.cut) == (MAX_FINDINGS, 1)


def test_text_that_no_store_or_screen_takes_is_cleaned():
    found = only({"findings": [finding(title="a\x1b[31mred\x00\ud800", why="x" * 10_000)]})
    found.title.encode("utf-8")
    assert "\x1b" not in found.title
    assert "\x00" not in found.title
    assert len(found.why) <= 4000


def test_a_quote_keeps_its_indentation():
    quote = "    if x:\n        y()"
    assert only({"findings": [finding(quote=quote)]}).quote == quote


@pytest.mark.parametrize(
    ("said", "resolved"),
    [
        (True, True),
        ("true", True),
        ("resolved", True),
        (False, False),
        ("no", False),
        ("maybe", False),
        (1, False),
        (None, False),
    ],
)
def test_anything_unclear_counts_as_not_resolved(said, resolved):
    (answer,) = read_resolutions({"resolutions": [{"id": "a1", "resolved": said}]}).resolutions
    assert (answer.finding, answer.resolved) == ("a1", resolved)


def test_a_re_review_brings_resolutions_and_new_findings():
    said = read_resolutions(
        json.dumps(
            {
                "resolutions": [{"id": "a1", "resolved": True, "quote": "x = 1", "reason": "set"}],
                "new_findings": [finding(), finding(severity="odd")],
            }
        )
    )
    assert said.resolutions[0].quote == "x = 1"
    assert len(said.new_findings.findings) == 1
    assert "finding 2: severity 'odd'" in said.problems[0]


def test_a_resolution_without_an_id_is_a_problem():
    said = read_resolutions({"resolutions": [{"resolved": True}, "x"], "new_findings": []})
    assert said.resolutions == ()
    assert said.problems == (
        "resolution 1 names no finding id",
        "resolution 2 names no finding id",
    )


def test_escape_sequences_go_as_a_whole_and_leave_no_letters():
    said = finding(why="\x1b[2J\x1b]8;;https://x\x07a\x1b]8;;\x07 b")
    assert only(said).why == "a b"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        *((name, name) for name in ("ruff/S602", "@typescript-eslint/no-x", "CKV_AWS_1", "a: b")),
        *((text, "") for text in ("[x](y)", "<b>", "https://evil.example", "a " * 9, "x\ny")),
    ],
)
def test_a_rule_or_category_is_a_name_or_nothing(said, read):
    found = only(finding(rule=said, category=said))
    assert (found.rule, found.category) == (read, read)


@pytest.mark.parametrize("said", ["x" * 20_001, "a\x00", "\x1b[31ma", "\ud800", 7])
def test_a_replacement_that_cannot_be_kept_exactly_is_none(said):
    assert only(finding(replacement=said)).replacement is None
    assert only(finding(replacement="a\r\n\tb")).replacement == "a\r\n\tb"
