"""The architecture of a project: its file, and what the keys of its steering files add."""

from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.architecture.keys import KEY_FILES, Decision, Key, Keyed, read_keys, with_keys
from reviewloop.architecture.model import (
    ARCHITECTURE_FILE,
    Architecture,
    in_words,
    parse_architecture,
)
from reviewloop.architecture.writing import as_toml
from reviewloop.specs.files import Files, decode

STEERING_FOLDERS = (".reviewloop/steering", ".kiro/steering")
"""Where a project keeps steering, as it is given: Kiro's comes later, and wins."""


@dataclass(frozen=True)
class ProjectArchitecture:
    """What judges a project, and the folder whose paths it names."""

    keyed: Keyed
    folder: str
    has_file: bool

    @property
    def path(self) -> str:
        """Where the file is, or would be."""
        return f"{self.folder}/{ARCHITECTURE_FILE}" if self.folder else ARCHITECTURE_FILE

    @property
    def architecture(self) -> Architecture:
        """The rules."""
        return self.keyed.architecture

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What becomes of each key of the steering files."""
        return self.keyed.decisions

    @property
    def text(self) -> str:
        """The rules as a file that says all of them, "" where there are none."""
        return as_toml(self.architecture) if self.has_file or self.keyed.adds else ""

    @property
    def words(self) -> str:
        """The rules as agents are given them, keys that no rule decides included."""
        return "\n".join(filter(None, (in_words(self.architecture), *self.keyed.words)))


def architecture_of(files: Files, project: str = "") -> ProjectArchitecture | None:
    """Return the architecture of a project, the nearest file of it; None where nothing says any.

    Raises `UsageError` with file and line for what a person has to mend.
    """
    folder, given = project, None
    for above in [project, ""] if project else [""]:
        path = f"{above}/{ARCHITECTURE_FILE}" if above else ARCHITECTURE_FILE
        if (data := files.read(path)) is not None:
            folder, given = above, parse_architecture(data, path)
            break
    keyed = with_keys(given or Architecture(), _keys(files, folder))
    if given is None and not keyed.decisions:
        return None
    return ProjectArchitecture(keyed, folder, given is not None)


def _keys(files: Files, folder: str) -> Iterator[Key]:
    for name in STEERING_FOLDERS:
        location = f"{folder}/{name}" if folder else name
        for path in files.paths(location):
            if path.count("/") == location.count("/") + 1 and path.endswith((".md", *KEY_FILES)):
                yield from read_keys(path, decode(files.read(path) or b""))
