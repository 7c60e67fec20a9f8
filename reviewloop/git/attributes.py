"""Reads from the base of a change which files are generated, vendored, or hidden from agents."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.objects import find
from reviewloop.git.paths import parents
from reviewloop.git.private import PrivateRepo

_GENERATED = {
    "linguist-generated": "generated (linguist-generated in .gitattributes)",
    "linguist-vendored": "vendored (linguist-vendored in .gitattributes)",
}
_IGNORE_FILE = ".kiroignore"
_OWN_IGNORES = "~/.kiro/settings/kiroignore"
_MAX_IGNORE_BYTES = 1 << 20
_MAX_STARS = 4  # in one component of a pattern


def generated(private: PrivateRepo, tree: str, paths: Iterable[str]) -> dict[str, str]:
    """Return path -> reason for the files that a tree's .gitattributes call generated or vendored.

    The tree should be the base of the change, so that a change cannot hide its own files.
    """
    found = {}
    for path, values in attributes_in(private, tree, paths, tuple(_GENERATED)).items():
        for name, reason in _GENERATED.items():
            if values.get(name, "false") not in {"false", "unset", "unspecified"}:
                found[path] = reason
                break
    return found


def has_kiroignore(private: PrivateRepo, base_tree: str) -> bool:
    """Return whether `kiroignored` has a file to read: of the base, or the user's own."""
    held = find(private.pool, base_tree, [_IGNORE_FILE]).get(_IGNORE_FILE)
    return held is not None or own_ignore_file().exists()


def own_ignore_file() -> Path:
    """Return Kiro's ignore file for all repositories of a user."""
    return Path.home() / ".kiro/settings/kiroignore"


def kiroignored(private: PrivateRepo, base_tree: str, paths: Iterable[str]) -> dict[str, str]:
    """Return path -> reason for the files that .kiroignore hides from agents.

    The base's file counts, and the user's own for all repositories. Raises `WorkspaceError` where
    the latter exists and cannot be read, as its files would be shown.
    """
    listed = list(paths)
    held = find(private.pool, base_tree, [_IGNORE_FILE]).get(_IGNORE_FILE)
    found: dict[str, str] = {}
    if data := _own_ignores():
        found |= dict.fromkeys(_matched(data, listed), f"ignored ({_OWN_IGNORES})")
    if held is not None and held.mode.startswith("100"):
        data = private.pool.read(held.oid, _MAX_IGNORE_BYTES) or b""
        found |= dict.fromkeys(_matched(data, listed), f"ignored ({_IGNORE_FILE})")
    return found


def _own_ignores() -> bytes:
    try:
        with own_ignore_file().open("rb") as file:
            return file.read(_MAX_IGNORE_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise WorkspaceError(f"{_OWN_IGNORES} cannot be read: {error.strerror}") from None


def _matched(data: bytes, paths: list[str]) -> list[str]:
    """Return the paths that the lines of an ignore file match."""
    text = data.decode("utf-8", "surrogateescape")
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    lines = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if any(part.count("*") > _MAX_STARS for part in line.split("/")):
            continue  # matching it takes exponential time
        try:
            GitIgnoreSpec.from_lines([line])
        except GitIgnorePatternError:
            continue  # git ignores it too
        lines.append(line.removesuffix("\r"))
    spec = GitIgnoreSpec.from_lines(lines)
    return [path for path in paths if spec.match_file(path)]


def attributes_in(
    private: PrivateRepo, tree: str, paths: Iterable[str], names: tuple[str, ...]
) -> dict[str, Mapping[str, str]]:
    """Return path -> attribute -> value from the .gitattributes of a tree, for paths with any.

    Only the folders above the paths are read: the cost grows with the paths.
    """
    requested = list(paths)
    folders = {parent + "/" for path in requested for parent in parents(path)} | {""}
    files = sorted(folder + ".gitattributes" for folder in folders)
    lines = [
        f"{held.mode} {held.oid}\t".encode() + os.fsencode(path)
        for path, held in find(private.pool, tree, files).items()
        if held.mode.startswith("100")
    ]
    own = (private.folder / "info/attributes").read_bytes()
    if not requested or not (lines or any(name.encode() in own for name in names)):
        return {}
    with private.scratch_index() as git:
        if lines:
            git.run("update-index", "-z", "--index-info", input=b"\0".join(lines) + b"\0")
        listing = b"\0".join(os.fsencode(path) for path in requested) + b"\0"
        output = git.run("check-attr", "--cached", "-z", "--stdin", *names, input=listing)
    found: dict[str, dict[str, str]] = {}
    fields = output.split(b"\0")
    for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        if value != b"unspecified":
            values = found.setdefault(os.fsdecode(path), {})
            values[name.decode()] = value.decode("utf-8", "replace")
    return dict(found)
