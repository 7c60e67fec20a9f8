"""Put a tree before the guard-rails: all of them, one by its name, or the tests a fix needs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from reviewloop.context import RunContext
from reviewloop.guards import build, relevant, tests
from reviewloop.guards.base import GuardInput
from reviewloop.guards.detect import detect
from reviewloop.guards.plan import GatePlan
from reviewloop.guards.registry import run_all, run_one
from reviewloop.state import GateResult, GateStatus, LoopState
from reviewloop.store.journal import CallKey


def judge(context: RunContext, tree: str, label: str) -> tuple[GateResult, ...]:
    """Run every guard-rail on a tree and return the results in order."""
    with context.workspace_lock:
        return run_all(
            guard_input(context, tree, label),
            on_start=lambda name: context.events.tell("gate.start", name=name),
            on_result=lambda result: context.events.tell(
                "gate",
                name=result.name,
                status=str(result.status),
                summary=result.summary,
                seconds=result.seconds,
            ),
        )


def judge_by_name(
    context: RunContext, key: CallKey, name: str, paths: tuple[str, ...], tree: str
) -> GateResult:
    """Run one guard-rail for an agent that asked for it."""
    label = f"{key.step}-{key.cycle}-{key.round}-{key.attempt}-{key.turn}-{name}-"
    with context.workspace_lock:
        return run_one(name, guard_input(context, tree, label, selection=paths or None))


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


def guard_input(
    context: RunContext, tree: str, label: str, *, selection: tuple[str, ...] | None = None
) -> GuardInput:
    """Return what the guard-rails need to judge a tree."""
    return GuardInput(
        settings=context.settings,
        change=context.change(context.base_tree, tree),
        read_base=partial(context.private.read, context.base_tree),
        read_new=partial(context.private.read, tree),
        folder=_once_a_judgement(context, tree),
        env=context.environment,
        plan=gate_plan(context),
        logs=context.logs,
        branch=context.record.branch,
        label=label,
        selection=selection,
        stop=context.stopped.is_set,
    )


def gate_plan(context: RunContext) -> GatePlan:
    """Return which commands judge the repository, told from the base, not from the change."""
    return context.once("gate plan", partial(_detect, context))


def _detect(context: RunContext) -> GatePlan:
    reader = context.private.reader(context.base_tree)
    return detect(
        context.settings,
        read=reader.read,
        paths={entry.path for entry in reader.entries()},
        checkout=context.user.root,
        sites=context.environment.source.sites,
        search_path=context.environment.env["PATH"],
    )


def _once_a_judgement(context: RunContext, tree: str) -> Callable[[], Path]:
    """Return what puts the tree on disk when it is first asked for, and then names the folder."""
    done: list[Path] = []

    def folder() -> Path:
        if not done:
            done.append(context.workspace.reset(tree, keep=context.settings.gates.reuse))
            context.environment.prepare()
        return done[0]

    return folder


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
    with context.workspace_lock:
        asked = guard_input(context, tree, label, selection=selection)
        for name in (build.NAME, tests.NAME):
            result = run_one(name, asked)
            if result.status.stops:
                return f"{result.name}: {result.summary}\n{result.excerpt}"
            if result.status is GateStatus.NOT_VERIFIABLE:
                return ""  # the full judgement after the round says so; no fix can change it
    return ""
