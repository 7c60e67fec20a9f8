"""Turns what a person wants reviewed into two trees of a private repository."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.chosen import Choice, checked_choice, is_chosen, narrow, only
from reviewloop.workspace.inspected import inspect, missing
from reviewloop.workspace.located import Place, locate
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.revisions import (
    Named,
    default_base,
    first_parent,
    head_of,
    merge_base,
    resolve,
)
from reviewloop.workspace.stdin_patch import Target, apply_patch
from reviewloop.workspace.taken import Taken, raw_notes, take_files, take_staged
from reviewloop.workspace.userrepo import UserRepo, dirty_files

__all__ = ["Asked", "Compared", "compared"]

_Pairs = tuple[tuple[str, str], ...]
_NO_BASE = (
    "no base branch was found, so only uncommitted work is reviewed; `--base BRANCH` names one, "
    "`--commit REV` reviews a commit"
)


@dataclass(frozen=True)
class Asked:
    """What a person wants reviewed; at most one of the first, third to sixth is given."""

    range: str = ""  # X, A..B or A...B
    base: str = ""  # instead of the base branch that is found by itself
    staged: bool = False
    commit: str = ""
    whole: bool = False  # the files as they are, every line counts as added
    patch: bytes | None = None  # as it came on standard input
    paths: tuple[str, ...] = ()  # files or folders, relative to the repository's root


@dataclass(frozen=True)
class Compared:
    """Two trees to review the difference of; valid while the `with` block lasts."""

    user: UserRepo  # its root is the git directory itself when it is bare
    private: PrivateRepo
    old: str  # tree; `new` with the reviewed files as they were, when paths were asked for
    new: str  # tree, always whole
    base: str  # tree to take settings and attributes from: the old side, all of it
    what: str  # for people: "your changes since main (1a2b3c4), uncommitted work included"
    base_commit: str  # "" where there is none
    head_commit: str  # "" where the new side is no commit
    in_checkout: bool  # whether the new side is the files on disk
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()  # path, why its content is not in the trees
    unread: frozenset[str] = frozenset()  # of these: what may hold anything, as nobody may look
    prefix: str = ""  # the folder it was started in, relative to the root, with a final slash


@dataclass(frozen=True)
class _Sides:
    base: str
    new: str
    what: str
    base_commit: str = ""
    head_commit: str = ""
    in_checkout: bool = False
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unread: frozenset[str] = frozenset()
    raw: tuple[tuple[str, str], ...] = ()  # path, filter that was not run
    absent: frozenset[str] = frozenset()  # in the new tree, but not on disk: a sparse checkout


@contextmanager
def compared(start: Path, asked: Asked) -> Iterator[Compared]:
    """Lend the two trees of a review; raise WorkspaceError when it cannot be had, with the reason.

    Nothing of the person's is written, no program of theirs runs, nothing is fetched.
    """
    _refuse_contradictions(asked)
    place = locate(start)
    asked = replace(asked, paths=checked_choice(asked.paths))
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
        private = PrivateRepo.create(Path(name) / "git", place.user, for_review=True)
        try:
            yield _compare(place, private, asked)
        finally:
            private.close()


def _refuse_contradictions(asked: Asked) -> None:
    given = {
        "a range": bool(asked.range),
        "staged changes": asked.staged,
        "a commit": bool(asked.commit),
        "whole files": asked.whole,
        "a patch": asked.patch is not None,
    }
    named = [name for name, is_given in given.items() if is_given]
    if asked.base:
        named.append("a base")
    if len(named) > 1:
        raise WorkspaceError(f"{' and '.join(named)} cannot be asked for together; name one.")


def _compare(place: Place, private: PrivateRepo, asked: Asked) -> Compared:
    sides = _sides(place, private, asked)
    old = sides.base
    if asked.paths or sides.absent:
        only_paths = asked.range or asked.whole or asked.patch is not None
        revision = "" if only_paths else next(iter(asked.paths), "")
        choice = Choice(asked.paths, asked.whole, sides.absent, sides.in_checkout, revision)
        old = narrow(private, place, sides.base, sides.new, choice)
    elif asked.whole:
        old = _empty_tree(private)
    if asked.paths:
        sides = replace(sides, what=f"{sides.what}, {only(asked.paths)}")
    known = {path: why for path, why in sides.unreadable if is_chosen(path, asked.paths)}
    unreadable = inspect(private, place, old, sides.new, known)
    notes = sides.notes
    if sides.raw:
        listed = private.git.run("diff-tree", "-r", "--name-only", "-z", old, sides.new, "--")
        changed = set(os.fsdecode(listed).split("\0"))
        notes += raw_notes((path, name) for path, name in sides.raw if path in changed)
    return Compared(
        place.user,
        private,
        old,
        sides.new,
        sides.base,
        sides.what,
        sides.base_commit,
        sides.head_commit,
        sides.in_checkout,
        notes,
        unreadable,
        sides.unread & known.keys(),
        place.prefix,
    )


def _sides(place: Place, private: PrivateRepo, asked: Asked) -> _Sides:
    if asked.patch is not None:
        return _patched(place, private, asked.patch)
    if asked.commit:
        return _commit(place, private, asked.commit)
    if ".." in asked.range:
        return _range(place, private, asked.range)
    if place.bare:
        raise WorkspaceError(
            f"{place.user.root} is a bare repository without files; name two commits as A..B."
        )
    if asked.staged:
        return _staged(place, private)
    _refuse_operation(place)
    if asked.whole:
        return _whole(place, private, asked)
    return _since(place, private, asked.range or asked.base)


def _commit(place: Place, private: PrivateRepo, name: str) -> _Sides:
    commit = resolve(place, name)
    parent = first_parent(private.git, commit)
    if parent is None:
        (tree,) = _trees(place, private, commit.commit)
        what = f"the first commit, {commit}"
        return _Sides(_empty_tree(private), tree, what, "", commit.commit)
    base, new = _trees(place, private, parent, commit.commit)
    return _Sides(base, new, f"the commit {commit}", parent, commit.commit)


def _range(place: Place, private: PrivateRepo, text: str) -> _Sides:
    dots = "..." if "..." in text else ".."
    left, right = text.split(dots, 1)
    old = resolve(place, left) if left else head_of(place)
    new = resolve(place, right) if right else head_of(place)
    if dots == "...":
        parted = merge_base(private.git, place, old, new)
        what = f"the changes of {new} since {Named(parted, old.name)}"
        old = Named(parted, old.name)
    else:
        what = f"the changes from {old} to {new}"
    before, after = _trees(place, private, old.commit, new.commit)
    return _Sides(before, after, what, old.commit, new.commit)


def _since(place: Place, private: PrivateRepo, name: str) -> _Sides:
    taken = take_files(private, place)
    notes = _notes(place, taken)
    if place.user.head is None and not name:
        what = "all files here, since there is no commit yet"
        empty = _empty_tree(private)
        return _Sides(empty, taken.tree, what, "", "", True, notes, *_untold(taken))
    head = head_of(place)
    base = resolve(place, name) if name else default_base(place)
    if base is None:
        parted, what = head.commit, f"your uncommitted changes since {head}"
        if place.user.branch is None or not _is_default(place):
            notes += (_NO_BASE,)
    else:
        parted = merge_base(private.git, place, base, head)
        since = Named(parted, base.name)
        what = f"your changes since {since}, uncommitted work included"
    (tree,) = _trees(place, private, parted)
    return _Sides(tree, taken.tree, what, parted, "", True, notes, *_untold(taken))


def _staged(place: Place, private: PrivateRepo) -> _Sides:
    taken = take_staged(private, place)
    head = place.user.head or ""
    base = _head_tree(place, private)
    notes = _not_staged(place.user) if taken.tree == base else ()
    return _Sides(base, taken.tree, "your staged changes", head, notes=notes)


def _not_staged(user: UserRepo) -> tuple[str, ...]:
    """Return a note on what is changed where nothing is staged, none where nothing is."""
    try:
        number = len(dirty_files(user))
    except WorkspaceError:  # unresolved conflicts: git says so itself
        return ()
    files = "1 file is" if number == 1 else f"{number} files are"
    return (f"nothing is staged; {files} changed but not staged",) if number else ()


def _whole(place: Place, private: PrivateRepo, asked: Asked) -> _Sides:
    # A file that is named itself is wanted, ignored or not; a folder brings what git sees in it.
    named = tuple(p for p in asked.paths if os.path.lexists(place.user.root / p))
    files = tuple(p for p in named if not (place.user.root / p).is_dir())
    taken = take_files(private, place, files)
    base = _head_tree(place, private)
    what = "whole files as they are on disk"
    skipped = taken.skipped
    absent = frozenset(p for p in skipped if not os.path.lexists(place.user.root / p))
    notes = _notes(place, taken)
    return _Sides(base, taken.tree, what, "", "", True, notes, *_untold(taken), absent)


def _patched(place: Place, private: PrivateRepo, patch: bytes) -> _Sides:
    targets: list[Target] = []
    if not place.bare and not place.user.operation:
        targets.append(Target(take_files(private, place).tree, "your files", True))
    if place.user.head:
        head = str(head_of(place))
        targets.append(Target(_head_tree(place, private), head, False))
    applied = apply_patch(private, targets, patch, place.prefix)
    what = f"the patch on standard input, {applied.how}"
    head = place.user.head or ""
    on_disk = applied.in_checkout
    return _Sides(applied.old, applied.new, what, head, "", on_disk, (), applied.unreadable)


def _trees(place: Place, private: PrivateRepo, *commits: str) -> tuple[str, ...]:
    names = [f"{commit}^{{tree}}" for commit in commits]
    answer = private.git.result("rev-parse", *names)
    if answer.exit_code:  # a clone that holds back trees
        raise missing(place, [f"the files of {commit[:12]}" for commit in commits])
    return tuple(answer.stdout.decode().split())


def _head_tree(place: Place, private: PrivateRepo) -> str:
    if place.user.head is None:
        return _empty_tree(private)
    return _trees(place, private, place.user.head)[0]


def _empty_tree(private: PrivateRepo) -> str:
    return private.git.text("mktree", input=b"")


def _untold(taken: Taken) -> tuple[_Pairs, frozenset[str], _Pairs]:
    return taken.unreadable, taken.unread, taken.raw


def _notes(place: Place, taken: Taken) -> tuple[str, ...]:
    if not taken.skipped or place.config.get("core.sparsecheckout", "").lower() == "true":
        return ()
    count = len(taken.skipped)
    files = f"{count} files are" if count > 1 else f"{min(taken.skipped)} is"
    return (f"{files} marked skip-worktree; changes on disk are not looked at",)


def _is_default(place: Place) -> bool:
    return place.user.branch in {"main", "master", "trunk", "develop"}


def _refuse_operation(place: Place) -> None:
    if place.user.operation:
        raise WorkspaceError(
            f"A {place.user.operation} is in progress in {place.user.root}; finish or abort it, "
            "or name two commits as A..B."
        )
