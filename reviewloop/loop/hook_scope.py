"""Undoes an edit of a hook that exceeds its scope, by checking the edit itself."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.git.diff import Change
from reviewloop.guards import tests
from reviewloop.guards.base import is_test_file
from reviewloop.guards.registry import run_one
from reviewloop.hooks.hook import Hook, Scope
from reviewloop.hooks.scopes import (
    beyond_documentation,
    beyond_refactoring,
    break_functions,
    named_tests,
)
from reviewloop.loop.context import RunContext
from reviewloop.loop.gates import gate_context, gate_input, run_gate
from reviewloop.store.journal import CallKey

_MOST_TESTS = 40  # of one edit; a result lists no more red ones


@dataclass(frozen=True)
class ScopedEdit:
    """The edit of a hook; `paths` are the files that matched it."""

    context: RunContext
    hook: Hook
    key: CallKey
    label: str  # prefix of the names of logs
    before: str
    after: str
    paths: tuple[str, ...]

    @property
    def change(self) -> Change:
        """The edit."""
        return self.context.change(self.before, self.after)

    def each(self, check: Callable[[str, bytes | None, bytes | None], str]) -> str:
        """Return the first error of a check over the files of the edit, or ""."""
        read = self.context.private.read
        for file in self.change.files:
            if file.old_path != file.path or file.old_mode != file.new_mode:
                return f"{file.path} was renamed, or is new or gone"
            if why := check(file.path, read(self.before, file.path), read(self.after, file.path)):
                return why
        return ""


def out_of_scope(edit: ScopedEdit, scope: Scope) -> str:
    """Return why an edit exceeds its hook's scope, "" for one that stays."""
    if edit.before == edit.after:
        return ""
    if edit.hook.writes and (why := _elsewhere(edit)):
        return why
    return _CHECKS[scope](edit) if scope else ""


def _elsewhere(edit: ScopedEdit) -> str:
    allowed = edit.hook.model_copy(update={"filters": edit.hook.writes, "matcher": ""})
    project = edit.context.user.project
    start = f"{project}/" if project else ""
    for file in edit.change.files:
        for path in {file.path, file.old_path}:
            if not path.startswith(start) or not allowed.fits_path(path.removeprefix(start)):
                return f"{path} is none of its files ({', '.join(edit.hook.writes)})"
    return ""


def _nothing(edit: ScopedEdit) -> str:
    return f"it was to look only, and edited {', '.join(edit.change.paths)}"


def _file(edit: ScopedEdit) -> str:
    others = [path for path in edit.change.paths if path not in edit.paths]
    return f"it edited {', '.join(others)}, too" if others else ""


def _documentation(edit: ScopedEdit) -> str:
    return _file(edit) or edit.each(beyond_documentation)


def _refactoring(edit: ScopedEdit) -> str:
    if touched := [path for path in edit.change.paths if is_test_file(path)]:
        return f"it edited the tests {', '.join(touched)}"
    if why := edit.each(beyond_refactoring):
        return why
    ran = run_gate(edit.context, edit.key, tests.NAME, (), edit.after)
    if ran.status in {GateStatus.PASSED, GateStatus.NEEDS_USER} and ran.tests and ran.tests.passed:
        return ""
    return f"no green tests show that it works as before: {ran.summary}"


def _tests(edit: ScopedEdit) -> str:
    code = [path for path in edit.change.paths if not _is_test(path)]
    if code:
        return f"it edited {', '.join(code)}, not only tests"
    read = edit.context.private.read
    fresh: list[str] = []
    for file in edit.change.files:
        old, new = read(edit.before, file.old_path), read(edit.after, file.path)
        known, now = named_tests(old or b""), named_tests(new or b"")
        if file.status == "D" or (lost := sorted(known.keys() - now.keys())):
            return f"tests of {file.old_path} are gone: {', '.join(lost) if known else 'all'}"
        fresh += [f"{file.path}::{name}" for name in now if known.get(name) != now[name]]
    return _not_red(edit, fresh) if fresh else "no test of it can be told by its name"


def _is_test(path: str) -> bool:
    return is_test_file(path) and path.rpartition("/")[2] != "conftest.py"


def _not_red(edit: ScopedEdit, fresh: Sequence[str]) -> str:
    """Return the new tests that stay green when the code they test is broken."""
    if len(fresh) > _MOST_TESTS:
        return f"{len(fresh)} tests at once are more than {_MOST_TESTS}"
    ran = _ran(edit, edit.after, fresh, "sound")
    if ran.status is not GateStatus.PASSED:
        return f"its tests are not green: {ran.summary}"
    read = edit.context.private.read
    targets = {path: read(edit.after, path) for path in edit.paths if not is_test_file(path)}
    left = set(fresh)
    for answer in ("None", "object()"):
        files = {path: break_functions(data, answer) for path, data in targets.items() if data}
        made: Mapping[str, bytes | None] = {path: data for path, data in files.items() if data}
        if not made:
            return "the code has no function that could be broken, so nothing shows what they test"
        tree = edit.context.private.edit(edit.after, made)
        red = _ran(edit, tree, sorted(left), answer.strip("()").lower())
        names = [str(one).partition("[")[0] for one in red.details.get("failed", ())]
        left -= {one for one in left if _relative(edit, one) in names}
        if not left:
            return ""
    return f"green although the code is broken: {', '.join(sorted(left)[:5])}"


def _relative(edit: ScopedEdit, name: str) -> str:
    project = edit.context.user.project
    return name.removeprefix(f"{project}/" if project else "")


def _ran(edit: ScopedEdit, tree: str, chosen: Sequence[str], part: str) -> GateResult:
    settings = edit.context.settings
    test = settings.gates.test.model_copy(update={"enabled": True})
    gates = settings.gates.model_copy(update={"test": test})
    settings = settings.model_copy(update={"gates": gates})
    selection = tuple(map(partial(_relative, edit), chosen))
    with gate_context(edit.context):
        label = f"{edit.label}-{part}-"
        shown = edit.context.shown_tree(tree)
        guard = gate_input(edit.context, shown, label, selection, settings=settings)
        return run_one(tests.NAME, guard)


_CHECKS: Mapping[Scope, Callable[[ScopedEdit], str]] = {
    "nothing": _nothing,
    "file": _file,
    "documentation": _documentation,
    "tests": _tests,
    "refactoring": _refactoring,
}
