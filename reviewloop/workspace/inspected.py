"""Makes sure that the content of a comparison can be read, before anybody relies on it."""

import os

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.attributes import attributes_in
from reviewloop.workspace.lfs import HEADER
from reviewloop.workspace.located import Place
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.taken import IN_LFS, is_pointer

_NAMED = 3  # objects in a sentence
_SUBMODULE = b"160000"


def inspect(
    private: PrivateRepo, place: Place, old: str, new: str, known: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return path and reason of what the review will not see; refuse when objects are missing.

    `known` is what was found out before; of Git LFS only what really changed is kept.
    """
    answer = private.git.result("diff-tree", "-r", "--raw", "-z", "--no-renames", old, new, "--")
    if answer.exit_code:
        raise missing(place, [answer.stderr.decode("utf-8", "replace").strip()])
    new_ids: dict[str, str] = {}
    ids: dict[str, str] = {}
    fields = answer.stdout.split(b"\0")
    for record, raw_path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old_id, new_id, _ = record[1:].split(b" ")
        path = os.fsdecode(raw_path)
        for mode, oid in ((old_mode, old_id), (new_mode, new_id)):
            if mode not in {b"000000", _SUBMODULE}:
                ids.setdefault(oid.decode(), path)
        if new_mode not in {b"000000", _SUBMODULE}:
            new_ids[path] = new_id.decode()
    _refuse_missing(private, place, ids)
    found = {path: reason for path, reason in known.items() if reason != IN_LFS}
    filtered = attributes_in(private, new, new_ids, ("filter",))
    for path, values in filtered.items():
        in_lfs = values.get("filter") == "lfs"
        if in_lfs and is_pointer(private.pool.read(new_ids[path], len(HEADER))):
            found[path] = IN_LFS
    return tuple(sorted(found.items()))


def _refuse_missing(private: PrivateRepo, place: Place, ids: dict[str, str]) -> None:
    if not ids:
        return
    listing = "\n".join(ids).encode() + b"\n"
    output = private.git.run("cat-file", "--batch-check", input=listing).decode()
    if "missing" not in output:
        return
    lost = [line.split()[0] for line in output.splitlines() if line.endswith(" missing")]
    raise missing(place, [f"{shown(ids[oid])} ({oid})" for oid in lost])


def missing(place: Place, names: list[str]) -> WorkspaceError:
    """Return the error for objects that are not there, or for what git said about them."""
    count = len(names)
    text = ", ".join(names[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
    partial = "extensions.partialclone" in place.config or any(
        key.endswith(".promisor") for key in place.config
    )
    way = "look at the change with `git diff` once" if partial else "look with `git fsck`"
    kind = "partial clone" if partial else "repository"
    return WorkspaceError(
        f"Objects of this change are missing in the {kind}, and a review fetches nothing: "
        f"{text}; {way}, then run again."
    )
