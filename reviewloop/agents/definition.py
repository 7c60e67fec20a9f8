"""The values: a file as it was found, and the agent that it defines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

Place = Literal["project", "kiro", "user", "installed", "shipped"]
"""Where a file was found, in the order of precedence."""


@dataclass(frozen=True)
class AgentFile:
    """The bytes of one agent file.

    `path` is relative to the project's root, begins with `~/` for the user's own files, and is
    `agents/<name>.json` for shipped ones, `<distribution>/<name>.json` for those of others.
    """

    place: Place
    path: str
    data: bytes

    @property
    def shown(self) -> str:
        """The path as people read it."""
        return f"{self.path} (shipped)" if self.place == "shipped" else self.path

    @property
    def default_name(self) -> str:
        """The agent's name when the file gives none."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class AgentDefinition:
    """One agent. `tools` holds what it was granted, under our names, whatever its file asked."""

    name: str
    description: str
    prompt: str
    tools: tuple[str, ...]
    model: str | None = None
    resources: tuple[str, ...] = ()  # as written: `file://` globs relative to the project's root
    origin: str = ""  # the file it came from, as people read it
    dropped_tools: tuple[str, ...] = ()  # asked for, not granted
    notes: tuple[str, ...] = ()  # what was ignored or repaired, one sentence each
    extra: Mapping[str, Any] = field(default_factory=dict)  # all other keys of the file, untouched

    @property
    def is_reviewer(self) -> bool:
        """Whether it joins the fan-out of the review step."""
        return self.name.startswith("review-")
