"""Names a finding to people: its title, place and id, from wherever they are still known."""

import re
from collections.abc import Iterable, Mapping, Sequence

from reviewloop.analysis.book import rule_of
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.comments.finding_data import finding_from
from reviewloop.github.comments.untrusted import code, sanitised_line
from reviewloop.render.code_view import visible

_ITEM = re.compile(r"- (?P<said>.+) · `(?P<name>[0-9a-f]{12})`(?::.*)?")
_ORIGIN = re.compile(r".+ · `(?P<name>[0-9a-f]{12})`")
_HEADING = re.compile(r"### \S+ \*\*[a-z ]+\*\* · (?P<title>.+)")
_RULE = re.compile(r" · \[?`.*")
_PLACE = re.compile(r"(?:\S )?(`+.+?`+) · ")


def finding_in(roots: Sequence[ReviewComment]) -> Finding | None:
    """Return the finding that our comments about it hold, if any does."""
    return finding_from(roots[-1].body) if roots else None


def named(
    name: str, entry: Mapping[str, object], finding: Finding | None = None, told: str = ""
) -> str:
    """Return severity, title, place and id of a finding as one line of Markdown.

    `entry` is what is remembered of it (`stored.Entry`), `finding` what its comment holds, `told`
    the title and place that a summary of ours gave (`told_in`), as Markdown.
    """
    severity = Severity(str(entry.get("severity", Severity.SHOULD_FIX)))
    if finding or not told:
        told = f"{_title(entry, finding)} ({_place(entry, finding)})"
    return f"{severity.mark} {told}, {code(name)}"


def told_in(bodies: Iterable[str]) -> dict[str, str]:
    """Return title and place of the findings that our own summaries tell, by fingerprint.

    What stands there was made safe when it was written.
    """
    found: dict[str, str] = {}
    for body in bodies:
        title = ""
        for line in body.replace("\r\n", "\n").split("\n"):
            if heading := _HEADING.fullmatch(line):
                title = heading["title"]
            elif title and (origin := _ORIGIN.fullmatch(line)):
                found.setdefault(origin["name"], _words(line, title))
                title = ""
            elif item := _ITEM.fullmatch(line):
                found.setdefault(item["name"], _words(item["said"]))
    return found


def _words(line: str, title: str = "") -> str:
    """Return title and place from `PLACE · TITLE · RULE`; where there is a title, it is that."""
    place = _PLACE.match(line)
    if place is None:
        return title
    title = title or _RULE.sub("", line[place.end() :])
    return f"{title} ({place[1]})"


def _title(entry: Mapping[str, object], finding: Finding | None) -> str:
    if finding:
        return sanitised_line(finding.title)
    by = str(entry.get("by", ""))
    if rule := rule_of(by):
        return sanitised_line(rule.title)
    return f"found by {sanitised_line(by.replace(',', ', '))}" if by else "a finding"


def _place(entry: Mapping[str, object], finding: Finding | None) -> str:
    path = visible(str(entry.get("path", "")))
    line = finding.line if finding else None
    return code(f"{path}:{line}" if line and path else path) or "the change as a whole"
