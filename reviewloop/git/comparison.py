"""Resolves a review request to two trees, narrowed to the chosen files."""

import difflib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.attributes import attributes_in
from reviewloop.git.lfs import HEADER
from reviewloop.git.patch_text import Target, apply_patch
from reviewloop.git.patches import DIFF_FLAGS
from reviewloop.git.paths import shown
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, dirty_files
from reviewloop.git.review_repository import ReviewRepository, locate
from reviewloop.git.revisions import (
    Named,
    default_base,
    first_parent,
    head_of,
    merge_base,
    near_names,
    resolve,
)
from reviewloop.git.user_tree import Taken, Unread, is_pointer, raw_notes, take_files, take_staged
from reviewloop.regex import regex

_NAMED = 3  # objects listed in a sentence
_SUBMODULE = b"160000"


def inspect(
    private: PrivateRepo, repository: ReviewRepository, old: str, new: str, known: dict[str, str]
) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Return the paths that differ, and (path, reason) of content that the review does not see.

    Raises WorkspaceError when objects are missing. `known` are earlier reasons; of Git LFS only
    files that really changed are kept.
    """
    answer = private.git.result("diff-tree", "-r", "--raw", "-z", "--no-renames", old, new, "--")
    if answer.exit_code:
        raise missing_objects(repository, [answer.stderr.decode("utf-8", "replace").strip()])
    changed: set[str] = set()
    new_ids: dict[str, str] = {}
    ids: dict[str, str] = {}
    fields = answer.stdout.split(b"\0")
    for record, raw_path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old_id, new_id, _ = record[1:].split(b" ")
        path = os.fsdecode(raw_path)
        changed.add(path)
        for mode, oid in ((old_mode, old_id), (new_mode, new_id)):
            if mode not in {b"000000", _SUBMODULE}:
                ids.setdefault(oid.decode(), path)
        if new_mode not in {b"000000", _SUBMODULE}:
            new_ids[path] = new_id.decode()
    _refuse_missing(private, repository, ids)
    found = {path: reason for path, reason in known.items() if reason != Unread.IN_LFS}
    filtered = attributes_in(private, new, new_ids, ("filter",))
    for path, values in filtered.items():
        in_lfs = values.get("filter") == "lfs"
        if in_lfs and is_pointer(private.pool.read(new_ids[path], len(HEADER))):
            found[path] = Unread.IN_LFS
    return frozenset(changed), tuple(sorted(found.items()))


def _refuse_missing(
    private: PrivateRepo, repository: ReviewRepository, ids: dict[str, str]
) -> None:
    if not ids:
        return
    listing = "\n".join(ids).encode() + b"\n"
    output = private.git.run("cat-file", "--batch-check", input=listing).decode()
    if "missing" not in output:
        return
    lost = [line.split()[0] for line in output.splitlines() if line.endswith(" missing")]
    raise missing_objects(repository, [f"{shown(ids[oid])} ({oid})" for oid in lost])


def missing_objects(repository: ReviewRepository, names: list[str]) -> WorkspaceError:
    """Return the error for missing objects, or for git's message about them."""
    count = len(names)
    text = ", ".join(names[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
    partial = "extensions.partialclone" in repository.config or any(
        key.endswith(".promisor") for key in repository.config
    )
    way = "look at the change with `git diff` once" if partial else "look with `git fsck`"
    kind = "partial clone" if partial else "repository"
    return WorkspaceError(
        f"Objects of this change are missing in the {kind}, and a review fetches nothing: "
        f"{text}; {way}, then run again."
    )


_ID = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")


def earlier_tree(private: PrivateRepo, commit: str, base: str, head: str) -> str:
    """Return the tree to compare `head` with, to see the changes since `commit` was reviewed.

    `base` is the commit that the change is compared with now. Where the base was merged in
    meanwhile, the same merge is made with the earlier commit, so that only the change's own work
    differs. Returns "" where that is impossible: other history, a conflict in that merge, a missing
    commit.
    """
    named = all(_ID.fullmatch(each) for each in (commit, base, head))
    if not named or not _is_ancestor(private, commit, head):
        return ""
    if _is_ancestor(private, base, commit):
        return private.tree_of(commit)
    merged = private.git.result("merge-tree", "--write-tree", "--no-messages", commit, base)
    tree = merged.stdout.decode().strip()
    return tree if merged.exit_code == 0 and "\n" not in tree else ""


def _is_ancestor(private: PrivateRepo, older: str, newer: str) -> bool:
    return not private.git.result("merge-base", "--is-ancestor", older, newer).exit_code


_SHOWN = 3  # paths listed in a sentence


@dataclass(frozen=True)
class Choice:
    """The paths to compare, all for none; whole files or their changes."""

    paths: tuple[str, ...]
    whole: bool = False
    absent: frozenset[str] = frozenset()  # not on disk, so not part of whole files
    on_disk: bool = True  # the new side is the files on disk
    revision: str = ""  # a path that may have been meant as a branch or a commit


def as_typed(paths: Sequence[str], repository: ReviewRepository, start: Path) -> tuple[str, ...]:
    """Return paths from the root for paths typed in the folder `start`, relative or absolute.

    "." is the whole repository. Raises WorkspaceError for paths outside of it.
    """
    return tuple(_from_root(path, repository, start) for path in paths)


def _from_root(path: str, repository: ReviewRepository, start: Path) -> str:
    if not path:
        raise WorkspaceError("an empty path names no file; `.` stands for the current folder.")
    whole = Path(os.path.normpath(start.resolve() / path))
    # The last component stays: a link is reviewed itself, not its target.
    plain = os.path.relpath(whole.parent.resolve() / whole.name, repository.user.root.resolve())
    if plain == os.pardir or plain.startswith(os.pardir + os.sep):
        raise WorkspaceError(f"{shown(path)!r} is no path inside the repository.")
    return plain


def checked_choice(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths normalised, none for the whole repository; raise for paths outside of it."""
    plain = []
    for path in paths:
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if path.startswith("/") or ".." in parts or "\0" in path:
            raise WorkspaceError(f"{shown(path)!r} is no path inside the repository.")
        if not parts:
            return ()
        plain.append("/".join(parts))
    return tuple(dict.fromkeys(plain))


def list_paths(paths: Sequence[str]) -> str:
    """Return the paths for a sentence."""
    names = ", ".join(shown(path) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"only {names}" + (f" and {more} more" if more > 0 else "")


def narrow(
    private: PrivateRepo, repository: ReviewRepository, base: str, new: str, choice: Choice
) -> str:
    """Return the tree to compare `new` with so that exactly the chosen paths differ.

    It is `new` with the chosen files as in `base` (or without them, for whole files), so that all
    other files are current. Renamed files include their old name.
    """
    lines: list[bytes] = []
    touched: list[str] = []
    if choice.whole:
        listed = _listed(private.git, new, choice.paths)
        touched = [path for path in listed if path not in choice.absent]
        lines = [b"0 " + b"0" * len(new) + b"\t" + os.fsencode(path) for path in touched]
    else:
        for change in _differing(private.git, repository, base, new):
            if is_chosen(change.path, choice.paths) or is_chosen(change.old_path, choice.paths):
                lines += _undone(change, len(new))
                touched += [change.path, change.old_path]
    _refuse_unknown(private.git, repository, (base, new), touched, choice)
    if not lines:
        return new
    with private.scratch_index() as git:
        git.run("read-tree", new)
        listing = b"\0".join(lines) + b"\0"
        git.run("update-index", "--replace", "-z", "--index-info", input=listing)
        return git.text("write-tree", "--missing-ok")


class _Differing(NamedTuple):
    """A changed file; the mode is 000000 for a new one."""

    path: str
    old_path: str
    old_mode: str
    old_oid: str


def _differing(git: Git, repository: ReviewRepository, base: str, new: str) -> Iterator[_Differing]:
    answer = git.result("diff-tree", "--raw", "-z", *DIFF_FLAGS, base, new, "--")
    if answer.exit_code:
        raise missing_objects(repository, [answer.stderr.decode("utf-8", "replace").strip()])
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
    """Return the index lines that restore the old version of the file."""
    lines = []
    if change.old_path != change.path or change.old_mode == "000000":
        lines.append(b"0 " + b"0" * width + b"\t" + os.fsencode(change.path))
    if change.old_mode != "000000":
        line = f"{change.old_mode} {change.old_oid}\t".encode()
        lines.append(line + os.fsencode(change.old_path))
    return lines


def is_chosen(path: str, paths: tuple[str, ...]) -> bool:
    """Return whether a path is one of these, or below one; True when none are given."""
    return not paths or any(path == one or path.startswith(one + "/") for one in paths)


def _refuse_unknown(
    git: Git,
    repository: ReviewRepository,
    trees: tuple[str, str],
    touched: list[str],
    choice: Choice,
) -> None:
    for path in choice.paths:
        if any(is_chosen(one, (path,)) for one in touched):
            continue
        if not choice.whole and any(git.run("ls-tree", tree, "--", path) for tree in trees):
            continue  # unchanged
        name = shown(path)
        if not repository.bare and os.path.lexists(repository.user.root / path):
            raise WorkspaceError(
                f"{name} holds nothing that git sees: it is empty, ignored or another repository."
                if choice.on_disk
                else f"{name} is on disk, but in neither side of what is compared."
            )
        known = dict.fromkeys(one for tree in trees for one in _listed(git, tree, ()))
        typed = _typed(path, repository)
        near = [_typed(one, repository) for one in _near_paths(path, list(known))]
        kinds = "file or folder"
        if path == choice.revision:
            kinds = "branch, commit, file or folder"
            near = [*near_names(repository, typed), *near]
        raise WorkspaceError(f"there is no {kinds} `{shown(typed)}`; {_hint(near, repository)}")


def _typed(path: str, repository: ReviewRepository) -> str:
    """Return a path from the root as it is typed in the start folder."""
    return os.path.relpath(path, repository.prefix) if repository.prefix else path


def _near_paths(path: str, known: list[str]) -> list[str]:
    """Return similar files and folders, the most likely first."""
    base = path.rpartition("/")[2]
    same = [one for one in known if one.rpartition("/")[2] == base]
    if same:
        return difflib.get_close_matches(path, same, _SHOWN, 0)
    folders = {one.rpartition("/")[0] for one in known} - {""}
    # Folder and suffix alone make `test.py` similar to `setup.py`.
    stem = _stem(path)
    near = difflib.get_close_matches(path, {*known, *folders}, 3 * _SHOWN, 0.6)
    return [one for one in near if difflib.get_close_matches(stem, [_stem(one)], 1, 0.6)]


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _hint(near: list[str], repository: ReviewRepository) -> str:
    if not near:
        folder = f", {shown(repository.prefix)}" if repository.prefix else ""
        return f"paths are relative to the current folder{folder}."
    names = dict.fromkeys(f"`{shown(one)}`" for one in near)
    return f"did you mean {' or '.join(list(names)[:_SHOWN])}?"


__all__ = ["CompareSpec", "Comparison", "open_comparison"]

_Pairs = tuple[tuple[str, str], ...]
_NO_BASE = (
    "no base branch was found, so only uncommitted work is reviewed; `--base BRANCH` names one, "
    "`--commit REV` reviews a commit"
)
_NOT_FETCHED = (
    "This is a shallow clone without the branch that HEAD is to be merged into, so nothing shows "
    "what changed; fetch both with their history, for example with `git fetch --deepen=100` and "
    "`git fetch origin main:refs/remotes/origin/main`, or name what to review with `--commit`."
)


@dataclass(frozen=True)
class CompareSpec:
    """What to review; at most one of the first, third to sixth is given."""

    range: str = ""  # X, A..B or A...B
    base: str = ""  # instead of the detected base branch
    staged: bool = False
    commit: str = ""
    whole: bool = False  # whole files: every line counts as added
    patch: bytes | None = None  # from standard input
    paths: tuple[str, ...] = ()  # files or folders, relative to the repository's root


def require_one_of(given: Mapping[str, object]) -> None:
    """Raise `UsageError` where more than one of these arguments was given."""
    named = [name for name, value in given.items() if value]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} cannot be combined; give one of them")


@dataclass(frozen=True)
class Comparison:
    """Two trees whose difference is reviewed; valid while the `with` block lasts."""

    user: UserRepo  # its root is the git directory itself when it is bare
    private: PrivateRepo
    old: str  # tree; `new` with the old version of the reviewed files, when paths were given
    new: str  # tree, always whole
    base: str  # tree for settings and attributes: all of the old side
    what: str  # for people: "your changes since main (1a2b3c4), uncommitted work included"
    base_commit: str  # "" where there is none
    head_commit: str  # "" where the new side is not a commit
    in_checkout: bool  # the new side is the files on disk
    notes: tuple[str, ...] = ()
    unstaged: int = 0  # changed files, where no requested staged ones are
    unreadable: tuple[tuple[str, str], ...] = ()  # (path, why its content is not in the trees)
    unread: frozenset[str] = frozenset()  # of these, files that may hold a fault but cannot be read
    prefix: str = ""  # the start folder, relative to the root, with a final slash
    changed: frozenset[str] = frozenset()  # paths in which `old` and `new` differ


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
    raw: tuple[tuple[str, str], ...] = ()  # (path, filter that was not run)
    absent: frozenset[str] = frozenset()  # in the new tree, but not on disk: a sparse checkout
    unstaged: int = 0


@contextmanager
def open_comparison(
    start: Path, spec: CompareSpec, repository: ReviewRepository | None = None
) -> Iterator[Comparison]:
    """Yield the two trees of a review; raise WorkspaceError with the reason where there is none.

    `repository` holds `start`, if it is known already. Nothing of the user's is written, none of
    their programs runs, nothing is fetched.
    """
    _refuse_contradictions(spec)
    repository = repository or locate(start)
    spec = replace(spec, paths=checked_choice(spec.paths))
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
        private = PrivateRepo.create(Path(name) / "git", repository.user, for_review=True)
        try:
            yield _compare(repository, private, spec)
        finally:
            private.close()


def _refuse_contradictions(spec: CompareSpec) -> None:
    given = {
        "a range": bool(spec.range),
        "staged changes": spec.staged,
        "a commit": bool(spec.commit),
        "whole files": spec.whole,
        "a patch": spec.patch is not None,
    }
    named = [name for name, is_given in given.items() if is_given]
    if spec.base:
        named.append("a base")
    if len(named) > 1:
        raise WorkspaceError(f"{' and '.join(named)} cannot be asked for together; name one.")


def _compare(repository: ReviewRepository, private: PrivateRepo, spec: CompareSpec) -> Comparison:
    sides = _sides(repository, private, spec)
    old = sides.base
    if spec.paths or sides.absent:
        only_paths = spec.range or spec.whole or spec.patch is not None
        revision = "" if only_paths else next(iter(spec.paths), "")
        choice = Choice(spec.paths, spec.whole, sides.absent, sides.in_checkout, revision)
        old = narrow(private, repository, sides.base, sides.new, choice)
    elif spec.whole:
        old = private.empty_tree()
    if spec.paths:
        sides = replace(sides, what=f"{sides.what}, {list_paths(spec.paths)}")
    known = {path: why for path, why in sides.unreadable if is_chosen(path, spec.paths)}
    changed, unreadable = inspect(private, repository, old, sides.new, known)
    notes = sides.notes
    if sides.raw:
        notes += raw_notes((path, name) for path, name in sides.raw if path in changed)
    return Comparison(
        repository.user,
        private,
        old,
        sides.new,
        sides.base,
        sides.what,
        sides.base_commit,
        sides.head_commit,
        sides.in_checkout,
        notes,
        sides.unstaged,
        unreadable,
        sides.unread & known.keys(),
        repository.prefix,
        changed,
    )


def _sides(repository: ReviewRepository, private: PrivateRepo, spec: CompareSpec) -> _Sides:
    if spec.patch is not None:
        return _patched(repository, private, spec.patch)
    if spec.commit:
        return _commit(repository, private, spec.commit)
    if ".." in spec.range:
        return _range(repository, private, spec.range)
    if repository.bare:
        raise WorkspaceError(
            f"{repository.user.root} is a bare repository without files; name two commits as A..B."
        )
    if spec.staged:
        return _staged(repository, private)
    _refuse_operation(repository)
    if spec.whole:
        return _whole(repository, private, spec)
    return _since(repository, private, spec.range or spec.base)


def _commit(repository: ReviewRepository, private: PrivateRepo, name: str) -> _Sides:
    commit = resolve(repository, name)
    parent = first_parent(private.git, commit)
    if parent is None:
        (tree,) = _trees(repository, private, commit.commit)
        what = f"the first commit, {commit}"
        return _Sides(private.empty_tree(), tree, what, "", commit.commit)
    base, new = _trees(repository, private, parent, commit.commit)
    return _Sides(base, new, f"the commit {commit}", parent, commit.commit)


def _range(repository: ReviewRepository, private: PrivateRepo, text: str) -> _Sides:
    dots = "..." if "..." in text else ".."
    left, right = text.split(dots, 1)
    old = resolve(repository, left) if left else head_of(repository)
    new = resolve(repository, right) if right else head_of(repository)
    if dots == "...":
        parted = merge_base(private.git, repository, old, new)
        what = f"the changes of {new} since {Named(parted, old.name)}"
        old = Named(parted, old.name)
    else:
        what = f"the changes from {old} to {new}"
    before, after = _trees(repository, private, old.commit, new.commit)
    return _Sides(before, after, what, old.commit, new.commit)


def _since(repository: ReviewRepository, private: PrivateRepo, name: str) -> _Sides:
    taken = take_files(private, repository)
    notes = _notes(repository, taken)
    if repository.user.head is None and not name:
        what = "all files here, since there is no commit yet"
        empty = private.empty_tree()
        return _Sides(empty, taken.tree, what, "", "", True, notes, *_unreported(taken))
    head = head_of(repository)
    base = resolve(repository, name) if name else default_base(repository)
    on_main = base is None and repository.user.branch is not None and _is_default(repository)
    if base is None:
        parted, what = head.commit, f"your uncommitted changes since {head}"
        notes += () if on_main else (_NO_BASE,)
    else:
        parted = merge_base(private.git, repository, base, head)
        since = Named(parted, base.name)
        what = f"your changes since {since}, uncommitted work included"
    (tree,) = _trees(repository, private, parted)
    if base is None and not on_main and repository.shallow and tree == taken.tree:
        raise WorkspaceError(_NOT_FETCHED)
    return _Sides(tree, taken.tree, what, parted, "", True, notes, *_unreported(taken))


def _staged(repository: ReviewRepository, private: PrivateRepo) -> _Sides:
    taken = take_staged(private, repository)
    head = repository.user.head or ""
    base = _head_tree(repository, private)
    number = _not_staged(repository.user) if taken.tree == base else 0
    files = "1 file is" if number == 1 else f"{number} files are"
    notes = (f"nothing is staged; {files} changed but not staged",) if number else ()
    return _Sides(base, taken.tree, "your staged changes", head, notes=notes, unstaged=number)


def _not_staged(user: UserRepo) -> int:
    """Return the number of changed files that are not staged."""
    try:
        return len(dirty_files(user))
    except WorkspaceError:  # unresolved conflicts, which git reports
        return 0


def _whole(repository: ReviewRepository, private: PrivateRepo, spec: CompareSpec) -> _Sides:
    # A named file is included even if ignored; a folder only with the files that git sees.
    named = tuple(p for p in spec.paths if os.path.lexists(repository.user.root / p))
    files = tuple(p for p in named if not (repository.user.root / p).is_dir())
    taken = take_files(private, repository, files)
    base = _head_tree(repository, private)
    what = "whole files as they are on disk"
    skipped = taken.skipped
    absent = frozenset(p for p in skipped if not os.path.lexists(repository.user.root / p))
    notes = _notes(repository, taken)
    return _Sides(base, taken.tree, what, "", "", True, notes, *_unreported(taken), absent)


def _patched(repository: ReviewRepository, private: PrivateRepo, patch: bytes) -> _Sides:
    targets: list[Target] = []
    if not repository.bare and not repository.user.operation:
        targets.append(Target(take_files(private, repository).tree, "your files", True))
    if repository.user.head:
        head = str(head_of(repository))
        targets.append(Target(_head_tree(repository, private), head, False))
    applied = apply_patch(private, targets, patch, repository.prefix)
    what = f"the patch on standard input, {applied.how}"
    head = repository.user.head or ""
    on_disk = applied.in_checkout
    return _Sides(applied.old, applied.new, what, head, "", on_disk, (), applied.unreadable)


def _trees(repository: ReviewRepository, private: PrivateRepo, *commits: str) -> tuple[str, ...]:
    try:
        return tuple(map(private.tree_of, commits))
    except WorkspaceError:  # a partial clone without trees
        lost = [f"the files of {commit[:12]}" for commit in commits]
        raise missing_objects(repository, lost) from None


def _head_tree(repository: ReviewRepository, private: PrivateRepo) -> str:
    if repository.user.head is None:
        return private.empty_tree()
    return _trees(repository, private, repository.user.head)[0]


def _unreported(taken: Taken) -> tuple[_Pairs, frozenset[str], _Pairs]:
    return taken.unreadable, taken.unread, taken.raw


def _notes(repository: ReviewRepository, taken: Taken) -> tuple[str, ...]:
    if not taken.skipped or repository.config.get("core.sparsecheckout", "").lower() == "true":
        return ()
    count = len(taken.skipped)
    files = f"{count} files are" if count > 1 else f"{min(taken.skipped)} is"
    return (f"{files} marked skip-worktree; changes on disk are not looked at",)


def _is_default(repository: ReviewRepository) -> bool:
    return repository.user.branch in {"main", "master", "trunk", "develop"}


def _refuse_operation(repository: ReviewRepository) -> None:
    if repository.user.operation:
        raise WorkspaceError(
            f"A {repository.user.operation} is in progress in {repository.user.root}; finish or "
            "abort it, or name two commits as A..B."
        )
