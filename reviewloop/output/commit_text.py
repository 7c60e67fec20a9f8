"""Text of models and repositories inside a commit message: it closes, mentions and skips nothing.

Hosts act on what a commit message says: issues are closed, people are told, pipelines left out.
"""

import re
import textwrap

from reviewloop.output.untrusted import one_line, safe

LONGEST = 4000  # characters of what one author wrote
_WIDTH = 72

_REFERENCE = r"(?:[\w.-]+/)*[\w.-]*#\d+|GH-\d+|https?://\S+"
_CLOSING = re.compile(
    r"\b(clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)"
    rf"(:?\s+(?:issues?\s+)?)({_REFERENCE})",
    re.IGNORECASE,
)
_MENTION = re.compile(r"(?<![\w`])@(?=\w)")
_SKIP = re.compile(
    r"\[\s*((?:skip|no)[ _-][\w. -]{1,24}|[\w.-]{1,24}[ _-]skip)\s*\]", re.IGNORECASE
)
_NO_CI = re.compile(r"\*{3}\s*(NO_CI)\s*\*{3}", re.IGNORECASE)
_SMART = re.compile(r"(\b[A-Z][A-Z0-9]+-\d+\b.*?\s)#(?=[a-z])")
# What git, a host or a reader would take for ours: comments, trailers, `Review: ...`, commands.
_LOOKS_OURS = re.compile(r"#|::|[A-Za-z][\w -]{0,40}:( |$)")


def commit_line(text: str) -> str:
    """Return text as one line that no host acts on."""
    return _harmless(one_line(text))


def commit_paragraphs(text: str) -> str:
    """Return a model's text as wrapped paragraphs, at most `LONGEST` characters of it.

    Lines that somebody would take for ours are indented.
    """
    text = safe(text).strip()
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    lines = []
    for part in _harmless(text).split("\n"):
        lines += textwrap.wrap(part, _WIDTH) or [""]
    return "\n".join("  " + part if _LOOKS_OURS.match(part) else part for part in lines)


def _harmless(text: str) -> str:
    text = _CLOSING.sub(r"\1\2(\3)", text)
    text = _SMART.sub(r"\1# ", text)
    text = _SKIP.sub(r"(\1)", _NO_CI.sub(r"\1", text))
    return _MENTION.sub("@ ", text)
