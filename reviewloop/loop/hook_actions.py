"""The named actions of hooks, done with the gates' own tools: linter, tests, scanner, specs."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards import coverage, formatting, lint, security_scan, tests
from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.registry import run_one
from reviewloop.hooks.actions import (
    Lint,
    Options,
    RegenerateTests,
    SecurityScan,
    SyncSpecDesign,
    options_of,
)
from reviewloop.hooks.hook import EDITS_COUNT, Hook
from reviewloop.loop.context import RunContext
from reviewloop.loop.format_on_save import written_by
from reviewloop.loop.gates import gate_context, gate_input
from reviewloop.loop.hook_agents import ask_agent
from reviewloop.loop.hook_scope import ScopedEdit, out_of_scope
from reviewloop.render.text import share
from reviewloop.settings import Settings
from reviewloop.specs.drift.change import diverging_by_change
from reviewloop.specs.files import TreeFiles
from reviewloop.store.journal import CallKey

_UNKNOWN = (GateStatus.ERROR, GateStatus.NOT_VERIFIABLE)
_TESTS_PROMPT = """
Write or mend the tests of {path}, so that they run at least {least} of its new lines.
{framework}Match the tests that are there, and use their fixtures. Edit files of tests only: no
conftest.py, no code, no configuration. No test that is there may go. Each test asserts what the
code is for: it has to be red when the code is broken. What is missing now: {missing}
"""


@dataclass(frozen=True)
class ActionEnd:
    """The end of a named action; `exit_code` is None where it could not be done."""

    exit_code: int | None
    output: str
    tree: str


@dataclass(frozen=True)
class Occasion:
    """The subject of an action: a tree, and the files in it that match the hook."""

    context: RunContext
    hook: Hook
    key: CallKey
    label: str  # prefix of the names of logs
    tree: str
    paths: tuple[str, ...]

    @property
    def may_write(self) -> bool:
        """Whether its edits become part of the change."""
        return self.hook.event in EDITS_COUNT and not self.hook.queued

    def only(self, guard: GuardInput) -> GuardInput:
        """Return the input of a gate restricted to these files."""
        files = tuple(file for file in guard.change.files if file.path in self.paths)
        return replace(guard, change=replace(guard.change, files=files))

    def guard(self, tree: str, settings: Settings, part: str) -> GuardInput:
        """Return the input of a gate on a tree, restricted to these files."""
        shown, label = self.context.shown_tree(tree), f"{self.label}-{part}-"
        return self.only(gate_input(self.context, shown, label, settings=settings))


def do_action(occasion: Occasion) -> ActionEnd:
    """Do the named action of a hook."""
    options: Options = options_of(occasion.hook.action, occasion.hook.options)
    match options:
        case Lint():
            return _lint(occasion, options)
        case SecurityScan():
            return _scan(occasion, options)
        case SyncSpecDesign():
            return _sync(occasion, options)
        case RegenerateTests():
            return _regenerate(occasion, options)
    raise UsageError(f"{occasion.hook.action} is asked for when a pull request is made")


def _lint(occasion: Occasion, options: Lint) -> ActionEnd:
    settings = _with_gates(occasion, lint={"enabled": True}, format={"enabled": True})
    tree, notes = occasion.tree, list[str]()
    if options.fix_on_save and occasion.may_write:
        fix = partial(_fix, occasion)
        tree, notes = written_by(occasion.context, tree, f"{occasion.label}-fix-", fix, settings)
    with gate_context(occasion.context):
        guard = occasion.guard(tree, settings, "lint")
        result = lint.check(guard)
        used = [one for name in (lint.NAME, formatting.NAME) for one in guard.plan.of(name)]
    mended = occasion.context.private.change(occasion.tree, tree).paths
    output = _text_of(result, *notes, f"mended: {', '.join(mended)}" if mended else "")
    if result.status in _UNKNOWN or not any(one.runnable for one in used):
        return ActionEnd(None, output, tree)
    is_red = result.status.stops or (options.strict_mode and bool(result.findings))
    return ActionEnd(int(is_red), output, tree)


def _fix(occasion: Occasion, guard: GuardInput) -> tuple[list[str], list[str]]:
    only = occasion.only(guard)
    linted, problems = lint.write_fixed(only)
    formatted, more = formatting.write_formatted(only)
    return [*linted, *formatted], [*problems, *more]


def _scan(occasion: Occasion, options: SecurityScan) -> ActionEnd:
    security: dict[str, object] = {"enabled": True, "fail_on": options.limit}
    if options.tool:
        security |= {"tool": options.tool, "command": ()}
    with gate_context(occasion.context):
        guard = occasion.guard(occasion.tree, _with_gates(occasion, security=security), "scan")
        result = security_scan.check(guard)
        ran = any(one.runnable for one in guard.plan.of(security_scan.NAME))
    if result.status in _UNKNOWN or not ran:
        return ActionEnd(None, _text_of(result), occasion.tree)
    worst = options.limit != "never" and any(
        finding.severity is Severity.MUST_FIX for finding in result.findings
    )
    return ActionEnd(int(worst or result.status.stops), _text_of(result), occasion.tree)


def _sync(occasion: Occasion, options: SyncSpecDesign) -> ActionEnd:
    context = occasion.context
    base, new = (
        TreeFiles(context.private.reader(one)) for one in (context.base_tree, occasion.tree)
    )
    shares = diverging_by_change(base, new, context.environment.project)
    over = {spec: one for spec, one in shares.items() if one >= options.diff_threshold}
    rows = [
        f"{spec}: {share(one)} of its names drifted from the code" for spec, one in over.items()
    ]
    if rows:
        rows.append("change the code back, or the spec: `reviewloop spec sync` shows both sides")
    below = [spec for spec in shares if spec not in over]
    rows += [f"{spec} drifted by less than {share(options.diff_threshold)}" for spec in below]
    return ActionEnd(
        int(bool(over)), "\n".join(rows) or "specs and code are in step", occasion.tree
    )


def _regenerate(occasion: Occasion, options: RegenerateTests) -> ActionEnd:
    context = occasion.context
    paths = tuple(path for path in occasion.paths if not is_test_file(path))
    if not paths or not occasion.may_write:
        return ActionEnd(0, "no file of code to write tests for", occasion.tree)
    measured = _measured(replace(occasion, paths=paths), options, "before")
    if measured.status is GateStatus.PASSED:
        return ActionEnd(0, f"{measured.summary}: no test is missing", occasion.tree)
    prompt = _TESTS_PROMPT.strip().format(
        path=", ".join(paths),
        least=share(options.coverage_threshold),
        framework=f"Use {options.framework}. " if options.framework else "",
        missing=measured.excerpt or measured.summary,
    )
    end = ask_agent(context, occasion.hook, prompt, occasion.key, occasion.tree)
    if end.exit_code is None:
        return ActionEnd(None, end.output, occasion.tree)
    about = (f"{occasion.label}-scope", occasion.tree, end.tree, paths)
    if why := out_of_scope(ScopedEdit(context, occasion.hook, occasion.key, *about), "tests"):
        return ActionEnd(1, f"{end.output}\nits edit was taken back: {why}", occasion.tree)
    after = _measured(replace(occasion, paths=paths, tree=end.tree), options, "after")
    output = "\n".join((end.output, _text_of(after)))
    if after.status is GateStatus.NOT_DETECTED:
        return ActionEnd(None, output, end.tree)
    return ActionEnd(int(after.status is not GateStatus.PASSED), output, end.tree)


def _measured(occasion: Occasion, options: RegenerateTests, part: str) -> GateResult:
    """Return the share of these files' new lines that the tests run."""
    needed = {"enabled": True, "threshold": options.coverage_threshold, "hard": True}
    settings = _with_gates(occasion, test={"enabled": True}, coverage=needed)
    with gate_context(occasion.context):
        guard = occasion.guard(occasion.tree, settings, part)
        ran = run_one(tests.NAME, guard)
        return ran if ran.status.stops else run_one(coverage.NAME, guard)


def _with_gates(occasion: Occasion, **gates: Mapping[str, object]) -> Settings:
    settings = occasion.context.settings
    changed = {
        name: getattr(settings.gates, name).model_copy(update=dict(values))
        for name, values in gates.items()
    }
    limits, most = settings.limits, occasion.hook.timeout or settings.limits.gate_seconds
    limits = limits.model_copy(update={"gate_seconds": min(most, limits.gate_seconds)})
    altered = settings.gates.model_copy(update=changed)
    return settings.model_copy(update={"gates": altered, "limits": limits})


def _text_of(result: GateResult, *notes: str) -> str:
    return "\n".join(filter(None, (result.summary, *notes, result.excerpt)))
