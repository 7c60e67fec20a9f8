"""A person's edit of what a run proposes, as the tree that it makes; nothing is decided here."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch

from reviewloop.errors import UsageError
from reviewloop.runs.view import RunView
from reviewloop.workspace.diff import FileChange, Hunk


def files_of(seen: RunView) -> tuple[FileChange, ...]:
    """Return the files of the proposed change."""
    return seen.private.change(seen.proposal["base_tree"], seen.proposal["tree"]).files


def without(seen: RunView, wanted: Iterable[str]) -> str:
    """Return the tree without the change of these files; each may be a path, folder or pattern.

    Raises `UsageError` for one that the change does not touch, and when nothing would be left.
    """
    files, out = files_of(seen), dict[str, FileChange]()
    for word in wanted:
        name = word.rstrip("/")
        found = [one for one in files if _is_meant(one, name)]
        if not found:
            paths = ", ".join(one.path for one in files[:8]) + (", …" if len(files) > 8 else "")
            raise UsageError(f"the change has no file {word}; it touches {paths}")
        out |= {one.path: one for one in found}
    if len(out) == len(files):
        raise UsageError(
            f"nothing would be left of the change; `reviewloop reject {seen.record.run_id}` ends "
            "the run"
        )
    return _restored(seen, out.values())


def without_hunks(seen: RunView, out: Mapping[str, Collection[int]]) -> str:
    """Return the tree without these hunks of each file, by their position.

    A file without any of its hunks is as it was before.
    """
    tree, whole = seen.proposal["tree"], []
    changes: dict[str, bytes | None] = {}
    for file in files_of(seen):
        gone = out.get(file.path, ())
        if not gone:
            continue
        if len(gone) == len(file.hunks):
            whole.append(file)
            continue
        base, path = seen.proposal["base_tree"], file.old_path or file.path
        old = seen.private.read(base, path) or b""
        new = seen.private.read(tree, file.path) or b""
        changes[file.path] = rebuilt(old, new, file.hunks, gone)
    if changes:
        tree = seen.private.edit(tree, changes)
    return _restored(seen, whole, tree) if whole else tree


def rebuilt(old: bytes, new: bytes, hunks: Iterable[Hunk], out: Collection[int]) -> bytes:
    """Return a file with all hunks of its change but those `out`."""
    before, after = _lines(old), _lines(new)
    made: list[bytes] = []
    at = 0  # line of the old file
    for number, hunk in enumerate(hunks):
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        made += before[at:start]
        first = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        kept = before[start : start + hunk.old_count]
        made += kept if number in out else after[first : first + hunk.new_count]
        at = start + hunk.old_count
    return b"".join([*made, *before[at:]])


def texts_of(seen: RunView) -> dict[str, bytes]:
    """Return the changed files that an editor can open, as the change leaves them."""
    found = {}
    for file in files_of(seen):
        if file.binary or file.submodule or file.status == "D" or file.new_mode == "120000":
            continue
        data = seen.private.read(seen.proposal["tree"], file.path)
        if data is not None:
            found[file.path] = data
    return found


def written(seen: RunView, files: Mapping[str, bytes | None]) -> str:
    """Return the tree with these files as the person left them."""
    tree = seen.proposal["tree"]
    changed = {path: data for path, data in files.items() if data != seen.private.read(tree, path)}
    return seen.private.edit(tree, changed) if changed else str(tree)


def _is_meant(file: FileChange, name: str) -> bool:
    return any(
        path == name or path.startswith(f"{name}/") or fnmatch(path, name)
        for path in (file.path, file.old_path)
        if path
    )


def _lines(data: bytes) -> list[bytes]:
    """Return lines with their ends, as git counts them: only a line feed ends one."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _restored(seen: RunView, files: Iterable[FileChange], tree: str = "") -> str:
    paths = {path for file in files for path in (file.path, file.old_path) if path}
    return seen.private.restore(tree or seen.proposal["tree"], seen.proposal["base_tree"], paths)
