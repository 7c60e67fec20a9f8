"""All guard-rails in the order they judge: what costs nothing first, what runs code after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

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
    """One guard-rail by its name."""

    name: str
    check: Check
    runs_code: bool  # of the repository, in the workspace
    is_requested: Callable[[Settings], bool] = _always  # one that is not is no part of a judgement


# Ours; those of other distributions are entry points of the group reviewloop.gates, too.
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
    """Return all guard-rails that are installed: those that run code after those that do not.

    Raises `UsageError` for one that cannot be loaded: what it would have stopped must not pass.
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
    """Return the check of a guard-rail that others wrote; when it breaks, that stops the change."""

    def check(change: GuardInput) -> GateResult:
        try:
            result = guard.check(change)
            if not isinstance(result, GateResult):
                raise TypeError(f"it returned {type(result).__name__}, no GateResult")
        except ReviewLoopError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others
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
    """Run every guard-rail and return their results in order.

    After a hard stop nothing of the repository is executed any more, and after a failed build no
    test is; what was not run says so.
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
    """Run one guard-rail by its name; raise KeyError for a name that is none."""
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
