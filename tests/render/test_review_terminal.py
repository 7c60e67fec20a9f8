import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from support.sample_review import SampleSource, failed_report, finding, sample_report

from reviewloop.domain.finding import Placement, Severity
from reviewloop.render.report import ReviewReport
from reviewloop.render.terminal.review import print_review

SOURCE = SampleSource()


def shown(report: ReviewReport, width: int = 100, *, verbose: bool = False, **more: object) -> str:
    file = io.StringIO()
    console = Console(
        file=file, width=width, markup=False, emoji=False, highlight=False, legacy_windows=False,
        **more,
    )  # fmt: skip
    print_review(console, report, more.pop("source", SOURCE), verbose=verbose)
    return file.getvalue()


def page(path: str, text: str, *findings: object) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80, markup=False, emoji=False, highlight=False)
    print_review(console, sample_report(findings=findings), SampleSource({path: text}, {}))
    return file.getvalue()


def block(text: str, title: str) -> str:
    """Return the finding with this title: from its headline to the next empty line."""
    return text[text.index(title) :].partition("\n\n")[0]


def test_a_finding_stands_below_its_file_with_code_caret_evidence_and_fix():
    text = shown(sample_report())
    assert text.index("infra/bucket.tf  1 must fix, 1 should fix") < text.index("Everyone can")
    assert (
        block(text, "must fix: Everyone")
        == """\
must fix: Everyone can read this bucket  tf/s3-public-acl
  --> infra/bucket.tf:3:12  review-infrastructure, review-security, id b03c1e25
   |
 1 | resource "aws_s3_bucket" "reports" {
 2 |   bucket = "acme-reports"
 3 |   acl    = "public-read"
   |            ^^^^^^^^^^^^^
 4 |
 5 |   tags = {
   = why: This is why everyone can read this bucket is a risk.
   = fix: Do it another way.
   |
   | -   acl    = "public-read"
   | +   acl    = "private\""""
    )


def test_a_finding_of_several_lines_is_bracketed():
    text = page(
        "a.py", "one\ntwo\nthree\nfour\n", finding("a.py", 2, "x/y", "Wide", end_line=3, column=1,
                                                   end_column=4)
    )  # fmt: skip
    assert " 1 |   one\n 2 | / two\n 3 | | three\n   | |___^\n 4 |   four" in text


def test_the_middle_of_a_long_range_is_left_out():
    code = "".join(f"line {number}\n" for number in range(1, 101))
    text = page("a.py", code, finding("a.py", 10, "x/y", "Long", end_line=90))
    assert "... | | 69 lines left out" in text
    assert text.count("| line ") < 20


@pytest.mark.parametrize(
    ("code", "column", "end", "below"),
    [
        ("\tx = evil()", 6, 10, "        ^^^^"),  # a tab is four columns wide
        ("名前 = evil()", 6, 10, "       ^^^^"),  # wide characters take two
        ("e\u0301 = evil()", 6, 10, "    ^^^^"),  # combining marks take none
        ("a\x00b = evil()", 7, 11, "      ^^^^"),  # controls are shown as one sign
        ("x = evil()", 5, 999, "    ^^^^^^"),  # the end lies behind the line
        ("x = evil()", 0, 0, "^^^^^^^^^^"),  # no columns: the whole line
    ],
)
def test_the_caret_stands_below_the_marked_columns(code, column, end, below):
    text = page("a.py", code + "\n", finding("a.py", 1, "x/y", "T", column=column, end_column=end))
    assert f"\n   | {below}\n" in text


def test_a_megabyte_line_is_cut_around_the_marked_part():
    code = "x" * 1_000_000 + "evil()" + "y" * 1_000_000
    found = finding("a.js", 1, "x/y", "T", column=1_000_001, end_column=1_000_007)
    text = page("a.js", code, found)
    assert "evil()" in text and "^^^^^^" in text
    assert all(cell_len(line) <= 82 for line in text.splitlines())


def test_nits_take_one_line_each_until_they_are_asked_for():
    nits = tuple(
        finding("app/db.py", n, "x/y", f"Small thing {n}", severity=Severity.NIT)
        for n in range(1, 14)
    )
    text = shown(sample_report(findings=nits))
    assert "app/db.py:1  Small thing 1  x/y" in text
    assert "Small thing 11" not in text
    assert "… and 3 more nits; -v shows them all" in text
    assert "Small thing 13" in shown(sample_report(findings=nits), verbose=True)


def test_failures_are_said_at_the_top_and_at_the_end():
    text = shown(failed_report())
    first = text.index("✗ review-security: no answer within 30 s")
    assert first < text.index("must fix:") < text.rindex("review-security: no answer within 30 s")
    assert "failed       cfn-lint: timed out after 60 s" in text
    assert "Incomplete: review-security, cfn-lint failed" in text


def test_the_summary_tells_who_looked_what_was_left_out_and_how_it_ended():
    text = shown(sample_report())
    summary = text[text.index("reviewer  ") :]
    assert "review-security         done    6, 2 silenced  0.4 s" in summary
    assert "review-performance      done                2  0.1 s" in summary
    assert "analysers    ruff 0.17.5, zizmor 1.32.0, 1 check of our own" in summary
    assert "not checked  advisories: no advisories are configured" in summary
    assert "missing      2 optional tools" in summary
    assert "missing      hadolint, shellcheck" in shown(sample_report(), verbose=True)
    assert "skipped      4 files: 2 binary, 2 lock file; -v names them" in summary
    assert "silenced     2 findings: 1 suppressed, 1 in the baseline" in summary
    assert "5 must fix   🟡 6 should fix   🟢 6 nits   in 8 files, 72 changed lines" in summary
    assert "The review fails: 11 findings are “should fix” or worse" in summary
    assert "`reviewloop explain " in summary


def test_a_narrow_terminal_gets_the_counts_and_what_was_read_on_lines_of_their_own():
    lines = shown(sample_report(), 80).splitlines()
    counts = lines.index("🔴 5 must fix   🟡 6 should fix   🟢 6 nits")
    assert lines[counts + 1].startswith("in 8 files, 72 changed lines, ")


def test_verbose_names_the_skipped_files():
    text = shown(sample_report(), verbose=True)
    assert "yarn.lock  lock file" in text
    assert "docs/na\\xefve.bin  binary" in text


def test_what_is_not_about_the_change_stands_apart():
    text = shown(sample_report())
    apart = text[text.index("About code outside of the change") :]
    assert "The connection is never closed" in apart
    assert "The quoted code was not found" in apart
    assert "DATABASE = os.environ['DB']" in apart


def test_nothing_to_review_is_one_sentence_and_the_reasons():
    report = sample_report(findings=(), silenced=(), reviewed=(), outcome="nothing_to_review",
                           exit_code=0)  # fmt: skip
    text = shown(report)
    assert "Nothing to review: 4 changed files, skipped for the reasons given." in text
    assert "reviewer " not in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_line_keeps_to_the_width(width):
    long = finding(
        "app/db.py", 14, "x/y", "Long", replacement="    query = 名前(" + "argument, " * 30 + ")"
    )
    for report in (sample_report(), failed_report(), sample_report(findings=(long,))):
        for line in shown(report, width, verbose=True).splitlines():
            assert cell_len(line) <= width


def test_a_fix_wider_than_the_screen_goes_on_below_and_loses_nothing():
    new = "    return " + "".join(f"argument_{number}, " for number in range(20)) + "last"
    text = shown(
        sample_report(findings=(finding("app/db.py", 14, "x/y", "T", replacement=new),)), 40
    )
    rows = text[text.index("| + ") :].partition("\n\n")[0].splitlines()
    assert rows[0].startswith("| +     return argument_0, ")
    assert all(row.startswith("   |   ") for row in rows[1:])
    told = rows[0].removeprefix("| + ") + "".join(row.removeprefix("   |   ") for row in rows[1:])
    assert told.replace(" ", "") == new.replace(" ", "")


def test_marked_code_stands_out_from_its_neighbours_and_from_the_frame():
    text = shown(sample_report(), force_terminal=True, color_system="standard")
    assert '\x1b[34m 3 | \x1b[0m\x1b[1m  acl    = "public-read"\x1b[0m\n' in text
    assert '\x1b[34m 2 | \x1b[0m\x1b[2m  bucket = "acme-reports"\x1b[0m\n' in text


def test_what_was_silenced_is_listed_with_the_reason_when_asked_for():
    assert "1 in the baseline; -v lists them with the reasons" in shown(sample_report())
    assert "An error is swallowed" not in shown(sample_report())
    text = shown(sample_report(), verbose=True)
    listed = text[text.index("\nSilenced  2 should fix") :]
    assert (
        "🟡 app/db.py:9  An error is swallowed  ruff/S110\n"
        "   = suppressed in line 8: the caller logs it\n"
        "🟡 deploy.sh:2  set -e alone  shellcheck/SC3040\n"
        "   = in the baseline\n"
    ) in listed
    assert "-v lists them" not in text


def test_reviewers_are_named_on_narrow_screens_too():
    assert "review-security" in block(shown(sample_report(), 60), "must fix: The query")


def test_there_is_no_colour_away_from_a_terminal_and_with_no_color(monkeypatch):
    assert "\x1b" not in shown(sample_report())
    assert "\x1b[1;31m" in shown(sample_report(), force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    coloured = shown(sample_report(), force_terminal=True, color_system="standard")
    assert "\x1b[1;31m" not in coloured and "\x1b[31m" not in coloured


def test_words_of_others_cannot_act_on_the_terminal():
    text = shown(sample_report(), verbose=True)
    assert "\x1b" not in text and "\u202e" not in text
    assert "␛[31m<U+202E>" in text
    hostile = finding(
        "a\x1b]0;owned\x07.py", 1, "x/\x1b[2J", "t\x1b[31m\nsecond line", why="w\r\x1b[A",
        quote="\x1b[8m", placement=Placement.UNANCHORED, agents=("review-\x1b[7m",),
        suggestion="\u202eright to left", replacement="\x1b[5m",
    )  # fmt: skip
    assert "\x1b" not in shown(sample_report(findings=(hostile,)), verbose=True)
