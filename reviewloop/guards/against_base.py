"""Evaluates test runs: alone, or against the base, where only new failures count."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, field, fields
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateStatus, TestCounts
from reviewloop.domain.stored import read_stored
from reviewloop.guards.plan import DetectedGate
from reviewloop.regex import regex

_NAMES_SHOWN = 3
_DENIED = regex(r"permission ?(?:denied|error)|\bEACCES\b|operation not permitted", re.I)
_LOCAL = regex(
    r"\bsockets?\b|socketserver|SocketException|\b(?:bind|listen)\b|127\.0\.0\.1|localhost|AF_(?:UNIX|INET)"
    r"|\bSemLock\b|/dev/shm|shared_memory|\bopenpty\b|pty device",
    re.I,
)
_NEAR = 12  # lines of a traceback between the call and its error


def evaluate_tests(
    entry: DetectedGate, exit_code: int, counts: TestCounts | None, failed: Sequence[str]
) -> tuple[GateStatus, str]:
    """Return status and one line of text; `counts` None means that the runner printed none."""
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
    """Whether a log shows that a socket, shared memory or a terminal was refused."""
    latest = -_NEAR - 1  # line that names something local; each line is searched once
    for number, line in enumerate(log_text.split("\n")):
        if _LOCAL.search(line):
            latest = number
        if number - latest <= _NEAR and (_DENIED.search(line) or "out of pty devices" in line):
            return True
    return False


Retry = Callable[[tuple[str, ...]], frozenset[str]]
"""Runs these tests again, alone, and returns those that pass."""

_MOST_RETRIED = 20  # more failed tests than this are not flaky

_NAMES_KEPT = 50
_TESTS_FAILED = 1  # exit code of pytest, and of most runners


@dataclass(frozen=True)
class Ran:
    """The test results of one command on one tree."""

    exit_code: int = 0
    passed: int = 0
    failed: int = 0
    green: tuple[str, ...] = ()  # empty if the runner does not list the tests that pass
    red: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()  # failed, then passed when run again

    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: object) -> "Ran":
        """Rebuild what `plain` wrote; raise ValueError for anything else, also for less."""
        if not isinstance(values, Mapping) or not {one.name for one in fields(cls)} <= {*values}:
            raise ValueError("no results of tests: Ran names all of them")
        return read_stored(cls, values)


@dataclass(frozen=True)
class Outcome:
    """One run of a test command, as its runner reported it."""

    exit_code: int
    counts: TestCounts | None
    green: frozenset[str] = frozenset()
    red: tuple[str, ...] = ()
    ran_all: bool = True  # not just a selection


@dataclass(frozen=True)
class Judgement:
    """The evaluation of an outcome against the base."""

    status: GateStatus
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)
    ran: Ran | None = None  # the results of this tree, if all its tests ran


def compare_with_base(
    entry: DetectedGate, outcome: Outcome, base: Ran | None, retry: Retry | None
) -> Judgement:
    """Return the evaluation of a change's tests.

    Failed tests block only if they pass at the base or are new, and if they fail again when run
    alone. `base` is None if the tests are to be evaluated by themselves. Tests that passed at the
    base and did not run now need a user's decision, and so do tests that this change made flaky.
    """
    if base is None:
        status, summary = evaluate_tests(entry, outcome.exit_code, outcome.counts, outcome.red)
        details = _named(failed=outcome.red)
        return Judgement(status, summary, _kept(details), _ran(outcome, frozenset()))
    before = frozenset(outcome.red) & {*base.red, *base.flaky}
    fresh = tuple(name for name in outcome.red if name not in before)
    saved: frozenset[str] = frozenset()
    if retry is not None and 0 < len(fresh) <= _MOST_RETRIED:
        saved = retry(fresh).intersection(fresh)
    broken = tuple(name for name in fresh if name not in saved)
    flaky = saved | before.intersection(base.flaky)
    details = _named(failed=outcome.red, red_before=before - flaky, flaky=flaky)
    ran = _ran(outcome, flaky)
    if outcome.exit_code and (broken or not _excused(outcome, base)):
        status, summary = _blocked(entry, outcome, base, broken)
        return Judgement(status, _join(summary, _remarks(details)), _kept(details), ran)
    details |= _named(not_run=_gone(outcome, base))
    status, summary = _green(entry, outcome)
    if status is GateStatus.PASSED and (reasons := list(_reasons(outcome, base, details, saved))):
        status, details = GateStatus.NEEDS_USER, {**details, "reasons": reasons}
    return Judgement(status, _join(summary, _remarks(details)), _kept(details), ran)


def _excused(outcome: Outcome, base: Ran) -> bool:
    """Whether failed tests that do not count explain the exit code."""
    return bool(outcome.red) and outcome.exit_code in {_TESTS_FAILED, base.exit_code}


def _blocked(
    entry: DetectedGate, outcome: Outcome, base: Ran, broken: Sequence[str]
) -> tuple[GateStatus, str]:
    counts = outcome.counts
    if broken and counts:
        counts = TestCounts(counts.passed, len(broken), counts.skipped)
    status, summary = evaluate_tests(entry, outcome.exit_code, counts, broken or outcome.red)
    unnamed = counts is not None and counts.failed > 0 and not outcome.red
    if counts is None or not unnamed or outcome.exit_code != base.exit_code:
        return status, summary
    if counts.failed <= base.failed and counts.passed >= base.passed:
        summary += f"; {base.failed} failed before this change, and the runner does not name them"
        return GateStatus.NEEDS_USER, summary
    return status, summary


def _green(entry: DetectedGate, outcome: Outcome) -> tuple[GateStatus, str]:
    counts = outcome.counts
    if counts is None or not outcome.red:
        return evaluate_tests(entry, outcome.exit_code, counts, outcome.red)
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    return GateStatus.PASSED, f"{counts.passed} passed{skipped}"


def _gone(outcome: Outcome, base: Ran) -> frozenset[str]:
    """Return the tests that passed at the base and did not run now: gone, skipped, deselected."""
    if not outcome.ran_all:
        return frozenset()
    return frozenset(base.green).difference(outcome.green, outcome.red)


def _reasons(
    outcome: Outcome, base: Ran, details: Mapping[str, Any], saved: Collection[str]
) -> Iterator[str]:
    counts = outcome.counts
    if counts is not None and not counts.passed:
        yield "no test passes, before this change or after it"
    if names := details.get("not_run"):
        yield _not_run(names)
    elif counts is not None and outcome.ran_all and not base.green:
        missing = base.passed - counts.passed - counts.failed
        if missing > 0:
            yield f"{base.passed} tests passed before this change, and {missing} fewer ran now"
    if saved:
        yield f"failed, then passed alone, so it is not stable: {first_names(sorted(saved))}"


def _remarks(details: Mapping[str, Any]) -> Iterator[str]:
    if names := details.get("red_before"):
        were = "test was" if len(names) == 1 else "tests were"
        yield f"{len(names)} {were} red before this change: {first_names(names)}"
    if names := details.get("flaky"):
        tests = "test" if len(names) == 1 else "tests"
        yield f"{len(names)} flaky {tests}: {first_names(names)}"
    if names := details.get("not_run"):
        yield _not_run(names)


def _not_run(names: Sequence[str]) -> str:
    tests = "1 test that passed" if len(names) == 1 else f"{len(names)} tests that passed"
    return f"{tests} before this change did not run: {first_names(names)}"


def first_names(names: Sequence[str]) -> str:
    """Return the first names, and the number of the rest."""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _named(**lists: Collection[str]) -> dict[str, list[str]]:
    return {
        key: [*names] if isinstance(names, tuple) else sorted(names)
        for key, names in lists.items()
        if names
    }


def _kept(details: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the details for a run's record, with shorter lists: a suite may have thousands
    of names.
    """
    return {key: names[:_NAMES_KEPT] for key, names in details.items()}


def _join(summary: str, remarks: Iterable[str]) -> str:
    return "; ".join((summary, *remarks))


def _ran(outcome: Outcome, flaky: frozenset[str]) -> Ran | None:
    counts = outcome.counts
    if counts is None or not outcome.ran_all:
        return None
    red = tuple(name for name in outcome.red if name not in flaky)
    return Ran(
        outcome.exit_code,
        counts.passed,
        counts.failed,
        tuple(sorted(outcome.green)),
        red,
        tuple(sorted(flaky)),
    )
