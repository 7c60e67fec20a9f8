"""Gate: the change keeps specs and code in line; a user decides which of both is right.

It runs only if `gates.spec_sync.enabled` enables it.
"""

from collections.abc import Sequence
from typing import Final

from reviewloop.domain.drift import NOWHERE, Drift
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput
from reviewloop.settings import Settings

NAME: Final = "spec_sync"
_SHOWN = 3  # in the summary


def is_requested(settings: Settings) -> bool:
    """Whether the user or the repository enabled this gate."""
    return settings.gates.spec_sync.enabled


def check(change: GuardInput) -> GateResult:
    """Compare the names and tests of specs with the changed tree; old drift does not count."""
    found = change.spec_drift()
    if not found:
        return GateResult(NAME, GateStatus.PASSED, "specs and code diverge no more than before")
    rows = [_row(one) for one in found]
    more = f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return GateResult(
        NAME,
        GateStatus.NEEDS_USER,
        f"{'; '.join(rows[:_SHOWN])}{more}",
        excerpt="\n".join(rows),
        details={"reasons": _reasons(rows)},
    )


def _row(one: Drift) -> str:
    note = f" ({one.note})" if one.note else ""
    in_spec, in_code = one.in_spec or NOWHERE, one.in_code or NOWHERE
    return f"{one.kind} {one.name}: spec {in_spec}, code {in_code}{note}"


def _reasons(rows: Sequence[str]) -> list[str]:
    more = [f"and {len(rows) - _SHOWN} more between spec and code"] if len(rows) > _SHOWN else []
    return [*rows[:_SHOWN], *more]
