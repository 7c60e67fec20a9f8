"""Compares the structure of two revisions, and draws the structure of the files on disk."""

from collections.abc import Mapping
from pathlib import Path

from reviewloop.app.arch.project import (
    architecture_at,
    files_on_disk,
    project_in,
    require_architecture,
)
from reviewloop.architecture.diagram import mermaid, with_block
from reviewloop.architecture.infer import infer_architecture
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture, parse_architecture
from reviewloop.architecture.structure import Difference, differences, structure_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.comparison import Comparison
from reviewloop.git.paths import UnsafePathError, checked_path
from reviewloop.git.repository import path_in_repository
from reviewloop.git.review_repository import locate
from reviewloop.git.revisions import resolve


@dataclass(frozen=True)
class ArchDiff:
    """The structural differences of two revisions, empty where they are the same."""

    one: str
    other: str
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> ExitCode:
        """`FINDINGS` where they differ."""
        return ExitCode.FINDINGS if self.differences else ExitCode.CLEAN


def diff_architecture(start: Path, one: str, other: str) -> ArchDiff:
    """Compare two revisions; "" for the second is the files on disk.

    Each is read by its own architecture; one without the file by that of the other, and where
    neither has one, by the layers inferred from the first one's imports.
    """
    repository = locate(start)
    with files_on_disk(start) as comparison:
        trees = [
            comparison.private.tree_of(resolve(repository, name).commit) if name else comparison.new
            for name in (one, other)
        ]
        folder = comparison.user.project
        written = [_architecture(comparison, tree, folder) for tree in trees]
        known = next((found for found in written if found), None)
        if known is None:
            known = infer_architecture(
                project_in(comparison.private, trees[0], Architecture(), folder)
            )
        structures = [
            structure_of(project_in(comparison.private, tree, found or known, folder))
            for tree, found in zip(trees, written, strict=True)
        ]
    found = tuple(differences(*structures))
    return ArchDiff(one, other or "the files on disk", found)


def _architecture(comparison: Comparison, tree: str, folder: str) -> Architecture | None:
    data = comparison.private.read(tree, path_in_repository(folder, ARCHITECTURE_FILE))
    if data is None:
        return None
    return parse_architecture(data, path_in_repository(folder, ARCHITECTURE_FILE))


def plain_diff(diff: ArchDiff) -> Mapping[str, object]:
    """Return the comparison as JSON-plain values."""
    return {
        "a": diff.one,
        "b": diff.other,
        "same": not diff.differences,
        "differences": [
            {"kind": one.kind, "side": one.side, "text": one.text} for one in diff.differences
        ],
        "exit_code": int(diff.exit_code),
    }


def draw(start: Path) -> str:
    """Return the Mermaid diagram of the files on disk."""
    with files_on_disk(start) as comparison:
        given = require_architecture(comparison.user.root, comparison.user.project)
        architecture = given.architecture
        project = project_in(comparison.private, comparison.new, architecture, given.folder)
        return mermaid(architecture, structure_of(project))


@dataclass(frozen=True)
class Diagram:
    """The document with the diagram: its text now, and with the current diagram."""

    path: str
    target: Path
    before: str
    after: str

    @property
    def is_current(self) -> bool:
        """Whether the diagram shows the current structure."""
        return self.before == self.after


def diagram_in(start: Path, document: str, *, force: bool = False) -> Diagram:
    """Return the document with the current diagram; "" is the one that the architecture names.

    Raises `UsageError` where no document is named, and where its block was edited by hand.
    """
    user = locate(start).user
    given = architecture_at(user.root, user.project)
    name = document or (given.architecture.diagram if given else "")
    if not name:
        raise UsageError(
            'name the document: `reviewloop arch diagram DOCUMENT`, or `diagram = "..."`'
            f" in {ARCHITECTURE_FILE}"
        )
    base = start if document else user.root / (given.folder if given else "")
    try:
        path = (base / name).resolve().relative_to(user.root.resolve()).as_posix()
        checked_path(path)
    except (ValueError, UnsafePathError):
        raise UsageError(f"{name} is no file of this repository") from None
    target = user.root / path
    try:
        before = target.read_bytes().decode("utf-8") if target.exists() else ""
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read as UTF-8 text") from None
    return Diagram(path, target, before, with_block(before, draw(start), path, force=force))
