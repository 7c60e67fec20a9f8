"""Put a tree before the guard-rails: all of them, one by its name, or the tests a fix needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from reviewloop.context import RunContext
from reviewloop.errors import InterruptedByUserError
from reviewloop.faults import fault
from reviewloop.guards import build, relevant, tests
from reviewloop.guards.base import GuardInput
from reviewloop.guards.inputs import guard_input, plan_for_change
from reviewloop.guards.registry import GUARDS, run_all, run_one
from reviewloop.state import GateResult, GateStatus, LoopState
from reviewloop.store.hiding import HiddenFiles
from reviewloop.store.journal import CallKey


def judge(context: RunContext, tree: str, label: str) -> tuple[GateResult, ...]:
    """Run every guard-rail on a tree and return the results in order."""
    with judging(context):
        return run_all(
            _input(context, tree, label),
            on_start=partial(_tell_start, context),
            on_result=partial(_tell_result, context),
        )


def judge_by_name(
    context: RunContext, key: CallKey, name: str, paths: tuple[str, ...], tree: str
) -> GateResult:
    """Run one guard-rail for an agent that asked for it."""
    label = f"{key.step}-{key.cycle}-{key.round}-{key.attempt}-{key.turn}-{name}-"
    with judging(context):
        return run_one(name, _input(context, tree, label, paths or None))


def failure_of(tree: str, judged: LoopState, key: CallKey, context: RunContext) -> str:
    """Return the log of the checks a fix breaks, or an empty string when they are green.

    Run are the build and the tests that cover the changed lines, all tests where that is not
    known. `judged` is the state whose tree the last full judgement was about.
    """
    request = {"check": "relevant", "tree": tree, "since": judged["tree"]}
    result = context.journal.once(
        key, request, lambda: {"failure": _failure(tree, judged, key, context)}
    )
    return str(result["failure"])


def offered_gates(context: RunContext) -> tuple[str, ...]:
    """Return the checks an agent may run: build and test always, others where something is set up.

    The first tests of a project come with the change itself, so the test gate cannot depend on
    the base having one.
    """
    plan = context.once(
        "gate plan",
        lambda: plan_for_change(
            context.settings,
            context.private,
            context.base_tree,
            context.base_tree,
            context.environment,
        ),
    )
    runnable = {entry.name for entry in plan.entries if entry.runnable} | {"build", "test"}
    return tuple(guard.name for guard in GUARDS if guard.runs_code and guard.name in runnable)


@contextmanager
def judging(context: RunContext) -> Iterator[None]:
    """Have the workspace to oneself; what was cut off by the person is no judgement.

    What the commands wrote is rid of secrets, or gone, before anybody else may read it.
    """
    with context.workspace_lock:
        try:
            yield
        finally:
            hide = context.masking.for_people
            context.once("hidden files", lambda: HiddenFiles(hide)).clean(context.logs)
            if context.make_environment is not None:
                context.environment.empty()
        if context.stopped.is_set():
            raise InterruptedByUserError(
                "stopped while a check ran; `reviewloop resume` runs it again"
            )


def _tell_start(context: RunContext, name: str) -> None:
    context.events.tell("gate.start", name=name)
    fault("gate.start")


def _tell_result(context: RunContext, result: GateResult) -> None:
    fault("gate.end")
    context.events.tell(
        "gate",
        name=result.name,
        status=str(result.status),
        summary=result.summary,
        seconds=result.seconds,
    )


def _input(
    context: RunContext, tree: str, label: str, selection: tuple[str, ...] | None = None
) -> GuardInput:
    return guard_input(
        settings=context.settings,
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
        masking=context.masking,
    )


def _failure(tree: str, judged: LoopState, key: CallKey, context: RunContext) -> str:
    label = f"fix-{key.cycle}-{key.round}-{key.finding}-{key.attempt}-"
    change = context.change(judged["tree"], tree)
    selection = None
    for record in context.blobs.get_json(judged["gates"]):
        data = record["details"].get("coverage_data", "")
        if record["name"] == tests.NAME and data:
            selection = relevant.relevant_tests(
                context.logs / data,
                change,
                partial(context.private.read, judged["tree"]),
                partial(context.private.read, tree),
            )
    with judging(context):
        asked = _input(context, tree, label, selection)
        for name in (build.NAME, tests.NAME):
            result = run_one(name, asked)
            if result.status.stops:
                said = f"{result.name}: {result.summary}\n{result.excerpt}"
                return context.masking.for_models(said)
            if result.status is GateStatus.NOT_VERIFIABLE:
                return ""  # the full judgement after the round says so; no fix can change it
    return ""
