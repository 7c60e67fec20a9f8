"""Fills a template of pull requests: our parts go below the headings that match them."""

import re
from collections.abc import Callable, Mapping

from reviewloop.regex import regex

TEMPLATES = (
    ".github/pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    "pull_request_template.md",
    "PULL_REQUEST_TEMPLATE.md",
    "docs/pull_request_template.md",
    "docs/PULL_REQUEST_TEMPLATE.md",
)
"""Paths where GitHub looks for a template; the first that exists counts."""

LARGEST = 20_000  # characters of a template
_HEADING = regex(r"^#{1,6}\s+(?P<title>.+?)\s*#*\s*$")
_FENCE = regex(r"^\s*(```|~~~)")
# The part, and words in headings that match it; the first match counts.
_ASKS_FOR = (
    ("criteria", r"accept|criteri|requirement|checklist for review"),
    ("evidence", r"test|verif|evidence|quality|coverage|validat|\bqa\b"),
    ("findings", r"finding|risk|known issue|limitation|review note|concern"),
    ("asked", r"why|context|motivation|background|purpose|issue|ticket|task|problem|goal"),
    ("done", r"what|descri|summar|change|overview|implement|solution|detail"),
)


def find_template(read: Callable[[str], bytes | None]) -> str:
    """Return the text of the repository's template, "" without a usable one."""
    found = next((data for path in TEMPLATES if (data := read(path)) is not None), b"")
    return decode_template(found)


def decode_template(data: bytes) -> str:
    """Return the text of a template, "" for one that is empty, too large or no UTF-8."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError:
        return ""
    return text if len(text) <= LARGEST else ""


def fill_template(template: str, parts: Mapping[str, str]) -> str:
    """Return the template with our parts below its headings; parts without a heading follow it.

    Each part is Markdown with a heading of its own, "" for a missing part. Words and checkboxes of
    the template stay: checkboxes are for users to tick.
    """
    left = {name: text for name, text in parts.items() if text}
    lines: list[str] = []
    fence = ""
    for line in template.split("\n"):
        lines.append(line)
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        heading = None if fence else _HEADING.match(line)
        if heading and (name := _part_for(heading["title"], left)):
            lines += ["", without_heading(left.pop(name)), ""]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return "\n\n".join([text, *left.values()])


def without_heading(part: str) -> str:
    """Return a part without its first heading."""
    first, _, rest = part.partition("\n")
    return rest.strip() if _HEADING.match(first) else part


def _part_for(title: str, left: Mapping[str, str]) -> str:
    for name, words in _ASKS_FOR:
        if name in left and re.search(words, title, re.IGNORECASE):
            return name
    return ""
