"""Where specs and steering are read from: a checkout, a git tree, or a mapping; always by path."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

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
        """Return a name that only this content of a file has, "" where it has to be read first."""
        ...


@dataclass(frozen=True)
class MemoryFiles:
    """Files that are held in memory, by path."""

    contents: Mapping[str, bytes]

    def read(self, path: str) -> bytes | None:
        """Return the bytes kept under the path, or None."""
        return self.contents.get(path)

    def paths(self, under: str = "") -> Iterable[str]:
        """Return the sorted paths below `under`."""
        return sorted(path for path in self.contents if is_below(path, under))

    def content_id(self, path: str) -> str:
        """Return ""."""
        return ""


@dataclass(frozen=True)
class DiskFiles:
    """Files of a folder on disk; links that lead out of the folder are not followed."""

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
            full = (self.root / clean).resolve()
            return full if full.is_relative_to(self.root.resolve()) else None
        except (OSError, RuntimeError, ValueError):
            return None


@dataclass(frozen=True)
class FolderFiles:
    """One folder of other files, seen as if it were all of them."""

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
        """Return a name that only this content of a file has."""
        return self.files.content_id(f"{self.folder}/{path}")


def in_folder(files: Files, folder: str) -> Files:
    """Return the files of a folder ("" for all of them), with paths relative to it."""
    return FolderFiles(files, folder) if folder else files


def is_below(path: str, under: str) -> bool:
    """Say whether a path lies below a folder ("" is the folder of everything)."""
    return not under or path.startswith(under.rstrip("/") + "/")


def inside(path: str, base: str = "") -> str | None:
    """Return a path relative to `base` in normal form, or None where it leads out of the root."""
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
    """Return the text of a file; bytes that are not UTF-8 survive as surrogates, a BOM goes."""
    return data.decode("utf-8-sig", "surrogateescape")
