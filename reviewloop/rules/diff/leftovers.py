"""Finds what a merge, a patch or an editor leaves behind: files, conflict marks, line endings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from reviewloop.analysis.contract import (
    MAINTAINABILITY,
    MUST,
    NIT,
    SHOULD,
    ChangeCheck,
    ChangeView,
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

_CONFLICT_RULE = Rule(
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


def _check_conflicts(file: SourceFile) -> Iterator[Hit]:
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
                    identity=f"conflict at {mark.strip()}",
                )
            first = middle = 0


def _is_shown(file: SourceFile, position: int) -> bool:
    """Whether a document shows the conflict as an example, between fences."""
    if file.language != "markdown":
        return False
    return len(_FENCE.findall(file.text, 0, position)) % 2 == 1


CONFLICTS = FileCheck(
    "conflict markers", (_CONFLICT_RULE,), lambda file: bool(file.text), _check_conflicts
)


_ENDINGS_RULE = Rule(
    id="diff/line-endings",
    reviewer=MAINTAINABILITY,
    severity=NIT,
    title="Line endings were changed or mixed",
    why="Every line counts as changed although none was: the real change is lost among them, and "
    "scripts with carriage returns do not run on Unix.",
    fix="Keep the endings that the file had; `* text=auto` in `.gitattributes` settles it for all.",
    category="formatting",
    source="https://git-scm.com/docs/gitattributes#_end_of_line_conversion",
    in_tests=True,
    in_examples=True,
)


class _Endings(NamedTuple):
    crlf: int
    lf: int

    @property
    def mixed(self) -> bool:
        return self.crlf > 0 and self.lf > 0


def _endings(text: str) -> _Endings:
    crlf = text.count("\r\n")
    return _Endings(crlf, text.count("\n") - crlf)


def _check_endings(view: ChangeView) -> Iterator[Hit]:
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


LINE_ENDINGS = ChangeCheck("line endings", (_ENDINGS_RULE,), _check_endings)


_LEFT = re.compile(
    r"\.(?:orig|rej|swp|swo)$|[^/]~$|(?:^|/)\.DS_Store$|(?:^|/)Thumbs\.db$"
    r"|_(?:BACKUP|BASE|LOCAL|REMOTE)_\d+\.\w+$|\.(?:BACKUP|BASE|LOCAL|REMOTE)\.\d+\.\w+$"
)
_LEFTOVER_RULE = Rule(
    id="diff/leftover-file",
    reviewer=MAINTAINABILITY,
    severity=SHOULD,
    title="A file that a merge, a patch or an editor left behind is added",
    why="It is a stale copy: searches find it, and a rejected hunk says that a part of a patch "
    "was never applied.",
    fix="Apply what is missing, delete the file, and let `.gitignore` name its kind.",
    category="leftover",
    source="https://git-scm.com/docs/git-mergetool#_temporary_files",
)


def _check_leftovers(view: ChangeView) -> Iterator[Hit]:
    for path in view.changed_paths:
        if _LEFT.search(path) and view.read_base(path) is None:
            name = path.rsplit("/", 1)[-1]
            yield Hit(_LEFTOVER_RULE.id, path, None, f"{name} looks left behind, not meant.")


LEFTOVERS = ChangeCheck("leftover files", (_LEFTOVER_RULE,), _check_leftovers)
