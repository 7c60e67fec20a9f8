"""All gates in the order of evaluation: free ones first, then those that run code."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards import (
    branch,
    build,
    coverage,
    formatting,
    governance,
    lint,
    secrets,
    security_scan,
    spec_sync,
    tests,
    untested,
)
from reviewloop.guards.base import GuardInput
from reviewloop.plugins import NAME, Plugin, installed
from reviewloop.secrets import redact
from reviewloop.settings import Settings

Check = Callable[[GuardInput], GateResult]


def _always(_: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Guard:
    """One gate with its name."""

    name: str
    check: Check
    runs_code: bool  # of the repository, in the workspace
    is_requested: Callable[[Settings], bool] = _always  # a gate that is not enabled is left out


# Built-in gates; other distributions add theirs to the entry point group reviewloop.gates.
GUARDS: tuple[Guard, ...] = (
    Guard(secrets.NAME, secrets.check, False),
    Guard(branch.NAME, branch.check, False),
    Guard(governance.NAME, governance.check, False),
    Guard(spec_sync.NAME, spec_sync.check, False, spec_sync.is_requested),
    Guard(build.NAME, build.check, True),
    Guard(tests.NAME, tests.check, True),
    Guard(lint.NAME, lint.check, True),
    Guard(formatting.NAME, formatting.check, True, formatting.is_requested),
    Guard(security_scan.NAME, security_scan.check, True),
    Guard(coverage.NAME, coverage.check, True),
    Guard(untested.NAME, untested.check, True),
)


@cache
def installed_guards() -> tuple[Guard, ...]:
    """Return all installed gates: those that run code after those that do not.

    Raise `UsageError` for one that cannot be loaded: without it changes could pass wrongly.
    """
    found: list[Guard] = []
    for plugin in installed("gates"):
        loaded = plugin.load()
        for guard in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(guard, Guard) or not NAME.fullmatch(guard.name):
                plugin.fail(TypeError(f"{plugin.reference} is no Guard with a plain name"))
            if guard.name in {one.name for one in found}:
                plugin.fail(ValueError(f"there is a gate {guard.name} already"))
            found.append(guard if plugin.is_ours else replace(guard, check=_checked(plugin, guard)))
    return tuple(sorted(found, key=lambda guard: guard.runs_code))


def _checked(plugin: Plugin, guard: Guard) -> Check:
    """Return the check of a third-party gate; an exception in it blocks the change."""

    def check(change: GuardInput) -> GateResult:
        try:
            result = guard.check(change)
            if not isinstance(result, GateResult):
                raise TypeError(f"it returned {type(result).__name__}, no GateResult")
        except ReviewLoopError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - third-party code
            why = f"{plugin.distribution} broke: {type(error).__name__}: {error}"
            return GateResult(guard.name, GateStatus.ERROR, redact(" ".join(why.split())[:300]))
        return replace(result, name=guard.name)

    return check


def _ignore(_: object) -> None:
    return None


def run_all(
    change: GuardInput,
    *,
    on_start: Callable[[str], None] = _ignore,
    on_result: Callable[[GateResult], None] = _ignore,
) -> tuple[GateResult, ...]:
    """Run every gate and return their results in order.

    After a hard stop no more code of the repository is run, and after a failed build no test is;
    results of gates that were not run say so.
    """
    results: list[GateResult] = []
    for guard in installed_guards():
        if not guard.is_requested(change.settings):
            continue
        reason = _blocking_gate(guard, results)
        if reason:
            result = GateResult(guard.name, GateStatus.NOT_VERIFIABLE, f"not run: {reason}")
        else:
            on_start(guard.name)
            result = guard.check(change)
        on_result(result)
        results.append(result)
    return tuple(results)


def run_one(name: str, change: GuardInput) -> GateResult:
    """Run one gate by its name; raise KeyError for an unknown name."""
    guards = {guard.name: guard for guard in GUARDS}
    if name not in guards:
        guards = {guard.name: guard for guard in installed_guards()}
    return guards[name].check(change)


def _blocking_gate(guard: Guard, results: list[GateResult]) -> str:
    if not guard.runs_code:
        return ""
    for result in results:
        if result.status is GateStatus.HARD_STOP:
            return f"{result.name} stopped the change"
        if result.name == build.NAME and result.status.stops:
            return "the build failed"
    return ""
