"""The approval screen: everything that a user needs to decide, and an honest question."""

import io
from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from rich.console import Console

from reviewloop.domain.finding import Finding
from reviewloop.render.proposal import Proposal
from reviewloop.render.terminal.approval import (
    UserAnswer,
    ask,
    question,
    render_diff,
    render_proposal,
)


def record(**values):
    base = {"id": "a", "agents": ("review-security",), "severity": "must_fix", "title": "t"}
    return Finding.model_validate({**base, **values}).model_dump(mode="json")


def proposal(**values) -> Proposal:
    base: Proposal = {
        "run": "run-1",
        "title": "Add a login page",
        "task": "2.1",
        "spec": ".kiro/specs/login/tasks.md",
        "base": {
            "commit": "0123456789abcdef",
            "branch": "reviewloop/2.1",
            "new_branch": True,
            "dirty": ["a.py", "b.py"],
        },
        "files": [
            {"path": "src/login.py", "status": "A", "added": 80, "removed": 0},
            {"path": "src/app.py", "status": "M", "added": 10, "removed": 4},
            {"path": "logo.png", "status": "A", "binary": True},
        ],
        "tests": {"passed": 24, "failed": 0, "skipped": 1},
        "coverage": {"covered": 0.873, "threshold": 0.8},
        "rounds": {"used": 2, "limit": 3, "cycle": 1},
        "reviewers": [{"name": "review-security", "status": "done"}],
        "gates": [
            {"name": "build", "status": "not_detected", "summary": "no build gate detected"},
            {"name": "test", "status": "passed", "summary": "24 passed", "seconds": 3.2},
        ],
        "governance": ["12 files changed (limit 10)"],
        "findings": [
            record(
                id="1", title="Token is logged", path="src/login.py", line=2, quote="log(token)"
            ),
            record(id="2", status="fixed", title="was fixed"),
            record(id="3", severity="nit", title="rename x", path="src/app.py", line=1),
            record(id="4", status="dismissed", title="not a problem", note="Ada: by design"),
        ],
        "spec_progress": {
            "done": 7,
            "total": 12,
            "newly_eligible": [{"id": "2.2", "title": "Logout"}],
        },
        "seconds": 200.4,
        "usage": {"input": 123_456, "output": 4567, "cost_usd": None},
        "agents": [
            {"agent": "implement", "calls": 7, "input": 12_000, "cost_usd": 0.12, "seconds": 30},
            {"agent": "review-security", "calls": 2, "cost_usd": None, "seconds": 5},
        ],
        "message": "Add a login page\n\nReviewed by five agents.\n",
        "commit": "c0ffee",
    }
    return {**base, **values}  # type: ignore[typeddict-item]


def screen(shown: Proposal, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False, highlight=False)
    render_proposal(shown, lambda path: ["def login():", "    log(token)"], console)
    return out.getvalue()


def test_the_column_in_sums_up_to_the_headline():
    """What came from a cache is part of both."""
    used = {"calls": 1, "input": 1_000, "cache_write": 3_000, "cache_read": 4_000, "seconds": 1}
    whole = {kind: 2 * used[kind] for kind in ("input", "cache_write", "cache_read")}
    agents = [{"agent": name, **used} for name in ("implement", "review-security")]
    text = screen(proposal(usage={**whole, "output": 0}, agents=agents))
    assert "16.0k tokens in (cached: 50 %)" in text
    rows = [
        line.split() for line in text.splitlines() if line.strip().startswith(("impl", "review-s"))
    ]
    assert [row[2] for row in rows[-2:]] == ["8.0k", "8.0k"]


def test_a_run_that_is_over_asks_for_no_decision():
    for blocked, title in (("", "Proposed: 2.1 Add"), ("tests failed", "Was blocked: 2.1 Add")):
        out = io.StringIO()
        shown = proposal(blocked=blocked)
        render_proposal(shown, lambda path: [], Console(file=out, width=100), over=True)
        assert title in out.getvalue()
        assert "Ready for your decision" not in out.getvalue()


def test_screen_shows_all_that_a_decision_needs():
    text = screen(proposal())
    for part in (
        "Ready for your decision: 1 must fix left; 2.1 Add a login page",
        "based on   0123456789; the commit goes to reviewloop/2.1, a new branch",
        "checkout   2 files were uncommitted (a.py, b.py): not part of this run; untouched either",
        "files      2 created, 1 modified, +90 -4",
        "A src/login.py  +80 -0",
        "A logo.png  binary",
        "tests      24/24 passing, 1 skipped",
        "coverage   87 % of the new lines (wanted: 80 %)",
        "rounds     2 of 3 fix rounds, modified 1 time by a person",
        "reviewers  1 of 1 finished",
        "  - 12 files changed (limit 10)",
        "Findings: 1 must fix remaining; 1 fixed, 1 dismissed, 1 nit",
        "🔴 must fix: Token is logged",
        "    2 |     log(token)\n      |     ^^^^^^^^^^",
        "🟢 src/app.py:1 rename x",
        "(whole change) not a problem (Ada: by design)",
        "spec       7/12 tasks done after approval  .kiro/specs/login/tasks.md",
        "can start next: 2.2 Logout",
        "3 min 20 s · 123.5k tokens in, 4.6k out · price unknown",
        "  | Add a login page",
    ):
        assert part in text, part
    assert "was fixed" in text.split("Fixed\n")[1].split("Dismissed")[0]


def test_gate_that_found_nothing_to_run_is_never_shown_as_passed():
    lines = screen(proposal()).splitlines()
    assert "  – build       no build gate detected" in lines
    gate = {"name": "lint", "status": "not_detected"}
    gates = [{**gate, "summary": "no lint gate detected; looked for ruff"}]
    lint = next(x for x in screen(proposal(gates=gates)).splitlines() if "– lint" in x)
    assert lint == "  – lint        no lint gate detected; looked for ruff"
    gates = [{**gate, "summary": ""}]
    lint = next(x for x in screen(proposal(gates=gates)).splitlines() if "– lint" in x)
    assert lint.split() == ["–", "lint", "not", "detected"]
    assert any(line.startswith("  ✓ test        passed") for line in lines)


def test_unknown_price_of_an_agent_is_shown_as_unknown():
    row = next(x for x in screen(proposal()).splitlines() if x.startswith("    review-security"))
    assert row.rstrip().endswith("unknown")


def test_blocked_change_is_not_offered_for_approval():
    blocked = proposal(blocked="tests failed twice", commit="")
    text = screen(blocked)
    assert text.startswith("Blocked: 2.1 Add a login page")
    assert "why        tests failed twice" in text
    assert "Proposed commit message" not in text
    assert question(blocked) == "[m]odify [e]dit [s]kip [q]uit [d]iff"
    assert question(proposal()) == "[a]pprove [m]odify [e]dit [s]kip [q]uit [d]iff"


def test_failed_reviewer_and_unmeasured_figures_are_named():
    text = screen(
        proposal(
            tests=None,
            coverage={"covered": None, "why": "no report was written"},
            incomplete=["review-performance"],
            reviewers=[{"name": "review-performance", "status": "failed", "reason": "no answer"}],
        )
    )
    assert "tests      not counted" in text
    assert "coverage   not measured: no report was written" in text
    assert "incomplete review-performance failed: no answer; this review is not" in text
    assert "review-performance failed: no answer" in text


def test_empty_proposal_is_shown_without_inventing_anything():
    text = screen({})
    assert "tests      not counted" in text
    assert "$" not in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_screen_fits_the_width(width):
    text = screen(proposal(title="word " * 60, warnings=["word " * 60]), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_untrusted_text_cannot_style_the_screen():
    text = screen(proposal(title="[red]x\x1b[2J", message="subject\x1b]0;t\x07\u202e"))
    assert "\x1b" not in text
    assert "[red]x" in text
    assert "subject<U+202E>" in text


def answers(*lines: str):
    said: Iterator[str] = iter(lines)
    prompts: list[str] = []

    def read(prompt: str) -> str:
        prompts.append(prompt)
        try:
            return next(said)
        except StopIteration:
            raise EOFError from None

    return read, prompts


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["a"], UserAnswer("approve")),
        (["Approve "], UserAnswer("approve")),
        (["s"], UserAnswer("skip")),
        (["", "yes", "q"], UserAnswer("quit")),
        (["d", "a"], UserAnswer("approve")),
        (["m", "use a parameter"], UserAnswer("modify", "use a parameter")),
        (["m", " ", "s"], UserAnswer("skip")),
        ([], UserAnswer("quit")),
        (["m"], UserAnswer("quit")),
    ],
)
def test_question_is_asked_until_it_is_answered(lines, answer):
    read, _ = answers(*lines)
    console = Console(file=io.StringIO())
    assert ask(proposal(), console, read=read, show_diff=lambda: None) == answer


def test_approve_is_no_answer_for_a_blocked_change():
    read, prompts = answers("a", "approve", "s")
    console = Console(file=io.StringIO())
    blocked = proposal(blocked="x")
    assert ask(blocked, console, read=read, show_diff=lambda: None) == UserAnswer("skip")
    assert len(prompts) == 3


def test_diff_is_shown_whole_and_without_escapes():
    out = io.StringIO()
    long = "+" + "x" * 300
    render_diff(
        f"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\x1b[2J\n{long}\n", Console(file=out, width=60)
    )
    assert long in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_protected_files_stand_apart_and_are_never_cut_off():
    files = [
        {"path": f"{n}/.vscode/tasks.json", "status": "A", "kind": "editor", "why": "runs"}
        for n in range(60)
    ]
    files[0] |= {"unasked": True, "path": "\x1b[2J.mcp.json"}
    text = screen(proposal(protected=files))
    assert "Protected files (60): read them whole" in text
    assert "! .mcp.json created: it runs; nobody asked for it" in text
    assert text.count("created: it runs") == 60
    assert "Protected files" not in screen(proposal())


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (["bubblewrap"], "bubblewrap"),
        (["landlock", "none"], "with the rights of whoever began it"),
        (["external"], "declared, not proven"),
    ],
)
def test_where_the_commands_ran_stands_on_the_screen(levels, said):
    console = Console(width=100, file=io.StringIO())
    render_proposal(proposal(sandbox=levels), lambda path: [], console)
    assert said in console.file.getvalue()


@pytest.mark.parametrize(("no_color", "green"), [(False, True), (True, False)])
def test_diff_keeps_its_colours_unless_nobody_wants_any(no_color, green):
    out = io.StringIO()
    console = Console(
        file=out, width=80, force_terminal=True, color_system="standard", no_color=no_color
    )
    render_diff("@@ -1 +1 @@\n-old\n+new\n", console)
    assert ("\x1b[32m+new" in out.getvalue()) is green
    assert "+new" in out.getvalue()


def test_a_failed_reviewer_is_named_with_its_cause():
    failed = {"name": "review-pii", "status": "failed", "reason": "the model refused"}
    text = screen(proposal(incomplete=["review-pii"], reviewers=[failed]))
    assert "review-pii failed: the model refused; this review is not complete" in text


def test_a_run_that_was_blocked_before_any_review_is_not_said_to_be_without_findings():
    text = screen(proposal(blocked="tests fail", reviewers=[], findings=[]))
    assert "Findings: not reviewed" in text
    read = [{"name": "review-pii", "status": "done"}]
    assert "none remaining" in screen(proposal(blocked="x", reviewers=read, findings=[]))
