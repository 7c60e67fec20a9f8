"""Finds out what a patch from standard input changes, without touching a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.private import PrivateRepo


@dataclass(frozen=True)
class Applied:
    """The trees before and after a patch."""

    old: str
    new: str
    how: str  # for people: what it was applied to
    in_checkout: bool
    notes: tuple[str, ...] = ()


def apply_patch(
    private: PrivateRepo, targets: Sequence[tuple[str, str, bool]], patch: bytes, prefix: str
) -> Applied:
    """Apply a patch to the first target (tree, name, is it on disk) that it fits."""
    raise WorkspaceError("A patch on standard input is not supported yet.")
