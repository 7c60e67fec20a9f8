"""Hits of analysers become findings with valid locations and applicable replacements."""

import pytest

from reviewloop.analysis.contract import (
    SECURITY,
    SHOULD,
    Edit,
    Fix,
    Hit,
    Options,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.analysis.examine import Examination
from reviewloop.analysis.placing import LocatedHit
from reviewloop.domain.finding import Placement, Severity
from reviewloop.git.comparison import CompareSpec, open_comparison
from reviewloop.review.evidence import evidence_of, view_of
from reviewloop.review.selection import Selection

RULE = Rule("test/rule", SECURITY, SHOULD, "A thing", why="It matters.", fix="Mend it.")
TEXT = "def f(items=[]):\n    return items\n\nlast = 1\n"


def file(text: str = TEXT) -> SourceFile:
    return SourceFile("a.py", text, ((1, 4),), "python")


def findings(*hits: Hit, text: str = TEXT, level=lambda *_: "", on_change: bool = True):
    placed = tuple(LocatedHit(hit, RULE, "tool 1.0", on_change) for hit in hits)
    pieces = evidence_of(Examination(placed), [file(text)], level=level)
    return [piece.finding for piece in pieces]


def hit(span: Span | None, **more) -> Hit:
    return Hit("test/rule", "a.py", span, "This is wrong.", **more)


def test_a_hit_is_a_finding_of_the_rules_reviewer_with_its_code():
    (finding,) = findings(hit(Span(2, 2, 5, 17)))

    assert finding.agents == ("review-security",)
    assert (finding.line, finding.column, finding.end_column) == (2, 5, 17)
    assert finding.quote == "    return items"
    assert finding.why == "It matters."
    assert finding.evidence[0].source == "tool 1.0"


@pytest.mark.parametrize(
    ("span", "lines"),
    [(Span(99, 120), (4, None)), (Span(0, 0), (1, None)), (Span(3, 99, 1, 2), (3, 4))],
)
def test_no_finding_points_outside_of_its_file(span, lines):
    (finding,) = findings(hit(span))

    assert (finding.line, finding.end_line) == lines
    assert finding.column == 0


def test_a_file_without_lines_gets_findings_without_lines():
    (finding,) = findings(hit(Span(1, 1)), text="")

    assert finding.line is None
    assert finding.placement is Placement.FILE


def test_the_same_code_at_two_places_is_two_findings():
    text = "x = 1\nx = 1\n"
    one, two = findings(hit(Span(1, 1)), hit(Span(2, 2)), text=text)

    assert one.id != two.id
    assert (one.line, two.line) == (1, 2)


def test_an_id_survives_lines_that_move():
    (before,) = findings(hit(Span(4, 4)))
    (after,) = findings(hit(Span(5, 5)), text="\n" + TEXT)

    assert before.id == after.id


def test_settings_move_a_rules_severity_or_switch_it_off():
    (nit,) = findings(hit(Span(1, 1)), level=lambda *_: "nit")

    assert nit.severity is Severity.NIT
    assert findings(hit(Span(1, 1)), level=lambda *_: "off") == []


@pytest.mark.parametrize(
    ("span", "edits", "replacement"),
    [
        (Span(4, 4), [Edit(Span(4, 4, 8, 9), "2")], "last = 2"),
        (
            Span(1, 1, 13, 15),
            [Edit(Span(1, 1, 13, 15), "None"), Edit(Span(2, 2, 1, 1), "    items = items or []\n")],
            "def f(items=None):\n    items = items or []",
        ),
        (Span(4, 4), [Edit(Span(4, 5, 1, 1), "")], ""),
        (Span(4, 4), [Edit(Span(1, 1, 1, 1), "import os\n")], None),
        (Span(4, 4), [Edit(Span(4, 4, 1, 5), "a"), Edit(Span(4, 4, 3, 6), "b")], None),
    ],
    ids=["inside", "a new line after it", "the line goes", "elsewhere", "overlapping"],
)
def test_a_fix_is_shown_as_new_lines_where_it_stays_at_its_place(span, edits, replacement):
    (finding,) = findings(hit(span, fix=Fix(tuple(edits), safe=True)))

    assert finding.replacement == replacement
    assert finding.fix_safe is (replacement is not None)


def test_what_the_change_causes_elsewhere_is_context():
    (finding,) = findings(hit(Span(4, 4)), on_change=False)

    assert finding.placement is Placement.CONTEXT


def test_a_search_reads_code_alone_as_most_of_a_repository_may_be_something_else(repo, git):
    for name in ("use.py", "page.tsx", "cases.yaml", "Makefile", "docs.MDX", "photo.png", "a.svg"):
        (repo / name).write_text("load_orders()\n")
    git(repo, "add", "-A")
    with open_comparison(repo, CompareSpec()) as two:
        change = two.private.change(two.old, two.new)
        view = view_of(change, Selection((), (), ()), two.private, Options())
        found = view.search_new(["load_orders"])

    assert [path for path, _, _ in found] == ["Makefile", "cases.yaml", "page.tsx", "use.py"]
