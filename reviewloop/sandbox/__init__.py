"""Confines commands of the repository to the workspace: see `choose`."""

TYPE_CHECKING = False  # not from `typing`, whose import takes a third of a command's start
if TYPE_CHECKING:
    from typing import Literal

    Acceptance = Literal["", "accepted", "own code"]
else:
    Acceptance = str
"""Why commands may run without a sandbox: a user's flag for this run, or the demo's own code."""
