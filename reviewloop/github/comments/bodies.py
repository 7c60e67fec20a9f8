"""The text of a comment about a finding, with untrusted text made safe for GitHub."""

import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

from reviewloop.analysis.rule_book import rule_of
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.model import Comment
from reviewloop.github.comments.marker import (
    ANY,
    data_marker,
    finding_from,
    finding_marker,
    without_data,
)
from reviewloop.regex import regex
from reviewloop.render import untrusted
from reviewloop.render.code_view import visible
from reviewloop.render.review_words import remarks, who
from reviewloop.render.untrusted import fenced, link, safe

_MARK = regex(r"<!--+(?=\s*reviewloop)", re.IGNORECASE)
_ORDER = regex(r"(reviewloop)(?=\s*:)", re.IGNORECASE)
_ITEM = regex(r"[-*+] +(?=\S)")
_SPAN = regex(r"(?<!`)(`{1,2})(?!`)([^`]+)(?<!`)\1(?!`)")
_BREAK = "\u200b"  # zero width: breaks a command for programs, invisible to people


def sanitise(text: str, most: int = 8000) -> str:
    """Return an untrusted text as Markdown that formats nothing but lists and `code`.

    It cannot mention, link, load an image, close an issue, give a command or pass for our mark. A
    text of more than `most` characters is cut, with a sign.
    """
    text = safe(text).strip()
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    return "\n".join(_line(line) for line in text.split("\n"))


def sanitise_line(text: str, most: int = 1000) -> str:
    """Return an untrusted text on one line, fit for a list or a table."""
    return sanitise(" ".join(safe(text).split()), most)


def code(text: str) -> str:
    """Return an untrusted text as inline code; "" for nothing."""
    return break_marks(untrusted.code(text))


def break_marks(text: str) -> str:
    """Return the text with all that looks like one of our marks broken, for use inside code."""
    return _MARK.sub("<!- -", text)


def in_workflow_log(lines: Iterable[str], token: str = "") -> str:
    """Return untrusted text for the log of a workflow, where no command in it is run.

    `token` switches commands on again; by default 128 random bits, which nobody can guess.
    """
    token = token or secrets.token_hex(16)
    shown = [safe(line).replace(token, "***") for line in lines]
    return "\n".join([f"::stop-commands::{token}", *shown, f"::{token}::"])


def _line(line: str) -> str:
    line = break_marks(line.strip())
    item = _ITEM.match(line)
    start, rest = ("- ", line[item.end() :]) if item else ("", line)
    pieces, at = [], 0
    for span in _SPAN.finditer(rest):
        pieces += [_words(rest[at : span.start()], first=at == 0), code(span[2])]
        at = span.end()
    pieces.append(_words(rest[at:], first=at == 0))
    return start + "".join(pieces)


def _words(text: str, *, first: bool) -> str:
    """Return words unchanged, with the space around them."""
    if not text.strip():
        return " " if text else ""
    before = " " if text[0].isspace() and not first else ""
    after = " " if text[-1].isspace() else ""
    shown = _ORDER.sub(r"\1" + _BREAK, untrusted.plain(text))
    if first and shown.startswith("/"):
        # Other bots obey a slash at the start of a line, whoever wrote it.
        shown = "&#47;" + shown[1:]
    return before + shown + after


_NAMED_ITEM = regex(r"- (?P<said>.+) · `(?P<name>[0-9a-f]{12})`(?::.*)?")
_ORIGIN = regex(r".+ · `(?P<name>[0-9a-f]{12})`")
_HEADING = regex(r"### \S+ \*\*[a-z ]+\*\* · (?P<title>.+)")
_RULE = regex(r" · \[?`.*")
_LOCATION = regex(r"(?:\S )?(`+.+?`+) · ")


def finding_in(roots: Sequence[ReviewComment]) -> Finding | None:
    """Return the finding that our comments about it hold, None without one."""
    return finding_from(roots[-1].body) if roots else None


def finding_line(
    name: str, entry: Mapping[str, object], finding: Finding | None = None, heading: str = ""
) -> str:
    """Return severity, title, location and id of a finding as one line of Markdown.

    `entry` is what the state remembers of it (`marker.Entry`), `finding` the one in its comment,
    `heading` its title and location in a summary of ours (`headings_in`), as Markdown.
    """
    severity = Severity(str(entry.get("severity", Severity.SHOULD_FIX)))
    if finding or not heading:
        heading = f"{_title(entry, finding)} ({_location(entry, finding)})"
    return f"{severity.mark} {heading}, {code(name)}"


def headings_in(bodies: Iterable[str]) -> dict[str, str]:
    """Return title and location of the findings listed in our own summaries, by fingerprint.

    That text was made safe when it was written.
    """
    found: dict[str, str] = {}
    for body in bodies:
        title = ""
        for line in body.replace("\r\n", "\n").split("\n"):
            if heading := _HEADING.fullmatch(line):
                title = heading["title"]
            elif title and (origin := _ORIGIN.fullmatch(line)):
                found.setdefault(origin["name"], _name_words(line, title))
                title = ""
            elif item := _NAMED_ITEM.fullmatch(line):
                found.setdefault(item["name"], _name_words(item["said"]))
    return found


def _name_words(line: str, title: str = "") -> str:
    """Return title and location from `LOCATION · TITLE · RULE`, with `title` if given."""
    located = _LOCATION.match(line)
    if located is None:
        return title
    title = title or _RULE.sub("", line[located.end() :])
    return f"{title} ({located[1]})"


def _title(entry: Mapping[str, object], finding: Finding | None) -> str:
    if finding:
        return sanitise_line(finding.title)
    by = str(entry.get("by", ""))
    if rule := rule_of(by):
        return sanitise_line(rule.title)
    return f"found by {sanitise_line(by.replace(',', ', '))}" if by else "a finding"


def _location(entry: Mapping[str, object], finding: Finding | None) -> str:
    path = visible(str(entry.get("path", "")))
    line = finding.line if finding else None
    return code(f"{path}:{line}" if line and path else path) or "the change as a whole"


LONGEST = 65_000  # characters; GitHub refuses more than 65,536
_CUT = "\n\n_… cut here, because GitHub takes no longer comment._"
_EVIDENCE_SHOWN = 10
_LONGEST_REMARK = {"why": 8000, "fix": 8000, "evidence": 2000, "note": 2000}
_FENCE = regex(r"^ {0,3}(`{3,})", re.MULTILINE)


def inline_body(
    finding: Finding,
    *,
    suggestion: str | None = None,
    rule_link: str = "",
    redact: Callable[[str], str] | None = None,
) -> str:
    """Return the comment about a finding, at most `LONGEST` characters, its marker first.

    Data for the next run is at its end: e-mails show the beginning of a comment with its markers.
    `suggestion` is the checked replacement of the lines commented on (`Anchors.suggestion`); ""
    deletes them. With `redact`, which takes secrets out of texts, the comment also holds the
    finding itself as hidden data.
    """
    data = data_marker(finding, redact) if redact else ""
    parts = [f"{finding_marker(finding.id)}\n{headline(finding)}", *remark_parts(finding)]
    if suggestion is not None and break_marks(suggestion) == suggestion:
        parts.append(_offered(suggestion))
    parts.append(f"<sub>{_origin(finding, rule_link)}</sub>")
    return clip_body("\n\n".join([*parts, *([data] if data else [])]))


def headline(finding: Finding) -> str:
    """Return severity and title."""
    severity = finding.severity
    return f"{severity.mark} **{severity.label}** · {sanitise_line(finding.title)}"


def remark_parts(finding: Finding) -> list[str]:
    """Return why, evidence, fix and note, each as a paragraph."""
    parts = []
    evidence = 0
    for label, text in remarks(finding):
        evidence += label == "evidence"
        if evidence <= _EVIDENCE_SHOWN or label != "evidence":
            remark = sanitise(text, _LONGEST_REMARK[label])
            # A list begins on a line of its own.
            gap = "\n\n" if remark.startswith("- ") else " "
            parts.append(f"**{label.capitalize()}:**{gap}{remark}")
    if evidence > _EVIDENCE_SHOWN:
        parts.append(f"_… and {evidence - _EVIDENCE_SHOWN} more pieces of evidence._")
    return parts


def rule_words(finding: Finding, rule_link: str) -> str:
    """Return the rule of a finding as a link or as code, "" without a rule."""
    return break_marks(link(finding.rule, rule_link)) if finding.rule else ""


def with_note(body: str, note: str) -> str:
    """Insert a sentence after the marker lines at the start of a body."""
    lines = body.split("\n")
    marks = list(itertools.takewhile(lambda line: line.startswith(ANY), lines))
    return "\n".join([*marks, note, "", *lines[len(marks) :]])


def file_body(comment: Comment) -> str:
    """Return the comment on a file, used where GitHub refuses the line of a comment.

    It names the lines, and has no suggestion, as it has no lines to replace.
    """
    first, last = comment.start_line or comment.line, comment.line
    lines = f"line {last}" if first == last else f"lines {first}–{last}"
    old = " of the old file" if comment.side == "LEFT" else ""
    body = re.sub(r"^(`{3,})suggestion$", r"\1", comment.body, flags=re.MULTILINE)
    return clip_body(with_note(body, f"_About {lines}{old}, where GitHub takes no comment._"))


def clip_body(body: str, most: int = LONGEST) -> str:
    """Return at most `most` characters of a body: its marker stays, a cut code block is closed.

    Hidden data is cut first.
    """
    if len(body) > most:
        body = without_data(body)
    if len(body) <= most:
        return body
    kept = body[: most - len(_CUT) - 120]
    newline = kept.rfind("\n")
    kept = kept[:newline] if newline > most // 2 else kept
    return kept + _closing(kept) + _CUT


def _closing(text: str) -> str:
    """Return the fence that closes the code block left open at the end of a text, "" for none."""
    opened = ""
    for found in _FENCE.finditer(text):
        if not opened:
            opened = found[1]
        elif len(found[1]) >= len(opened):
            opened = ""
    return f"\n{opened}"[:100] if opened else ""


def _offered(lines: str) -> str:
    """Return a suggestion block; an empty line in it would be an empty line in the file."""
    block = fenced(lines.removesuffix("\n").split("\n"), "suggestion")
    return block if lines else block.replace("\n\n", "\n")


def _origin(finding: Finding, rule_link: str) -> str:
    parts = [f"Found by {sanitise_line(who(finding))}"]
    if rule := rule_words(finding, rule_link):
        parts.append(rule)
    parts.append(code(finding.id))
    parts.append("wrong or accepted? Reply `reviewloop: dismiss` and the reason")
    return " · ".join(parts)
