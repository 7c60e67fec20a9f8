"""What a comment about one finding says: the same words for a line, a file and the summary."""

import itertools
import re
from collections.abc import Callable

from reviewloop.domain.finding import Finding
from reviewloop.github.api.model import Comment
from reviewloop.github.comments.finding_data import data_marker, without_data
from reviewloop.github.comments.marker import ANY, finding_marker
from reviewloop.github.comments.untrusted import code, sanitised, sanitised_line, unmarked
from reviewloop.render.review_words import remarks, who
from reviewloop.render.untrusted import fenced, link

LONGEST = 65_000  # characters; GitHub refuses more than 65,536
_CUT = "\n\n_… cut here, because GitHub takes no longer comment._"
_EVIDENCE_SHOWN = 10
_LONGEST_REMARK = {"why": 8000, "fix": 8000, "evidence": 2000, "note": 2000}
_FENCE = re.compile(r"^ {0,3}(`{3,})", re.MULTILINE)


def inline_body(
    finding: Finding,
    *,
    suggestion: str | None = None,
    rule_link: str = "",
    hide: Callable[[str], str] | None = None,
) -> str:
    """Return the comment about a finding, at most `LONGEST` characters, its mark first.

    What is only for us is at its end: e-mails show the beginning of a comment, marks and all.

    `suggestion` are the lines to put in place of those commented on, applied and checked already
    (`Anchors.suggestion`); "" deletes them. With `hide`, which takes secrets out of texts, the
    comment also holds the finding itself, unseen.
    """
    data = data_marker(finding, hide) if hide else ""
    parts = [f"{finding_marker(finding.id)}\n{headline(finding)}", *remark_parts(finding)]
    if suggestion is not None and unmarked(suggestion) == suggestion:
        parts.append(_offered(suggestion))
    parts.append(f"<sub>{_origin(finding, rule_link)}</sub>")
    return clipped("\n\n".join([*parts, *([data] if data else [])]))


def headline(finding: Finding) -> str:
    """Return severity and title."""
    severity = finding.severity
    return f"{severity.mark} **{severity.label}** · {sanitised_line(finding.title)}"


def remark_parts(finding: Finding) -> list[str]:
    """Return why, evidence, fix and note, each as a paragraph."""
    parts = []
    evidence = 0
    for label, text in remarks(finding):
        evidence += label == "evidence"
        if evidence <= _EVIDENCE_SHOWN or label != "evidence":
            said = sanitised(text, _LONGEST_REMARK[label])
            # A list begins on a line of its own.
            gap = "\n\n" if said.startswith("- ") else " "
            parts.append(f"**{label.capitalize()}:**{gap}{said}")
    if evidence > _EVIDENCE_SHOWN:
        parts.append(f"_… and {evidence - _EVIDENCE_SHOWN} more pieces of evidence._")
    return parts


def rule_of(finding: Finding, rule_link: str) -> str:
    """Return the rule of a finding as a link or as code, "" without a rule."""
    return unmarked(link(finding.rule, rule_link)) if finding.rule else ""


def with_note(body: str, note: str) -> str:
    """Return a body with a sentence after the lines of marks that begin it."""
    lines = body.split("\n")
    marks = list(itertools.takewhile(lambda line: line.startswith(ANY), lines))
    return "\n".join([*marks, note, "", *lines[len(marks) :]])


def file_body(comment: Comment) -> str:
    """Return what is said about the file when GitHub refuses the line of a comment.

    It names the lines, and offers nothing to commit, as there is nothing to replace.
    """
    first, last = comment.start_line or comment.line, comment.line
    lines = f"line {last}" if first == last else f"lines {first}–{last}"
    old = " of the old file" if comment.side == "LEFT" else ""
    body = re.sub(r"^(`{3,})suggestion$", r"\1", comment.body, flags=re.MULTILINE)
    return clipped(with_note(body, f"_About {lines}{old}, where GitHub takes no comment._"))


def clipped(body: str, most: int = LONGEST) -> str:
    """Return at most `most` characters of a body: its mark stays, a cut code block is closed.

    What is unseen goes first.
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
    """Return the fence that ends the code block which is open at the end of a text, if any."""
    opened = ""
    for found in _FENCE.finditer(text):
        if not opened:
            opened = found[1]
        elif len(found[1]) >= len(opened):
            opened = ""
    return f"\n{opened}"[:100] if opened else ""


def _offered(lines: str) -> str:
    """Return a block that a person can commit; an empty line in it would be one in the file."""
    block = fenced(lines.removesuffix("\n").split("\n"), "suggestion")
    return block if lines else block.replace("\n\n", "\n")


def _origin(finding: Finding, rule_link: str) -> str:
    parts = [f"Found by {sanitised_line(who(finding))}"]
    if rule := rule_of(finding, rule_link):
        parts.append(rule)
    parts.append(code(finding.id))
    parts.append("wrong or accepted? Reply `reviewloop: dismiss` and the reason")
    return " · ".join(parts)
