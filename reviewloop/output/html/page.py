"""Puts the page together, with its style and program inside and everything else forbidden."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from reviewloop import __version__
from reviewloop.output.html.about import banner, closing, filters
from reviewloop.output.html.files import Files
from reviewloop.output.html.markup import attributes, data, joined, words
from reviewloop.output.review_report import ReviewReport, Source
from reviewloop.output.review_words import Rules, no_rules

_KEYS = (
    ("j", "next finding"),
    ("k", "previous finding"),
    ("f", "search the text"),
    ("1 2 3", "show or hide a severity"),
    ("o", "open or close all files"),
    ("c", "show all findings again"),
    ("t", "light, dark, or as the system"),
    ("?", "this list"),
)


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the text of the page."""
    drawn = Files(report, source, rules, _anchors(report))
    sections = joined(drawn.draw())
    found = filters(report) if report.findings else ""
    program = _asset("page.js")
    return f"""<!doctype html>
<html lang="en" data-theme="auto">
{_head(report, _asset("page.css"), program)}
<body>
<a class="skip" href="#findings">Skip to the findings</a>
<header class="top">
<h1>Review</h1>
<div class="tools">
<button type="button" id="theme" title="Light, dark, or as the system (t)">Theme: system</button>
<button type="button" id="keys" title="Keys (?)">Keys</button>
</div>
{banner(report)}
</header>
<div class="layout">
<aside aria-label="Filters"><details id="filters" open><summary>Filters</summary>
{found or "<p>No findings to filter.</p>"}
</details></aside>
<main id="findings" tabindex="-1">
<noscript><p class="aside">Filters and folded code need JavaScript.</p></noscript>
<p id="nothing" class="aside" hidden>No finding is left by these filters.</p>
{sections}
<section class="about" aria-label="About this review">
{closing(report)}
</section>
</main>
</div>
<dialog id="help" aria-labelledby="help-title">
<h2 id="help-title">Keys</h2>
<dl>{_keys()}</dl>
<form method="dialog"><button>Close</button></form>
</dialog>
<script type="application/json" id="folded">{data(drawn.folded)}</script>
<script>{program}</script>
</body>
</html>
"""


def _head(report: ReviewReport, style: str, program: str) -> str:
    return f"""<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"{attributes(content=_policy(style, program))}>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="reviewloop {__version__}">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Review of {words(report.what)}</title>
<style>{style}</style>
</head>"""


def _keys() -> str:
    return "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{what}</dd>"
        for keys, what in _KEYS
    )


def _anchors(report: ReviewReport) -> dict[int, str]:
    """Return an anchor for each finding: its id, so that links to it live as long as it does."""
    anchors: dict[int, str] = {}
    taken: set[str] = set()
    for index, finding in enumerate(report.findings):
        anchor = f"f-{re.sub(r'[^0-9A-Za-z]', '', finding.id)}"
        if anchor in taken:
            anchor = f"{anchor}-{index}"
        taken.add(anchor)
        anchors[index] = anchor
    return anchors


def _policy(style: str, program: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(program)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@cache
def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text("utf-8")
