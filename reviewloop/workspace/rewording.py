"""Gives a commit another message and leaves everything else of it as it was."""

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git

_SIGNATURES = (b"gpgsig", b"gpgsig-sha256")


def message_of(git: Git, commit: str) -> str:
    """Return the whole message of a commit."""
    return _parts(git, commit)[1].decode("utf-8", "replace")


def is_signed(git: Git, commit: str) -> bool:
    """Whether a commit carries a signature."""
    return any(line.startswith(_SIGNATURES) for line in _parts(git, commit)[0].split(b"\n"))


def reworded(git: Git, commit: str, message: str) -> str:
    """Return the commit with this message: same tree, parents, people and times.

    A signature is left out, because it was given for the other message. The same call gives the
    same commit. `git` is on a directory of ours, which then holds the new object.
    """
    header = _without_signatures(_parts(git, commit)[0])
    text = message if message.endswith("\n") else message + "\n"
    content = header + b"\n\n" + text.encode("utf-8", "replace")
    stored = git.run("hash-object", "-t", "commit", "-w", "--stdin", input=content)
    return stored.decode().strip()


def _parts(git: Git, commit: str) -> tuple[bytes, bytes]:
    header, blank, message = git.run("cat-file", "commit", commit).partition(b"\n\n")
    if not blank:
        raise WorkspaceError(f"The commit {commit[:12]} has no message.")
    return header, message


def _without_signatures(header: bytes) -> bytes:
    kept: list[bytes] = []
    inside = False
    for line in header.split(b"\n"):
        inside = line.split(b" ", 1)[0] in _SIGNATURES or (inside and line.startswith(b" "))
        if not inside:
            kept.append(line)
    return b"\n".join(kept)
