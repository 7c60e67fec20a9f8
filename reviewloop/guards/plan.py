"""The commands of the gates in a repository, and why they were chosen."""

import shlex
from collections.abc import Iterable
from typing import Literal

from reviewloop.dataclass import dataclass

GateName = Literal["build", "test", "lint", "format", "security"]
COMMAND_GATES: tuple[GateName, ...] = ("build", "test", "lint", "format", "security")
"""The gates that run a command; the settings have a table for each."""

Origin = Literal["configured", "detected", "off", "none"]


@dataclass(frozen=True)
class DetectedGate:
    """One command of one gate; without argv it says why there is none."""

    name: GateName
    kind: str  # pytest, npm, cargo, ...: decides how the command is run and its output read
    argv: tuple[str, ...]
    why: str  # the evidence in the repository, or the setting
    source: Origin = "detected"
    problem: str = ""  # why it cannot be run here, with advice

    @property
    def command(self) -> str:
        """The command on one line."""
        return shlex.join(self.argv)

    @property
    def runnable(self) -> bool:
        """Whether there is a command to start."""
        return bool(self.argv) and not self.problem


@dataclass(frozen=True)
class GatePlan:
    """All commands, gate by gate; one gate may have several in a repository of two languages."""

    entries: tuple[DetectedGate, ...]

    def of(self, name: GateName) -> tuple[DetectedGate, ...]:
        """Return the entries of one gate; at least one that says why there is no command."""
        return tuple(entry for entry in self.entries if entry.name == name) or (
            DetectedGate(name, "", (), f"no {name} gate detected", "none"),
        )

    @classmethod
    def collect(cls, entries: Iterable[DetectedGate]) -> "GatePlan":
        """Return a plan of the entries in the order of the gates."""
        ordered = sorted(entries, key=lambda entry: COMMAND_GATES.index(entry.name))
        return cls(tuple(ordered))
