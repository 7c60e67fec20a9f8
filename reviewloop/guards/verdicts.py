"""Decides what a test run means: an exit code of 0 alone is no proof that anything was tested."""

import re
from collections.abc import Sequence

from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.guards.plan import DetectedGate

_NAMES_SHOWN = 3
_DENIED = re.compile(r"permission ?(?:denied|error)|\bEACCES\b|operation not permitted", re.I)
_LOCAL = re.compile(
    r"\bsockets?\b|socketserver|SocketException|\b(?:bind|listen)\b|127\.0\.0\.1|localhost|AF_(?:UNIX|INET)"
    r"|\bSemLock\b|/dev/shm|shared_memory|\bopenpty\b|pty device",
    re.I,
)
_NEAR = 12  # lines of a traceback between the call and its error


def judge_tests(
    entry: DetectedGate, exit_code: int, counts: TestCounts | None, failed: Sequence[str]
) -> tuple[GateStatus, str]:
    """Return status and one line for people; `counts` None means that the runner did not say."""
    if exit_code or (counts and counts.failed):
        return GateStatus.FAILED, _failed(exit_code, counts, failed)
    if counts is None:
        return GateStatus.PASSED, "tests passed; the runner did not say how many"
    if not counts.passed:
        return _nothing_ran(entry, counts)
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    return GateStatus.PASSED, f"{counts.passed} passed{skipped}"


def _failed(exit_code: int, counts: TestCounts | None, failed: Sequence[str]) -> str:
    if counts is None or not counts.failed:
        return f"the tests ended with exit code {exit_code} before or after any test failed"
    names = ", ".join(failed[:_NAMES_SHOWN])
    more = f" and {len(failed) - _NAMES_SHOWN} more" if len(failed) > _NAMES_SHOWN else ""
    named = f": {names}{more}" if names else ""
    return f"{counts.failed} failed, {counts.passed} passed{named}"


def _nothing_ran(entry: DetectedGate, counts: TestCounts) -> tuple[GateStatus, str]:
    reason = f"all {counts.skipped} tests were skipped" if counts.skipped else "no test ran"
    if entry.source == "configured":
        return GateStatus.FAILED, f"{reason}, although {entry.why} is set"
    return GateStatus.NOT_DETECTED, f"{reason}, so nothing is known ({entry.why})"


def needs_local_network(log_text: str) -> bool:
    """Whether a log looks as if a socket, shared memory or a terminal had been refused."""
    latest = -_NEAR - 1  # line that names something local; each line is looked at once
    for number, line in enumerate(log_text.split("\n")):
        if _LOCAL.search(line):
            latest = number
        if number - latest <= _NEAR and (_DENIED.search(line) or "out of pty devices" in line):
            return True
    return False
