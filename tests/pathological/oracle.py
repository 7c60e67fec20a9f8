"""Reads a change with git's plumbing and the blobs only, for comparison with our reader."""

import os
import subprocess
from typing import NamedTuple

from reviewloop.git.diff import Change, FileChange

SUBMODULE = "160000"


class Raw(NamedTuple):
    """One record of `diff-tree --raw -z`."""

    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    status: str
    old_path: str
    path: str


def assert_agrees_with_git(folder: str, change: Change) -> None:
    """Compare files, counts, every line and every range with what the objects in `folder` hold."""
    records = raw_records(folder, change.old, change.new)
    ours = [
        Raw(f.old_mode, f.new_mode, f.old_oid, f.new_oid, f.status, f.old_path, f.path)
        for f in change.files
    ]
    assert ours == records
    counts = numstat(folder, change.old, change.new)
    for file in change.files:
        old, new = (
            blob(folder, file.old_mode, file.old_oid),
            blob(folder, file.new_mode, file.new_oid),
        )
        assert file.binary == (b"\0" in old[:8000] or b"\0" in new[:8000])
        if file.binary:
            assert counts[file.path] in {None, (0, 0)}
            assert (file.hunks, file.added_ranges) == ((), ())
            continue
        if counts[file.path] is not None and file.status != "T":
            assert (file.added, file.removed) == counts[file.path]
        assert_lines(file, old, new)
    change.patch().encode("utf-8")


def assert_lines(file: FileChange, old: bytes, new: bytes) -> None:
    """The hunks turn the old blob into the new one, and say where each line stands."""
    old_lines, new_lines = split(old), split(new)
    made: list[bytes] = []
    at = 0
    if file.status == "T":
        at = len(old_lines)
    for hunk in file.hunks:
        if file.status != "T":
            start = hunk.old_start - (hunk.old_count > 0)
            made += old_lines[at:start]
            at = start
            assert len(made) + (hunk.new_count > 0) == hunk.new_start
        for line in hunk.lines:
            raw = line.text.encode("utf-8", "surrogateescape")
            if line.sign in "- " and file.status != "T":
                assert old_lines[at].rstrip(b"\n") == raw.rstrip(b"\n")
                at += 1
            if line.sign in "+ ":
                made.append(raw)
    made += old_lines[at:]
    assert [line.removesuffix(b"\n") for line in made] == [
        line.removesuffix(b"\n") for line in new_lines
    ]
    text = file.added_text
    for number, line in text.items():
        raw = new_lines[number - 1].removesuffix(b"\n")
        assert line.encode("utf-8", "surrogateescape") == raw
    in_ranges = [n for first, last in file.added_ranges for n in range(first, last + 1)]
    assert in_ranges == sorted(text)
    assert len(text) == file.added
    for (_, last), (first, _) in zip(file.added_ranges, file.added_ranges[1:], strict=False):
        assert first > last + 1
    marks = [line.text for hunk in file.hunks for line in hunk.lines if line.sign == "\\"]
    if file.hunks and file.status not in "T":
        shown = {n for h in file.hunks for n in range(h.new_start, h.new_start + h.new_count)}
        ends_open = bool(new) and not new.endswith(b"\n") and len(new_lines) in shown
        assert not ends_open or marks


def split(data: bytes) -> list[bytes]:
    """Cut at line feeds, which stay."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def raw_records(folder: str, old: str, new: str) -> list[Raw]:
    fields = iter(_git(folder, "diff-tree", "-r", "-M", "--raw", "-z", old, new).split(b"\0")[:-1])
    found = []
    for record in fields:
        *modes, status = record[1:].decode().split()
        old_path = os.fsdecode(next(fields))
        path = os.fsdecode(next(fields)) if status[0] == "R" else old_path
        found.append(Raw(*modes, status[0], old_path, path))
    return found


def numstat(folder: str, old: str, new: str) -> dict[str, tuple[int, int] | None]:
    output = _git(folder, "diff-tree", "-r", "-M", "--numstat", "-z", old, new)
    fields = iter(output.split(b"\0")[:-1])
    found = {}
    for record in fields:
        added, removed, path = record.split(b"\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        counts = None if added == b"-" else (int(added), int(removed))
        found[os.fsdecode(path)] = counts
    return found


def blob(folder: str, mode: str, oid: str) -> bytes:
    if mode == "000000":
        return b""
    if mode == SUBMODULE:
        return f"Subproject commit {oid}\n".encode()
    return _git(folder, "cat-file", "blob", oid)


def _git(folder: str, *args: str) -> bytes:
    done = subprocess.run(
        ["git", *args], env={**os.environ, "GIT_DIR": folder}, cwd=folder,
        check=True, capture_output=True,
    )  # fmt: skip
    return done.stdout
