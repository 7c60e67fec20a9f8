"""Narrows a comparison to the files and folders that a person named."""

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.inspected import missing
from reviewloop.workspace.located import Place
from reviewloop.workspace.patches import DIFF_FLAGS
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.revisions import near_names

_SHOWN = 3  # paths in a sentence


@dataclass(frozen=True)
class Choice:
    """What is compared: these paths, all for none; whole files or what changed in them."""

    paths: tuple[str, ...]
    whole: bool = False
    absent: frozenset[str] = frozenset()  # not on disk, so no part of whole files
    on_disk: bool = True  # the new side is the files on disk
    revision: str = ""  # the path that may have been meant as a branch or a commit


def as_typed(paths: Sequence[str], place: Place, start: Path) -> tuple[str, ...]:
    """Return paths from the root that are typed in the folder `start`, relative to it or absolute.

    "." is the whole repository. Raises WorkspaceError for what is outside of it.
    """
    return tuple(_from_root(path, place, start) for path in paths)


def _from_root(path: str, place: Place, start: Path) -> str:
    if not path:
        raise WorkspaceError("an empty path names no file; `.` stands for the current folder.")
    whole = Path(os.path.normpath(start.resolve() / path))
    # The last part stays as it is: a link is reviewed itself, not what it points to.
    plain = os.path.relpath(whole.parent.resolve() / whole.name, place.user.root.resolve())
    if plain == os.pardir or plain.startswith(os.pardir + os.sep):
        raise WorkspaceError(f"{shown(path)!r} is no path inside the repository.")
    return plain


def checked_choice(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths in plain form, none for the whole repository; refuse what leaves it."""
    plain = []
    for path in paths:
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if path.startswith("/") or ".." in parts or "\0" in path:
            raise WorkspaceError(f"{shown(path)!r} is no path inside the repository.")
        if not parts:
            return ()
        plain.append("/".join(parts))
    return tuple(dict.fromkeys(plain))


def only(paths: Sequence[str]) -> str:
    """Return the paths for a sentence."""
    names = ", ".join(shown(path) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"only {names}" + (f" and {more} more" if more > 0 else "")


def narrow(private: PrivateRepo, place: Place, base: str, new: str, choice: Choice) -> str:
    """Return the tree to compare `new` with so that exactly the chosen paths differ.

    It is `new` with the chosen files as they are in `base` (or without them, for whole files), so
    that everything around them is as it is now. Renamed files bring their old name along.
    """
    lines: list[bytes] = []
    touched: list[str] = []
    if choice.whole:
        listed = _listed(private.git, new, choice.paths)
        touched = [path for path in listed if path not in choice.absent]
        lines = [b"0 " + b"0" * len(new) + b"\t" + os.fsencode(path) for path in touched]
    else:
        for change in _differing(private.git, place, base, new):
            if is_chosen(change.path, choice.paths) or is_chosen(change.old_path, choice.paths):
                lines += _undone(change, len(new))
                touched += [change.path, change.old_path]
    _refuse_unknown(private.git, place, (base, new), touched, choice)
    if not lines:
        return new
    with private.scratch_index() as git:
        git.run("read-tree", new)
        listing = b"\0".join(lines) + b"\0"
        git.run("update-index", "--replace", "-z", "--index-info", input=listing)
        return git.text("write-tree", "--missing-ok")


class _Differing(NamedTuple):
    """A changed file; the mode is 000000 where it was not there before."""

    path: str
    old_path: str
    old_mode: str
    old_oid: str


def _differing(git: Git, place: Place, base: str, new: str) -> Iterator[_Differing]:
    answer = git.result("diff-tree", "--raw", "-z", *DIFF_FLAGS, base, new, "--")
    if answer.exit_code:
        raise missing(place, [answer.stderr.decode("utf-8", "replace").strip()])
    fields = iter(answer.stdout.split(b"\0")[:-1])
    for record in fields:
        old_mode, _, old_oid, _, status = record[1:].decode().split(" ")
        old_path = os.fsdecode(next(fields))
        path = os.fsdecode(next(fields)) if status.startswith("R") else old_path
        yield _Differing(path, old_path, old_mode, old_oid)


def _listed(git: Git, tree: str, paths: tuple[str, ...]) -> list[str]:
    output = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree, "--", *paths)
    return [os.fsdecode(path) for path in output.split(b"\0") if path]


def _undone(change: _Differing, width: int) -> list[bytes]:
    """Return the lines that give an index the file as it was before."""
    lines = []
    if change.old_path != change.path or change.old_mode == "000000":
        lines.append(b"0 " + b"0" * width + b"\t" + os.fsencode(change.path))
    if change.old_mode != "000000":
        line = f"{change.old_mode} {change.old_oid}\t".encode()
        lines.append(line + os.fsencode(change.old_path))
    return lines


def is_chosen(path: str, paths: tuple[str, ...]) -> bool:
    """Whether a path is one of these, or below one; every path is when none are given."""
    return not paths or any(path == one or path.startswith(one + "/") for one in paths)


def _refuse_unknown(
    git: Git, place: Place, trees: tuple[str, str], touched: list[str], choice: Choice
) -> None:
    for path in choice.paths:
        if any(is_chosen(one, (path,)) for one in touched):
            continue
        if not choice.whole and any(git.run("ls-tree", tree, "--", path) for tree in trees):
            continue  # there, and unchanged
        name = shown(path)
        if not place.bare and os.path.lexists(place.user.root / path):
            raise WorkspaceError(
                f"{name} holds nothing that git sees: it is empty, ignored or another repository."
                if choice.on_disk
                else f"{name} is on disk, but in neither side of what is compared."
            )
        known = dict.fromkeys(one for tree in trees for one in _listed(git, tree, ()))
        typed = _typed(path, place)
        near = [_typed(one, place) for one in _near_paths(path, list(known))]
        kinds = "file or folder"
        if path == choice.revision:
            kinds = "branch, commit, file or folder"
            near = [*near_names(place, typed), *near]
        raise WorkspaceError(f"there is no {kinds} `{shown(typed)}`; {_hint(near, place)}")


def _typed(path: str, place: Place) -> str:
    """Return a path from the root as it is typed in the folder that we started in."""
    return os.path.relpath(path, place.prefix) if place.prefix else path


def _near_paths(path: str, known: list[str]) -> list[str]:
    """Return the files and folders that may have been meant, the most likely first."""
    base = path.rpartition("/")[2]
    same = [one for one in known if one.rpartition("/")[2] == base]
    if same:
        return difflib.get_close_matches(path, same, _SHOWN, 0)
    folders = {one.rpartition("/")[0] for one in known} - {""}
    # The folder and the suffix alone make `test.py` look like `setup.py`.
    stem = _stem(path)
    near = difflib.get_close_matches(path, {*known, *folders}, 3 * _SHOWN, 0.6)
    return [one for one in near if difflib.get_close_matches(stem, [_stem(one)], 1, 0.6)]


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _hint(near: list[str], place: Place) -> str:
    if not near:
        folder = f", {shown(place.prefix)}" if place.prefix else ""
        return f"paths are relative to the current folder{folder}."
    names = dict.fromkeys(f"`{shown(one)}`" for one in near)
    return f"did you mean {' or '.join(list(names)[:_SHOWN])}?"
