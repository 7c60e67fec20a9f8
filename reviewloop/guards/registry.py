"""All guard-rails in the order they judge: what costs nothing first, what runs code after it."""

from collections.abc import Callable
from dataclasses import dataclass

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards import (
    branch,
    build,
    coverage,
    governance,
    lint,
    secrets,
    security_scan,
    tests,
    untested,
)
from reviewloop.guards.base import GuardInput

Check = Callable[[GuardInput], GateResult]


@dataclass(frozen=True)
class Guard:
    """One guard-rail by its name."""

    name: str
    check: Check
    runs_code: bool  # of the repository, in the workspace


GUARDS: tuple[Guard, ...] = (
    Guard(secrets.NAME, secrets.check, False),
    Guard(branch.NAME, branch.check, False),
    Guard(governance.NAME, governance.check, False),
    Guard(build.NAME, build.check, True),
    Guard(tests.NAME, tests.check, True),
    Guard(lint.NAME, lint.check, True),
    Guard(security_scan.NAME, security_scan.check, True),
    Guard(coverage.NAME, coverage.check, True),
    Guard(untested.NAME, untested.check, True),
)


def _ignore(_: object) -> None:
    return None


def run_all(
    change: GuardInput,
    *,
    on_start: Callable[[str], None] = _ignore,
    on_result: Callable[[GateResult], None] = _ignore,
) -> tuple[GateResult, ...]:
    """Run every guard-rail and return their results in order.

    After a hard stop nothing of the repository is executed any more, and after a failed build no
    test is; what was not run says so.
    """
    results: list[GateResult] = []
    for guard in GUARDS:
        reason = _stands_in_the_way(guard, results)
        if reason:
            result = GateResult(guard.name, GateStatus.NOT_VERIFIABLE, f"not run: {reason}")
        else:
            on_start(guard.name)
            result = guard.check(change)
        on_result(result)
        results.append(result)
    return tuple(results)


def run_one(name: str, change: GuardInput) -> GateResult:
    """Run one guard-rail by its name; raise KeyError for a name that is none."""
    guards = {guard.name: guard for guard in GUARDS}
    return guards[name].check(change)


def _stands_in_the_way(guard: Guard, results: list[GateResult]) -> str:
    if not guard.runs_code:
        return ""
    for result in results:
        if result.status is GateStatus.HARD_STOP:
            return f"{result.name} stopped the change"
        if result.name == build.NAME and result.status.stops:
            return "the build failed"
    return ""
