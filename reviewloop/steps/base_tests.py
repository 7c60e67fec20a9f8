"""Base tests: what a run's tests say before any change, known before a model is asked.

Kept in our own folder about the repository, by tree and environment, so that neither a second run
nor the next task of a batch, which begins where the last one ended, pays the time again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewloop.context import RunContext
from reviewloop.guards import build, tests
from reviewloop.guards.against_base import Ran, listed
from reviewloop.guards.base import GuardInput
from reviewloop.guards.registry import run_one
from reviewloop.state import GateStatus

_FORM = 1  # raise it when the meaning of what is kept changes
_MOST_KEPT = 50  # files


@dataclass(frozen=True)
class BaseTests:
    """What is known of the base: its tests by command, or why they did not run."""

    ran: Mapping[str, Ran] = field(default_factory=dict)
    trouble: str = ""

    def notes(self) -> Iterator[str]:
        """Yield what a person should know before anything is paid for."""
        if self.trouble:
            yield self.trouble
        red = [name for one in self.ran.values() for name in one.red]
        flaky = [name for one in self.ran.values() for name in one.flaky]
        failed, passed = self._sum("failed"), self._sum("passed")
        if failed and not passed and len(flaky) < failed:
            yield (
                f"no test passes before this change ({failed} failed): nothing but new tests can "
                "show that it works, so a person has to decide about it"
            )
        elif red:
            tests_are = "1 test is" if len(red) == 1 else f"{len(red)} tests are"
            yield f"{tests_are} red before this change and will not block it: {listed(red)}"
        elif failed > len(flaky):
            tests_are = "1 test is" if failed == 1 else f"{failed} tests are"
            yield (
                f"{tests_are} red before this change; the runner does not name them, so a person "
                "has to compare"
            )
        if flaky:
            tests_are = "1 test is" if len(flaky) == 1 else f"{len(flaky)} tests are"
            yield f"{tests_are} flaky before this change and will not block it: {listed(flaky)}"

    @property
    def summary(self) -> str:
        """How many passed and failed, on one line."""
        if self.trouble:
            return self.trouble
        failed, passed = self._sum("failed"), self._sum("passed")
        return f"{failed} failed, {passed} passed" if failed else f"{passed} passed"

    def _sum(self, name: str) -> int:
        return sum(getattr(one, name) for one in self.ran.values())

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-plain values."""
        ran = {command: one.plain() for command, one in self.ran.items()}
        return {"ran": ran}


def look_at_base(asked: GuardInput) -> BaseTests:
    """Build the base and run its tests; red ones are run once more, alone.

    `asked` is about the base tree, with nothing known of its tests yet.
    """
    if any(entry.runnable for entry in asked.plan.of(build.NAME)):
        built = run_one(build.NAME, asked)
        if built.status.stops:
            return BaseTests(trouble=f"the build fails before this change: {built.summary}")
    result = run_one(tests.NAME, asked)
    if asked.tests_ran or result.status is GateStatus.NOT_DETECTED:
        return BaseTests(dict(asked.tests_ran))
    return BaseTests(trouble=f"the tests cannot be judged before this change: {result.summary}")


def remembered(context: RunContext, commands: Iterable[str], tree: str) -> BaseTests | None:
    """Return what is kept about a tree, None where something of these test commands is not."""
    try:
        values = json.loads(_place(context, tree).read_bytes())
        ran = {str(command): Ran.from_plain(one) for command, one in values["ran"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return BaseTests(ran) if set(commands) <= {*ran} else None


def remember(context: RunContext, tree: str, known: BaseTests) -> None:
    """Keep what is known about a tree; that it cannot be kept costs time later, nothing else."""
    if known.trouble:
        return  # it may be over by then
    place = _place(context, tree)
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, exist_ok=True)
        beside = place.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(known.plain()), encoding="utf-8")
        beside.replace(place)
        kept = sorted(place.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for old in kept[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)


def same_tests(context: RunContext, judged: str, committed: str) -> None:
    """Keep what is known about a judged tree for the one committed, which ticks a task besides."""
    with suppress(OSError):
        known = _place(context, judged).read_bytes()
        _place(context, committed).write_bytes(known)


def _place(context: RunContext, tree: str) -> Path:
    return context.folder.parent.parent / "base-tests" / f"{_key(context, tree)}.json"


def _key(context: RunContext, tree: str) -> str:
    """Return the name of what decides how the tests of a tree end, as far as can be seen."""
    env, settings = context.environment, context.settings
    path = env.env["PATH"]
    for place in (env.folder, env.workspace):  # the run's own
        path = path.replace(str(place), "")
    told = {
        "form": _FORM,
        "tree": tree,
        "python": [str(env.source.executable), str(env.source.prefix), env.source.origin],
        "packages": sorted(_installed(env.source.visible)),
        "node": _stamp(env.user_root / env.project / "node_modules" / ".package-lock.json"),
        "path": path,
        "sandbox": str(env.confine.sandbox.level),
        "gates": settings.gates.model_dump(mode="json"),
        "project": env.project,
        "seconds": settings.limits.gate_seconds,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def _installed(sites: Iterable[Path]) -> Iterator[str]:
    for site in sites:
        with suppress(OSError):
            for entry in os.scandir(site):
                if entry.name.endswith((".dist-info", ".egg-info", ".egg-link", ".pth")):
                    yield f"{entry.name} {entry.stat().st_mtime_ns}"


def _stamp(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
