"""Finds lines and paths in a tree: patterns come from models, so both are bounded."""

import os
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.globs import expand_braces
from reviewloop.git.process import Git, end_process

_CHUNK = 1 << 16
_SECONDS = 30.0  # an expression may backtrack for ever


@dataclass(frozen=True)
class Hit:
    """One line that a search found."""

    path: str
    line: int  # 1-based
    text: str  # without the line feed


def grep_tree(
    git: Git,
    tree: str,
    pattern: str,
    *,
    paths: Iterable[str] = (),
    ignore_case: bool = False,
    fixed: bool = False,
    limit: int = 200,
) -> list[Hit]:
    """Return up to `limit` matching lines of a tree's text files; see `TreeReader.grep`."""
    args = ["grep", "-n", "-z", "-I", "--no-textconv", "--no-color"]
    args += ["-i"] if ignore_case else []
    tail = ["-e", pattern, tree, "--", *paths]
    if fixed:
        return _grep(git, [*args, "-F", *tail], tree, limit)
    try:
        return _grep(git, [*args, "-P", *tail], tree, limit)
    except WorkspaceError as error:
        if "Perl-compatible" not in str(error):
            raise
        return _grep(git, [*args, "-E", *tail], tree, limit)


def match_paths(pattern: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a gitignore-style pattern (with `{a,b}` alternatives) matches."""
    from pathspec import PathSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        spec = PathSpec.from_lines("gitignore", expand_braces(pattern))
    except GitIgnorePatternError as error:
        raise WorkspaceError(
            f"The pattern {pattern!r} is no valid file pattern: {error}."
        ) from None
    return list(spec.match_files(paths))


def _grep(git: Git, args: list[str], tree: str, limit: int) -> list[Hit]:
    process = git.start(*args, stderr=subprocess.PIPE)
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    try:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("grep was started without pipes")
        process.stdin.close()
        hits, enough = _read_hits(process.stdout, tree, limit)
        if enough:
            return hits
        stderr = process.stderr.read()
        exit_code = process.wait()
        if exit_code < 0:
            raise WorkspaceError(
                f"The search took longer than {_SECONDS:.0f} seconds; simplify the pattern."
            )
        if exit_code > 1:
            raise git.error(args, stderr, exit_code)
        return hits
    finally:
        timer.cancel()
        end_process(process)


def _read_hits(stream: IO[bytes], tree: str, limit: int) -> tuple[list[Hit], bool]:
    """Read `tree:path NUL line : text LF` records; the flag says that the limit was reached."""
    hits: list[Hit] = []
    buffer = b""
    while len(hits) < limit:
        # A path may hold a line feed, so a record is read from its front: NUL first, then LF.
        name_end = buffer.find(b"\0")
        text_end = buffer.find(b"\n", name_end) if name_end >= 0 else -1
        if text_end < 0:
            data = stream.read(_CHUNK)
            if not data:
                return hits, False
            buffer += data
            continue
        path = os.fsdecode(buffer[len(tree) + 1 : name_end])
        number, text = _split_number(buffer[name_end + 1 : text_end])
        hits.append(Hit(path, number, text.decode("utf-8", "surrogateescape")))
        buffer = buffer[text_end + 1 :]
    return hits, True


def _split_number(record: bytes) -> tuple[int, bytes]:
    digits = len(record) - len(record.lstrip(b"0123456789"))
    return int(record[:digits]), record[digits + 1 :]
