"""Keeps commands of the repository away from everything but the workspace: see `choose`."""

from typing import Literal

Acceptance = Literal["", "accepted", "own code"]
"""Why commands may run without a sandbox: a person's flag for this run, or the demo's own code."""
