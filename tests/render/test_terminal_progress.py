"""Progress of a run, as lines or as a table, depending on the terminal."""

import io
import threading

from rich.console import Console

from reviewloop.render.terminal.progress import Progress

EVENTS = [
    {"at": 1.0, "kind": "step.start", "step": "implement"},
    {"at": 2.0, "kind": "tool", "agent": "implement", "name": "fs_write"},
    {
        "at": 3.0,
        "kind": "model.reply",
        "agent": "implement",
        "usage": {"input": 900, "output": 100, "cost_usd": 0.5},
    },
    {"at": 4.0, "kind": "step.end", "step": "implement"},
    {"at": 4.0, "kind": "reviewer.start", "agent": "review-security"},
    {
        "at": 5.0,
        "kind": "finding",
        "severity": "must_fix",
        "title": "SQL \x1b[2J[red]",
        "agent": "review-security",
        "path": "a.py",
        "line": 3,
    },
    {
        "at": 6.0,
        "kind": "reviewer.end",
        "agent": "review-security",
        "status": "failed",
        "reason": "timed out",
    },
    {"at": 7.0, "kind": "note", "text": "the model is slow"},
    {"at": 7.5, "kind": "something.new", "text": "not shown"},
]


def test_without_a_terminal_each_event_is_a_line():
    out = io.StringIO()
    console = Console(file=out, width=80, markup=False, emoji=False, highlight=False)
    with Progress(console, clock=lambda: 8.0) as progress:
        for event in EVENTS:
            progress.listen(event)
    assert out.getvalue() == (
        "implement: started\n"
        "implement: done (3.0 s)\n"
        "review-security: started\n"
        "finding: must fix: SQL [red] (a.py:3, review-security)\n"
        "review-security: failed, 1 finding, timed out (2.0 s)\n"
        "the model is slow\n"
    )
    assert progress.summary() == "7.0 s  1.0k tokens  $0.50  1 must fix reported"


def test_unknown_price_stays_unknown():
    progress = Progress(Console(file=io.StringIO()), clock=lambda: 2.0)
    for cost in (None, 0.5):
        usage = {"input": 1, "output": 1, "cost_usd": cost}
        progress.listen({"at": 1.0, "kind": "model.reply", "usage": usage})
    assert "price unknown" in progress.summary()


def test_on_a_terminal_the_table_shows_steps_and_reviewers():
    out = io.StringIO()
    console = Console(
        file=out,
        width=80,
        height=40,
        force_terminal=True,
        color_system=None,
        markup=False,
        _environ={"TERM": "xterm"},  # in place of this machine's, which may be a dumb one
    )
    with Progress(console, title="2.1 Add login", clock=lambda: 8.0) as progress:
        for event in EVENTS:
            progress.listen(event)
    last = out.getvalue().rsplit("2.1 Add login", 1)[1]
    assert "✓  implement" in last
    assert "✗    review-security" in last
    assert "failed, 1 finding, timed out" in last
    assert "7.0 s  1.0k tokens  $0.50  1 must fix reported" in last


def test_replies_of_the_model_are_counted_and_agents_get_one_row():
    out = io.StringIO()
    progress = Progress(Console(file=out, width=80, highlight=False), clock=lambda: 9.0)
    usage = {"input": 1000, "output": 200, "cache_read": 300, "cache_write": 0, "cost_usd": 0.25}
    for event in (
        {"at": 1.0, "kind": "reviewer.start", "agent": "review-x"},
        {"at": 1.0, "kind": "agent.start", "agent": "review-x", "step": "review"},
        {"at": 2.0, "kind": "model.reply", "agent": "review-x", "usage": usage},
        {"at": 3.0, "kind": "agent.end", "agent": "review-x", "step": "review"},
        {"at": 4.0, "kind": "reviewer.end", "agent": "review-x", "status": "done"},
        {"at": 5.0, "kind": "gate", "name": "test", "status": "not_detected", "summary": "none"},
    ):
        progress.listen(event)
    assert progress.summary() == "8.0 s  1.5k tokens  $0.25"
    assert [row.name for row in progress._screen.rows] == ["review-x", "test"]
    console = Console(file=out, width=80, highlight=False)
    console.print(progress._table())
    assert "–    test" in out.getvalue()
    assert "✓    review-x" in out.getvalue()


def test_events_of_parallel_reviewers_are_all_counted():
    progress = Progress(Console(file=io.StringIO()), clock=lambda: 2.0)

    def tell() -> None:
        for _ in range(200):
            usage = {"input": 1, "output": 0, "cost_usd": 0.0}
            progress.listen({"at": 1.0, "kind": "model.reply", "usage": usage})

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "1.6k tokens" in progress.summary()


def test_end_of_a_step_that_never_started_is_no_crash():
    progress = Progress(Console(file=io.StringIO()))
    progress.listen({"at": 1.0, "kind": "step.end", "step": "guard"})
    progress.listen({"kind": "step.start"})


def test_running_row_says_what_its_agent_does_now():
    out = io.StringIO()
    progress = Progress(Console(file=out, width=100, highlight=False), clock=lambda: 9.0)
    edit = {"name": "fs_write", "about": "app/s.py", "how": "str_replace", "added": 12}
    usage = {"input": 30_000, "output": 4_100, "cost_usd": 0.25}
    for event in (
        {"at": 1.0, "kind": "step.start", "step": "implement"},
        {"at": 1.0, "kind": "agent.start", "agent": "implement", "step": "implement"},
        {"at": 2.0, "kind": "model.reply", "agent": "implement", "usage": usage},
        {"at": 2.0, "kind": "tool", "agent": "implement", **edit, "removed": 3},
        {"at": 3.0, "kind": "model.asked", "agent": "implement"},
    ):
        progress.listen(event)
    Console(file=out, width=100, highlight=False).print(progress._table())
    assert "edits app/s.py +12 -3, thinking, 34.1k tokens" in out.getvalue()


def test_last_line_counts_as_the_decision_screen_does():
    progress = Progress(Console(file=io.StringIO(), width=80), clock=lambda: 9.0)
    found = {"at": 1.0, "kind": "finding", "agent": "r", "severity": "must_fix", "title": "t"}
    counts = {"must_fix": 0, "should_fix": 0, "nits": 2, "fixed": 3, "dismissed": 0}
    progress.listen(found)
    progress.listen({"at": 2.0, "kind": "counts", **counts})
    assert progress.summary().endswith("none remaining; 3 fixed, 0 dismissed, 2 nits")
