"""Lines that differ only in indentation, case or a hidden secret are findings of their own."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.change_views import change_view

from reviewloop.analysis.contract import FileCheck, Hit, Span
from reviewloop.analysis.examine import examine
from reviewloop.domain.finding import Evidence, Finding, Severity, distinguish, fingerprint
from reviewloop.review.evidence import evidence_of
from reviewloop.review.merging import merge
from reviewloop.review.silencing import Silences, read_baseline, silence, write_baseline
from tests.analysis.test_engine import OURS

RULE = "js/eval"


def _eval(file):
    for number, line in enumerate(file.lines, start=1):
        if "eval" in line.casefold():
            yield Hit(RULE, file.path, Span(number, number), "Text is run.")


CHECK = FileCheck("check", (), lambda file: file.language == "javascript", _eval)


def reviewed(base: str | None, new: str, **silences) -> tuple[list[Finding], list[Finding]]:
    """Return what stays open and what is silenced, as a review without a model does."""
    view = change_view({} if base is None else {"a.js": base}, {"a.js": new})
    pieces = evidence_of(examine(view, off=OURS, checks=[CHECK]), view.files)
    found = merge(piece.finding for piece in pieces)
    return silence(found, Silences(**silences), read=view.read_new, added=lambda *_: True)


def lines(findings) -> list[int]:
    return sorted(finding.line for finding in findings)


def variants(*words: str):
    indented = st.builds(
        "".join, st.tuples(st.sampled_from(["", "  ", "\t"]), st.sampled_from(words))
    )
    return st.lists(indented, min_size=1, max_size=8)


CODE = ("eval(x)", "Eval(x)", "EVAL(X)")
VARIANTS = variants(*CODE)
NUMBERED = variants(*CODE, "eval(x) #2", "eval(x)  #2")  # as the id of a second one is made


@given(NUMBERED)
@settings(max_examples=60, deadline=None)
def test_n_planted_lines_are_n_findings_whatever_their_case_and_indentation(planted):
    text = "\n".join(["start", *planted, "end"]) + "\n"

    found, _ = reviewed(None, text)

    assert lines(found) == list(range(2, len(planted) + 2))
    assert len({finding.id for finding in found}) == len(planted)


@given(VARIANTS, VARIANTS)
@settings(max_examples=60, deadline=None)
def test_a_baseline_accepts_every_planted_line_and_none_that_is_added(before, added):
    base = "\n".join(["start", *before]) + "\n"
    accepted, _ = reviewed(None, base)
    baseline = read_baseline(write_baseline(accepted))
    assert len(baseline) == len(before)
    assert lines(reviewed(None, base, baseline=baseline)[0]) == []

    new = base + "\n".join(["between", *added]) + "\n"
    stay, gone = reviewed(base, new, baseline=baseline)

    assert len(stay) == len(added)
    assert gone == []
    assert len(reviewed(None, new, baseline=baseline)[0]) == len(added)


@given(NUMBERED, st.data())
@settings(max_examples=60, deadline=None)
def test_a_dismissal_takes_away_one_of_the_planted_lines(planted, data):
    text = "\n".join(planted) + "\n"
    found, _ = reviewed(None, text)
    one = data.draw(st.sampled_from(found))

    stay, gone = reviewed(None, text, dismissed={one.id: "meant so"})

    assert lines(gone) == [one.line]
    assert len(stay) == len(planted) - 1


def test_an_accepted_line_that_is_only_reformatted_stays_accepted():
    accepted, _ = reviewed(None, "eval(x  +  y)\n")
    baseline = read_baseline(write_baseline(accepted))

    stay, gone = reviewed("eval(x  +  y)\n", "  Eval(x + y)\n", baseline=baseline)

    assert (stay, lines(gone)) == ([], [1])


def test_the_id_of_a_single_finding_is_the_one_that_baselines_hold():
    (found,), _ = reviewed(None, "  eval(x)\n")
    one, two = reviewed(None, "eval(x)\neval(x)\n")[0]

    assert found.id == one.id == fingerprint("a.js", "eval(x)", RULE)
    assert two.id == fingerprint("a.js", "eval(x) #2", RULE)


def test_two_findings_of_one_source_with_equal_quotes_are_told_apart():
    def said(line: int) -> Finding:
        return Finding(
            id=fingerprint("a.py", "x = 1", "A title"),
            agents=("review-a",),
            severity=Severity.SHOULD_FIX,
            title="A title",
            path="a.py",
            line=line,
            evidence=(Evidence(source="review-a"),),
        )

    one, two, again = distinguish([said(3), said(9), said(3)])

    assert one.id == again.id == fingerprint("a.py", "x = 1", "A title")
    assert lines(merge([one, two, again])) == [3, 9]
