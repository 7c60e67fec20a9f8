import json
from pathlib import Path
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_review import DEPLOY, RULES, SampleSource, failed_report, finding, sample_report

from reviewloop.domain.finding import Placement, Severity
from reviewloop.render import rules as rule_pages
from reviewloop.render.report import ReviewReport
from reviewloop.render.sarif import render, uri

SCHEMA = json.loads((Path(__file__).parent.parent / "data/sarif-schema-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def run_of(report: ReviewReport, source: SampleSource | None = None) -> dict:
    log = json.loads(render(report, source or SampleSource(), RULES.get))
    VALIDATOR.validate(log)
    return log["runs"][0]


def result_of(run: dict, rule: str) -> dict:
    return next(result for result in run["results"] if result["ruleId"] == rule)


@pytest.mark.parametrize(
    "report",
    [
        sample_report(),
        failed_report(),
        sample_report(findings=(), silenced=(), reviewed=(), skipped=(), agents=(), analysers=(),
                      outcome="nothing_to_review", exit_code=0),
    ],
)  # fmt: skip
def test_every_report_is_valid_against_the_published_schema(report):
    run_of(report)


TEXTS = st.text(max_size=20)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(path=TEXTS, title=TEXTS.filter(bool), rule=TEXTS, note=TEXTS, line=st.integers(0, 9),
       end=st.integers(0, 9), column=st.integers(0, 9), last=st.integers(0, 9),
       new=st.none() | TEXTS, code=TEXTS, placement=st.sampled_from(Placement))  # fmt: skip
def test_whatever_findings_hold_the_log_is_valid(
    path, title, rule, note, line, end, column, last, new, code, placement
):
    found = finding(
        path, line or None, rule, title, end_line=end or None, column=column, end_column=last,
        replacement=new, note=note, placement=placement, quote=code,
    )  # fmt: skip
    run_of(sample_report(findings=(found,)), SampleSource({path: code}, {}))


def test_a_result_has_level_place_and_a_fingerprint_without_lines():
    run = run_of(sample_report())
    result = result_of(run, "taint/sql-injection")
    place = result["locations"][0]["physicalLocation"]
    assert result["level"] == "error"
    assert place["artifactLocation"] == {
        "uri": "app/db.py",
        "uriBaseId": "%SRCROOT%",
        "index": 0,
    }
    region = {key: place["region"][key] for key in place["region"] if key != "snippet"}
    assert region == {"startLine": 14, "endLine": 14, "startColumn": 13, "endColumn": 75}
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["artifacts"][0]["location"]["uri"] == "app/db.py"
    assert list(result["partialFingerprints"]) == ["reviewloopFindingId/v1"]


def test_a_rule_brings_its_help_level_and_tags(monkeypatch):
    monkeypatch.setattr(rule_pages, "_base", lambda environ: "https://github.com/octo/r/blob/v1")
    run = run_of(sample_report())
    rules = run["tool"]["driver"]["rules"]
    rule = next(rule for rule in rules if rule["id"] == "taint/sql-injection")
    assert rules[result_of(run, "taint/sql-injection")["ruleIndex"]] is rule
    assert "Whoever sends the request" in rule["help"]["text"]
    assert "**Fix:**" in rule["help"]["markdown"]
    page = "https://github.com/octo/r/blob/v1/reviewloop/rules/taint/sql-injection.md"
    assert rule["helpUri"] == page
    assert rule["defaultConfiguration"]["level"] == "error"
    assert {"security", "external/cwe/cwe-089", "injection"} <= set(rule["properties"]["tags"])
    assert rule["properties"]["security-severity"] == "8.0"
    assert rule["properties"]["precision"] == "high"
    slow = next(rule for rule in rules if rule["id"] == "py/query-in-loop")
    assert "security-severity" not in slow["properties"]


def test_what_a_reviewer_says_by_itself_has_a_rule_of_the_reviewer():
    run = run_of(sample_report())
    assert result_of(run, "reviewer/review-infrastructure")["level"] == "warning"


def fixed(code: str, fix: dict) -> str:
    """Do what a SARIF reader does with the one replacement of a fix."""
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    region, lines = replacement["deletedRegion"], code.split("\n")
    before = [*lines[: region["startLine"] - 1], ""]
    after = lines[region["endLine"] - 1 :]
    kept = after[0][region["endColumn"] - 1 :]
    head = "\n".join(before) + lines[region["startLine"] - 1][: region["startColumn"] - 1]
    return head + replacement["insertedContent"]["text"] + "\n".join([kept, *after[1:]])


@pytest.mark.parametrize(
    ("line", "end", "new", "expected"),
    [
        (2, 2, "two", "1\ntwo\n3\n"),
        (2, 2, "two\nand more\n", "1\ntwo\nand more\n3\n"),
        (1, 2, "both", "both\n3\n"),
        (2, 3, "rest", "1\nrest\n"),
        (2, 2, "", "1\n3\n"),
    ],
)
def test_a_fix_replaces_whole_lines(line, end, new, expected):
    code = "1\n2\n3\n"
    found = finding("a.py", line, "x/y", "t", end_line=end, replacement=new)
    run = run_of(sample_report(findings=(found,)), SampleSource({"a.py": code}, {}))
    assert fixed(code, run["results"][0]["fixes"][0]) == expected


def test_a_fix_of_the_sample_gives_the_file_a_person_wants():
    result = result_of(run_of(sample_report()), "shellcheck/SC2115")
    assert fixed(DEPLOY, result["fixes"][0]).endswith('\nrm -rf "${BUILD_DIR:?}"/*\n')


def test_silenced_findings_are_results_with_a_suppression():
    run = run_of(sample_report())
    kinds = {
        result["ruleId"]: result["suppressions"][0]
        for result in run["results"]
        if "suppressions" in result
    }
    assert kinds["ruff/S110"]["kind"] == "inSource"
    assert kinds["ruff/S110"]["justification"] == "suppressed in line 8: the caller logs it"
    assert kinds["shellcheck/SC3040"]["kind"] == "external"


def test_evidence_that_names_a_line_is_a_related_place():
    result = result_of(run_of(sample_report()), "taint/sql-injection")
    lines = [p["physicalLocation"]["region"]["startLine"] for p in result["relatedLocations"]]
    assert lines == [13, 16]


def test_an_incomplete_review_did_not_execute_successfully():
    whole = run_of(sample_report())["invocations"][0]
    assert (whole["executionSuccessful"], whole["exitCode"]) == (True, 1)
    cut = run_of(failed_report())["invocations"][0]
    assert (cut["executionSuccessful"], cut["exitCode"]) == (False, 5)
    errors = [n for n in cut["toolExecutionNotifications"] if n["level"] == "error"]
    assert [n["message"]["text"] for n in errors] == [
        "review-security: no answer within 30 s",
        "cfn-lint: timed out after 60 s",
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a b/c#d.py", "a%20b/c%23d.py"),
        ("100%.py", "100%25.py"),
        ("c:/x.py", "c%3A/x.py"),
        ("ü.py", "%C3%BC.py"),
        ("caf\udce9.py", "caf%E9.py"),
        ("what?.py", "what%3F.py"),
    ],
)
def test_paths_are_uris_that_give_the_bytes_back(path, expected):
    assert uri(path) == expected
    assert unquote_to_bytes(uri(path)) == path.encode("utf-8", "surrogateescape")


def test_words_of_others_make_no_link_in_a_message():
    found = finding("a.py", 1, "x/y", "see [here](https://evil.example)", severity=Severity.NIT)
    run = run_of(sample_report(findings=(found,)))
    assert "](" not in run["results"][0]["message"]["text"]


def test_a_finding_without_a_place_has_no_region():
    run = run_of(sample_report())
    lost = result_of(run, "reviewer/review-infrastructure")
    assert "region" not in lost["locations"][0]["physicalLocation"]
    assert "was not found" in lost["message"]["text"]
    assert result_of(run, "diff/mixed-concerns")["locations"] == []
