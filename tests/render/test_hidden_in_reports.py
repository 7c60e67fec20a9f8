"""No report prints a hidden character: it is shown as a code point."""

import io
import re
from functools import cache

import pytest
from rich.console import Console
from support.hidden import CHARACTERS, IN_FILES, SAMPLE, apart, hidden_in
from support.sample_review import RULES, SampleSource, finding, sample_report

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Evidence, Status
from reviewloop.render import formats
from reviewloop.render.report import ReviewedFile, ReviewerReport, SkippedFile
from reviewloop.render.terminal.review import print_review
from reviewloop.render.untrusted import one_line, safe

HIDDEN, SHORT = apart(IN_FILES), apart(SAMPLE)
PATH = f"app/{HIDDEN}.py"
LINE = f'x = "{HIDDEN}"'
# The one hidden character of our own: it keeps names and addresses in comments from acting.
_OUR_BREAKS = re.compile("(?<=[@#:w-])\u200b")


def hiding_report():
    """Return a report whose every text hides the whole list, and the sources it is about."""
    found = finding(
        PATH,
        1,
        "taint/sql-injection",
        f"Title {SHORT}",
        why=f"Why {HIDDEN}",
        suggestion=f"Do {HIDDEN}",
        category=SHORT,
        note=f"Note {HIDDEN}",
        quote=LINE,
        replacement=f"y = '{HIDDEN}'",
        column=1,
        end_column=5,
        evidence=(Evidence(kind="analyser", source=HIDDEN, text=f"Seen {HIDDEN}"),),
    )
    files = (ReviewedFile(PATH, "A", ((1, 1),)),)
    skipped = (SkippedFile(PATH, "A", f"kept out {HIDDEN}"),)
    report = sample_report(
        what=f"changes {HIDDEN}",
        findings=(found,),
        silenced=(found.model_copy(update={"status": Status.DISMISSED}),),
        reviewed=files,
        skipped=skipped,
        analysers=(AnalyserReport("ruff", AnalyserStatus.FAILED, reason=f"said {HIDDEN}"),),
        agents=(ReviewerReport("review-security", "failed", 1.0, 0, reason=f"said {HIDDEN}"),),
        notes=(f"Note {HIDDEN}",),
    )
    return report, SampleSource({PATH: LINE + "\n"}, {})


@cache
def text_of(name: str) -> str:
    report, source = hiding_report()
    if name != formats.TERMINAL:
        return formats.renderer(name)(report, source, RULES.get)
    out = io.StringIO()
    print_review(Console(file=out, width=200), report, source, verbose=True)
    return out.getvalue()


@pytest.mark.parametrize("name", formats.NAMES)
def test_no_format_prints_a_hidden_character(name):
    text = text_of(name)
    assert "Title" in text
    assert hidden_in(_OUR_BREAKS.sub("", text)) == []


@pytest.mark.parametrize("name", formats.NAMES)
def test_every_format_tells_which_characters_were_hidden(name):
    text = text_of(name).lower()
    shown = ("\\u202e", "\\u3164") if name in {"json", "sarif"} else ("u+202e", "u+3164")
    assert all(code in text for code in shown)


@pytest.mark.parametrize("show", [safe, one_line])
def test_every_listed_character_is_printed_as_its_code_point(show):
    listed = CHARACTERS - set("\r\x1b\x9b")  # line ends and escapes are cut out whole
    assert {c: show(f"a{c}b") for c in listed} == {c: f"a<U+{ord(c):04X}>b" for c in listed}
