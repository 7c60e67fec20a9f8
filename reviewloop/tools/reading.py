"""fs_read, grep and glob: resolve paths, search, and read files page by page."""

import difflib
from collections.abc import Callable, Collection
from pathlib import PurePosixPath

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.objects import FileEntry, TreeReader
from reviewloop.tools.arguments import (
    CallRefusedError,
    Glob,
    Grep,
    Output,
    Read,
    ReadOperation,
    shown_name,
)

_SNIFFED = 8000  # bytes; git's own measure of what is text


def is_binary(data: bytes) -> bool:
    """Whether git would call these bytes binary."""
    return b"\0" in data[:_SNIFFED]


def decode(data: bytes) -> str:
    """Decode UTF-8; other bytes become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Encode a text; the inverse of `decode`."""
    return text.encode("utf-8", "surrogateescape")


def lines_of(text: str) -> list[str]:
    """Return the lines, split at LF only, without their ends; a final LF starts no line."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def newline_of(text: str) -> str:
    """Return the line end of most lines."""
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def with_newline(text: str, newline: str) -> str:
    """Return the text with this line end everywhere."""
    plain = text.replace("\r\n", "\n")
    return plain if newline == "\n" else plain.replace("\n", newline)


def numbered(lines: list[str], first: int, width: int = 2000) -> str:
    """Return the lines with their numbers before a tab; very long lines are cut with a note."""
    return "\n".join(f"{number}\t{cut(line, width)}" for number, line in enumerate(lines, first))


def cut(line: str, width: int) -> str:
    """Return the line, or its start and its length."""
    if len(line) <= width:
        return line
    return f"{line[:width]} … [{len(line):,} characters in this line]"


_NAMED = 5  # similar paths offered
_COMPARED = 20_000  # files; in larger trees similar names are not searched


def plain_path(path: str) -> str:
    """Return the path in the form of trees: no `./` in front, no slash at the end; root is ""."""
    plain = path.strip()
    while plain.startswith("./"):
        plain = plain[2:]
    plain = plain.rstrip("/") if plain != "/" else plain
    return "" if plain == "." else plain


def file_at(reader: TreeReader, path: str) -> FileEntry | None:
    """Return the file at a path, None for a folder; raise CallRefusedError for another path."""
    if not path:
        return None
    entry = reader.entry(path)
    if entry is None:
        if reader.list_dir(path) is not None:
            return None
        raise _nothing_there(reader, path)
    if entry.kind == "symlink":
        target = shown_name((reader.read(path, 4096) or b"").decode("utf-8", "surrogateescape"))
        raise CallRefusedError(
            f"{shown_name(path)} is a symbolic link to {target}; read the file it points to"
        )
    if entry.kind == "submodule":
        raise CallRefusedError(
            f"{shown_name(path)} is a submodule at {entry.oid[:12]}; its files are not part of "
            "this repository"
        )
    return entry


def _nothing_there(reader: TreeReader, path: str) -> CallRefusedError:
    name = shown_name(path)
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        return CallRefusedError(
            f"{name} is not inside the repository; give paths relative to its root, like src/app.py"
        )
    like = _similar(path, [entry.path for entry in reader.entries()])
    if not like:
        return CallRefusedError(f"there is no {name}; find files with glob")
    return CallRefusedError(f"there is no {name}; files with a similar name:", "\n".join(like))


def _similar(path: str, paths: list[str]) -> list[str]:
    name = PurePosixPath(path).name
    same = [p for p in paths if PurePosixPath(p).name.casefold() == name.casefold()]
    if not same and len(paths) <= _COMPARED:
        same = difflib.get_close_matches(path, paths, n=_NAMED, cutoff=0.7)
    return [shown_name(p) for p in same[:_NAMED]]


Redact = Callable[[str], str]

PAGE_LINES = 600
PAGE_CHARS = 24_000  # about 6,000 tokens
_READ_AT_MOST = 8_000_000  # bytes of one file
_REDACTED_WHOLE = 1_000_000  # characters; of longer files only the page is searched for secrets
_MOST_NAMES = 300
_MOST_HITS = 300
_HIT_CHARS = 300
_PATHS_PER_SEARCH = 400  # paths on git's command line


@dataclass(frozen=True)
class ReadableTree:
    """The tree to read, and the redaction for it, which keeps line numbers."""

    reader: TreeReader
    redact: Redact


def fs_read(tree: ReadableTree, args: Read) -> Output:
    """Return a page of a file or the names in a folder; several when `operations` are given."""
    if not args.operations:
        return _read_one(tree, args)
    parts = []
    for operation in args.operations:
        try:
            part = _read_one(tree, operation)
        except CallRefusedError as refused:
            part = refused.output
        parts.append(f"{part.note}\n{part.data}")
    return Output(f"{len(parts)} readings", "\n\n".join(parts), "files")


def text_of(tree: ReadableTree, path: str, size: int) -> str:
    """Return the text of a file, redacted up to a length; the toolbox redacts what it returns.

    Raise `CallRefusedError` for a binary file.
    """
    data = tree.reader.read(path, _READ_AT_MOST) or b""
    if is_binary(data):
        raise CallRefusedError(f"{shown_name(path)} is a binary file of {size:,} bytes: not shown")
    text = decode(data).removeprefix("\ufeff")
    return tree.redact(text) if len(text) <= _REDACTED_WHOLE else text


def _read_one(tree: ReadableTree, args: ReadOperation) -> Output:
    path = plain_path(args.path)
    entry = file_at(tree.reader, path)
    if entry is None:
        return _folder(tree.reader, path)
    text = text_of(tree, path, entry.size)
    lines = lines_of(text)
    name = shown_name(path)
    if not lines:
        return Output(f"{name} is empty")
    first, last = _range(args, len(lines), name)
    page = _page(lines[first - 1 : last])
    shown_last = first + len(page) - 1
    note = f"{name}, lines {first}-{shown_last} of {len(lines)}"
    if "\r\n" in text:
        note += " (CRLF line ends)"
    if shown_last < last:
        note += f"; go on with start_line={shown_last + 1}"
    if entry.size > _READ_AT_MOST:
        note += f"; the file has {entry.size:,} bytes, beyond {_READ_AT_MOST:,} use grep"
    redacted = tree.redact("\n".join(page)).split("\n")
    return Output(note, numbered(redacted, first), "file")


def _range(args: ReadOperation, count: int, name: str) -> tuple[int, int]:
    """Return the requested lines; negative numbers count from the end, as in Kiro."""
    first = 1 if args.start_line is None else args.start_line
    last = count if args.end_line is None else args.end_line
    first = max(1, count + 1 + first) if first < 0 else max(1, first)
    last = count + 1 + last if last < 0 else min(count, last)
    if first > count:
        raise CallRefusedError(f"{name} has {count} lines; start_line={first} is beyond its end")
    if last < first:
        raise CallRefusedError(f"start_line={first} is after end_line={last}; swap them")
    return first, last


def _page(lines: list[str]) -> list[str]:
    size = 0
    for number, line in enumerate(lines[:PAGE_LINES]):
        size += min(len(line), 2000) + 8
        if size > PAGE_CHARS and number:
            return lines[:number]
    return lines[:PAGE_LINES]


def _folder(reader: TreeReader, path: str) -> Output:
    names = [shown_name(name) for name in reader.list_dir(path) or ()]
    note = f"folder {shown_name(path) or '(root)'}, {len(names)} entries"
    if len(names) > _MOST_NAMES:
        note += f"; the first {_MOST_NAMES} of them, use glob for the others"
    return Output(note, "\n".join(names[:_MOST_NAMES]), "folder")


def glob(tree: ReadableTree, args: Glob) -> Output:
    """Return the paths that match a pattern."""
    pattern, folder = args.pattern.strip().removeprefix("./"), plain_path(args.path)
    found = [path for path in _matching(tree, pattern) if _is_in(path, folder)]
    if folder and not found:  # the pattern may be relative to the folder
        found = _matching(tree, f"/{folder}/{pattern.removeprefix('/')}")
    if not found:
        return Output("no file matches")
    note = f"{len(found)} files" if len(found) > 1 else "1 file"
    if len(found) > _MOST_NAMES:
        note += f", the first {_MOST_NAMES} of them; use a narrower pattern"
    return Output(note, "\n".join(shown_name(path) for path in found[:_MOST_NAMES]), "paths")


def grep(tree: ReadableTree, args: Grep) -> Output:
    """Return the lines that match a regular expression."""
    folder = plain_path(args.path)
    if folder:
        file_at(tree.reader, folder)
    paths: Collection[str] = [folder] if folder else []
    selected: set[str] | None = None
    if args.include:
        selected = {path for path in _matching(tree, args.include) if _is_in(path, folder)}
        if not selected:
            return Output(f"no file matches include={shown_name(args.include)}")
        paths = selected if len(selected) <= _PATHS_PER_SEARCH else paths
    limit = min(args.max, _MOST_HITS)
    return search(tree, args.pattern, paths, selected, ignore_case=args.ignore_case, limit=limit)


def search(
    tree: ReadableTree,
    pattern: str,
    paths: Collection[str],
    selected: Collection[str] | None = None,
    *,
    ignore_case: bool = False,
    fixed: bool = False,
    limit: int = 100,
) -> Output:
    """Return matching lines as `path:line: text`; hits outside of `selected` are dropped."""
    at_most = limit + 1 if selected is None or paths == selected else 50 * limit
    try:
        hits = tree.reader.grep(
            pattern, paths=sorted(paths), ignore_case=ignore_case, fixed=fixed, limit=at_most
        )
    except WorkspaceError as error:
        raise CallRefusedError(f"the search failed: {error}") from None
    if selected is not None:
        hits = [hit for hit in hits if hit.path in selected]
    if not hits:
        return Output("no match")
    note = f"{len(hits)} lines" if len(hits) > 1 else "1 line"
    if len(hits) > limit:
        note = f"more than {limit} lines, the first {limit} of them; narrow the search"
    lines = [
        f"{shown_name(hit.path)}:{hit.line}: {cut(hit.text.removesuffix(chr(13)), _HIT_CHARS)}"
        for hit in hits[:limit]
    ]
    return Output(note, "\n".join(lines), "matches")


def _matching(tree: ReadableTree, pattern: str) -> list[str]:
    try:
        return list(tree.reader.glob(pattern))
    except WorkspaceError as error:
        raise CallRefusedError(str(error)) from None


def _is_in(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")
