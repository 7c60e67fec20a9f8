"""Narrows a comparison to the files and folders that a person named."""

import difflib
import os
from collections.abc import Iterable, Sequence
from typing import Protocol

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.located import Place
from reviewloop.workspace.patches import DIFF_FLAGS, Facts, parse_facts
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo

_SHOWN = 3  # paths in a sentence


class _Choice(Protocol):
    @property
    def whole(self) -> bool: ...
    @property
    def paths(self) -> tuple[str, ...]: ...


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


def narrow(private: PrivateRepo, place: Place, base: str, new: str, choice: _Choice) -> str:
    """Return the tree to compare `new` with so that exactly the chosen paths differ.

    It is `new` with the chosen files as they are in `base` (or without them, for whole files), so
    that everything around them is as it is now. Renamed files bring their old name along.
    """
    lines: list[bytes] = []
    touched: list[str] = []
    if choice.whole:
        touched = _listed(private.git, new, choice.paths)
        lines = [b"0 " + b"0" * len(new) + b"\t" + os.fsencode(path) for path in touched]
    else:
        for fact in _differing(private.git, base, new):
            if _is_chosen(fact.path, choice.paths) or _is_chosen(fact.old_path, choice.paths):
                lines += _undone(fact, len(new))
                touched += [fact.path, fact.old_path]
    _refuse_unknown(private.git, place, (base, new), touched, choice)
    if not lines:
        return new
    with private.scratch_index() as git:
        git.run("read-tree", new)
        listing = b"\0".join(lines) + b"\0"
        git.run("update-index", "--replace", "-z", "--index-info", input=listing)
        return git.text("write-tree", "--missing-ok")


def _differing(git: Git, base: str, new: str) -> Iterable[Facts]:
    output = git.run("diff-tree", "--raw", "--numstat", "-z", *DIFF_FLAGS, base, new, "--")
    return parse_facts(output)


def _listed(git: Git, tree: str, paths: tuple[str, ...]) -> list[str]:
    output = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree, "--", *paths)
    return [os.fsdecode(path) for path in output.split(b"\0") if path]


def _undone(fact: Facts, width: int) -> list[bytes]:
    lines = []
    if fact.old_path != fact.path or fact.old_mode == "000000":
        lines.append(b"0 " + b"0" * width + b"\t" + os.fsencode(fact.path))
    if fact.old_mode != "000000":
        line = f"{fact.old_mode} {fact.old_oid}\t".encode() + os.fsencode(fact.old_path)
        lines.append(line)
    return lines


def _is_chosen(path: str, paths: tuple[str, ...]) -> bool:
    return any(path == chosen or path.startswith(chosen + "/") for chosen in paths)


def _refuse_unknown(
    git: Git, place: Place, trees: tuple[str, str], touched: list[str], choice: _Choice
) -> None:
    for path in choice.paths:
        if any(_is_chosen(one, (path,)) for one in touched):
            continue
        if not choice.whole and any(git.run("ls-tree", tree, "--", path) for tree in trees):
            continue  # there, and unchanged
        name = shown(path)
        if not place.bare and os.path.lexists(place.user.root / path):
            raise WorkspaceError(
                f"{name} holds nothing that git sees: it is empty, ignored or another repository."
            )
        known = [one for tree in trees for one in _listed(git, tree, ())]
        raise WorkspaceError(f"{name} is neither a file nor a folder here; {_hint(path, known)}")


def _hint(path: str, known: list[str]) -> str:
    folders = {one.rpartition("/")[0] for one in known} - {""}
    base = path.rpartition("/")[2]
    same = [one for one in known if one.rpartition("/")[2] == base]
    near = same or difflib.get_close_matches(path, {*known, *folders}, 3, 0.6)
    if not near:
        return "name it relative to the repository's root."
    return f"did you mean {' or '.join(shown(one) for one in dict.fromkeys(near[:_SHOWN]))}?"
