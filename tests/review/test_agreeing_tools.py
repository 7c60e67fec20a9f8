"""Hits of two analysers on one problem are one finding; two problems on one line stay two."""

import pytest
from support.growth import grows_too_fast

from reviewloop.analysis.contract import Edit, Fix, Hit, SourceFile, Span
from reviewloop.analysis.examine import Examination
from reviewloop.analysis.placing import LocatedHit
from reviewloop.analysis.rule_book import own_rules, rule_of
from reviewloop.domain.finding import Severity
from reviewloop.review.evidence import evidence_of
from reviewloop.review.merging import merge, topic_of

LINES = 9
TEXT = "".join(f"line {n} of the file, long enough for columns\n" for n in range(1, LINES + 1))


def said(*hits: tuple[str, str, Span], fix: dict[str, Fix] | None = None):
    """Return the evidence of these hits: analyser, rule, place."""
    placed = [
        LocatedHit(
            Hit(rule, "a.py", span, f"{rule} says so.", fix=(fix or {}).get(rule)),
            rule_of(rule),
            analyser,
            True,
        )
        for analyser, rule, span in hits
    ]
    file = SourceFile("a.py", TEXT, ((1, LINES),), "python")
    return evidence_of(Examination(tuple(placed)), [file])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("python-taint", "taint/sql-injection"), ("ruff 0.17", "ruff/S608")),
        (("python-taint", "taint/command-injection"), ("ruff 0.17", "ruff/S602")),
        (("secrets", "secret/aws-access-key-id"), ("gitleaks 8", "gitleaks/aws-access-token")),
        (("secrets", "secret/github-token"), ("ruff 0.17", "ruff/S105")),
        (("dockerfile", "docker/latest-image"), ("hadolint 2", "hadolint/DL3007")),
        (("javascript", "js/eval"), ("oxlint 1", "oxlint/no-eval")),
        (("javascript", "js/debugger"), ("biome 2", "biome/suspicious/noDebugger")),
        (("shell", "sh/unquoted"), ("shellcheck 0.10", "shellcheck/SC2086")),
        (("ruff 0.17", "ruff/S602"), ("bandit 1", "bandit/B602")),
    ],
)
def test_two_tools_that_agree_are_one_finding(one, two):
    pieces = said((*one, Span(2, 2, 5, 20)), (*two, Span(2, 3)))

    assert len(pieces) == 1
    finding = pieces[0].finding
    assert {e.source for e in finding.evidence} == {one[0], two[0]}
    assert finding.severity is min(
        (rule_of(rule).severity for _, rule in (one, two)), key=lambda s: s.rank
    )
    reviewers = {rule_of(rule).reviewer for _, rule in (one, two)}
    assert set(finding.agents) == reviewers


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("python-taint", "taint/command-injection"), ("ruff 0.17", "ruff/S608")),
        (("python-taint", "taint/xss"), ("ruff 0.17", "ruff/S324")),
        (("secrets", "secret/github-token"), ("zizmor 1", "zizmor/artipacked")),
        (("dockerfile", "docker/latest-image"), ("hadolint 2", "hadolint/DL3002")),
        (("javascript", "js/eval"), ("oxlint 1", "oxlint/no-unused-vars")),
        (("ruff 0.17", "ruff/B006"), ("ruff 0.17", "ruff/B008")),
    ],
)
def test_two_problems_on_one_line_stay_two(one, two):
    assert len(said((*one, Span(2, 2)), (*two, Span(2, 2)))) == 2


def test_the_same_at_other_lines_or_in_other_columns_stays_two():
    taint, ruff = ("python-taint", "taint/sql-injection"), ("ruff", "ruff/S608")

    assert len(said((*taint, Span(2, 2)), (*ruff, Span(3, 3)))) == 2
    assert len(said((*taint, Span(2, 2, 1, 9)), (*ruff, Span(2, 2, 9, 20)))) == 2


def test_each_finding_of_a_tool_takes_one_finding_of_another():
    pieces = said(
        ("secrets", "secret/github-token", Span(2, 2, 1, 9)),
        ("secrets", "secret/npm-token", Span(2, 2, 12, 30)),
        ("gitleaks", "gitleaks/github-pat", Span(2, 2, 1, 9)),
        ("gitleaks", "gitleaks/npm-access-token", Span(2, 2, 12, 30)),
    )

    assert len(pieces) == 2
    assert all(len(piece.finding.evidence) == 2 for piece in pieces)


def test_what_one_of_them_may_not_be_argued_about_stays_so():
    (piece,) = said(
        ("gitleaks", "gitleaks/generic-api-key", Span(2, 2)),
        ("secrets", "secret/github-token", Span(2, 2)),
    )

    assert piece.hard


def test_a_fix_that_only_one_of_them_has_is_kept_but_shown_only_for_its_own_lines():
    fix = Fix((Edit(Span(3, 3, 1, 5), "LINE"),), safe=True)
    (piece,) = said(
        ("python-taint", "taint/sql-injection", Span(2, 4)),
        ("ruff", "ruff/S608", Span(3, 3)),
        fix={"ruff/S608": fix},
    )

    assert piece.fix == fix
    assert piece.finding.replacement is None


def test_a_reviewer_that_repeats_its_evidence_in_its_own_words_says_it_once():
    (piece,) = said(("ruff", "ruff/S602", Span(2, 2)))
    own = piece.finding.model_copy(
        update={
            "id": "own",
            "rule": "",
            "title": "The folder becomes part of a shell command",
            "severity": Severity.MUST_FIX,
        }
    )
    (merged,) = merge([piece.finding, own])

    assert merged.severity is Severity.MUST_FIX
    assert (merged.rule, merged.id) == ("ruff/S602", piece.finding.id)


def test_new_lines_are_not_taken_over_for_other_lines():
    (piece,) = said(("ruff", "ruff/S602", Span(2, 2)))
    wide = piece.finding.model_copy(
        update={"agents": ("review-performance",), "end_line": 4, "replacement": "x", "id": "w"}
    )
    (merged,) = merge([piece.finding, wide])

    assert merged.replacement is None


def test_every_rule_of_ours_has_at_most_one_topic_and_own_pairs_differ_in_family():
    topics = {rule.id: topic_of(rule.id) for rule in own_rules()}

    assert topics["taint/sql-injection"] == "sql"
    assert topics["secret/aws-access-key-id"] == "secret"
    assert topics["docker/no-healthcheck"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("step", [0, 1], ids=["on one line", "line by line"])
def test_four_times_the_findings_are_not_sixteen_times_the_comparisons(step):
    (piece,) = said(("ruff", "ruff/S602", Span(2, 2)))
    many = [
        piece.finding.model_copy(update={"line": 1 + n * step, "id": str(n)}) for n in range(2000)
    ]

    assert not grows_too_fast(lambda size: merge(many[:size]), 2000)
    assert len(merge(many)) == 2000
