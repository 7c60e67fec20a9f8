"""Findings on the terminal: the code, the place, and nothing that a model could style."""

import io

import pytest
from rich.console import Console

from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, Status
from reviewloop.render.terminal.findings import render_findings, render_list, tally

CODE = [
    "def find(name):",
    "    cursor = db.cursor()",
    "    cursor.execute(f\"select * from users where name = '{name}'\")",
    "    rows = cursor.fetchall()",
    "    for row in rows:",
    "\trow.orders = orders_of(row)",
    "    return rows",
]


def finding(**values) -> Finding:
    base = {"id": "a1", "agents": ("review-security",), "severity": Severity.MUST_FIX, "title": "t"}
    return Finding.model_validate({**base, **values})


def shown(findings, lines=None, width=80, **console) -> str:
    out = io.StringIO()
    screen = Console(file=out, width=width, markup=False, emoji=False, highlight=False, **console)
    render_findings(findings, lambda path: lines, screen)
    return out.getvalue()


def test_finding_shows_its_code_with_carets_under_the_quote():
    injection = finding(
        agents=("review-security", "review-maintainability"),
        title="SQL is built from user input",
        why="Anyone who can call find() can read every table.",
        suggestion="Pass the name as a parameter.",
        path="src/db.py",
        line=3,
        quote="f\"select * from users where name = '{name}'\"",
        rule="B608",
        confidence="high",
        evidence=(
            Evidence(kind="quote", text="not repeated"),
            Evidence(kind="analyser", source="bandit", text="B608 hardcoded SQL"),
        ),
        replacement='    cursor.execute("select * from users where name = ?", (name,))',
    )
    assert shown([injection], CODE) == (
        "src/db.py  1 finding\n"
        "\n"
        "  🔴 must fix [B608]: SQL is built from user input\n"
        "     src/db.py:3  by review-security, review-maintainability, high confidence,\n"
        "                  id a1\n"
        "      | \n"
        "    1 | def find(name):\n"
        "    2 |     cursor = db.cursor()\n"
        "    3 |     cursor.execute(f\"select * from users where name = '{name}'\")\n"
        "      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "    4 |     rows = cursor.fetchall()\n"
        "    5 |     for row in rows:\n"
        "      = why: Anyone who can call find() can read every table.\n"
        "      = evidence: bandit: B608 hardcoded SQL\n"
        "      = fix: Pass the name as a parameter.\n"
        '      | +     cursor.execute("select * from users where name = ?", (name,))\n'
        "\n"
    )


def test_range_is_marked_line_by_line():
    text = shown([finding(path="a.py", line=5, end_line=6, severity="should_fix")], CODE)
    assert "    5 | >     for row in rows:\n    6 | >     row.orders = orders_of(row)\n" in text
    assert "    7 |       return rows\n" in text


def test_long_range_loses_its_middle():
    text = shown([finding(path="a.py", line=1, end_line=100)], [f"line {n}" for n in range(1, 101)])
    assert "88 more lines" in text
    assert len(text.splitlines()) < 30


def test_most_severe_file_comes_first():
    text = shown(
        [
            finding(id="1", path="a.py", severity="should_fix"),
            finding(id="2", path="z.py"),
            finding(id="3", path="a.py", severity="should_fix", title="other"),
        ]
    )
    assert text.index("z.py  1 finding") < text.index("a.py  2 findings")


def test_unplaced_finding_shows_its_quote_and_says_so():
    text = shown([finding(path="a.py", quote="foo()", placement=Placement.UNANCHORED)])
    assert "foo()" in text
    assert "the quoted code was not found" in text


def test_finding_about_the_whole_change_has_no_code():
    text = shown([finding(placement=Placement.FILE)])
    assert text.startswith("the change as a whole  1 finding\n")
    assert "(whole change)  by review-security" in text


@pytest.mark.parametrize("line", [0, -3, 999])
def test_line_outside_of_the_file_is_no_crash(line):
    assert "t" in shown([finding(path="a.py", line=line, quote="gone")], CODE)


def test_unresolved_finding_says_how_often_and_why():
    text = shown([finding(status=Status.UNRESOLVED, attempts=3, note="the tests stayed red")], CODE)
    assert "= state: unresolved after 3 attempts: the tests stayed red" in text


def test_untrusted_text_is_neither_markup_nor_escape():
    text = shown(
        [finding(title="[red]x[/red] \x1b[2Jy", why="a\u202eb", path="p\x1b[1m.py", line=1)],
        ["evil \x1b]0;title\x07 [bold]"],
        force_terminal=True,
        color_system=None,
    )
    assert "\x1b" not in text
    assert "[red]x[/red] y" in text
    assert "a<U+202E>b" in text
    assert "evil  [bold]" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_prose_fits_the_width(width):
    text = shown(
        [finding(path="src/db.py", line=3, title="word " * 40, why="word " * 90, quote="x" * 300)],
        [*CODE[:2], "x = " + "漢字" * 150, *CODE[3:]],
        width=width,
    )
    from rich.cells import cell_len

    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown([finding(path="a.py", line=1)], CODE, force_terminal=True)
    assert "[31m" not in text
    assert "must fix" in text


def test_list_is_one_line_each():
    out = io.StringIO()
    nit = finding(severity="nit", title="rename", path="a.py", line=3, note="style only")
    render_list([nit], Console(file=out, width=80, markup=False))
    assert out.getvalue() == "  🟢 a.py:3 rename (style only)\n"


def test_tally_counts_by_severity():
    assert tally([finding(), finding(severity="nit")]) == "1 must fix, 1 nit"
    assert tally([]) == "none"


LONG = (
    '    cursor.execute("INSERT INTO reminders (invoice) VALUES ({invoice_id})".format(x=1), day)'
)


@pytest.mark.parametrize("quote", [LONG.strip(), "VALUES ({invoice_id})", "day)"])
def test_carets_stand_below_code_that_is_shown(quote):
    rows = shown([finding(path="a.py", quote=quote, line=1)], [LONG], width=60).splitlines()
    at = next(n for n, row in enumerate(rows) if "^" in row)
    code, marks = rows[at - 1], rows[at]
    below = code[marks.index("^") : marks.rindex("^") + 1]
    assert below and "…" not in below and "..." not in below and quote.startswith(below.strip()[:4])
    assert len(marks.rstrip()) <= len(code)


def test_verdict_that_the_note_tells_is_no_evidence_line():
    verdict = {"kind": "verdict", "source": "review-security", "text": "confirm: It holds."}
    note = "confirmed by review-security: It holds."
    text = shown([finding(evidence=[verdict, verdict], note=note, note_from=verdict)], [])
    assert text.count("It holds.") == 1
    other = {**verdict, "text": "confirm: So does this."}
    text = shown([finding(evidence=[verdict, other], note=note, note_from=verdict)], [])
    assert (text.count("It holds."), text.count("So does this.")) == (1, 1)


def test_a_finding_of_an_older_release_shows_note_and_verdict():
    verdict = {"kind": "verdict", "source": "review-security", "text": "confirm: It holds."}
    note = "confirmed by review-security: It holds."
    assert shown([finding(evidence=[verdict], note=note)], []).count("It holds.") == 2
