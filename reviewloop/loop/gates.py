"""Runs gates on a tree: all, one by name, or the tests alone, also the tests of the base."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import Drift
from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.faults import fault
from reviewloop.git.diff import Change
from reviewloop.guards import build, governance, relevant, reproduced, tests
from reviewloop.guards.against_base import Ran, first_names
from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.inputs import guard_input, plan_for_change
from reviewloop.guards.plan import GatePlan
from reviewloop.guards.registry import installed_guards, run_all, run_one
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import LoopState
from reviewloop.settings import Settings
from reviewloop.specs.files import TreeFiles
from reviewloop.specs.scope import is_in_scope, scope_of
from reviewloop.store.journal import CallKey
from reviewloop.store.redaction import RedactedFiles

_FORM = 1  # raised when the meaning of stored results changes
_MOST_KEPT = 50  # files


@dataclass(frozen=True)
class BaseTests:
    """The tests of the base, by command, or why they did not run."""

    ran: Mapping[str, Ran] = field(default_factory=dict)
    trouble: str = ""

    def notes(self) -> Iterator[str]:
        """Yield notes for the user before anything is paid for."""
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
            yield f"{tests_are} red before this change and will not block it: {first_names(red)}"
        elif failed > len(flaky):
            tests_are = "1 test is" if failed == 1 else f"{failed} tests are"
            yield (
                f"{tests_are} red before this change; the runner does not name them, so a person "
                "has to compare"
            )
        if flaky:
            tests_are = "1 test is" if len(flaky) == 1 else f"{len(flaky)} tests are"
            names = first_names(flaky)
            yield f"{tests_are} flaky before this change and will not block it: {names}"

    @property
    def summary(self) -> str:
        """Return how many passed and failed, on one line."""
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


def run_base_tests(guard_input: GuardInput) -> BaseTests:
    """Build the base and run its tests; failed ones run once more, alone.

    `guard_input` is about the base tree, without test results.
    """
    if any(entry.runnable for entry in guard_input.plan.of(build.NAME)):
        built = run_one(build.NAME, guard_input)
        if built.status.stops:
            return BaseTests(trouble=f"the build fails before this change: {built.summary}")
    result = run_one(tests.NAME, guard_input)
    if guard_input.tests_ran or result.status is GateStatus.NOT_DETECTED:
        return BaseTests(dict(guard_input.tests_ran))
    return BaseTests(trouble=f"the tests cannot be judged before this change: {result.summary}")


def load_base_tests(context: RunContext, commands: Iterable[str], tree: str) -> BaseTests | None:
    """Return the stored results of a tree, None where one of these test commands is missing."""
    try:
        values = json.loads(_base_path(context, tree).read_bytes())
        ran = {str(command): Ran.from_plain(one) for command, one in values["ran"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return BaseTests(ran) if set(commands) <= {*ran} else None


def store_base_tests(context: RunContext, tree: str, known: BaseTests) -> None:
    """Store the results of a tree; an error here only costs time later."""
    if known.trouble:
        return  # it may be temporary
    path = _base_path(context, tree)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(known.plain()), encoding="utf-8")
        beside.replace(path)
        kept = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for old in kept[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)


def copy_base_tests(context: RunContext, verdict: str, committed: str) -> None:
    """Store the results of a tested tree for the committed one, which also ticks a task."""
    with suppress(OSError):
        known = _base_path(context, verdict).read_bytes()
        _base_path(context, committed).write_bytes(known)


def _base_path(context: RunContext, tree: str) -> Path:
    return context.folder.parent.parent / "base-tests" / f"{_key(context, tree)}.json"


def _key(context: RunContext, tree: str) -> str:
    """Return a hash of what the test results of a tree depend on, as far as it is known."""
    env, settings = context.environment, context.settings
    path = env.env["PATH"]
    for folder in (env.folder, env.workspace):  # the run's own
        path = path.replace(str(folder), "")
    facts = {
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
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


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


def run_gates(context: RunContext, tree: str, label: str) -> tuple[GateResult, ...]:
    """Run every guard-rail on a tree and return the results in order."""
    with gate_context(context):
        guard_input = gate_input(context, tree, label, base=base_tests(context))
        results = run_all(
            guard_input,
            on_start=partial(_emit_start, context),
            on_result=partial(_emit_result, context),
        )
        if (
            guard_input.base_tests is not None
            and guard_input.tests_ran
            and not context.stopped.is_set()
        ):
            store_base_tests(context, tree, BaseTests(dict(guard_input.tests_ran)))
        return results


def with_scope(
    context: RunContext, tree: str, results: tuple[GateResult, ...]
) -> tuple[GateResult, ...]:
    """Return the results; governance lists changed files outside of the task's scope.

    Tests and documents do not count.
    """
    task, project = context.brief.spec_task, context.environment.project
    if task is None or not (scope := scope_of(task)):
        return results
    outside = [
        file.path
        for file in context.change(context.base_tree, tree).files
        if not is_test_file(file.path)
        and not file.path.endswith(".md")
        and not is_in_scope(file.path, scope, project)
    ]
    if not outside:
        return results
    reason = f"{first_names(outside)}: outside of the task's scope ({', '.join(scope)})"
    return tuple(
        governance.with_reason(one, reason) if one.name == governance.NAME else one
        for one in results
    )


def with_reproduction(
    context: RunContext, tree: str, label: str, results: tuple[GateResult, ...]
) -> tuple[GateResult, ...]:
    """Return the results, with one more where a bug has to be reproduced first.

    In a change of tests alone, those that reproduce the bug do not stop it.
    """
    ran = next((one for one in results if one.name == tests.NAME), None)
    stopped = any(one.status.stops and one is not ran for one in results)
    change = context.change(context.base_tree, tree)
    if not context.brief.shows_bug or ran is None or stopped or not change:
        return results
    if _shows_bug(context, tree):
        return (
            *map(reproduced.excuse_expected_failures, results),
            reproduced.evaluate_first_test(ran),
        )
    return results if ran.status.stops else (*results, _on_base(context, tree, label, change))


def _shows_bug(context: RunContext, tree: str) -> bool:
    change = context.change(context.base_tree, tree)
    return context.brief.shows_bug and reproduced.is_tests_alone(change)


def _on_base(context: RunContext, tree: str, label: str, change: Change) -> GateResult:
    """Run the change's tests on the base without the rest of the change."""
    files = {f.path: context.private.read(tree, f.path) for f in change.files}
    written = {path: data for path, data in files.items() if is_test_file(path)}
    there = [path for path, data in written.items() if data is not None]
    if not there:
        return reproduced.NO_TEST
    unfixed = context.private.edit(context.base_tree, written)
    with gate_context(context):
        base = base_tests(context)
        guard_input = gate_input(context, unfixed, f"{label}unfixed-", base=base)
        chosen = tuple(map(guard_input.relative, there))
        return reproduced.evaluate_first_test(
            run_one(tests.NAME, replace(guard_input, selection=chosen))
        )


def base_tests(context: RunContext) -> Mapping[str, Ran] | None:
    """Return the test results of the base by command; they run at the first call unless stored.

    None for a checkpoint, which requires all tests to be green, whoever broke them.
    """
    if context.brief.is_checkpoint:
        return None
    with context.workspace_lock:  # not `once` around it all: it would keep others from this lock
        known: dict[str, BaseTests] = context.once("base tests", dict)
        if context.base_tree not in known:
            known[context.base_tree] = _base_tests(context)
        return known[context.base_tree].ran


def _base_tests(context: RunContext) -> BaseTests:
    runnable = [entry for entry in _base_plan(context).entries if entry.runnable]
    commands = [entry.command for entry in runnable if entry.name == tests.NAME]
    if not any(entry.name in {build.NAME, tests.NAME} for entry in runnable):
        return BaseTests()
    coverage = context.settings.gates.coverage.model_copy(update={"enabled": False})
    gates = context.settings.gates.model_copy(update={"coverage": coverage})
    guard_input = replace(
        gate_input(context, context.base_tree, "base-", base={}),
        settings=context.settings.model_copy(update={"gates": gates}),
    )
    found = load_base_tests(context, commands, context.base_tree)
    if found is None:
        context.events.emit("gate.start", name="base tests")
        with gate_context(context):
            found = run_base_tests(guard_input)
        store_base_tests(context, context.base_tree, found)
        context.events.emit(
            "gate",
            name="base tests",
            status=str(GateStatus.WARNING if [*found.notes()] else GateStatus.PASSED),
            summary=found.summary,
        )
    for note in found.notes():
        context.events.emit("note", text=note)
    return found


def run_gate(
    context: RunContext, key: CallKey, name: str, paths: tuple[str, ...], tree: str
) -> GateResult:
    """Run one guard-rail that an agent requested."""
    label = f"{key.step}-{key.cycle}-{key.round}-{key.attempt}-{key.turn}-{name}-"
    with gate_context(context):
        base = base_tests(context) if name == tests.NAME else None
        guard_input = gate_input(context, tree, label, base=base)
        chosen = tuple(map(guard_input.relative, paths)) or None
        return run_one(name, replace(guard_input, selection=chosen))


def failure_of(tree: str, state: LoopState, key: CallKey, context: RunContext) -> str:
    """Return the log of the checks that a fix breaks, or "" when they are green.

    It runs the build and the tests that cover the changed lines, or all tests where coverage is not
    known. `verdict` is the state whose tree all gates last ran on.
    """
    request = {"check": "relevant", "tree": tree, "since": state["tree"]}
    result = context.journal.once(
        key, request, lambda: {"failure": _failure(tree, state, key, context)}
    )
    return str(result["failure"])


def offered_gates(context: RunContext) -> tuple[str, ...]:
    """Return the checks an agent may run: build and test always, others where they are set up.

    The first tests of a project come with the change itself, so the test gate cannot depend on the
    base having one.
    """
    plan = _base_plan(context)
    runnable = {entry.name for entry in plan.entries if entry.runnable} | {"build", "test"}
    return tuple(
        guard.name for guard in installed_guards() if guard.runs_code and guard.name in runnable
    )


def _base_plan(context: RunContext) -> GatePlan:
    return context.once(
        ("gate plan", context.base_tree),
        lambda: plan_for_change(
            context.settings,
            context.private,
            context.base_tree,
            context.base_tree,
            context.environment,
        ),
    )


@contextmanager
def gate_context(context: RunContext) -> Iterator[None]:
    """Hold the workspace alone; raise after an interruption, as its result is not a verdict.

    Files that the commands wrote are redacted, or deleted, before the lock is released.
    """
    with context.workspace_lock:
        try:
            yield
        finally:
            redact = context.redactor.for_people
            context.once("redacted files", lambda: RedactedFiles(redact)).clean(context.logs)
            if context.make_environment is not None:
                context.environment.empty()
        if context.stopped.is_set():
            raise InterruptedByUserError().resuming("stopped while a check ran; ", " runs it again")


def _emit_start(context: RunContext, name: str) -> None:
    context.events.emit("gate.start", name=name)
    fault("gate.start")


def _emit_result(context: RunContext, result: GateResult) -> None:
    fault("gate.end")
    context.events.emit(
        "gate",
        name=result.name,
        status=str(result.status),
        summary=result.summary,
        seconds=result.seconds,
    )


def gate_input(
    context: RunContext,
    tree: str,
    label: str,
    selection: tuple[str, ...] | None = None,
    base: Mapping[str, Ran] | None = None,
    settings: Settings | None = None,
) -> GuardInput:
    """Return the input of a gate on a tree in the run's workspace."""
    made = guard_input(
        settings=settings or context.settings,
        private=context.private,
        base=context.base_tree,
        tree=tree,
        workspace=context.workspace,
        env=context.environment,
        logs=context.logs,
        branch=context.record.branch,
        label=label,
        selection=selection,
        stop=context.stopped.is_set,
        redactor=context.redactor,
        base_tests=base,
    )
    return replace(made, spec_drift=partial(_spec_drift, context, tree))


def _spec_drift(context: RunContext, tree: str) -> tuple[Drift, ...]:
    """Return the drift between specs and code in a tree; only where its gate is on."""
    from reviewloop.specs.drift.change import drift_of_change  # imports all that reads specs

    base, new = (TreeFiles(context.private.reader(one)) for one in (context.base_tree, tree))
    return drift_of_change(base, new, context.environment.project)


def _failure(tree: str, state: LoopState, key: CallKey, context: RunContext) -> str:
    label = f"fix-{key.cycle}-{key.round}-{key.finding}-{key.attempt}-"
    change = context.change(state["tree"], tree)
    selection = None
    for record in context.blobs.get_json(state["gates"]):
        data = record["details"].get("coverage_data", "")
        if record["name"] == tests.NAME and data:
            selection = relevant.relevant_tests(
                context.logs / data,
                change,
                partial(context.private.read, state["tree"]),
                partial(context.private.read, tree),
                context.environment.project,
            )
    with gate_context(context):
        guard_input = gate_input(context, tree, label, selection, base_tests(context))
        for name in (build.NAME, tests.NAME):
            result = run_one(name, guard_input)
            if _shows_bug(context, tree):
                result = reproduced.excuse_expected_failures(result)
            if result.status.stops:
                log = f"{result.name}: {result.summary}\n{result.excerpt}"
                return context.redactor.for_models(log)
            if result.status is GateStatus.NOT_VERIFIABLE:
                return ""  # the full gate after the round reports it; no fix can change it
    return ""
