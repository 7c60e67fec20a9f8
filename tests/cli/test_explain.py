"""`explain` gives the reason of a finding, and the text of any rule."""

import json

import pytest
from support.rule_examples import bad_files


def test_a_rule_of_ours_is_explained_with_source_examples_and_a_way_out(project, reviewloop):
    said = reviewloop("explain", "taint/sql-injection")

    assert said.code == 0
    for part in (
        "taint/sql-injection",
        "must fix · review-security",
        "Why: ",
        "What to do: ",
        "Source: ",
        "Found, for example in",
        "Not found, for example in",
        "reviewloop: ignore[taint/sql-injection] REASON",
    ):
        assert part in said.out


@pytest.mark.parametrize("name", ["ruff/S608", "S608"])
def test_a_rule_of_a_tool_is_explained_with_its_page(tmp_path, monkeypatch, reviewloop, name):
    monkeypatch.chdir(tmp_path)  # no repository is needed
    said = reviewloop("explain", name)

    assert "ruff/S608" in said.out
    assert "https://docs.astral.sh/ruff/rules/" in said.out


def test_the_last_part_of_a_rule_is_enough_where_only_one_ends_so(project, reviewloop):
    assert "docker/latest-image" in reviewloop("explain", "latest-image").out
    said = reviewloop("explain", "sql-injection")
    assert said.code == 2
    assert "taint/sql-injection" in said.err
    assert "js/sql-injection" in said.err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("taint/sql-injektion", "did you mean taint/sql-injection?"),
        ("nobody/knows-this-one", "--list"),
        ("ffff", "has shown a finding"),
        ("zzz", "has shown a finding"),
    ],
)
def test_what_is_unknown_is_said_to_be(project, reviewloop, name, reason):
    said = reviewloop("explain", name)

    assert said.code == 2
    assert reason in said.err


def test_a_rule_that_went_names_the_rule_of_the_tool_that_says_the_same(project, reviewloop):
    said = reviewloop("explain", "docker/cd")

    assert said.code == 0
    assert "docker/cd went: hadolint/DL3003 says the same" in said.out


def test_every_rule_of_ours_is_listed(project, reviewloop):
    from reviewloop.analysis.rule_book import own_rules

    lines = reviewloop("explain", "--list").out.splitlines()

    assert len(lines) == len(list(own_rules()))


def test_a_finding_is_explained_with_code_evidence_and_how_to_dismiss_it(project, reviewloop):
    (project / "a.py").write_text("def f(items=[]):\n    return items\n")
    report = json.loads(reviewloop("review", "--json").out)
    finding = next(f for f in report["findings"] if f["rule"] == "ruff/B006")
    said = reviewloop("explain", finding["id"][:7])

    assert "a.py:1: " in said.out
    assert "   open · found by review-maintainability" in said.out
    assert "    def f(items=[]):" in said.out
    assert "analyser (ruff " in said.out
    assert f"reviewloop dismiss {finding['id']} -m REASON" in said.out


def test_code_of_a_finding_cannot_steer_the_terminal(project, reviewloop):
    (project / "a.py").write_text('def f(items=["\x1b[31m"]):\n    return items\n')
    report = json.loads(reviewloop("review", "--json").out)
    ident = next(f["id"] for f in report["findings"] if f["rule"] == "ruff/B006")

    assert "\x1b" not in reviewloop("explain", ident).out


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("infra/iam-wildcard", [
            '    data "aws_iam_policy_document" "a" {',
            "      statement {",
            '        actions = ["s3:*"]',
            '        resources = ["*"]',
            "      }",
            "    }",
        ]),
        ("infra/unencrypted-at-rest", ["      storage_encrypted = true"]),
        ("taint/sql-injection", ["    def "]),
    ],
)  # fmt: skip
def test_examples_are_indented(project, reviewloop, rule, lines):
    assert "\n".join(lines) in reviewloop("explain", rule).out


def test_examples_with_an_indentation_of_their_own_keep_it(project, reviewloop):
    from reviewloop.analysis.rule_book import own_rules

    rule = next(
        r for r in own_rules() for e in bad_files(r)[:1] if "\n    " in e.code and "\n  " in e.code
    )
    code = bad_files(rule)[0].code.strip("\n")
    shown = "\n".join(f"    {line}".rstrip() for line in code.split("\n"))

    assert shown in reviewloop("explain", rule.id).out


def test_a_hard_rule_offers_only_what_silences_it(project, reviewloop):
    said = reviewloop("explain", "secret/github-token").out

    assert "reviewloop dismiss ID -m REASON" in said
    assert "Neither a comment nor the repository's settings" in " ".join(said.split())
    assert "reviewloop: ignore[" not in said
    assert "reviewloop: ignore[" in reviewloop("explain", "diff/lint-silenced").out


def test_a_finding_is_explained_with_one_severity(project, reviewloop, monkeypatch):
    from reviewloop.cli import explain
    from reviewloop.domain.finding import Finding, Severity

    rule = "diff/lint-silenced"
    default = reviewloop("explain", rule).out
    raised = Finding(
        id="abcd1234", rule=rule, severity=Severity.MUST_FIX, title="x", path="a.py", agents=("a",)
    )
    monkeypatch.setattr(explain, "_finding", lambda ident: raised)
    said = reviewloop("explain", "abcd1234").out

    assert "🟡" in default
    assert said.count("🔴") == 1
    assert "🟡" not in said
    assert "must fix here (should fix by default)" in said
