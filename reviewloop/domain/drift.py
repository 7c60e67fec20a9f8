"""Differences between a spec and the code: names, tests and text, with both locations."""

from collections.abc import Mapping, Sequence
from typing import Literal

from reviewloop.dataclass import dataclass

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
"""Shown for the side without a location."""


@dataclass(frozen=True)
class Drift:
    """One difference between spec and code; a location is `path:line`, "" for nowhere."""

    kind: DriftKind
    name: str
    spec: str  # the path of its spec
    in_spec: str
    in_code: str
    note: str = ""  # further details
    before: str = ""  # of a task: the text that was ticked
    now: str = ""  # its current text


@dataclass(frozen=True)
class NotCompared:
    """Something that could not be compared, so it is neither in step nor drift."""

    kind: DriftKind
    reason: str
    locations: tuple[str, ...]  # `path:line`, or a path
    beyond: bool = False  # it is in the code, and specs list nothing of its kind


@dataclass(frozen=True)
class Overlap:
    """A requirement changed by several open OpenSpec changes; `spec` is its living spec."""

    spec: str
    requirement: str
    locations: tuple[str, ...]


@dataclass(frozen=True)
class SpecDrift:
    """The result of comparing specs with the code."""

    specs: tuple[str, ...]
    drifts: tuple[Drift, ...] = ()
    waiting: tuple[Drift, ...] = ()  # names that open tasks are still to build
    not_compared: tuple[NotCompared, ...] = ()
    compared: int = 0  # number of names, criteria and tasks
    overlaps: tuple[Overlap, ...] = ()
    drift_shares: Mapping[str, float] | None = None  # of the names of each spec, by its path

    def of_kind(self, kind: DriftKind, spec: str) -> Sequence[Drift]:
        """Return the drift of one kind in one spec."""
        return [one for one in self.drifts if one.kind == kind and one.spec == spec]
