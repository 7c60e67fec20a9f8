"""Reads the architecture of a project, and the trees it is compared with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewloop.architecture.checks import Project
from reviewloop.architecture.imports import Modules
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.comparison import CompareSpec, Comparison, open_comparison
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import path_in_repository
from reviewloop.specs.architecture import ProjectArchitecture, architecture_of
from reviewloop.specs.files import DiskFiles


def architecture_at(root: Path, project: str = "") -> ProjectArchitecture | None:
    """Return the architecture of a project of a checkout, None where it has no rules.

    Raises `UsageError` where the file is invalid.
    """
    return architecture_of(DiskFiles(root), project)


def require_architecture(root: Path, project: str = "") -> ProjectArchitecture:
    """Return the architecture of a project; raise `UsageError` where there is none."""
    found = architecture_at(root, project)
    if found is None or not found.text:
        raise UsageError(
            f"there is no {path_in_repository(project, ARCHITECTURE_FILE)}; `reviewloop arch init` "
            "writes it from the imports that exist"
        )
    return found


@dataclass(frozen=True)
class TreeText:
    """Reads the text files of a tree; each is read once."""

    private: PrivateRepo
    tree: str

    def __call__(self, path: str) -> str | None:
        """Return the text of a file, None for a missing or binary one."""
        data = self.private.read(self.tree, path)
        return None if data is None or b"\0" in data[:8000] else data.decode("utf-8-sig", "replace")


def project_in(
    private: PrivateRepo, tree: str, architecture: Architecture, folder: str = ""
) -> Project:
    """Return the project of a tree under an architecture."""
    plain = [entry.path for entry in private.entries(tree) if entry.mode.startswith("100")]
    return Project(architecture, Modules.of(plain, TreeText(private, tree)), folder)


@contextmanager
def files_on_disk(start: Path) -> Iterator[Comparison]:
    """Yield the files of a checkout as git sees them, uncommitted ones included."""
    with open_comparison(start, CompareSpec(whole=True)) as comparison:
        yield comparison
