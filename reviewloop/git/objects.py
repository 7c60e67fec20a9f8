"""Reads, searches and writes git's objects with long-lived processes; opens no path on disk."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Generic, Literal, NamedTuple, TypeVar

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.globs import expand_braces
from reviewloop.git.paths import shown
from reviewloop.git.process import Git, end_process
from reviewloop.regex import regex

_CHUNK = 1 << 16
_SECONDS = 30.0  # an expression may take exponential time


@dataclass(frozen=True)
class Hit:
    """One matching line of a search."""

    path: str
    line: int  # 1-based
    text: str  # without the line feed


def grep_tree(
    git: Git,
    tree: str,
    pattern: str,
    *,
    paths: Iterable[str] = (),
    ignore_case: bool = False,
    fixed: bool = False,
    limit: int = 200,
    without: Iterable[str] = (),
) -> list[Hit]:
    """Return up to `limit` matching lines of a tree's text files; see `TreeReader.grep`."""
    args = ["grep", "-n", "-z", "-I", "--no-textconv", "--no-color"]
    args += ["-i"] if ignore_case else []
    tail = ["-e", pattern, tree, "--", *(f":(top,literal){path}" for path in paths)]
    tail += [f":(exclude,icase)*.{ending}" for ending in without]
    if fixed:
        return _grep(git, [*args, "-F", *tail], tree, limit)
    try:
        return _grep(git, [*args, "-P", *tail], tree, limit)
    except WorkspaceError as error:
        if "Perl-compatible" not in str(error):
            raise
        return _grep(git, [*args, "-E", *tail], tree, limit)


def match_paths(pattern: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a gitignore-style pattern (with `{a,b}` alternatives) matches."""
    from pathspec import PathSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        spec = PathSpec.from_lines("gitignore", expand_braces(pattern))
    except GitIgnorePatternError as error:
        raise WorkspaceError(
            f"The pattern {pattern!r} is no valid file pattern: {error}."
        ) from None
    return list(spec.match_files(paths))


def _grep(git: Git, args: list[str], tree: str, limit: int) -> list[Hit]:
    # Paths say themselves that they are literal: what is left out is given by pattern.
    patterns = {"GIT_LITERAL_PATHSPECS": "0"}
    process = git.start(*args, env_extra=patterns, stderr=subprocess.PIPE)
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    try:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("grep was started without pipes")
        process.stdin.close()
        hits, enough = _read_hits(process.stdout, tree, limit)
        if enough:
            return hits
        stderr = process.stderr.read()
        exit_code = process.wait()
        if exit_code < 0:
            raise WorkspaceError(
                f"The search took longer than {_SECONDS:.0f} seconds; simplify the pattern."
            )
        if exit_code > 1:
            raise git.error(args, stderr, exit_code)
        return hits
    finally:
        timer.cancel()
        end_process(process)


def _read_hits(stream: IO[bytes], tree: str, limit: int) -> tuple[list[Hit], bool]:
    """Read `tree:path NUL line : text LF` records; the flag says that the limit was reached."""
    hits: list[Hit] = []
    buffer = b""
    while len(hits) < limit:
        # A path may have a line feed, so a record is read from its start: NUL first, then LF.
        name_end = buffer.find(b"\0")
        text_end = buffer.find(b"\n", name_end) if name_end >= 0 else -1
        if text_end < 0:
            data = stream.read(_CHUNK)
            if not data:
                return hits, False
            buffer += data
            continue
        path = os.fsdecode(buffer[len(tree) + 1 : name_end])
        number, text = _split_number(buffer[name_end + 1 : text_end])
        hits.append(Hit(path, number, text.decode("utf-8", "surrogateescape")))
        buffer = buffer[text_end + 1 :]
    return hits, True


def _split_number(record: bytes) -> tuple[int, bytes]:
    digits = len(record) - len(record.lstrip(b"0123456789"))
    return int(record[:digits]), record[digits + 1 :]


class _Object(NamedTuple):
    oid: str
    size: int  # bytes
    data: bytes  # as many as were requested


_K = TypeVar("_K")
_V = TypeVar("_V")
_ID = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")


class _Known(Generic[_K, _V]):
    """What was read of objects, which never change: their ids are made of their contents.

    It starts again when it holds more than `most`. Thread-safe: one more look is all that is lost.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._values: dict[_K, _V] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def get(self, key: _K) -> _V | None:
        return self._values.get(key)

    def keep(self, values: Mapping[_K, _V], weight: int) -> None:
        if self._held + weight > self._most:
            self._values, self._held = {}, 0
        if weight <= self._most:
            self._values.update(values)
            self._held += weight


_trees: _Known[str, tuple[str, bytes]] = _Known(4 << 20)  # bytes


class ObjectPool:
    """Processes of `git cat-file --batch`, one per thread that reads at the same time."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """Return the bytes of an object (at most `limit` of them), or None when it is missing.

        `name` is an object id; anything else raises ValueError.
        """
        found = self._read(_object_id(name), limit)
        return found.data if found else None

    def size(self, name: str) -> int | None:
        """Return the size of an object in bytes, or None when it is missing; see `read`."""
        found = self._read(_object_id(name), 0)
        return found.size if found else None

    def read_tree(self, name: str) -> tuple[str, bytes]:
        """Return the id and the bytes of a tree, or of the tree of a commit.

        Raises WorkspaceError when it is missing.
        """
        if (known := _trees.get(name)) is not None:
            return known
        found = self._read(f"{_object_id(name)}^{{tree}}", None)
        if found is None:
            raise self._lost(name)
        if _ID.fullmatch(name):  # no name, which may be another tree tomorrow
            _trees.keep({name: (found.oid, found.data)}, len(found.data))
        return found.oid, found.data

    def restart(self) -> None:
        """End idle processes, as they do not know alternates that were added since."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            end_process(process)

    def _read(self, name: str, limit: int | None) -> _Object | None:
        process = self._take()
        try:
            found = self._ask(process, name, limit)
        except BaseException:
            end_process(process)  # its output is at an unknown position
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(process)
                return found
        end_process(process)
        return found

    def close(self) -> None:
        """End all idle processes; later ones end after their use."""
        with self._lock:
            self._closed = True
        self.restart()

    def _take(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process
                end_process(process)
        return self._git.start("cat-file", "--batch")

    def _ask(
        self, process: "subprocess.Popen[bytes]", name: str, limit: int | None
    ) -> _Object | None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("cat-file was started without pipes")
        try:
            process.stdin.write(name.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._lost(name) from None
        header = process.stdout.readline().split()
        if len(header) == 2 and header[1] == b"missing":
            return None
        if len(header) != 3:
            raise self._lost(name)
        size = int(header[2])
        length = size if limit is None else min(size, limit)
        data = process.stdout.read(length)
        rest = size + 1 - length
        while rest > 0 and (skipped := process.stdout.read(min(rest, _CHUNK))):
            rest -= len(skipped)
        if len(data) != length or rest:
            raise self._lost(name)
        return _Object(header[0].decode(), size, data)

    def _lost(self, name: str) -> WorkspaceError:
        return WorkspaceError(
            f"git could not read object {name} of {self._git.git_dir}; run `git fsck` there."
        )


def _object_id(name: str) -> str:
    if not name.isalnum():
        raise ValueError(f"not an object id: {name!r}")
    return name


FOLDER = "040000"
SUBMODULE = "160000"
_FOLDER_AS_STORED = b"40000"
_EXECUTABLE = 0o100
_MODE = regex(rb"[0-7]{5,6}")


class TreeEntry(NamedTuple):
    """The entry of a tree at a path."""

    mode: str  # "040000" for a folder
    oid: str


class _Raw(NamedTuple):
    """The same as raw bytes."""

    mode: bytes
    oid: bytes


def find(pool: ObjectPool, tree: str, paths: Iterable[str]) -> dict[str, TreeEntry]:
    """Return the entries of a tree (or the tree of a commit) at these paths, folders included."""
    read = {"": _parsed(*pool.read_tree(tree))}

    def folder(path: str) -> Mapping[bytes, _Raw]:
        if path not in read:
            held = at(path)
            inside = held is not None and held.mode == FOLDER
            read[path] = _parsed(*pool.read_tree(held.oid)) if held and inside else {}
        return read[path]

    def at(path: str) -> TreeEntry | None:
        above, slash, name = path.rpartition("/")
        raw = folder(above).get(_encoded(name)) if above or not slash else None
        return raw and TreeEntry(raw.mode.decode().zfill(6), raw.oid.hex())

    return {path: held for path in paths if (held := at(path)) is not None}


def _encoded(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:  # no file can have this name
        return b""


def plain_mode(mode: str) -> str:
    """Return a mode as git writes it today; old trees have other modes for the same types."""
    if not mode.startswith("100"):
        return mode
    return "100755" if int(mode, 8) & _EXECUTABLE else "100644"


def edit_tree(
    pool: ObjectPool,
    tree: str,
    changes: Mapping[str, TreeEntry | None],
    write: Callable[[bytes], str],
) -> str:
    """Return a tree with files replaced, or removed for None; empty folders are dropped.

    `write` stores a folder and returns its id. The paths were checked to lead through folders.
    """
    parts = {tuple(os.fsencode(path).split(b"/")): to for path, to in changes.items()}
    return _edited(pool, tree, parts, write) or write(b"")


def _edited(
    pool: ObjectPool,
    tree: str,
    changes: Mapping[tuple[bytes, ...], TreeEntry | None],
    write: Callable[[bytes], str],
) -> str:
    """Return the id of one folder after the changes below it, "" when it is empty."""
    oid, before = pool.read_tree(tree) if tree else ("", b"")
    entries = _parsed(oid, before)
    below: dict[bytes, dict[tuple[bytes, ...], TreeEntry | None]] = {}
    for (name, *rest), to in sorted(changes.items(), key=lambda item: item[1] is not None):
        if rest:
            below.setdefault(name, {})[tuple(rest)] = to
        elif to is None:
            entries.pop(name, None)
        else:
            entries[name] = _Raw(to.mode.lstrip("0").encode(), bytes.fromhex(to.oid))
    for name, inner in below.items():
        there = entries.get(name)
        made = _edited(pool, there.oid.hex() if there else "", inner, write)
        if made:
            entries[name] = _Raw(_FOLDER_AS_STORED, bytes.fromhex(made))
        else:
            entries.pop(name, None)
    after = b"".join(
        entry.mode + b" " + name + b"\0" + entry.oid
        for name, entry in sorted(entries.items(), key=_order)
    )
    if after == before:
        return oid
    return write(after) if after else ""


def _parsed(oid: str, data: bytes) -> dict[bytes, _Raw]:
    """Parse a folder into its entries; `oid` is its own id, which is as long as theirs."""
    entries: dict[bytes, _Raw] = {}
    offset, length = 0, len(oid) // 2
    while offset < len(data):
        space = data.find(b" ", offset)
        end = data.find(b"\0", space) + 1
        entry = _Raw(data[offset:space], data[end : end + length])
        if space < 0 or not end or len(entry.oid) != length or not _MODE.fullmatch(entry.mode):
            raise WorkspaceError(f"the tree {oid} is damaged; run `git fsck`")
        entries[data[space + 1 : end - 1]] = entry
        offset = end + length
    return entries


def _order(item: tuple[bytes, _Raw]) -> bytes:
    """Return the sort key of an entry: git sorts folders as if their names ended with a slash."""
    name, entry = item
    return name + b"/" if entry.mode.zfill(6) == FOLDER.encode() else name


__all__ = ["FileEntry", "Hit", "Kind", "TreeReader", "match_paths"]

Kind = Literal["file", "executable", "symlink", "submodule"]

_FEW = 8  # files looked up one by one; for more the whole tree is listed, which takes a process


@dataclass(frozen=True)
class FileEntry:
    """One file of a tree."""

    path: str  # bytes that are not UTF-8 are lone surrogates (os.fsdecode)
    mode: str  # "100644", "100755", "120000" or "160000"
    oid: str
    size: int  # bytes; 0 for submodules and for objects missing in a partial clone

    @property
    def kind(self) -> Kind:
        """The type of the entry, by its mode."""
        kinds: dict[str, Kind] = {
            "100755": "executable",
            "120000": "symlink",
            "160000": "submodule",
        }
        return kinds.get(self.mode, "file")


class TreeReader:
    """One tree: its files, their contents and searches in them. Thread-safe."""

    def __init__(self, git: Git, pool: ObjectPool, tree: str) -> None:
        self.tree = tree
        self._git = git
        self._pool = pool
        self._lock = threading.Lock()
        self._entries: dict[str, FileEntry] | None = None
        self._looked_up = 0

    def entries(self) -> tuple[FileEntry, ...]:
        """Return all files of the tree, sorted as git sorts them."""
        return tuple(self._by_path().values())

    def entry(self, path: str) -> FileEntry | None:
        """Return the file at exactly this path, or None (also for folders)."""
        return self._by_path().get(path)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a file (at most `limit` bytes), or None when there is none.

        A symbolic link is never followed: its content is the text of its target (`entry` tells its
        kind). Folders and submodules have no content.
        """
        oid = self._file_at(path)
        if not oid:
            return None
        data = self._pool.read(oid, limit)
        if data is None:
            raise WorkspaceError(
                f"The content of {shown(path)} (object {oid}) is not in the repository; "
                "fetch the missing objects, then run again."
            )
        return data

    def list_dir(self, path: str = "") -> tuple[str, ...] | None:
        """Return the names in a folder, folders with a final `/`, or None if it does not exist."""
        prefix = "" if path in {"", "."} else path.rstrip("/") + "/"
        names = set()
        for entry in self._by_path():
            if entry.startswith(prefix):
                name, slash, _ = entry[len(prefix) :].partition("/")
                names.add(name + slash)
        return tuple(sorted(names)) if names or not prefix else None

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that match a gitignore-style pattern; `{a,b}` alternatives work too."""
        return tuple(match_paths(pattern, self._by_path()))

    def grep(
        self,
        pattern: str,
        *,
        paths: Iterable[str] = (),
        ignore_case: bool = False,
        fixed: bool = False,
        limit: int = 200,
        without: Iterable[str] = (),
    ) -> list[Hit]:
        """Return up to `limit` matching lines, from text files only.

        `paths` are files or folders, taken literally; none means the whole tree. Files with an
        ending in `without` (as in "png", of any case) are not read. The pattern is a
        Perl-compatible expression (extended POSIX where git was built without), or plain text with
        `fixed`. Raises WorkspaceError for a bad pattern and after 30 seconds.
        """
        return grep_tree(
            self._git,
            self.tree,
            pattern,
            paths=paths,
            ignore_case=ignore_case,
            fixed=fixed,
            limit=limit,
            without=without,
        )

    def _file_at(self, path: str) -> str:
        """Return the id of a file or link, "" when there is none."""
        with self._lock:
            self._looked_up += 1
            listed = self._entries is not None or self._looked_up > _FEW
        if listed:
            entry = self.entry(path)
            return "" if entry is None or entry.kind == "submodule" else entry.oid
        held = find(self._pool, self.tree, [path]).get(path)
        return "" if held is None or held.mode in {FOLDER, SUBMODULE} else held.oid

    def _by_path(self) -> dict[str, FileEntry]:
        with self._lock:
            if self._entries is None:
                self._entries = {entry.path: entry for entry in self._listed()}
            return self._entries

    def _listed(self) -> list[FileEntry]:
        """Read the tree; git opens each file for its size, so known sizes are not asked for.

        Two runs of a batch, or two trees of a run, differ in few files.
        """
        if (known := _listings.get(self.tree)) is not None:
            return known
        if _sizes:
            lines = self._lines()
            sizes = {one.oid: _sizes.get(one.oid) for one in lines if one.mode != SUBMODULE}
            new = [oid for oid, size in sizes.items() if size is None]
            if len(new) <= _FEW:
                sizes |= {oid: self._pool.size(oid) for oid in new}
                return self._remembered(one._replace(size=sizes.get(one.oid)) for one in lines)
        return self._remembered(self._lines("-l"))

    def _remembered(self, lines: Iterable["_Line"]) -> list[FileEntry]:
        """Return the files of the tree; one with an object that is missing may have it later."""
        lines = list(lines)
        sizes = {one.oid: one.size for one in lines if one.size is not None}
        _sizes.keep(sizes, len(sizes))
        entries = [FileEntry(*one[:3], one.size or 0) for one in lines]
        whole = all(one.size is not None or one.mode == SUBMODULE for one in lines)
        if whole and _ID.fullmatch(self.tree):
            _listings.keep({self.tree: entries}, len(entries))
        return entries

    def _lines(self, *more: str) -> list["_Line"]:
        output = self._git.run("ls-tree", "-r", *more, "-z", "--full-tree", self.tree)
        return [_parsed_tree(line) for line in output.split(b"\0") if line]


class _Line(NamedTuple):
    path: str
    mode: str
    oid: str
    size: int | None  # None where git did not report it


_sizes: _Known[str, int] = _Known(200_000)  # blobs
_listings: _Known[str, list[FileEntry]] = _Known(20_000)  # files


def _parsed_tree(line: bytes) -> _Line:
    facts, _, raw_path = line.partition(b"\t")
    mode, _kind, oid, *rest = facts.split()
    size = int(rest[0]) if rest and rest[0].isdigit() else None
    return _Line(os.fsdecode(raw_path), mode.decode(), oid.decode(), size)
