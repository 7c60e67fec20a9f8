"""Finds the marks that an unfinished merge leaves in a file."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    MAINTAINABILITY,
    MUST,
    Example,
    FileCheck,
    Hit,
    Rule,
    SourceFile,
    Span,
)

_OURS, _MIDDLE, _THEIRS = "<" * 7 + " ", "=" * 7, ">" * 7 + " "
_MARK = re.compile(rf"^(?:{_OURS}\S[^\r\n]*|{_MIDDLE}|{_THEIRS}\S[^\r\n]*)\r?$", re.MULTILINE)
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)", re.MULTILINE)

_RULE = Rule(
    id="diff/conflict-marker",
    reviewer=MAINTAINABILITY,
    severity=MUST,
    title="A merge conflict is left unresolved",
    why="Both versions stand in the file, and the marks between them are no code: whatever reads "
    "the file fails, or takes text for data.",
    fix="Decide for one version, or write what serves both, and delete the marks.",
    category="leftover",
    source="https://git-scm.com/docs/git-merge#_how_conflicts_are_presented",
    in_tests=True,
    in_examples=True,
    hard=True,
    bad=(
        Example(
            "app.py",
            "\n".join(("x = 1", f"{_OURS}HEAD", "y = 2", _MIDDLE, "y = 3", f"{_THEIRS}topic", "")),
        ),
    ),
    good=(
        Example("notes.md", f"Title\n{_MIDDLE}\n\ntext\n"),
        Example("guide.rst", f"A title\n{_MIDDLE}\n\nSee below.\n"),
        Example("guide.md", f"```\n{_OURS}HEAD\na\n{_MIDDLE}\nb\n{_THEIRS}topic\n```\n"),
    ),
)


def _run(file: SourceFile) -> Iterator[Hit]:
    if _OURS not in file.text or _THEIRS not in file.text:
        return
    first = middle = 0
    line = 1
    position = 0
    for match in _MARK.finditer(file.text):
        line += file.text.count("\n", position, match.start())
        position = match.start()
        mark = match.group()
        if mark.startswith("<"):
            first, middle = line, 0
        elif mark.startswith("="):
            middle = line if first else 0
        elif first and middle:
            if not _is_shown(file, position):
                yield Hit(
                    _RULE.id,
                    file.path,
                    Span(first, line),
                    f"The lines {first} to {line} hold both sides of a merge conflict.",
                    identity=f"conflict at {mark.strip()}",
                )
            first = middle = 0


def _is_shown(file: SourceFile, position: int) -> bool:
    """Whether a document shows the conflict as an example, between fences."""
    if file.language != "markdown":
        return False
    return len(_FENCE.findall(file.text, 0, position)) % 2 == 1


CONFLICTS = FileCheck("conflict markers", (_RULE,), lambda file: bool(file.text), _run)
