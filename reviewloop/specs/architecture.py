"""The architecture of a project: the rules in its file and in keys of its steering files."""

from collections.abc import Iterator

from reviewloop.architecture.keys import KEY_FILES, Decision, Key, Keyed, read_keys, with_keys
from reviewloop.architecture.model import (
    ARCHITECTURE_FILE,
    Architecture,
    in_words,
    parse_architecture,
)
from reviewloop.architecture.writing import as_toml
from reviewloop.dataclass import dataclass
from reviewloop.specs.files import Files, decode

STEERING_FOLDERS = (".reviewloop/steering", ".kiro/steering")
"""Folders of a project's steering, in the order given to agents: Kiro's is last and wins."""


@dataclass(frozen=True)
class ProjectArchitecture:
    """The architecture rules of a project, and the folder to which their paths are relative."""

    keyed: Keyed
    folder: str
    has_file: bool

    @property
    def path(self) -> str:
        """The path of the file, whether it exists or not."""
        return f"{self.folder}/{ARCHITECTURE_FILE}" if self.folder else ARCHITECTURE_FILE

    @property
    def architecture(self) -> Architecture:
        """The rules."""
        return self.keyed.architecture

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The decision on each key of the steering files."""
        return self.keyed.decisions

    @property
    def text(self) -> str:
        """The text of a file with all rules, "" without any."""
        return as_toml(self.architecture) if self.has_file or self.keyed.adds else ""

    @property
    def words(self) -> str:
        """The rules in words for agents, with keys that no rule covers."""
        return "\n".join(filter(None, (in_words(self.architecture), *self.keyed.words)))


def architecture_of(files: Files, project: str = "") -> ProjectArchitecture | None:
    """Return the architecture of a project from its nearest file; None without any rules.

    Raise `UsageError` with file and line for errors that the user has to fix.
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
