"""A reviewer's verdict moves evidence by one step, with a reason, and never a hard rule's hit."""

import pytest

from reviewloop.domain.finding import Evidence, Finding, Severity, Status
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.verdicts import (
    MOST_SHOWN,
    Verdict,
    apply_verdicts,
    evidence_text,
    most_severe,
    read_verdicts,
)


def piece(ident: str = "abc", *, agent: str = "review-security", hard: bool = False, **more):
    values = {"severity": Severity.SHOULD_FIX, "title": "Open", "path": "a.py", "line": 3, **more}
    evidence = (Evidence(kind="analyser", source="tool 1", text="x"),)
    finding = Finding(id=ident, agents=(agent,), rule="x/y", evidence=evidence, **values)
    return AnalyserFinding(finding, hard)


def said(verdict, ident="E1", reason="because", agent="review-security", pieces=None):
    answer = {"evidence": [{"id": ident, "verdict": verdict, "reason": reason}]}
    return read_verdicts(answer, agent, pieces or [piece()])


def after(word: str, *, hard=False, severity=Severity.SHOULD_FIX, untrusted=False) -> Finding:
    verdicts = {"abc": Verdict("review-security", word, "because")}
    (finding,) = apply_verdicts(
        [piece(hard=hard, severity=severity)],
        verdicts,
        requested=["review-security"],
        untrusted=untrusted,
    )
    return finding


def test_evidence_is_put_as_numbered_facts_with_owner_rule_and_place():
    text = evidence_text([piece(), piece("d", agent="review-performance", hard=True)])

    assert text.splitlines() == [
        "E1 for review-security: [x/y] a.py:3 should fix: Open",
        "E2 for review-performance: [x/y] a.py:3 should fix (stands whatever you say): Open",
    ]


def test_more_evidence_than_is_shown_is_counted():
    text = evidence_text([piece(str(n)) for n in range(MOST_SHOWN + 2)])

    assert text.splitlines()[-1] == "(2 more are not shown; they stand as they are)"
    assert len(text.splitlines()) == MOST_SHOWN + 1


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("confirm", "confirm"),
        (" Confirmed ", "confirm"),
        ("RAISE", "raise"),
        ("downgrade", "lower"),
        ("False Positive", "reject"),
    ],
)
def test_words_are_read_leniently(given, word):
    verdicts, problems = said(given, ident=" e1 ")

    assert verdicts["abc"].word == word
    assert problems == ()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"verdict": "maybe"}, "E1: the verdict must be"),
        ({"verdict": None}, "E1: the verdict must be"),
        ({"verdict": "reject", "reason": "  "}, "E1: a verdict needs a reason"),
        ({"verdict": "reject", "ident": "E2"}, "E2 of 'evidence' is not yours"),
        ({"verdict": "reject", "ident": ""}, "an entry of 'evidence' is not yours"),
        ({"verdict": "reject", "agent": "review-performance"}, "E1 of 'evidence' is not yours"),
    ],
)
def test_a_word_that_cannot_count_is_told_and_changes_nothing(given, problem):
    verdicts, problems = said(**given)

    assert verdicts == {}
    assert problems[0].startswith(problem)


@pytest.mark.parametrize("answer", [None, [], {}, {"evidence": None}, {"evidence": "E1"}])
def test_an_answer_without_verdicts_is_no_error(answer):
    assert read_verdicts(answer, "review-security", [piece()]) == ({}, ())


def test_a_single_object_stands_for_a_list_and_odd_entries_are_told():
    alone = {"evidence": {"id": "E1", "verdict": "confirm", "reason": "yes"}}
    odd = {"evidence": ["E1", {"id": "E1", "verdict": "confirm", "reason": "yes \ud800"}]}

    assert read_verdicts(alone, "review-security", [piece()])[0]["abc"].word == "confirm"
    verdicts, problems = read_verdicts(odd, "review-security", [piece()])
    assert verdicts["abc"].reason == "yes ?"
    assert problems == ("an entry of 'evidence' is no object",)


@pytest.mark.parametrize(
    ("word", "severity", "becomes"),
    [
        ("confirm", Severity.SHOULD_FIX, Severity.SHOULD_FIX),
        ("raise", Severity.SHOULD_FIX, Severity.MUST_FIX),
        ("raise", Severity.MUST_FIX, Severity.MUST_FIX),
        ("lower", Severity.SHOULD_FIX, Severity.NIT),
        ("lower", Severity.MUST_FIX, Severity.SHOULD_FIX),
        ("lower", Severity.NIT, Severity.NIT),
    ],
)
def test_a_word_moves_by_one_step_at_most(word, severity, becomes):
    finding = after(word, severity=severity)

    assert finding.severity is becomes
    assert finding.status is Status.OPEN
    assert finding.evidence[-1].source == "review-security"
    assert finding.evidence[-1].text == f"{word}: because"
    assert finding.note_from == finding.evidence[-1]
    assert finding.with_note("its analyser still finds it").note_from is None


def test_what_is_rejected_stays_listed_with_the_reason():
    finding = after("reject")

    assert finding.status is Status.DISMISSED
    assert finding.note == "rejected by review-security: because"
    assert finding.note_from == finding.evidence[-1]


@pytest.mark.parametrize("word", ["lower", "reject"])
def test_nobody_argues_a_hard_rule_down(word):
    finding = after(word, hard=True, severity=Severity.MUST_FIX)

    assert (finding.status, finding.severity) == (Status.OPEN, Severity.MUST_FIX)
    assert finding.note == f"review-security would {word} it: because"
    assert finding.note_from == finding.evidence[-1]


@pytest.mark.parametrize("word", ["lower", "reject"])
def test_in_untrusted_review_nothing_moves_down(word):
    finding = after(word, untrusted=True)

    assert (finding.status, finding.severity) == (Status.OPEN, Severity.SHOULD_FIX)
    assert after("raise", untrusted=True).severity is Severity.MUST_FIX


def test_what_nobody_answered_stands_unconfirmed():
    (finding,) = apply_verdicts([piece()], {}, requested=["review-security", "review-performance"])
    (unasked,) = apply_verdicts([piece()], {}, requested=["review-performance"])

    assert finding.note == "not confirmed by review-security"
    assert finding.severity is Severity.SHOULD_FIX
    assert (finding.note_from, unasked.note) == (None, "")


def test_of_several_reviewers_words_the_gravest_counts_in_any_order():
    words = [("abc", Verdict(f"r{n}", w, "x")) for n, w in enumerate(("reject", "confirm"))]

    assert most_severe(words)["abc"].word == "confirm"
    assert most_severe(reversed(words))["abc"].word == "confirm"
    assert most_severe([*words, ("abc", Verdict("r", "raise", "x"))])["abc"].word == "raise"


def test_evidence_survives_being_written_down():
    given = piece(hard=True)

    assert AnalyserFinding.from_plain(given.plain()) == given
