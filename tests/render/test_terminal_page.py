"""The decision on one page: the important part is above the question at any terminal height."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from reviewloop.domain.finding import Finding
from reviewloop.render.proposal import Proposal
from reviewloop.render.terminal.page import render_page, views

GATES = ("secrets", "branch", "governance", "build", "test", "lint", "security", "coverage")


def record(number, **values):
    base = {"id": str(number), "agents": ("review-security",), "severity": "must_fix"}
    where = {"title": f"Problem {number} of the shop", "path": "shop/a.py", "line": 1, "why": "It."}
    return Finding.model_validate({**base, **where, **values}).model_dump(mode="json")


def proposal(**values) -> Proposal:
    base: Proposal = {
        "run": "run-1",
        "title": "Add a login page",
        "task": "2.1",
        "base": {"commit": "0123456789abcdef", "branch": "work"},
        "files": [{"path": f"src/{n}.py", "status": "A", "added": 3} for n in range(30)],
        "tests": {"passed": 24, "failed": 0, "skipped": 0},
        "coverage": {"covered": 0.87, "threshold": 0.8},
        "rounds": {"used": 2, "limit": 3},
        "reviewers": [{"name": f"review-{n}", "status": "done"} for n in range(5)],
        "gates": [{"name": name, "status": "passed", "summary": "fine"} for name in GATES],
        "governance": [f"reason {n} why a person is needed" for n in range(5)],
        "warnings": [f"warning {n} that somebody should know of" for n in range(6)],
        "findings": [
            record(1),
            record(2, severity="should_fix"),
            *(record(n, status="fixed") for n in range(3, 20)),
            *(record(n, severity="nit") for n in range(20, 40)),
        ],
        "seconds": 200.4,
        "usage": {"input": 123_456, "output": 4567, "cost_usd": 0.12},
        "agents": [{"agent": f"agent-{n}", "calls": 7} for n in range(9)],
        "message": "Add a login page\n\nReviewed by five agents.\n",
    }
    return {**base, **values}  # type: ignore[typeddict-item]


def page(shown: Proposal, width: int, height: int) -> list[str]:
    out = io.StringIO()
    console = Console(
        file=out, width=width, height=height, markup=False, emoji=False, highlight=False
    )
    render_page(shown, lambda path: ["def login():", "    log(token)"], console)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 45), (60, 20)])
def test_what_a_decision_needs_fits_above_the_question(width, height):
    rows = page(proposal(), width, height)
    text = "\n".join(rows)
    assert len(rows) <= height - 3
    assert all(cell_len(row) <= width for row in rows)
    assert rows[0].startswith("Ready for your decision: 1 must fix left; 2.1 Add a login")
    words = ("Problem 1 of the shop", "Problem 2 of the shop", "24/24 tests passing", *GATES)
    words += ("Findings: 1 must fix, 1 should fix remaining;", "spent", "commit     Add a login")
    words += ("[f]indings", "[c]osts", "[w]hole screen", "needs you  reason 0")
    for part in words:
        assert part in text, part


def test_low_terminal_says_what_is_left_out():
    assert any("more rows: [d]iff" in row for row in page(proposal(), 100, 30))


def test_findings_that_do_not_fit_are_counted_and_the_must_fix_stand_first():
    many = [record(n, severity="should_fix") for n in range(30)] + [record(99)]
    rows = page(proposal(findings=many), 80, 24)
    start = next(n for n, row in enumerate(rows) if row.startswith("Findings: 1 must fix, 30"))
    assert "must fix: Problem 99" in rows[start + 1]
    assert any("more rows: [f]indings" in row for row in rows)
    assert len(rows) <= 21


def test_red_gate_says_why_on_the_page():
    red = {"name": "test", "status": "failed", "summary": "2 failed, 3 passed"}
    text = "\n".join(page(proposal(gates=[red], blocked="test: 2 failed"), 80, 24))
    assert "test: 2 failed, 3 passed" in text
    assert "commit     Add" not in text


def test_protected_files_are_never_cut_off():
    files = [
        {"path": f".github/workflows/{n}.yml", "status": "A", "kind": "pipeline", "why": "acts"}
        for n in range(20)
    ]
    text = "\n".join(page(proposal(protected=files), 80, 24))
    assert all(f".github/workflows/{n}.yml" in text for n in range(20))


def test_what_nobody_analysed_is_on_the_page():
    left = [{"path": f"a{n}.py", "reason": "in Git LFS", "chosen": False} for n in range(20)]
    left.append({"path": "vendor/b.py", "reason": "vendored", "chosen": True})
    text = "\n".join(page(proposal(not_analysed=left), 80, 24))
    assert "vendor/b.py: vendored (only the change itself says so)" in text


def test_all_is_shown_where_all_fits():
    text = "\n".join(page(proposal(files=[], warnings=[]), 100, 150))
    assert "Guard-rails" in text and "Proposed commit message" in text
    assert text.rstrip().endswith("[w]hole screen")


def test_each_key_shows_its_part():
    out = io.StringIO()
    console = Console(file=out, width=100, markup=False, emoji=False, highlight=False)
    for name, part in {
        "findings": "Problem 30 of the shop",
        "costs": "agent-8",
        "text": "Reviewed by five agents.",
        "whole": "Guard-rails",
    }.items():
        out.truncate(0)
        views(proposal(), lambda path: None)[name](console)
        assert part in out.getvalue(), name
