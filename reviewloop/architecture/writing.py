"""Writes an architecture as a file for users to read and edit."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from reviewloop.architecture.model import Architecture, Style
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_WIDTH = 100
_PATTERN = "# The pattern: "
_COMMENT = regex(r"""(?P<code>(?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*')*)(?P<comment>\#.*)?""")
_TOP = "# Top first: a layer may import those below it; `a | b` do not import each other."
_HEAD = (
    "# What may import what, where files live, how they are named; docs/architecture-rules.md of",
    "# reviewloop explains it. `reviewloop arch check` compares the code with it.",
)


def as_toml(architecture: Architecture, head: Iterable[str] = ()) -> str:
    """Return the text of the file: the same architecture gives the same bytes."""
    parts = ["\n".join([*_HEAD, *(f"# {line}" for line in head)])]
    parts += _layers(architecture)
    for slices in architecture.slices:
        rows = [f"name = {_text(slices.name)}", f"paths = {_list(slices.paths)}"]
        rows += [f"may_import = {_list(slices.may_import)}"] if slices.may_import else []
        parts.append("\n".join(["[[slices]]", *rows]))
    for kind in architecture.kinds:
        rows = [f"name = {_text(kind.name)}", f"files = {_list(kind.files)}"]
        parts.append("\n".join(["[[kinds]]", *rows, f"folders = {_list(kind.folders)}"]))
    parts += _styles(architecture)
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Line:
    """A line of the file: the table or key that it starts, "" for none, and its comment."""

    text: str
    key: str
    comment: str

    @property
    def is_own(self) -> bool:
        """Whether a user wrote the comment."""
        return bool(self.comment) and not (
            self.comment in {*_HEAD, _TOP} or self.comment.startswith(_PATTERN)
        )


def keep_comments(text: str, before: str) -> str:
    """Return the text of the file with the users' comments of the previous one.

    Each stays with its key or table; comments at the head, or without their key, go to the head.
    """
    head: list[str] = []
    above: dict[str, list[str]] = {}
    behind: dict[str, str] = {}
    pending: list[str] = []
    key = ""
    for line in _lines(before):
        if line.key:
            key = line.key
            above[key], pending = pending, []
        alone = line.text.lstrip().startswith("#")
        if line.is_own and line.key:
            behind[key] = line.comment
        elif line.is_own:
            (pending if alone else above[key] if key else head).append(line.comment)
        elif not line.text.strip() and not key:
            head, pending = [*head, *pending], []
    tail, found = pending, []
    for line in _lines(text):
        found += above.pop(line.key, [])
        note = behind.pop(line.key, "")
        is_whole = not line.text.endswith("[")
        found += [note] if note and not is_whole else []
        found.append(f"{line.text}  {note}" if note and is_whole else line.text)
    head += [note for notes in above.values() for note in notes] + list(behind.values())
    if head:
        at = found.index("") if "" in found else len(found)
        found[at:at] = ["", *head]
    return "\n".join([*found, *(["", *tail] if tail else [])]) + "\n"


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines of the file; a key includes the name of its table."""
    table, tables = "", Counter[str]()
    for line in text.splitlines():
        match = _COMMENT.match(line)
        code, comment = (match["code"].strip(), match["comment"] or "") if match else (line, "")
        name, _, value = code.partition("=")
        key = ""
        if code.startswith("[") and code.endswith("]") and not code.startswith('["'):
            tables[code] += 1
            key = table = f"{code} {tables[code]}"
        elif value and re.fullmatch(r"[\w.-]+", name.strip()):
            key = f"{table} {name.strip()}"
        yield _Line(line, key, comment.strip())


def _layers(architecture: Architecture) -> Iterator[str]:
    if architecture.decisions:
        yield f"decisions = {_list(architecture.decisions)}"
    if architecture.diagram:
        yield f"diagram = {_text(architecture.diagram)}"
    if not architecture.layers:
        return
    levels = [" | ".join(level) for level in architecture.levels]
    yield f"{_TOP}\nlayers = {_list(levels)}"
    for layer in architecture.layers:
        rows = [f"[layer.{layer.name}]", f"paths = {_list(layer.paths)}"]
        if not layer.by_order:
            rows.append(f"may_import = {_list(layer.may_import)}")
        if layer.forbidden:
            rows.append(f"forbidden = {_list(layer.forbidden)}")
        yield "\n".join(rows)


def _styles(architecture: Architecture) -> Iterator[str]:
    rows = _style(architecture.styles.get("", Style()))
    if architecture.required:
        rows.append(f"required_layers = {_list(architecture.required)}")
    if rows:
        yield "\n".join(["[style]", *rows])
    for language, style in architecture.styles.items():
        if language and (own := _style(style)):
            yield "\n".join([f"[style.{language}]", *own])


def _style(style: Style) -> list[str]:
    indent = style.indent if isinstance(style.indent, int) else _text(style.indent)
    keys = {"file_case": _text(style.file_case), "variable_case": _text(style.variable_case)}
    rows = [f"{key} = {value}" for key, value in keys.items() if value != '""']
    return [*rows, f"indent = {indent}"] if style.indent else rows


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    written = [_text(value) for value in values]
    line = f"[{', '.join(written)}]"
    if len(line) < _WIDTH:
        return line
    return "[\n" + "".join(f"    {value},\n" for value in written) + "]"
