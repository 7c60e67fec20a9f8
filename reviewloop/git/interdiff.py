"""The difference between two versions of a change, and its effect on files in Git LFS."""

from collections.abc import Callable
from difflib import unified_diff

from reviewloop.git.attributes import attributes_in
from reviewloop.git.diff import Change, FileChange
from reviewloop.git.lfs import LARGEST, parse_pointer
from reviewloop.git.paths import shown
from reviewloop.git.private import PrivateRepo


def lfs_stop(private: PrivateRepo, change: Change, *, pointers: bool) -> str:
    """Return why a change must not be committed because of Git LFS, "" when it may.

    Content of such files would be stored in git itself. With `pointers` a file may become another
    pointer; deleting one is always fine.
    """
    there = {file.path: file.new_oid for file in change.files if file.status != "D"}
    for path, values in attributes_in(private, change.new, there, ("filter",)).items():
        if values.get("filter") != "lfs":
            continue
        is_pointer = parse_pointer(private.pool.read(there[path], LARGEST + 1) or b"") is not None
        if not is_pointer:
            return f"{shown(path)} is kept in Git LFS, and its content would be committed itself"
        if not pointers:
            return f'{shown(path)} is kept in Git LFS; workspace.lfs = "pointer" lets it change'
    return ""


_COMPARED = 4000  # lines of one file's change; more are counted, not shown
_AROUND = 2  # unchanged lines of the change around a difference


def _unchanged(text: str) -> str:
    return text


def interdiff(
    before: Change, after: Change, redact: Callable[[str], str] = _unchanged
) -> dict[str, str]:
    """Return path -> how the file's part of the change differs, sorted by path.

    `before` and `after` are the change on its old and on its new base. Only its added and removed
    lines count, not their location or context, so a clean merge has no difference. A file in only
    one of them differs in all of its lines, unless the commit renamed it: then its lines are the
    same under another name. `redact` is applied to a diff before its lines get a second sign.
    """
    old = {file.path: _Lines.of(file) for file in before.files}
    new = {file.path: _Lines.of(file) for file in after.files}
    _leave_out_renamed(old, new)
    found = {}
    for path in sorted(old.keys() | new.keys()):
        ours, theirs = old.get(path, _NOTHING), new.get(path, _NOTHING)
        if ours != theirs:
            found[path] = _shown(path, ours, theirs, redact)
    return found


class _Lines(tuple[str, ...]):
    """The changed lines of one file, each with its sign."""

    __slots__ = ()

    @classmethod
    def of(cls, file: FileChange) -> "_Lines":
        if file.binary or file.submodule:
            return cls((f"content {file.new_oid}",))
        mode = () if file.old_mode == file.new_mode else (f"mode {file.new_mode}",)
        lines = (line for hunk in file.hunks for line in hunk.lines if line.sign in "+-")
        return cls((*mode, *(line.sign + line.text for line in lines)))


_NOTHING = _Lines()


def _leave_out_renamed(old: dict[str, _Lines], new: dict[str, _Lines]) -> None:
    gone = {lines: path for path, lines in old.items() if path not in new and lines}
    for path, lines in list(new.items()):
        if path not in old and lines in gone:
            del new[path], old[gone.pop(lines)]


def _shown(path: str, ours: _Lines, theirs: _Lines, redact: Callable[[str], str]) -> str:
    if max(len(ours), len(theirs)) > _COMPARED:
        return (
            f"--- {path}, as it was read\n+++ {path}, as it is now\n"
            f"(it had {len(ours)} changed lines and has {len(theirs)}: too many to be compared)\n"
        )
    old, new = (redact("\n".join(side)).split("\n") if side else [] for side in (ours, theirs))
    lines = unified_diff(
        old, new, f"{path}, as it was read", f"{path}, as it is now", n=_AROUND, lineterm=""
    )
    text = "".join(f"{line}\n" for line in lines)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
