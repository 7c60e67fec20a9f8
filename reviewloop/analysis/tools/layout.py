"""Lays files out for a tool under neutral names, and maps its output back to the repository."""

import re
import secrets
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from reviewloop.analysis.contract import SourceFile, Span
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_LONE_CR = regex(r"\r(?!\n)")
_CR_ENDS_LINES = {"python", "javascript", "typescript", "tsx", "github-workflow", "github-action"}
_ROW_BREAKS = str.maketrans(dict.fromkeys("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", " "))
_KEPT_NAMES = {"__init__.py", "__main__.py", "conftest.py", "pyproject.toml"}
_NAMES = {
    "dockerfile": "Dockerfile",
    "github-workflow": ".github/workflows/workflow",
    "github-action": "action",
    "dependabot": ".github/dependabot",
}
_SUFFIXES = {
    "python": (".py", ".pyi"),
    "shell": (".sh", ".bash"),
    "dockerfile": ("",),
    "cloudformation": (".yaml", ".yml", ".json"),
    "github-workflow": (".yml", ".yaml"),
    "github-action": (".yml", ".yaml"),
    "dependabot": (".yml", ".yaml"),
}


@dataclass(frozen=True)
class LaidFile:
    """One file as the tool sees it."""

    file: SourceFile
    path: Path
    text: str  # rows end with LF only
    # Per row: line, and characters before it; none: unchanged.
    rows: tuple[tuple[int, int], ...] = ()

    @cached_property
    def lines(self) -> list[str]:
        """The rows of the text, without their LF."""
        return self.text.split("\n")

    def span(self, line: int, end_line: int = 0, column: int = 0, end_column: int = 0) -> Span:
        """Return a tool's location as a span inside the file; columns are 0 where they make none.

        `line` and `column` are 1-based, columns in characters, the end exclusive.
        """
        count = len(self.lines)
        if count > 1 and not self.lines[-1]:
            count -= 1  # the text after the last LF is no line
        line = min(max(line, 1), count)
        end_line = min(max(end_line, line), count)
        column = min(max(column, 0), len(self.lines[line - 1]) + 1)
        end_column = min(max(end_column, 0), len(self.lines[end_line - 1]) + 1)
        if self.rows:
            (line, before), (end_line, end_before) = self.rows[line - 1], self.rows[end_line - 1]
            column += before if column else 0
            end_column += end_before if end_column else 0
        if not column or not end_column or (line == end_line and end_column <= column):
            return Span(line, end_line)
        return Span(line, end_line, column, end_column)

    def characters(self, line: int, offset: int, encoding: str = "utf-8") -> int:
        """Return the 1-based column of a 0-based offset in code units of an encoding."""
        lines = self.lines
        if not 1 <= line <= len(lines):
            return 0
        width = 2 if encoding == "utf-16-le" else 1
        raw = lines[line - 1].encode(encoding, "replace")[: max(offset, 0) * width]
        return len(raw.decode(encoding, "ignore")) + 1


@dataclass(frozen=True)
class Laid:
    """Files laid out in one folder, each in a numbered folder of its own."""

    folder: Path
    files: tuple[LaidFile, ...]

    @cached_property
    def _location(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.folder.name) + r"[/\\](\d{1,9})[/\\]")

    def find(self, named: str) -> LaidFile | None:
        """Return the file in a tool's output: by absolute or relative path or by file URL."""
        found = self._location.search(named)
        number = int(found.group(1)) if found else -1
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> dict[int, LaidFile]:
        skip = len(self.folder.parts)
        return {int(one.path.parts[skip]): one for one in self.files}

    def only(self, files: Sequence[LaidFile]) -> "Laid":
        """Return the same layout with fewer files."""
        return Laid(self.folder, tuple(files))


def lay_out(files: Sequence[SourceFile], parent: Path) -> Laid:
    """Write the files below a new folder in `parent` and return where they are."""
    folder = parent / f"code-{secrets.token_hex(6)}"
    laid = []
    for number, file in enumerate(files):
        path = folder / str(number) / neutral_name(file)
        path.parent.mkdir(parents=True, mode=0o700)
        text, rows = _with_rows(file)
        path.write_bytes(text.encode("utf-8", "replace"))
        laid.append(LaidFile(file, path, text, rows))
    return Laid(folder, tuple(laid))


def neutral_name(file: SourceFile) -> str:
    """Return a file's name for the tool: only parts that affect the tool are kept of the real
    one.
    """
    name = PurePosixPath(file.path).name
    if name in _KEPT_NAMES:
        return name
    suffix = PurePosixPath(name).suffix.lower()
    known = _SUFFIXES.get(file.language)
    if known is not None:
        suffix = suffix if suffix in known else known[0]
    elif not re.fullmatch(r"\.[a-z0-9]{1,12}", suffix):
        suffix = ""
    return _NAMES.get(file.language, "source") + suffix


def _with_rows(file: SourceFile) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the text with rows that end with LF only, and the rows' positions in the file."""
    text = file.text
    if file.language != "python":  # a form feed may come before code and ends no row
        text = text.translate(_ROW_BREAKS)
    if not _LONE_CR.search(text):
        return text, ()
    if file.language not in _CR_ENDS_LINES:
        return _LONE_CR.sub(" ", text), ()
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        before = 0
        for piece in _LONE_CR.split(line.removesuffix("\r")):
            rows.append((number, before))
            before += len(piece) + 1
    return _LONE_CR.sub("\n", text), tuple(rows)
