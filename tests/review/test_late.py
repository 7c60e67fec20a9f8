"""Late hits of slow analysers: merged, never lost, never counted twice."""

from reviewloop.app.review.result import result_unchanged
from reviewloop.domain.finding import Evidence, Finding, Severity, Status
from reviewloop.review.evidence import AnalyserFinding, whole_evidence
from reviewloop.review.merging import with_late
from reviewloop.review.push import Known
from reviewloop.review.verdicts import late_findings

SHOULD, NIT, MUST = Severity.SHOULD_FIX, Severity.NIT, Severity.MUST_FIX


def said(rule: str, severity: Severity = SHOULD, line: int = 3, **more) -> Finding:
    tool = rule.partition("/")[0]
    return Finding(
        **{
            "id": rule,
            "agents": ("review-security",),
            "severity": severity,
            "title": rule,
            "path": "a.py",
            "line": line,
            "rule": rule,
            "evidence": (Evidence(kind="analyser", source=tool, text=rule),),
            **more,
        }
    )


EARLY, LATE = "ruff/S608", "bandit/B608"  # both are about SQL


def test_what_both_say_keeps_the_early_id_and_word_and_the_higher_severity():
    verdict = Evidence(kind="verdict", source="review-security", text="lower: a constant")
    early = said(EARLY, NIT, note="lowered by review-security: a constant", note_from=verdict)
    (both,) = with_late([early], [said(LATE, SHOULD)])
    assert (both.id, both.note, both.severity) == (EARLY, early.note, SHOULD)
    assert both.note_from == verdict
    assert {e.source for e in both.evidence} == {"ruff", "bandit"}
    (both,) = with_late([early], [said(LATE, NIT)])
    assert both.severity is NIT


def test_what_is_elsewhere_or_about_something_else_stands_alone():
    early = [said(EARLY)]
    assert len(with_late(early, [said(LATE, line=4)])) == 2
    assert len(with_late(early, [said("bandit/B101")])) == 2


def test_a_rejected_finding_takes_nothing_in():
    early = said(EARLY, status=Status.DISMISSED, note="rejected by review-security: no")
    found = {f.id: f.status for f in with_late([early], [said(LATE)])}
    assert found == {EARLY: Status.DISMISSED, LATE: Status.OPEN}


def test_what_an_earlier_release_kept_among_early_evidence_is_not_told_twice():
    (one,) = with_late([said(LATE)], [said(LATE)])
    assert one == said(LATE)


def test_pieces_are_joined_like_findings_and_stay_hard():
    early, late = AnalyserFinding(said(EARLY), hard=False), AnalyserFinding(said(LATE), hard=True)
    (both,) = whole_evidence([early], [late])
    assert (both.finding.id, both.hard) == (EARLY, True)


def test_nobody_was_asked_about_late_evidence_where_anybody_was_asked_at_all():
    piece = AnalyserFinding(said(LATE, MUST), hard=False)
    (asked,) = late_findings([piece], requested=True)
    assert (asked.note, asked.severity) == (
        "not confirmed: its analyser worked beside the reviewers",
        MUST,
    )
    assert late_findings([piece], requested=False) == [piece.finding]
    assert late_findings([piece], requested=True, settled={LATE}) == [piece.finding]


def known(ident: str) -> Known:
    return Known(ident, "a.py", "t", "q", 3, "should_fix")


def test_after_a_push_of_nothing_late_evidence_is_what_it_was():
    early, late = (
        [AnalyserFinding(said(EARLY), hard=False)],
        [AnalyserFinding(said(LATE), hard=False)],
    )

    def standing(*ids: str) -> dict[str, Status]:
        names = ["review-security"]
        done = result_unchanged(early, late, list(map(known, ids)), names, "m", untrusted=False)
        return {finding.id: finding.status for finding in done.findings}

    assert standing(EARLY) == {EARLY: Status.OPEN}  # both were one
    assert standing(LATE) == {EARLY: Status.DISMISSED, LATE: Status.OPEN}  # one was rejected
    assert standing() == {EARLY: Status.DISMISSED, LATE: Status.DISMISSED}
