"""Where a spec and the code part: names, tests and words, each with its place on both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

NameKind = Literal["endpoint", "component", "file", "table", "setting", "command"]
DriftKind = Literal[
    "endpoint", "component", "file", "table", "setting", "command", "criterion", "task"
]
KINDS: tuple[DriftKind, ...] = (
    *("endpoint", "component", "file", "table", "setting", "command"),
    *("criterion", "task"),
)
"""All kinds, in the order of a report."""

NOWHERE = "nowhere"
"""What a report shows for the side that does not have it."""


@dataclass(frozen=True)
class Drift:
    """One thing in which spec and code part; a location is `path:line`, "" for nowhere."""

    kind: DriftKind
    name: str
    spec: str  # the path of the spec that it is about
    in_spec: str
    in_code: str
    note: str = ""  # a few words more: what is near, since when
    before: str = ""  # of a task: the words it was ticked for
    now: str = ""  # the words it has now


OF_NO_SPEC = "in code, of what no spec lists"
"""Why something of the code is not compared though it was read: specs list nothing of it."""


@dataclass(frozen=True)
class NotCompared:
    """What could not be compared, and so is neither in step nor drift."""

    kind: DriftKind
    reason: str
    locations: tuple[str, ...]  # `path:line`, or a path


@dataclass(frozen=True)
class Overlap:
    """A requirement that several open changes of OpenSpec are about; `spec` is where it stands."""

    spec: str
    requirement: str
    locations: tuple[str, ...]


@dataclass(frozen=True)
class SpecDrift:
    """What a comparison of specs with the code found."""

    specs: tuple[str, ...]
    drifts: tuple[Drift, ...] = ()
    waiting: tuple[Drift, ...] = ()  # names of what open tasks are still to build
    not_compared: tuple[NotCompared, ...] = ()
    compared: int = 0  # names, criteria and tasks that were looked at
    overlaps: tuple[Overlap, ...] = ()
    parted: Mapping[str, float] | None = None  # spec -> share of its names that parted

    def of_kind(self, kind: DriftKind, spec: str) -> Sequence[Drift]:
        """Return the drift of one kind in one spec."""
        return [one for one in self.drifts if one.kind == kind and one.spec == spec]
