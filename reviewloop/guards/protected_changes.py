"""Which protected files a change touches, with the reason: listed apart wherever it is shown."""

import json
from collections.abc import Iterator
from typing import Any

from reviewloop.guards.base import ReadFile
from reviewloop.workspace.diff import Change, FileChange
from reviewloop.workspace.protected import Protection, folded, protection_of

_LINK = "120000"
_SUBMODULE = Protection("submodule", "brings in code of another repository", False)
_LINKED = Protection("link", "is a link: what is written to it lands elsewhere", False)
_SCRIPTS = Protection("scripts", "has scripts that package tools run by themselves", False)
# Parts of package.json that make something run at install, at commit or in the checks.
_RUNNING_PARTS = ("scripts", "husky", "lint-staged", "simple-git-hooks", "pre-commit", "gypfile")


def protected_changes(
    change: Change, read_base: ReadFile, read_new: ReadFile
) -> list[dict[str, Any]]:
    """Return a record for each protected file: `path`, `status` (A M D R T), `kind`, `why`.

    `refused` says whether agents may write it only where a person named it. A rename counts by
    its old name too: moving a hook away switches it off.
    """
    return [
        {
            "path": path,
            "status": "D" if path != file.path else file.status,
            "kind": found.kind,
            "why": found.why,
            "refused": found.refused,
        }
        for file in change.files
        for path, found in _protected(file, read_base, read_new)
    ]


def _protected(
    file: FileChange, read_base: ReadFile, read_new: ReadFile
) -> Iterator[tuple[str, Protection]]:
    if file.status == "R" and (moved := protection_of(file.old_path)):
        yield file.old_path, moved
    if found := protection_of(file.path):
        yield file.path, found
    elif file.submodule:
        yield file.path, _SUBMODULE
    elif file.new_mode == _LINK:
        yield file.path, _LINKED
    elif folded(file.path).rsplit("/", 1)[-1] == "package.json":
        before = None if file.status == "A" else read_base(file.old_path)
        if _running_parts(before) != _running_parts(read_new(file.path)):
            yield file.path, _SCRIPTS


def _running_parts(data: bytes | None) -> Any:
    """Return what runs by itself; unreadable JSON is compared as it stands."""
    try:
        known = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return data
    return {part: known.get(part) for part in _RUNNING_PARTS} if isinstance(known, dict) else data
