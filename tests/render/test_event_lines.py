"""Each event of a run is one clear line, or none."""

import io
import time

import pytest
from rich.console import Console

from reviewloop.render.event_lines import describe
from reviewloop.render.terminal.runs import LogLines, render_runs


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"kind": "reviewer.start", "agent": "review-x"}, "review-x: started"),
        ({"kind": "agent.start", "agent": "review-x"}, ""),
        (
            {"kind": "reviewer.end", "agent": "r", "status": "done", "findings": 2, "seconds": 3},
            "r: 2 findings (3.0 s)",
        ),
        (
            {"kind": "reviewer.end", "agent": "r", "status": "failed", "reason": "no answer"},
            "r: failed, no answer",
        ),
        (
            {"kind": "gate", "name": "test", "status": "not_detected", "summary": "no test gate"},
            "test: no test gate",
        ),
        (
            {"kind": "gate", "name": "test", "status": "passed", "summary": "3 passed"},
            "test: 3 passed",
        ),
        (
            {"kind": "finding", "severity": "must_fix", "title": "SQL", "agent": "r"},
            "finding: must fix: SQL (r)",
        ),
        (
            {"kind": "fix", "title": "SQL", "result": "red"},
            "fix: SQL: a fix made tests fail; it is tried again",
        ),
        ({"kind": "round", "number": 2, "findings": 1}, "fix round 2: 1 finding"),
        (
            {"kind": "model.failed", "agent": "fix", "model": "m", "trouble": "throttled",
             "wait": 2.5},
            "fix: m did not answer: throttled; asking again in 2.5 s",
        ),
        (
            {"kind": "model.fallback", "agent": "fix", "model": "m", "to": "n"},
            "fix: n is asked instead of m",
        ),
        ({"kind": "proposed", "commit": "c", "blocked": ""}, "ready for your decision"),
        ({"kind": "proposed", "commit": "", "blocked": "tests fail"}, "blocked: tests fail"),
        ({"kind": "answer", "choice": "modify", "by": "Ada", "text": "x"},
         "modification requested by Ada: x"),
        ({"kind": "answer", "choice": "approve", "by": "root"}, "approved by root"),
        ({"kind": "committed", "commit": "c" * 40, "branch": "b"}, "committed cccccccccc on b"),
        ({"kind": "run.end", "status": "paused", "reason": "budget"}, "run: paused: budget"),
        ({"kind": "note", "text": "a\nb\x1b[2J"}, "a b"),
        ({"kind": "model.reply", "agent": "fix", "usage": {}}, ""),
        ({"kind": "tool", "agent": "fix", "name": "grep"}, ""),
        ({"kind": "of tomorrow"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_event_reads_as_a_sentence(event, line):
    assert describe(event) == line


def test_log_line_has_the_time():
    at = time.mktime((2025, 1, 2, 13, 14, 15, 0, 0, -1))
    assert LogLines().line({"at": at, "kind": "note", "text": "hello"}) == "13:14:15  hello"
    assert LogLines().line({"at": at, "kind": "steering.of.tomorrow"}) == ""


def told(*events):
    """The lines of `logs` without their times."""
    lines = LogLines()
    return [line[10:] for event in events if (line := lines.line({"agent": "fix", **event}))]


def reply(**values):
    usage = {"input": 1000, "output": 200, "cache_read": 300, "cache_write": 0}
    return {"kind": "model.reply", "step": "fix", "model": "m", "usage": usage, **values}


def test_log_says_what_an_agent_does_and_how_much_it_has_used():
    assert told(
        reply(),
        {"kind": "tool", "name": "fs_read", "about": "app/db.py"},
        {"kind": "tool", "name": "fs_write", "about": "app/s.py", "how": "str_replace",
         "added": 12, "removed": 3},
        {"kind": "tool", "name": "fs_write", "about": "app/t.py", "how": "create", "error": True,
         "said": "this file is protected"},
        reply(),
        {"kind": "tool.start", "name": "run_gate", "about": "test"},
        {"kind": "tool", "name": "run_gate", "about": "test", "said": "test: failed - 1 failed"},
        {"kind": "agent.end", "step": "fix"},
    ) == [
        "fix: reads app/db.py  (1.5k tokens so far)",
        "fix: edits app/s.py +12 -3  (1.5k tokens so far)",
        "fix: writes app/t.py: it failed  (1.5k tokens so far) (this file is protected)",
        "fix: runs gate test  (3.0k tokens so far)",
        "fix: test: failed - 1 failed",
        "fix (fix): 2 replies of m, 3.0k tokens",
    ]  # fmt: skip


def test_log_of_a_resumed_run_does_not_tell_again_what_the_journal_gave():
    read = {"kind": "tool", "name": "fs_read", "about": "a.py", "from_journal": True}
    end = {"kind": "agent.end", "step": "fix"}
    assert told(reply(from_journal=True), read, reply(), end) == [
        "fix (fix): 2 replies of m, 1 of them from the journal, 1.5k tokens"
    ]


def test_log_says_why_another_fix_round_runs():
    why = ["SQL: the re-review did not answer"]
    assert told({"kind": "round", "number": 2, "findings": 1, "why": why}) == [
        "fix round 2: 1 finding, because SQL: the re-review did not answer"
    ]


def test_runs_are_listed_with_the_next_step():
    out = io.StringIO()
    rows = [
        {"run": "r3", "status": "blocked", "title": "t", "reason": "test: red",
         "updated_at": 1000.0},
        {"run": "r2", "status": "waiting", "task": "2.1", "title": "Add [red]login",
         "updated_at": 1000.0},
        {"run": "r1", "status": "committed", "title": "t", "commit": "c" * 40, "branch": "b",
         "updated_at": 100.0, "incomplete": ["review-x"]},
        {"run": "r0", "status": "paused", "title": "t", "step": "review", "active_seconds": 65,
         "reason": "the cap of $3 is reached", "updated_at": 1.0},
    ]  # fmt: skip
    render_runs(rows, Console(file=out, width=80, markup=False, highlight=False), now=1010.0)
    assert out.getvalue().splitlines() == [
        "r3  blocked        now  t",
        "    test: red",
        "    `reviewloop show r3` shows what stands in the way",
        "r2  waiting        now  2.1 Add [red]login",
        "    `reviewloop show r2` shows what it proposes",
        "r1  committed   15 min  t",
        "    cccccccccc on b",
        "    incomplete: review-x failed",
        "r0  paused      17 min  t",
        "    at review, 1 min 05 s in",
        "    the cap of $3 is reached",
        "    `reviewloop resume r0` goes on",
    ]


def test_a_run_of_a_batch_goes_on_with_it_unless_a_cap_of_its_own_stopped_it():
    row = {"status": "paused", "title": "t", "batch": "b1", "reason": "see `reviewloop resume`"}
    out = io.StringIO()
    rows = [{**row, "run": name, "updated_at": 1.0} for name in ("r1", "r2")]
    render_runs(rows, Console(file=out, width=80), now=2.0, alone={"r2"})
    said = [line.strip() for line in out.getvalue().splitlines() if "goes on" in line]
    assert said == ["the same `reviewloop batch` goes on with it", "`reviewloop resume r2` goes on"]


def test_no_runs_says_how_to_start_one():
    out = io.StringIO()
    render_runs([], Console(file=out, width=80))
    assert out.getvalue().startswith("no runs yet")


def test_a_gate_without_a_command_is_told_once():
    event = {"kind": "gate", "name": "lint", "status": "not_detected", "at": 1.0}
    line = describe({**event, "summary": "no lint gate detected; looked for ruff"})
    assert line.endswith("lint: no lint gate detected; looked for ruff")
    assert describe(event).endswith("lint: not detected")
    assert describe({**event, "status": "failed", "summary": "2 errors"}).endswith(
        "lint: failed, 2 errors"
    )
