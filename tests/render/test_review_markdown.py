import re

import pytest
from support.sample_review import RULES, SampleSource, failed_report, finding, sample_report

from reviewloop.domain.finding import Severity
from reviewloop.render.markdown import LONGEST, render
from reviewloop.render.untrusted import code, fenced, link, plain


def page(report=None, source=None):
    return render(report or sample_report(), source or SampleSource(), RULES.get)


def test_the_head_counts_and_the_worst_comes_first():
    text = page()
    marks = "🔴 5 must fix · 🟡 6 should fix · 🟢 6 nits"
    assert text.startswith(f"## reviewloop: {marks} · 4 files not reviewed\n")
    assert text.index("### 🔴") < text.index("### 🟡") < text.index("🟢 5 nits</summary>")


def test_a_finding_has_its_code_reason_and_fix():
    text = page()
    found = text[text.index("### 🔴 Everyone") :].partition("\n### ")[0]
    assert (
        re.sub(r" · id `[0-9a-f]{8}`", "", found.rstrip())
        == """\
### 🔴 Everyone can read this bucket

`infra/bucket.tf:3` · review-infrastructure, review-security · \
[`tf/s3-public-acl`](<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>)

```hcl
2    bucket = "acme-reports"
3>   acl    = "public-read"
4
```

**Why:** This is why everyone can read this bucket is a risk.

**Fix:** Do it another way.

```diff
-   acl    = "public-read"
+   acl    = "private"
```"""
    )


def test_failures_stand_above_the_findings():
    text = page(failed_report())
    assert text.index("❌ `cfn-lint`: timed out after 60 s") < text.index("### 🔴")


def test_nits_and_the_story_of_the_review_are_folded():
    text = page()
    assert text.count("<details>") == text.count("</details>") == 5
    assert "- `tests/test_db.py:9` This assertion cannot fail" in text
    assert "| review-security | done | 6, 2 silenced | 0.4 s |" in text
    assert "Skipped: 4 files (2 binary, 2 lock file)" in text


def test_what_was_silenced_is_folded_with_the_reasons():
    text = page()
    folded = text[
        text.index("<details><summary>Silenced: 2 findings (1 suppressed, 1 in the baseline)") :
    ]
    assert (
        "- `app/db.py:9` An error is swallowed · `ruff/S110`: suppressed in line 8: the" in folded
    )
    assert "- `deploy.sh:2` set -e alone · `shellcheck/SC3040`: in the baseline\n" in folded
    assert "Silenced: 2" not in page(sample_report(silenced=()))


def test_many_silenced_findings_are_cut_with_a_count():
    many = tuple(
        finding("app/db.py", n, "x/y", f"Title {n} " + "long " * 40, note="because " * 100)
        for n in range(1, 300)
    )
    text = page(sample_report(silenced=many))
    assert len(text) < LONGEST
    told, left = text.count(": because because"), re.search(r"- … and (\d+) more\n", text)
    assert told + int(left[1]) == 299
    assert told > 0
    assert "### 🔴" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("ask @team", "ask @\u200bteam"),
        ("see #12 and GH-3", "see #\u200b12 and GH-\u200b3"),
        ("https://evil.example", "https:\u200b//evil.example"),
        ("www.evil.example", "www\u200b.evil.example"),
        ("[a](b) ![c](d)", "\\[a\\](b) !\\[c\\](d)"),
        ("*a* _b_ `c` ~~d~~ | $e$", "\\*a\\* \\_b\\_ \\`c\\` \\~\\~d\\~\\~ \\| \\$e\\$"),
        ("# a\n# b", "\\# a # b"),
        ("- a", "\\- a"),
        ("1. a", "1\\. a"),
        ("</details>", "&lt;/details&gt;"),
        ("a\\", "a\\\\"),
    ],
)
def test_words_of_others_stay_words(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["a", "`", "``a`", "a``` b", "` @all"])
def test_inline_code_cannot_be_closed_by_what_it_holds(text):
    shown = code(text)
    fence = re.match(r"`+", shown).group()
    assert shown.endswith(fence)
    inside = shown[len(fence) : -len(fence)]
    assert fence not in re.findall(r"`+", inside)


def test_a_fence_is_longer_than_any_in_the_code():
    body = fenced(["```", "````text", "x"], "python")
    assert body.startswith("`````python\n") and body.endswith("\n`````")
    source = SampleSource({"a.md": "```\n</details> @all\n```\n"}, {})
    text = page(sample_report(findings=(finding("a.md", 2, "x/y", "t"),)), source)
    assert "````markdown\n1  ```\n2> </details> @all\n3  ```\n````" in text


def test_only_plain_https_addresses_become_links():
    assert link("r", "https://example.org/a?b=1#c") == "[`r`](<https://example.org/a?b=1#c>)"
    for url in (
        "http://example.org",
        "javascript:alert(1)",
        "https://e.org/a b",
        "https://a/>x",
        "",
    ):
        assert link("r", url) == "`r`"


def test_a_long_review_is_cut_with_a_count_and_stays_whole_markdown():
    many = tuple(
        finding("app/db.py", 14, "x/y", f"Title {n} " + "long " * 20, why="word " * 200)
        for n in range(200)
    )
    text = page(sample_report(findings=many))
    assert len(text) < LONGEST
    left = int(re.search(r"… and (\d+) more findings", text).group(1))
    assert text.count("### 🟡") == 200 - left
    assert text.count("<details>") == text.count("</details>")


def test_many_nits_do_not_push_out_what_matters():
    nits = [
        finding("app/db.py", 1, "x/y", f"nit {n} " + "x" * 200, severity=Severity.NIT)
        for n in range(500)
    ]
    must = finding("app/db.py", 1, "x/y", "matters", severity=Severity.MUST_FIX)
    text = page(sample_report(findings=(must, *nits)))
    assert len(text) < LONGEST
    assert "### 🔴 matters" in text


def test_every_open_finding_has_the_id_that_commands_take():
    report, text = sample_report(), page()
    assert "| review-security | done | 6, 2 silenced |" in text
    assert [f.rule for f in report.findings if f"id `{f.id[:8]}`" not in text] == []
    assert "`reviewloop dismiss ID -m REASON`" in text
    assert "reviewloop dismiss" not in page(sample_report(findings=()))
