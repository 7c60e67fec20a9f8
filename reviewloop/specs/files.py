"""File readers for specs and steering: a checkout, a git tree, or a mapping."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Protocol

from reviewloop.dataclass import dataclass
from reviewloop.domain.task import Spec
from reviewloop.git.objects import TreeReader
from reviewloop.regex import regex
from reviewloop.specs.lines import Line

_NOT_WALKED = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".nox",
     ".mypy_cache", ".ruff_cache", ".pytest_cache", ".gradle", ".terraform"}
)  # fmt: skip


class Files(Protocol):
    """Read-only view of a folder; paths are relative, with forward slashes."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None where there is no such file inside the folder."""
        ...

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths of the files below the folder `under` ("" = everything)."""
        ...

    def content_id(self, path: str) -> str:
        """Return an id of the file's content, "" if it would have to be read for that."""
        ...


@dataclass(frozen=True)
class MemoryFiles:
    """Files in memory, by path."""

    contents: Mapping[str, bytes]

    def read(self, path: str) -> bytes | None:
        """Return the bytes at the path, or None."""
        return self.contents.get(path)

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        return sorted(path for path in self.contents if is_below(path, under))

    def content_id(self, path: str) -> str:
        """Return ""."""
        return ""


@dataclass(frozen=True)
class DiskFiles:
    """Files of a folder on disk; symbolic links out of the folder are not followed."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a regular file inside the root, or None."""
        found = self._inside(path)
        if found is None:
            return None
        try:
            return found.read_bytes() if found.is_file() else None
        except OSError:
            return None

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`, without dependency and cache folders."""
        start = self._inside(under) if under else self.root
        if start is None or not start.is_dir():
            return []
        top = self.root / under
        found: list[str] = []
        for folder, subfolders, names in os.walk(top):
            subfolders[:] = sorted(name for name in subfolders if name not in _NOT_WALKED)
            relative = PurePosixPath(Path(folder).relative_to(self.root).as_posix())
            found += [str(relative / name) for name in names]
        return sorted(found)

    def content_id(self, path: str) -> str:
        """Return ""."""
        return ""

    def _inside(self, path: str) -> Path | None:
        clean = inside(path)
        if clean is None:
            return None
        try:
            full = self.root / clean
            if not os.path.lexists(full):  # the usual case; following links costs many calls more
                return None
            full = full.resolve()
            return full if full.is_relative_to(self.root.resolve()) else None
        except (OSError, RuntimeError, ValueError):
            return None


@dataclass(frozen=True)
class FolderFiles:
    """One folder of other files as the root."""

    files: Files
    folder: str

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file of the folder, or None."""
        clean = inside(path)
        return self.files.read(f"{self.folder}/{clean}") if clean else None

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        start = f"{self.folder}/{under}" if under else self.folder
        return [path.removeprefix(f"{self.folder}/") for path in self.files.paths(start)]

    def content_id(self, path: str) -> str:
        """Return an id of the file's content."""
        return self.files.content_id(f"{self.folder}/{path}")


@dataclass(frozen=True)
class Overlay:
    """Files with some of them replaced."""

    files: Files
    changed: Mapping[str, bytes]

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None."""
        return self.changed[path] if path in self.changed else self.files.read(path)

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        new = (path for path in self.changed if not under or path.startswith(f"{under}/"))
        return sorted({*self.files.paths(under), *new})

    def content_id(self, path: str) -> str:
        """Return ""."""
        return ""


def in_folder(files: Files, folder: str) -> Files:
    """Return the files of a folder ("" for all of them), with paths relative to it."""
    return FolderFiles(files, folder) if folder else files


def is_below(path: str, under: str) -> bool:
    """Whether a path is below a folder ("" is the root)."""
    return not under or path.startswith(under.rstrip("/") + "/")


def inside(path: str, base: str = "") -> str | None:
    """Return the normal form of a path relative to `base`, or None if it leads out of the root."""
    if not path or path.startswith(("/", "~")) or "\\" in path or "\0" in path or ":" in path[:2]:
        return None
    parts: list[str] = [part for part in base.split("/") if part]
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or None


def decode(data: bytes) -> str:
    """Decode a file; bytes that are not UTF-8 become surrogates, a BOM is dropped."""
    return data.decode("utf-8-sig", "surrogateescape")


_LARGEST = 200_000  # most bytes of a file for an implementer
_ORDERED = regex(r"^\s*(?P<number>\d+)[.)]\s+(?P<text>\S.*)$")


@dataclass
class Documents:
    """Reads files and records their digests."""

    files: Files
    digests: dict[str, str] = field(default_factory=dict)  # path -> sha256
    _read: dict[str, bytes | None] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None where there is none."""
        if path not in self._read:
            self._read[path] = data = self.files.read(path)
            if data is not None:
                self.digests[path] = digest(data)
        return self._read[path]

    def text(self, path: str) -> str:
        """Return the text of a file, "" if it is missing, binary or too large."""
        data = self.read(path) or b""
        if b"\0" in data[:8000] or len(data) > _LARGEST:
            return ""
        return decode(data).replace("\r\n", "\n").strip()

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files below a folder, sorted."""
        return list(self.files.paths(folder))


def digest(data: bytes) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def fenced(path: str, text: str) -> str:
    """Return a file under a heading of its own; other formats than Markdown get a code fence."""
    if not text or path.endswith(".md"):
        return text
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"# {path}\n\n{fence}\n{text}\n{fence}"


def numbered_scenarios(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """Return the numbered items of the first numbered list; their lines are joined."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        item = None if line.code else _ORDERED.match(line.text)
        if item:
            found.append((item["number"], [item["text"]]))
        elif line.level or (found and not line.text.strip() and not found[-1][1][-1]):
            if found:
                break
        elif found and (not line.text.strip() or line.text[0] in " \t"):
            found[-1][1].append(line.text.strip())
        elif found:
            break
    return [(number, " ".join(filter(None, parts))) for number, parts in found]


_FOLDERS = (".kiro/steering/", ".reviewloop/steering/", ".kiro/agents/")
_FILES = ("AGENTS.md", "reviewloop.toml", ".reviewloop/architecture.toml")


def is_read_from_disk(path: str, project: str = "", spec: Spec | None = None) -> bool:
    """Whether a run reads this file from disk: its spec, steering, agents or settings."""
    if spec is not None and path in spec.files:
        return True
    inside = path.removeprefix(f"{project}/") if project else path
    return any(one.startswith(_FOLDERS) or one in _FILES for one in (path, inside))


@dataclass(frozen=True)
class TreeFiles:
    """Files of a git tree; symbolic links are not followed."""

    reader: TreeReader

    def read(self, path: str) -> bytes | None:
        """Return the content of a regular file of the tree, or None."""
        entry = self.reader.entry(path)
        return self.reader.read(path) if entry and entry.kind in {"file", "executable"} else None

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        return [e.path for e in self.reader.entries() if is_below(e.path, under)]

    def content_id(self, path: str) -> str:
        """Return the id of the file's blob."""
        entry = self.reader.entry(path)
        return entry.oid if entry and entry.kind in {"file", "executable"} else ""
