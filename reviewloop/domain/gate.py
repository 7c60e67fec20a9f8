"""The result of one gate about one tree."""

from collections.abc import Mapping
from dataclasses import asdict, field
from enum import StrEnum
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding
from reviewloop.domain.stored import read_stored


class GateStatus(StrEnum):
    """The status of a gate; only PASSED is green."""

    PASSED = "passed"
    FAILED = "failed"  # sent back to the implementer with its log
    HARD_STOP = "hard_stop"  # never goes back to a model: secrets, protected branch
    NEEDS_USER = "needs_person"  # governance: allowed, but never without a user
    WARNING = "warning"  # has findings, but the loop continues: coverage below its threshold
    NOT_DETECTED = "not_detected"  # nothing to run was found: shown as such, never as green
    NOT_VERIFIABLE = "not_verifiable"  # it could not be shown that the workspace's code was tested
    ERROR = "error"  # the gate itself failed
    OFF = "off"  # switched off in the settings

    @property
    def stops(self) -> bool:
        """Whether the change must not go to review."""
        return self in {GateStatus.FAILED, GateStatus.HARD_STOP, GateStatus.ERROR}


@dataclass(frozen=True)
class TestCounts:
    """The counts of a test run, from JUnit XML where the runner writes it."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    passed: int
    failed: int
    skipped: int

    @property
    def total(self) -> int:
        """The number of tests, skipped ones included."""
        return self.passed + self.failed + self.skipped


@dataclass(frozen=True)
class GateResult:
    """The result of one guard-rail about one tree."""

    name: str
    status: GateStatus
    summary: str  # one line for people
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    log: str = ""  # file name inside the run's log folder
    excerpt: str = ""  # the relevant part of the log, for the model and the screen
    tests: TestCounts | None = None
    coverage: float | None = None  # of the change's new lines, 0..1
    findings: tuple[Finding, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, object]:
        """Return the result as JSON-plain values."""
        record = asdict(self)
        record["status"] = str(self.status)
        record["findings"] = [finding.model_dump(mode="json") for finding in self.findings]
        record["details"] = dict(self.details)
        return record

    @classmethod
    def from_plain(cls, record: object) -> "GateResult":
        """Rebuild a result that `plain` wrote; raise ValueError for anything else."""
        return read_stored(cls, record)
