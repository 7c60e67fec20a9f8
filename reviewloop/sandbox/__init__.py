"""Keeps commands of the repository away from everything but the workspace: see `choose`."""

TYPE_CHECKING = False  # of `typing`, which takes a third of the time in which a command starts
if TYPE_CHECKING:
    from typing import Literal

    Acceptance = Literal["", "accepted", "own code"]
else:
    Acceptance = str
"""Why commands may run without a sandbox: a user's flag for this run, or the demo's own code."""
