"""Switches the person's checkout to a branch, as they would: only at their word, and if clean."""

import subprocess
from pathlib import Path

from reviewloop.errors import WorkspaceError


def switch(root: Path, branch: str) -> None:
    """Run `git switch`, with the person's own filters and without hooks.

    Raises `WorkspaceError` when git refuses; it has changed nothing then.
    """
    command = ["git", "-c", "core.hooksPath=/dev/null", "switch", "--quiet", branch]
    try:
        done = subprocess.run(
            command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise WorkspaceError(f"git could not be started: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise WorkspaceError(f"git did not switch to {branch}: {said[0] if said else 'no reason'}")
