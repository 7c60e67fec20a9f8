"""Finds leftovers of a merge, a patch or an editor: files, conflict marks, line endings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from reviewloop.analysis.contract import (
    NIT,
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    PathClass,
    SourceFile,
    Span,
)
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule

_OURS, _MIDDLE, _THEIRS = "<" * 7 + " ", "=" * 7, ">" * 7 + " "
_MARK = regex(rf"^(?:{_OURS}\S[^\r\n]*|{_MIDDLE}|{_THEIRS}\S[^\r\n]*)\r?$", re.MULTILINE)
_FENCE = regex(r"^\s{0,3}(?:```|~~~)", re.MULTILINE)

_CONFLICT_RULE = rule("diff/conflict-marker")


def find_conflicts(file: SourceFile) -> Iterator[Hit]:
    """Yield the conflict marks in a file."""
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
                    _CONFLICT_RULE.id,
                    file.path,
                    Span(first, line),
                    f"The lines {first} to {line} hold both sides of a merge conflict.",
                    NIT if _is_a_case(file) else None,
                    identity=f"conflict at {mark.strip()}",
                )
            first = middle = 0


def _is_shown(file: SourceFile, position: int) -> bool:
    """Whether a document shows the conflict as an example, inside a code fence."""
    if file.language != "markdown":
        return False
    return len(_FENCE.findall(file.text, 0, position)) % 2 == 1


_ABOUT_CONFLICTS = regex(r"conflict|merge", re.IGNORECASE)


def _is_a_case(file: SourceFile) -> bool:
    """Whether a test needs the conflict, as its path says."""
    tested = file.path_class in (PathClass.TEST, PathClass.FIXTURE)
    return tested and _ABOUT_CONFLICTS.search(file.path) is not None


CONFLICTS = FileCheck(
    "conflict markers", (_CONFLICT_RULE,), lambda file: bool(file.text), find_conflicts
)


_ENDINGS_RULE = rule("diff/line-endings")


class _Endings(NamedTuple):
    crlf: int
    lf: int

    @property
    def mixed(self) -> bool:
        return self.crlf > 0 and self.lf > 0


def _endings(text: str) -> _Endings:
    crlf = text.count("\r\n")
    return _Endings(crlf, text.count("\n") - crlf)


def find_changed_line_endings(view: ChangeView) -> Iterator[Hit]:
    """Yield each file whose line endings were changed or mixed."""
    for file in view.files:
        now = _endings(file.text)
        base = None if file.status == "A" else view.read_base(file.path)
        before = _endings(base) if base is not None else None
        if now.mixed and not (before and before.mixed):
            few, many = sorted((now.crlf, now.lf))
            which = "CRLF" if now.crlf < now.lf else "LF"
            message = f"{few} of {few + many} lines end with {which}, the others do not."
        elif before and before.lf > 1 and not before.crlf and now.crlf and not now.lf:
            message = "All line endings were changed from LF to CRLF."
        else:
            continue
        yield Hit(_ENDINGS_RULE.id, file.path, None, message, identity="line endings")


LINE_ENDINGS = ChangeCheck("line endings", (_ENDINGS_RULE,), find_changed_line_endings)


_LEFT = regex(
    r"\.(?:orig|rej|swp|swo)$|[^/]~$|(?:^|/)\.DS_Store$|(?:^|/)Thumbs\.db$"
    r"|_(?:BACKUP|BASE|LOCAL|REMOTE)_\d+\.\w+$|\.(?:BACKUP|BASE|LOCAL|REMOTE)\.\d+\.\w+$"
)
_LEFTOVER_RULE = rule("diff/leftover-file")


def find_leftover_files(view: ChangeView) -> Iterator[Hit]:
    """Yield each added file that a merge or an editor left."""
    for path in view.changed_paths:
        if _LEFT.search(path) and view.read_base(path) is None:
            name = path.rsplit("/", 1)[-1]
            yield Hit(_LEFTOVER_RULE.id, path, None, f"{name} looks left behind, not meant.")


LEFTOVERS = ChangeCheck("leftover files", (_LEFTOVER_RULE,), find_leftover_files)
