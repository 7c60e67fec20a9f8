"""Writes an architecture as the file that people read and edit."""

import json
from collections.abc import Iterable, Iterator

from reviewloop.architecture.model import Architecture, Style

_WIDTH = 100
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


def _layers(architecture: Architecture) -> Iterator[str]:
    if architecture.diagram:
        yield f"diagram = {_text(architecture.diagram)}"
    if not architecture.layers:
        return
    levels = [" | ".join(level) for level in architecture.levels]
    yield (
        "# Top first: a layer may import those below it; `a | b` do not import each other.\n"
        f"layers = {_list(levels)}"
    )
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
