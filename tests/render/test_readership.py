"""Reports list who read what in every format in the same words; the usual case is omitted."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from support.sample_review import SampleSource, sample_report

from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import JobOutcome, outputs_of, reason_of, status_of
from reviewloop.github.posting.summary import coverage
from reviewloop.render.html import render as html
from reviewloop.render.json import render as plain
from reviewloop.render.markdown import render as markdown
from reviewloop.render.report import FileRead, PartRead, Readership, ReviewerReport
from reviewloop.render.review_words import unread_words
from reviewloop.render.terminal.review import print_review

SECURITY, SPEED = "review-security", "review-performance"
BUDGET = "over the budget (limits.tokens)"
NASTY = "a|b<script>`x`.py"
READ = Readership(
    (
        FileRead("app/db.py", "whole", (SECURITY, SPEED), (1,)),
        FileRead("app/long.py", "in parts", (SECURITY,), (1, 2), BUDGET),
        FileRead(NASTY, "not", (), (3,), BUDGET),
        FileRead("data.json", "not", (), (), "its diff is too long"),
    ),
    (
        PartRead(1, 2, (SECURITY, SPEED)),
        PartRead(2, 1, (SECURITY,), ((SPEED, BUDGET),)),
        PartRead(3, 1, (), ((SECURITY, BUDGET), (SPEED, BUDGET))),
    ),
)
WORDS = f"4 files in 3 parts; 1 not read: its diff is too long; 1 not read: {BUDGET}"
MISSED = (
    f"part 2 of 3 (1 file): read by 1 of 2, not by {SPEED}: {BUDGET}",
    f"part 3 of 3 (1 file): read by nobody: {BUDGET}",
)


def report(read=READ, **more):
    return replace(sample_report(), readership=read, model="a:b", **more)


def on_screen(verbose: bool = False) -> str:
    out = io.StringIO()
    print_review(Console(file=out, width=200), report(), SampleSource(), verbose=verbose)
    return out.getvalue()


def test_the_terminal_tells_who_read_what_and_names_files_on_request():
    assert WORDS in on_screen()
    assert all(line in on_screen() for line in MISSED)
    assert "app/long.py  in parts 1, 2" not in on_screen()
    assert "app/long.py  in parts 1, 2" in on_screen(verbose=True)
    assert "data.json  not: its diff is too long" in on_screen(verbose=True)


def test_a_reason_that_failed_everybody_is_said_at_the_top_and_once_below():
    why = "acp:claude is not logged in"
    names = (SECURITY, SPEED)
    read = Readership(
        (FileRead("app/db.py", "not", (), (1,), why),),
        (PartRead(1, 1, (), tuple((name, why) for name in names)),),
    )
    agents = tuple(ReviewerReport(name, "failed", 1.0, 0, "acp:x", reason=why) for name in names)
    out = io.StringIO()
    failed = report(read, agents=agents, usage={"cost_usd": None})
    print_review(Console(file=out, width=200), failed, SampleSource())
    said = out.getvalue()
    assert said.count(why) == 2
    assert "models       1 file; 1 not read: see below, failed" in said
    assert "part 1 of 1" not in said
    assert "price unknown" not in said


def test_markdown_and_html_tell_the_same():
    text = markdown(report(), SampleSource()).replace("\\", "")
    assert WORDS in text
    assert MISSED[1] in text
    page = html(report(), SampleSource())
    assert WORDS in page
    assert "a|b&lt;script&gt;" in page
    assert "<script>`x`" not in page


def test_the_summary_on_github_has_a_table_that_no_name_breaks():
    told = "\n\n".join(coverage(report()))
    table = [line for line in told.split("\n") if line.startswith("|") and " of 2 |" in line]
    assert [line.count("|") - line.count("\\|") for line in table] == [4] * 4
    assert "data.json" in "".join(table[:2])  # what nobody read comes first
    assert "Models read: 4 files in 3 parts" in told
    assert "in parts 1, 2" in told


def test_json_has_it_all_and_null_where_no_model_was_asked():
    record = json.loads(plain(report(), SampleSource()))["readership"]
    assert [part["read_by"] for part in record["parts"]] == [[SECURITY, SPEED], [SECURITY], []]
    assert record["files"][1] == {
        "path": "app/long.py",
        "share": "in parts",
        "read_by": [SECURITY],
        "parts": [1, 2],
        "reason": BUDGET,
    }
    assert json.loads(plain(report(None), SampleSource()))["readership"] is None


@pytest.mark.parametrize(
    "read", [None, Readership((READ.files[0],), (PartRead(1, 1, (SECURITY, SPEED)),))]
)
def test_what_everybody_read_at_once_is_not_worth_a_word(read):
    shown = [markdown(report(read), SampleSource()), html(report(read), SampleSource())]
    assert not [text for text in (*shown, *coverage(report(read))) if "Models read" in text]


def test_a_file_that_no_model_read_is_no_pass():
    done = tuple(replace(agent, status="done", reason="") for agent in sample_report().agents)
    unread = report(outcome="incomplete", exit_code=5, agents=done, analysers=())
    status = status_of(unread, "never")
    assert status is Status.REVIEW_ERROR
    assert reason_of(unread, status) == f"the review is incomplete: {unread_words(READ)}"
    assert "2 files were read by no model: data.json (its diff is too long)" in unread_words(READ)
    whole = len(unread.reviewed) + len(unread.skipped)
    assert outputs_of(JobOutcome(status, report=unread))["coverage"] == (
        f"{len(unread.reviewed) - 2}/{whole}"
    )
