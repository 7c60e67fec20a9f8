"""Findings of several reviewers at the same location become one with all their names."""

import random

from reviewloop.domain.finding import Evidence, Finding, Placement, Severity
from reviewloop.review.merging import merge, reported_by_several


def finding(ident, agent, title, **changes):
    given = {
        "severity": Severity.SHOULD_FIX,
        "path": "a.py",
        "line": 3,
        "evidence": (Evidence(source=agent, text=title),),
        **changes,
    }
    return Finding(id=ident, agents=(agent,), title=title, **given)


ONE = finding("1", "review-a", "Customer name is never validated", why="It is open.")
SAME = finding("2", "review-b", "The customer name should be validated", severity=Severity.MUST_FIX)


def test_the_same_problem_of_two_reviewers_is_one_finding_with_the_higher_severity():
    (merged,) = merge([ONE, SAME])
    assert set(merged.agents) == {"review-a", "review-b"}
    assert merged.severity is Severity.MUST_FIX
    assert merged.why == "It is open."
    assert {evidence.source for evidence in merged.evidence} == {"review-a", "review-b"}


def test_the_order_in_which_reviewers_end_does_not_matter():
    other = finding("3", "review-c", "No limit on the result", line=9)
    findings = [ONE, SAME, other]
    expected = merge(findings)
    for seed in range(6):
        shuffled = random.Random(seed).sample(findings, 3)
        assert [(f.id, set(f.agents)) for f in merge(shuffled)] == [
            (f.id, set(f.agents)) for f in expected
        ]


def test_equal_ids_are_the_same_finding_wherever_they_stand():
    (merged,) = merge([ONE, finding("1", "review-b", "Another title", line=80)])
    assert set(merged.agents) == {"review-a", "review-b"}


def test_two_things_of_one_reviewer_stay_two():
    assert len(merge([ONE, finding("2", "review-a", "Customer name is not validated")])) == 2


def test_other_places_and_other_files_stay_apart():
    elsewhere = finding("2", "review-b", "Customer name is never validated", line=4)
    other_file = finding("3", "review-c", "Customer name is never validated", path="b.py")
    assert len(merge([ONE, elsewhere, other_file])) == 3


def test_overlapping_lines_are_one_place():
    wide = finding("2", "review-b", "Customer name is never validated", line=1, end_line=5)
    assert len(merge([ONE, wide])) == 1


def test_different_problems_on_one_line_stay_apart():
    assert len(merge([ONE, finding("2", "review-b", "One query for each order")])) == 2
    assert len(merge([ONE, finding("2", "review-b", "Names of two letters say little")])) == 2


def test_an_analysers_rule_decides_against_words():
    by_rule = finding("1", "review-a", "Something", rule="S608")
    other_rule = finding("2", "review-b", "Something", rule="B101")
    same_rule = finding("3", "review-c", "Nothing alike", rule="S608")
    assert len(merge([by_rule, other_rule])) == 2
    assert len(merge([by_rule, same_rule])) == 1


def test_what_has_no_place_is_not_merged_by_words():
    lost = finding(
        "2",
        "review-b",
        "Customer name is never validated",
        line=None,
        placement=Placement.UNANCHORED,
    )
    assert len(merge([ONE, lost])) == 2


def test_the_most_severe_come_first():
    nit = finding("0", "review-c", "Name it better", severity=Severity.NIT, path="0.py")
    assert [f.severity for f in merge([nit, ONE, SAME])] == [Severity.MUST_FIX, Severity.NIT]


def test_one_rule_found_by_its_pattern_and_by_the_flow_of_data_is_one_finding():
    def by(source, ident, line=3):
        evidence = (Evidence(kind="analyser", source=source, text="it"),)
        rule = "js/query-operators-from-request"
        return finding(ident, "review-security", source, rule=rule, line=line, evidence=evidence)

    pattern, flow = by("javascript", "1"), by("js-taint", "2")
    assert reported_by_several([pattern, flow]) == [[0, 1]]
    assert reported_by_several([pattern, by("javascript", "2")]) == [[0], [1]]
    assert reported_by_several([pattern, by("js-taint", "2", line=9)]) == [[0], [1]]
