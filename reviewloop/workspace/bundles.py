"""Commits as a file, from one machine to another: written by git, read as data that may lie."""

import re
from pathlib import Path

from reviewloop.errors import UsageError, WorkspaceError
from reviewloop.workspace.git import Git

LARGEST = 256 * 1024 * 1024  # bytes of a bundle
_LONGEST_HEADER = 64 * 1024
_REF = "refs/heads/reviewloop-handoff"
_FORMAT = re.compile(rb"@object-format=sha(1|256)")
_SIGNATURES = (b"# v2 git bundle", b"# v3 git bundle")


def write_bundle(git: Git, commit: str, onto: str, file: Path) -> None:
    """Write the commits after `onto` up to `commit` into a file.

    `git` is on a directory of ours: a bundle takes names, so the commit has one for a moment.
    """
    git.run("update-ref", _REF, commit)
    try:
        git.run("bundle", "create", "--quiet", str(file.absolute()), _REF, f"^{onto}")
    finally:
        git.run("update-ref", "-d", _REF)
    if file.stat().st_size > LARGEST:
        file.unlink()
        raise WorkspaceError(
            f"The commits after {onto[:12]} take more than {LARGEST // 1024 // 1024} MB; "
            "push them from a checkout instead."
        )


def read_bundle(git: Git, file: Path) -> None:
    """Take the objects of a bundle into a directory of ours, each checked by git as a host would.

    Names in the bundle count for nothing. UsageError when it is no bundle, is broken, or builds on
    commits that are not here.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise UsageError(f"{file} is larger than a handoff may be")
    header, blank, pack = data.partition(b"\n\n")
    lines = header.split(b"\n")
    if not blank or len(header) > _LONGEST_HEADER or lines[0] not in _SIGNATURES:
        raise UsageError(f"{file} is no bundle of git")
    for line in lines[1:]:
        if line.startswith(b"@") and not _FORMAT.fullmatch(line):
            raise UsageError(f"{file} is a bundle of a kind that is not taken")
        if line.startswith(b"-"):
            require_known(git, line[1:].split(b" ", 1)[0].decode("ascii", "replace"))
    result = git.result("index-pack", "--stdin", "--fix-thin", "--strict", input=pack)
    if result.exit_code:
        told = result.stderr.decode("utf-8", "replace").splitlines()
        reasons = [
            line.partition(": ")[2] for line in told if line.startswith(("error: ", "fatal: "))
        ]
        raise UsageError(f"{file} is refused: {(reasons or ['git does not take it'])[0]}")


def require_known(git: Git, commit: str) -> None:
    """Raise UsageError unless the commit that a handoff builds on is here."""
    known = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit)
    if not known or git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code:
        raise UsageError(
            f"the handoff builds on the commit {commit[:12]}, which is not in this clone: check "
            "out with `fetch-depth: 0`, or fetch it first"
        )
