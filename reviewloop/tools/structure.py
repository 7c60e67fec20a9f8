"""The code tool: outlines, definitions and uses of symbols, in many languages."""

import re
from collections.abc import Iterable

from reviewloop.analysis.outline import Symbol, outline
from reviewloop.domain.errors import WorkspaceError
from reviewloop.tools.arguments import CallRefusedError, Code, Output, shown_name
from reviewloop.tools.reading import (
    ReadableTree,
    decode,
    file_at,
    is_binary,
    plain_path,
    search,
    text_of,
)

_MOST_FILES = 40  # files to parse in one call
_MOST_SYMBOLS = 300
_MOST_LINES = 2000  # of a search for files that mention a name
_LARGEST = 1_000_000  # bytes; generated files beyond this are not parsed


def code(tree: ReadableTree, args: Code) -> Output:
    """Answer one of the three queries about structure."""
    path = plain_path(args.path)
    if args.operation == "outline":
        return _outline(tree, path)
    name = args.name.strip()
    if not name or "\n" in name:
        raise CallRefusedError(f"{args.operation} needs the name of one symbol")
    if path:
        file_at(tree.reader, path)
    if args.operation == "references":
        return _references(tree, name, path)
    return _symbols(tree, name, path)


def _outline(tree: ReadableTree, path: str) -> Output:
    entry = file_at(tree.reader, path)
    if entry is None:
        return _folder_outline(tree, path)
    symbols = outline(path, text_of(tree, path, entry.size))
    name = shown_name(path)
    if not symbols:
        return Output(f"no outline for {name}: read it with fs_read")
    note = f"outline of {name}"
    if len(symbols) > _MOST_SYMBOLS:
        note += f", the first {_MOST_SYMBOLS} of {len(symbols)} symbols"
    return Output(note, "\n".join(_line(s) for s in symbols[:_MOST_SYMBOLS]), "outline")


def _folder_outline(tree: ReadableTree, path: str) -> Output:
    prefix = f"{path}/" if path else ""
    files = [e.path for e in tree.reader.entries() if e.path.startswith(prefix)]
    parts = []
    for file in files:
        top = [symbol for symbol in _parsed(tree, file) if "." not in symbol.name]
        if top:
            parts.append("\n".join([shown_name(file), *(f"  {_line(s)}" for s in top)]))
        if len(parts) == _MOST_FILES:
            break
    note = f"top-level symbols of {len(parts)} files in {shown_name(path) or '(root)'}"
    if len(parts) == _MOST_FILES:
        note += "; there may be more, ask for a smaller folder"
    return Output(note, "\n".join(parts), "outline")


def _symbols(tree: ReadableTree, name: str, path: str) -> Output:
    """Return definitions with exactly this name; else those whose name contains it."""
    last = re.split(r"\.|::|#", name)[-1] or name
    files = _files_with(tree, last, path, ignore_case=False)
    found = [(f, s) for f in files for s in _parsed(tree, f) if _is_called(s, name)]
    note = f"defined at {len(found)} place{'s' if len(found) > 1 else ''}"
    if not found:
        files = _files_with(tree, last, path, ignore_case=True)
        sought = last.casefold()
        found = [
            (f, s)
            for f in files
            for s in _parsed(tree, f)
            if sought in re.split(r"\.|::", s.name)[-1].casefold()
        ]
        note = f"no definition of exactly this name; {len(found)} similar"
    if not found:
        return Output("no definition found; try grep")
    lines = [f"{shown_name(f)}:{_line(s)}" for f, s in found[:_MOST_SYMBOLS]]
    return Output(note, "\n".join(lines), "symbols")


def _references(tree: ReadableTree, name: str, path: str) -> Output:
    last = re.split(r"\.|::|#", name)[-1] or name
    paths = [path] if path else []
    if re.fullmatch(r"\w+", last):
        return search(tree, rf"\b{last}\b", paths)
    return search(tree, last, paths, fixed=True)


def _files_with(tree: ReadableTree, text: str, path: str, *, ignore_case: bool) -> Iterable[str]:
    try:
        hits = tree.reader.grep(
            text,
            paths=[path] if path else [],
            ignore_case=ignore_case,
            fixed=True,
            limit=_MOST_LINES,
        )
    except WorkspaceError as error:
        raise CallRefusedError(f"the search failed: {error}") from None
    return list(dict.fromkeys(hit.path for hit in hits))[:_MOST_FILES]


def _parsed(tree: ReadableTree, path: str) -> list[Symbol]:
    entry = tree.reader.entry(path)
    if entry is None or entry.kind not in ("file", "executable") or entry.size > _LARGEST:
        return []
    data = tree.reader.read(path) or b""
    return [] if is_binary(data) else outline(path, decode(data))


def _is_called(symbol: Symbol, name: str) -> bool:
    plain = name.replace("::", ".").replace("#", ".")
    own = symbol.name.replace("::", ".")
    return own == plain or own.endswith(f".{plain}")


def _line(symbol: Symbol) -> str:
    span = f"{symbol.line}-{symbol.end_line}" if symbol.end_line > symbol.line else f"{symbol.line}"
    return f"{span}: {symbol.kind} {symbol.name}  {symbol.signature}".rstrip()
