"""Reads the architecture that judges a project, and the trees it is compared with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from reviewloop.architecture.checks import Project
from reviewloop.architecture.imports import Modules
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture, parse_architecture
from reviewloop.domain.errors import UsageError
from reviewloop.git.comparison import Compared, CompareSpec, compared
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import below, folders_down_to


class ArchitectureText(NamedTuple):
    """The file as it is written, and the folder of the project whose paths it names."""

    text: str
    folder: str

    @property
    def path(self) -> str:
        """Where the file is."""
        return below(self.folder, ARCHITECTURE_FILE)

    def parsed(self) -> Architecture:
        """Return what it says; raise `UsageError` with file and line."""
        return parse_architecture(self.text.encode("utf-8", "surrogateescape"), self.path)


def architecture_at(root: Path, project: str = "") -> ArchitectureText | None:
    """Return the file of the project in a checkout, the nearest one, None where there is none.

    Raises `UsageError` where it cannot be read or says what cannot be.
    """
    for folder in reversed(folders_down_to(project)):
        path = root / below(folder, ARCHITECTURE_FILE)
        if path.is_file():
            try:
                text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
            except OSError as error:
                raise UsageError(f"{below(folder, ARCHITECTURE_FILE)}: {error.strerror}") from None
            found = ArchitectureText(text, folder)
            found.parsed()
            return found
    return None


def require_architecture(root: Path, project: str = "") -> ArchitectureText:
    """Return the file of the project; raise `UsageError` where there is none."""
    found = architecture_at(root, project)
    if found is None:
        raise UsageError(
            f"there is no {below(project, ARCHITECTURE_FILE)}; `reviewloop arch init` writes it "
            "from the imports that exist"
        )
    return found


@dataclass(frozen=True)
class TreeText:
    """Reads the text files of a tree; each is read once."""

    private: PrivateRepo
    tree: str

    def __call__(self, path: str) -> str | None:
        """Return the text of a file, None for none and for what is no text."""
        data = self.private.read(self.tree, path)
        return None if data is None or b"\0" in data[:8000] else data.decode("utf-8-sig", "replace")


def project_in(
    private: PrivateRepo, tree: str, architecture: Architecture, folder: str = ""
) -> Project:
    """Return the project of a tree under an architecture."""
    plain = [entry.path for entry in private.entries(tree) if entry.mode.startswith("100")]
    return Project(architecture, Modules.of(plain, TreeText(private, tree)), folder)


@contextmanager
def files_on_disk(start: Path) -> Iterator[Compared]:
    """Lend the files of a checkout as git sees them, what is not committed included."""
    with compared(start, CompareSpec(whole=True)) as two:
        yield two
