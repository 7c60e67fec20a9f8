import json
import re
from html.parser import HTMLParser

import pytest
from support.growth import ends_within
from support.sample_review import (
    OLD,
    RULES,
    SampleSource,
    failed_report,
    finding,
    hunks_of,
    sample_report,
)

from reviewloop.domain.finding import Placement, Severity
from reviewloop.git.patches import DiffLine, Hunk
from reviewloop.render.html import render
from reviewloop.render.report import ReviewedFile

VOID = {"meta", "link", "input", "br"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!-- ]]>"


class Page(HTMLParser):
    """Reads a page, insisting that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in {"script", "style"}:
            self.words.append(data)

    def all(self, tag: str, class_: str = "") -> list[dict[str, str]]:
        found = (attrs for name, attrs in self.elements if name == tag)
        return [a for a in found if not class_ or class_ in a.get("class", "").split(" ")]

    @property
    def text(self) -> str:
        return "".join(self.words)


def html(report=None, source=None) -> str:
    return render(report or sample_report(), source or SampleSource(), RULES.get)


def folded(text: str) -> list[dict]:
    return json.loads(re.search(r'id="folded">(.*?)</script>', text, re.DOTALL).group(1))


def test_the_page_is_well_formed_and_holds_every_finding_once():
    for report in (sample_report(), failed_report(), sample_report(findings=())):
        page = Page(html(report))
        cards = [a for t, a in page.elements if t == "article"]
        assert len(cards) == len(report.findings)
        assert len({card["id"] for card in cards}) == len(cards)
        for found in report.findings:
            assert found.title in page.text


def test_nothing_is_loaded_and_only_our_program_may_run():
    page = Page(html())
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert [a.get("type", "") for a in page.all("script")] == ["application/json", ""]
    for tag, attrs in page.elements:
        assert not {"src", "style", "onclick", "onerror"} & set(attrs)
        if tag == "a":
            assert attrs["href"].startswith(("#", "https://"))
        if tag == "link":
            assert attrs["href"] == "data:,"


def test_words_of_others_are_only_words():
    found = finding(
        HOSTILE, 1, HOSTILE, HOSTILE, why=HOSTILE, suggestion=HOSTILE, note=HOSTILE, quote=HOSTILE,
        replacement=HOSTILE, url=f"https://{HOSTILE}", agents=(HOSTILE,), confidence=HOSTILE,
        category=HOSTILE,
    )  # fmt: skip
    lost = finding("b.py", None, "x", "t", quote=HOSTILE, placement=Placement.UNANCHORED)
    report = sample_report(
        findings=(found, lost), silenced=(found,), what=HOSTILE, notes=(HOSTILE,),
        reviewed=(ReviewedFile(HOSTILE, "R", ((1, 1),), old_path=HOSTILE),
                  ReviewedFile("folded.py", "A", ((1, 1),))),
    )  # fmt: skip
    source = SampleSource({HOSTILE: f"{HOSTILE}\n", "folded.py": f"{HOSTILE}\n"}, {})
    text = html(report, source)
    page = Page(text)
    assert not page.all("img")
    assert len(page.all("script")) == 2
    assert all("onerror" not in attrs for _, attrs in page.elements)
    assert folded(text)[0]["rows"] == ["+" + HOSTILE]


def test_the_diff_shows_old_and_new_lines_with_the_marked_part():
    page = Page(html())
    assert "def find_orders(name):" in page.text  # the removed line
    marks = re.findall(r"<mark>(.*?)</mark>", html())
    assert "&quot;public-read&quot;" in marks and "name" in marks


def test_a_card_stands_below_the_last_line_of_its_finding():
    text = html()
    rows = text[text.index("infra/bucket.tf</h2>") :].split("<tr")
    card = next(n for n, row in enumerate(rows) if "Everyone can read" in row)
    assert 'data-n="3"' in rows[card - 1] and 'data-n="4"' in rows[card + 1]


def test_files_without_findings_are_closed_and_kept_as_data():
    report = sample_report(findings=())
    text = html(report)
    assert "open" not in Page(text).all("details", "file")[0]
    whole = [row for part in folded(text) for row in part["rows"]]
    assert '+  acl    = "public-read"' in whole
    first = next(part for part in folded(text) if "+name: ci" in part["rows"])
    assert (first["old"], first["new"]) == (0, 1)


def test_findings_outside_of_the_diff_bring_their_code():
    code = "".join(f"line {n}\n" for n in range(1, 300))
    new = code.replace("line 250\n", "changed\n")
    found = finding("a.py", 10, "x/y", "t", placement=Placement.CONTEXT, column=1, end_column=5)
    report = sample_report(findings=(found,), reviewed=(ReviewedFile("a.py", "M", ((250, 250),)),))
    text = html(report, SampleSource({"a.py": new}, {"a.py": code}))
    assert "<mark>line</mark> 10" in text
    assert "This code is not part of the change." in text


def test_a_finding_longer_than_its_hunk_stands_in_it():
    code = [f"line {n}" for n in range(1, 40)]
    source = SampleSource({"a.py": "\n".join(code) + "\n"}, {})
    source.hunks = lambda path: hunks_of([*code[:4], "old", *code[5:]], code)
    found = finding("a.py", 5, "x/y", "Long one", end_line=30)
    report = sample_report(findings=(found,), reviewed=(ReviewedFile("a.py", "M", ((5, 5),)),))
    page = Page(html(report, source))
    assert len(page.all("tr", "card")) == 1


@pytest.mark.slow
def test_a_huge_change_makes_a_page_that_still_opens():
    lines = tuple(DiffLine("+", f"value_{n} = compute({n})") for n in range(100_000))
    source = SampleSource({"big.py": "\n".join(x.text for x in lines)}, {})
    source.hunks = lambda path: [Hunk(0, 0, 1, 100_000, lines)]
    many = tuple(
        finding("big.py", n * 900 + 1, "x/y", f"Finding {n}", severity=list(Severity)[n % 3])
        for n in range(100)
    )
    report = sample_report(findings=many, reviewed=(ReviewedFile("big.py", "A", ((1, 100_000),)),))
    text = html(report, source)
    assert len(text) < 3_000_000
    page = Page(text)
    assert len(page.all("tr", "card")) == 100
    assert "lines left out, to keep this page small" in text
    assert ends_within(lambda: html(report, source), 50 * len(lines))
    assert sum(len(part["rows"]) for part in folded(text)) <= 5000


@pytest.mark.slow
def test_very_many_findings_are_all_there_though_not_all_with_their_diff():
    lines = tuple(DiffLine("+", f"x_{n} = {n}") for n in range(20_000))
    source = SampleSource({"big.py": "\n".join(x.text for x in lines)}, {})
    source.hunks = lambda path: [Hunk(0, 0, 1, 20_000, lines)]
    many = tuple(finding("big.py", n * 10 + 1, "x/y", f"Finding {n}.") for n in range(2000))
    report = sample_report(findings=many, reviewed=(ReviewedFile("big.py", "A", ((1, 20_000),)),))
    page = Page(html(report, source))
    assert len(page.all("article")) == 2000


def test_a_line_of_a_megabyte_is_cut():
    code = "x" * 1_000_000 + " evil() " + "y" * 1_000_000
    found = finding("a.js", 1, "x/y", "t", column=1_000_002, end_column=1_000_008)
    source = SampleSource({"a.js": code}, {})
    source.hunks = lambda path: [Hunk(0, 0, 1, 1, (DiffLine("+", code),))]
    text = html(sample_report(findings=(found,), reviewed=(ReviewedFile("a.js", "A", ((1, 1),)),)),
                source)  # fmt: skip
    assert "<mark>evil()</mark>" in text
    assert len(text) < 100_000


def test_hidden_characters_are_seen():
    assert "<i>␛</i>[31m<i>&lt;U+202E&gt;</i>" in html()


def test_failures_and_the_story_of_the_review_are_on_the_page():
    page = Page(html(failed_report()))
    assert page.all("ul", "failed")
    for words in ("timed out after 60 s", "no advisories are configured", "2 files: lock file",
                  "suppressed in line 8: the caller logs it", "ruff 0.17.5"):  # fmt: skip
        assert words in page.text


def test_the_sample_has_a_changed_file():
    assert set(OLD) == {"app/db.py"}


def test_every_card_has_the_commands_with_its_id():
    report = sample_report()
    text = Page(html(report)).text
    for one in report.findings:
        assert f"reviewloop explain {one.id[:8]}" in text
        assert f"reviewloop dismiss {one.id[:8]} -m REASON" in text


def test_reviewers_are_told_with_their_open_findings():
    assert "6, 2 silenced" in Page(html()).text
