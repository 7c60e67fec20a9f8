"""`reviewloop stats`: figures of real runs, and the page that is made of figures."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support.bedrock import BedrockServer, calls, reply
from support.checkout import QUIET_GATES, Checkout
from support.parts import CLEAN, cast, finds, found, replaces, resolves, says
from support.play import agent_of, done, write
from support.shop import make_shop

from reviewloop.batch import autopilot
from reviewloop.cli import stats as command
from reviewloop.output.terminal_stats import render_stats
from reviewloop.runs import metrics as taken
from reviewloop.runs import rebasing
from reviewloop.runs.repository import open_repository
from reviewloop.runs.stats import Chosen, figures
from reviewloop.steps import approve
from reviewloop.store.metrics import FILE, FindingCount, MetricsStore, RunMetrics

SPEC = ".kiro/specs/orders"
DOC, CLEARER = '"""Search."""', '"""Search, the oldest first."""'
VAGUE = found("must_fix", "The module's sentence says nothing", DOC)
BRIEF, LONGER = '"""Items."""', '"""The items of a customer."""'
TOO_SHORT = found("should_fix", "One word is too short", BRIEF)
NIT = found("nit", "Short", DOC)
DAY = 86_400.0


class Runs:
    """A checkout after a few runs, and what its figures were along the way."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.seen = {"before": checkout.run("stats")}

    @property
    def folder(self) -> Path:
        (found,) = self.checkout.state.glob("repositories/*")
        return found

    def rows(self) -> dict[str, RunMetrics]:
        """Return the rows by what the runs are about."""
        with closing(MetricsStore(self.folder)) as store:
            return {row.task_id or row.run_id.split("-")[0]: row for row in store.all()}

    def play(self, *arguments: str, code: int, **parts) -> None:
        assert self.checkout.server
        self.checkout.server.answer = cast(**parts)
        said = self.checkout.run(*arguments)
        assert said.code == code, said.err


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[Runs]:
    """Six kinds of ends: fixed and modified, clean, incomplete, empty, given up, by hand."""
    folder = tmp_path_factory.mktemp("stats")
    (folder / "project").mkdir()
    make_shop(folder / "project")
    with BedrockServer(cast(), agent_of=agent_of) as server:
        runs = Runs(Checkout(folder / "project", folder / "home", server, QUIET_GATES))
        fix = {
            "fix": replaces("shop/search.py", DOC, CLEARER),
            "quick_review": resolves({VAGUE["title"]: CLEARER}),
            "review_security": finds(VAGUE, NIT),
        }
        runs.play("run", "2.1", code=4, **fix)
        runs.seen["waiting"] = runs.checkout.json("stats")
        again = {
            "implement": replaces("shop/search.py", CLEARER, BRIEF),
            "fix": replaces("shop/search.py", BRIEF, LONGER),
            "quick_review": resolves({TOO_SHORT["title"]: LONGER}),
            "review_security": finds(TOO_SHORT),
        }
        runs.play("modify", "-m", "a shorter sentence", code=4, **again)
        (runs.folder / FILE).write_bytes(b"torn" * 999)  # with its log it would be mended
        for log in runs.folder.glob(f"{FILE}-*"):
            log.unlink()
        runs.play("approve", code=0)
        runs.seen["damaged"] = runs.checkout.run("stats")
        for path in runs.folder.glob(f"{FILE}*"):
            path.unlink()

        more = says(reply(write("shop/more.py", CLEAN)), done("Wrote it.", "Add more"))
        mute = {"review_performance": says(calls("no_such_tool", {}))}
        runs.play("run", "2.2", code=5, implement=more, **mute)
        runs.checkout.run("checkout", runs.checkout.record()["run_id"], "by-hand")
        runs.play("reject", code=5)
        runs.play("run", "-m", "nothing", code=3, implement=says(done("Nothing to do.")))
        runs.seen["hooked"] = runs.rows()
        yield runs


def test_without_a_run_one_sentence_is_said(runs):
    said = runs.seen["before"]
    assert said.code == 0
    assert said.out.strip() == (
        "no run of this repository has come to an end yet; `reviewloop run` starts one"
    )


def test_a_run_that_waits_is_counted_already(runs):
    body = runs.seen["waiting"]
    assert (body["version"], body["kind"], body["tasks"], body["runs"]) == (1, "stats", 1, 1)
    assert body["first_pass"]["rate"] == 0
    assert body["approval"]["waiting"] == 1
    assert body["red_left"] == {"count": 0, "runs": 0, "of_runs": 1}
    assert body["findings"]["all"]["must_fix"]["fixed"] == 1


def test_damaged_figures_cost_no_run_and_are_said(runs):
    assert runs.seen["damaged"].code == 2
    assert "clean --metrics" in runs.seen["damaged"].err
    told = runs.checkout.events("note", run="2.1-*")
    assert [event for event in told if "were not kept for `reviewloop stats`" in event["text"]]


def test_each_end_of_a_run_is_counted_for_what_it_is(runs):
    assert runs.checkout.run("stats").code == 0
    rows = runs.rows()
    approved, by_hand, empty = rows["2.1"], rows["2.2"], rows["m"]

    assert (approved.kind, approved.status, approved.decision) == ("task", "committed", "approved")
    assert (approved.first_review, approved.modifications) == ("findings", 1)
    assert approved.rounds == 2, "one round before the modification, and one after it"
    assert approved.committed_at > approved.begun_at
    proposal = runs.checkout.record(approved.run_id)["proposal"]
    assert (approved.usd, approved.calls) == (
        proposal["usage"]["cost_usd"],
        proposal["usage"]["calls"],
    )
    found = {(one.agents, one.severity, one.status): one.count for one in approved.findings}
    assert found == {
        (("review-security",), "must_fix", "fixed"): 1,
        (("review-security",), "should_fix", "fixed"): 1,
        (("review-security",), "nit", "open"): 1,
    }, "what the person asked for is no finding"

    assert (by_hand.first_review, by_hand.decision, by_hand.taken_over) == (
        "incomplete",
        "rejected",
        True,
    )
    assert (empty.kind, empty.first_review, empty.status) == ("change", "none", "blocked")
    assert (empty.decision, empty.committed_at, empty.rounds) == ("", 0.0, 0)


def test_the_sums_are_those_of_the_runs(runs):
    body = runs.checkout.json("stats")
    assert body["first_pass"] == {
        **{"rate": 0.0, "clean": 0, "findings": 1, "incomplete": 1, "unknown": 0},
        "not_reviewed": 1,
    }
    approval = body["approval"]
    assert (approval["rate"], approval["approved_after_modifications"]) == (0.5, 1)
    assert (approval["rejected"], approval["blocked"], approval["waiting"]) == (1, 1, 0)
    assert body["edits"] == {"modifications": 1, "modified_runs": 1, "taken_over": 1}
    rows = runs.rows().values()
    assert body["money"]["usd"] == pytest.approx(sum(row.usd or 0 for row in rows))
    assert body["money"]["usd"] > 0
    assert body["to_commit"]["from_begin"]["count"] == 1
    born = int(runs.checkout.git("log", "--diff-filter=A", "--format=%ct", "--", SPEC).split()[-1])
    since = runs.rows()["2.1"].committed_at - born
    assert body["to_commit"]["from_spec"]["median"] == pytest.approx(since)


def test_a_history_that_is_slow_and_silent_is_asked_once(repo, tmp_path, monkeypatch):
    rows = [row(1, 0, committed_at=MONDAY, spec_path="nowhere.md")]
    with closing(MetricsStore(tmp_path)) as store:
        opened = open_repository(repo, for_reading=True)
        assert (command._births(opened, store, rows), store.births()) == ({}, {})
        monkeypatch.setattr(command, "_SLOW", -1.0)
        assert command._births(opened, store, rows) == {}
        assert set(store.births()) == {"nowhere.md"}
        assert command._births(opened, store, rows) == {}
        opened.runs.close()


def test_runs_are_chosen_by_spec_and_by_time(runs):
    for spec in (SPEC, f"./{SPEC}/", f"{SPEC}/tasks.md", "orders", ".kiro/specs"):
        body = runs.checkout.json("stats", "--spec", spec)
        assert (body["spec"], body["runs"]) == (SPEC, 2)
    assert runs.checkout.json("stats", "--since", "1d")["runs"] == 3
    said = runs.checkout.run("stats", "--since", "2100-01-01")
    assert (said.code, said.out.count("begun since 2100-01-01")) == (0, 1)
    for arguments, word in (
        (("--since", "soon"), "30d, 8w or 2026-01-31"),
        (("--since", "99999999d"), "is no time"),
        (("--spec", "nowhere"), f"there are runs of {SPEC}"),
    ):
        said = runs.checkout.run("stats", *arguments)
        assert (said.code, word in said.err) == (2, True), said.err


def test_figures_are_the_same_when_they_are_taken_in_later(runs):
    _forget(runs)
    assert runs.checkout.run("stats").code == 0
    later = runs.rows()
    for name, row in runs.seen["hooked"].items():
        # The export wrote the record once more; nothing else may differ.
        assert replace(later[name], record_at=0.0) == replace(row, record_at=0.0)
    assert set(later) == {"2.1", "2.2", "m"}, "that of the damaged file, too"


def test_runs_of_an_earlier_release_count_as_far_as_they_tell(runs):
    kept = {path: path.read_text() for path in runs.folder.glob("runs/*/events.jsonl")}
    for path, text in kept.items():
        events = [json.loads(line) for line in text.splitlines()]
        plain = [{k: v for k, v in e.items() if k not in ("left", "failed")} for e in events]
        path.write_text("".join(json.dumps(event) + "\n" for event in plain))
    _forget(runs)
    runs.checkout.run("stats")
    assert [row.first_review for row in runs.rows().values()] == ["findings", "incomplete", "none"]
    for path, text in kept.items():
        path.write_text("".join(line for line in text.splitlines(True) if '"round"' not in line))
    _forget(runs)
    runs.checkout.run("stats")
    assert runs.rows()["2.1"].first_review == "findings", "the event itself says so"
    for path, text in kept.items():
        path.write_text(text)


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_counted(runs):
    _forget(runs)
    row = runs.seen["hooked"]["2.2"]
    journal = runs.folder / "runs" / row.run_id / "journal.sqlite"
    kept = journal.read_bytes()
    journal.write_bytes(b"torn" * 999)
    said = runs.checkout.run("stats")
    assert f"run {row.run_id} is not counted" in said.err
    assert (said.code, set(runs.rows())) == (0, {"2.1", "m"})
    journal.write_bytes(kept)
    assert runs.checkout.run("stats").err == ""
    assert set(runs.rows()) == {"2.1", "2.2", "m"}


def test_figures_outlive_the_runs_until_somebody_deletes_them(runs):
    _forget(runs)
    said = runs.checkout.run("clean", "--older-than", "0", "--yes")
    assert (said.code, "were not kept" in said.err) == (0, False)
    assert not list(runs.folder.glob("runs/2.*"))
    body = runs.checkout.json("stats")
    assert (body["runs"], body["edits"]["taken_over"]) == (3, 1)
    texts = b"".join(path.read_bytes() for path in runs.folder.glob(f"{FILE}*"))
    assert b"review-security" in texts
    for text in (
        VAGUE["title"],
        TOO_SHORT["title"],
        "items_of",
        "a shorter sentence",
        "Find the items",
    ):
        assert text.encode() not in texts, "no text of code, findings or specs is kept"

    said = runs.checkout.run("clean", "--older-than", "0", "--metrics", "--yes")
    assert "metrics.sqlite  the figures of all runs" in said.out
    assert runs.checkout.json("stats")["runs"] == 1, "that of the run which is still there"


def _forget(runs):
    for path in runs.folder.glob(f"{FILE}*"):
        path.unlink()


def test_the_names_by_which_others_than_people_answer_are_those_that_they_use():
    assert (taken.AUTOPILOT, taken.QUEUE) == (autopilot.BY, rebasing.BY)
    assert taken._PERSON == approve.PERSON


MONDAY = 1_790_553_600.0  # Monday, 28 September 2026, 00:00 UTC


def row(number: int, day: float, **more) -> RunMetrics:
    """Return a committed run of a task of its own, clean at its first review."""
    given = {
        **{"run_id": f"{number}-x", "kind": "task", "status": "committed", "record_at": 1.0},
        **{"begun_at": MONDAY + 43_200 + day * DAY, "task_id": str(number), "spec_path": "s.md"},
        **{"decision": "approved", "first_review": "clean", "usd": 0.5, "seconds": 60.0},
        **{"calls": 9, "input": 1000, "cache_read": 3000, "new_lines": 10},
    }
    return RunMetrics(**{**given, **more})


def red(status: str, *agents: str) -> FindingCount:
    return FindingCount(agents or ("review-security",), "must_fix", status, 1)


def page(rows, *, width=100, births=None, chosen=None, encoding="utf-8", **options) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, markup=False, emoji=False, highlight=False, **options)
    render_stats(figures(rows, births or {}, chosen or Chosen()), console)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


MIXED = [
    row(1, 0, findings=(red("fixed"),), first_review="findings", rounds=2, missing_lines=4),
    row(2, 8, modifications=1, committed_at=MONDAY + 9 * DAY, findings=(red("dismissed"),)),
    row(3, 8, usd=None, new_lines=None, findings=(red("open", "review-a", "review-b"),)),
    row(4, 22, status="skipped", decision="rejected", findings=(red("open"), red("suppressed"))),
    row(4, 23, run_id="4-y", status="waiting", decision="", first_review="findings"),
    row(5, 23, decision="autopilot"),
    row(6, 23, kind="change", task_id="", first_review="incomplete", status="undone"),
    row(7, 23, kind="fix", task_id="", spec_path="", first_review="none", usd=1.0),
    row(8, 23, first_review="none", status="blocked", decision=""),
    row(80, 23, kind="checkpoint", first_review="none", usd=0.0, calls=0, new_lines=None),
    row(9, 23, first_review="unknown", status="skipped", decision="redone"),
]


def test_a_page_of_all_kinds_of_ends():
    told = page(MIXED, births={"s.md": MONDAY})
    assert "first pass     66 %  █████████████░░░░░░│  target 95 %, missed" in told
    lines = {line[:14].strip(): line[14:].strip() for line in told.splitlines()[::-1]}
    assert told.splitlines()[0] == "8 tasks in 9 runs and 1 checkpoint"
    assert "4 of 6 tasks clean at the first review" in told, "task 4 counts once, as it began"
    assert "1 read by not all reviewers, so not clean" in told
    assert "blocked or stopped before it; 1 not known" in told
    assert lines["coverage"].startswith("90 %  ██████████████████░░  target 80 %, met")
    assert "of 40 new lines run by tests; not measured in 1 run" in told
    assert lines["red left"] == "1  target 0, missed"
    assert "in 5 changes committed or waiting for you" in told
    assert lines["by week"] == "4 weeks, 28 Sep 2026 to 19 Oct 2026"
    assert lines["runs"] == "▂▃▁█  0 to 6"
    assert "  first pass  ▁█ ▆  0 % to 100 %" in told
    assert ["review-a", *"100001"] in [line.split() for line in told.splitlines()]
    assert ["all,", "once", *"400112"] in [line.split() for line in told.splitlines()]
    assert "Of 4 red and yellow: 25 % fixed, 25 % dismissed, 50 % left; 1 more were" in told
    assert lines["approval"] == (
        "80 %: of 5 runs that people decided on, 3 approved as shown, 1 after modifications, 1"
    )
    assert "1 waiting for you, 1 blocked, 1 committed by autopilot, 1 done once more" in told
    assert lines["edits"] == "1 modification asked for before approval in 1 run"
    assert lines["rounds"] == "0, 0.2, 2"
    assert "  money       $0.50, $0.57, $1.00" in told
    assert lines["to commit"].startswith("12 h 00 min from the run's beginning, 9.0 days from the")
    assert "$5.00 for 90 calls, 44.0k tokens in, 0 out, 75 % from the cache; without 1 run" in told
    assert "$1.00 of it for 1 run that fixed findings of a review" in told


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    told = page(MIXED, width=width)
    assert max(map(len, told.splitlines())) <= width
    assert "review-security" in told


def test_colour_and_charts_are_left_out_where_they_cannot_be_shown():
    coloured = page(MIXED, force_terminal=True, color_system="standard")
    assert "\x1b[" in coloured
    plain = page(MIXED, force_terminal=True, no_color=True)
    assert "\x1b[3" not in plain
    told = page(MIXED, encoding="ascii")
    assert "66 %  #############......|  target 95 %, missed" in told
    assert "█" not in told


def test_a_target_is_not_met_by_rounding():
    rows = [row(number, 0, first_review="clean" if number else "findings") for number in range(19)]
    assert "94 %" in page(rows)
    assert "target 95 %, missed" in page(rows)
    assert "target 95 %, met" in page([*rows, row(20, 0)])


def test_one_week_draws_no_chart_and_a_long_time_only_its_end():
    assert "by week" not in page([row(1, 0), row(2, 1)])
    told = page([row(1, 0), row(2, 7 * 60)], width=60)
    (line,) = [line for line in told.splitlines() if line.startswith("  runs")]
    assert len(line) <= 60
    assert line.endswith("█  0 to 1")


def test_a_thousand_runs_take_less_than_half_a_second(tmp_path):
    rows = [row(n, n / 5, findings=(red("fixed"), red("open", "review-a"))) for n in range(1000)]
    with closing(MetricsStore(tmp_path)) as store:
        store.save(rows)
        started = time.process_time()
        page(store.all())
    assert time.process_time() - started < 0.5
