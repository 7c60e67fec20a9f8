"""The page of `reviewloop stats`: how figures are computed and worded."""

import io
from contextlib import closing

import pytest
from rich.console import Console
from support.growth import grows_too_fast

from reviewloop.app.fleet import local
from reviewloop.app.project import open_repository
from reviewloop.app.stats import Chosen, figures
from reviewloop.render.stats_html import stats_html
from reviewloop.render.terminal.stats import render_stats
from reviewloop.store.metrics import FindingCount, MetricsStore, RunMetrics

DAY = 86_400.0
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


def page(rows, *, width=100, spec_dates=None, chosen=None, encoding="utf-8", **options) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, markup=False, emoji=False, highlight=False, **options)
    render_stats(figures(rows, spec_dates or {}, chosen or Chosen()), console)
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
    told = page(MIXED, spec_dates={"s.md": MONDAY})
    assert "first pass     66 %  █████████████░░░░░░│  target 95 %, missed" in told
    lines = {line[:14].strip(): line[14:].strip() for line in told.splitlines()[::-1]}
    assert told.splitlines()[0] == "8 tasks in 9 runs and 1 checkpoint"
    assert "4 of 6 tasks clean at the first review" in told, "task 4 counts once, as it began"
    assert "1 read by not all reviewers, so not clean" in told
    assert "blocked or stopped before a review; 1 not known" in told
    assert lines["coverage"].startswith("90 %  ██████████████████░░  target 80 %, met")
    assert "of 40 new lines run by tests; not measured in 1 change" in told
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
    assert "$5.00 for 90 calls, 44.0k tokens in, 0 out, 75 % from the cache; price unknown" in told
    assert "$1.00 of it for 1 run that fixed findings of a review" in told


BLOCKED = {"first_review": "none", "status": "blocked", "decision": ""}


def test_nothing_is_counted_of_nothing():
    told = page([row(1, 0, new_lines=None), row(2, 0, **BLOCKED)])
    assert "1 change committed or waiting for you, none measured" in told
    assert "1 of 1 task clean at the first review; 1 blocked or stopped before a review" in told
    told = page([row(2, 0, **BLOCKED)])
    assert "0 new lines" not in told
    assert " 0 tasks" not in told


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


def test_four_times_the_runs_are_not_sixteen_times_the_work(tmp_path):
    rows = [row(n, n / 5, findings=(red("fixed"), red("open", "review-a"))) for n in range(1000)]
    with closing(MetricsStore(tmp_path)) as store:
        store.save(rows)
        kept = store.all()
    assert len(kept) == 1000
    assert not grows_too_fast(lambda size: page(kept[:size]), 1000)


def test_a_history_that_is_slow_and_silent_is_asked_once(repo, monkeypatch):
    rows = [row(1, 0, committed_at=MONDAY, spec_path="nowhere.md")]
    monkeypatch.chdir(repo)
    fleet = local.LocalFleet(print)
    with closing(MetricsStore(open_repository(for_reading=True).folder)) as store:
        assert (fleet.spec_dates(rows), store.spec_dates()) == ({}, {})
        monkeypatch.setattr(local, "_SLOW", -1.0)
        assert fleet.spec_dates(rows) == {}
        assert set(store.spec_dates()) == {"nowhere.md"}
        assert fleet.spec_dates(rows) == {}


def test_resolved_findings_and_the_time_from_an_approval_are_told():
    body = figures(MIXED, {}, Chosen(), {"s.md": MONDAY, "other.md": MONDAY})
    assert body["resolution"] == {"rate": 0.5, "resolved": 2, "found": 4}
    assert body["to_commit"]["from_approval"]["count"] == 1
    assert body["to_commit"]["from_approval"]["median"] == 9 * DAY
    late = figures(MIXED, {}, Chosen(), {"s.md": MONDAY + 10 * DAY})
    assert late["to_commit"]["from_approval"]["count"] == 0


def test_documentation_and_structure_of_changes_are_told():
    more = {"public_names": 4, "described_names": 3, "complexity_before": 10}
    rows = [
        row(1, 0, **more, complexity_after=14, arch_findings=2),
        row(2, 1, **more, complexity_after=9, copy_findings=1, status="waiting"),
        row(3, 1, **more, complexity_after=90, status="skipped", decision="rejected"),
        row(4, 1),
    ]
    body = figures(rows, {}, Chosen())
    assert body["documentation"] == {"rate": 0.75, "described": 6, "names": 8}
    assert body["structure"] == {
        "complexity_growth": 3, "arch_findings": 2, "copy_findings": 1,
    }  # fmt: skip
    assert body["weeks"][0]["complexity_growth"] == 3
    shown = page(rows)
    assert "documentation  75 %" in shown
    assert "complexity +3 paths, 2 findings about the architecture, 1 about copies" in shown


def test_the_checkout_is_told_where_it_was_asked_about():
    body = figures(MIXED, {}, Chosen())
    part = {"rate": 0.75, "count": 3, "of": 4}
    body["repository"] = {
        **dict.fromkeys(("documentation", "spec_reuse", "requirement_reuse"), part),
        "architecture": None,
    }
    file = io.StringIO()
    render_stats(body, Console(file=file, width=100))
    assert "  documentation      75 % of 4 public names with a description" in file.getvalue()
    assert "  requirement reuse  75 % of 4" in file.getvalue()
    assert "not measured" in file.getvalue()


@pytest.mark.needs_chromium
@pytest.mark.slow
def test_the_page_is_drawn_by_a_browser_and_loads_nothing(tmp_path):
    import shutil

    from playwright.sync_api import sync_playwright

    body = figures(MIXED, {}, Chosen())
    body["spec"] = "<b>.md"
    file = tmp_path / "stats.html"
    file.write_text(stats_html(body), "utf-8")
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        assert page.locator("figure svg").count() == 9
        assert page.locator("#runs circle").count() == 4
        line = page.locator("#runs polyline").bounding_box()
        assert line is not None
        assert line["width"] > 100
        assert page.locator("#first_pass .aim").count() == 1
        assert "<b>.md" in page.locator("p").inner_text()
        assert "50 % (2 of 4)" in page.locator("table").inner_text()
        assert (asked, said) == ([file.as_uri()], [])
        browser.close()


def test_a_page_of_nothing_is_a_page():
    page = stats_html(figures([], {}, Chosen()))
    assert "not measured" in page
    assert "<svg" not in page
