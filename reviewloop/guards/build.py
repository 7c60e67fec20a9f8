"""Gate: the change compiles and the project builds."""

from typing import Final

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput
from reviewloop.guards.commands import command_result, could_not_run, evaluate_entries
from reviewloop.guards.plan import DetectedGate

NAME: Final = "build"

# Files below these are broken on purpose, and templates are no Python before they are rendered.
_NOT_COMPILED = {"fixtures", "testdata", "test_data", "templates", "cookiecutter"}


def check(change: GuardInput) -> GateResult:
    """Run the project's build and compile the changed Python files."""
    return evaluate_entries(change, NAME, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    if entry.kind == "py_compile":
        return _compile(change, entry)
    result = change.run(entry.argv, gate=NAME, log=change.log(f"build-{entry.kind}.log"))
    status = GateStatus.FAILED if result.exit_code else GateStatus.PASSED
    word = "failed" if result.exit_code else "passed"
    summary = f"{' '.join(change.shown(entry.argv))} {word}"
    return command_result(change, entry, result, status=status, summary=summary)


def _compile(change: GuardInput, entry: DetectedGate) -> GateResult:
    files = [
        file.path
        for file in change.change.files
        if file.path.endswith(".py")
        and file.status != "D"
        and file.new_mode.startswith("100")
        and not _NOT_COMPILED & set(file.path.split("/"))
        and "{{" not in file.path
    ]
    if not files:
        return GateResult(NAME, GateStatus.NOT_DETECTED, "no Python file changed")
    # One log is one call; `./` keeps a file named like an option from being one.
    argv = (*entry.argv, *(f"./{change.relative(path)}" for path in files))
    caches = {"PYTHONPYCACHEPREFIX": str(change.written("compiled"))}
    log = change.log("build-py_compile.log")
    result = change.run(argv, gate=NAME, log=log, variables=caches)
    if could_not_run(result) or not result.exit_code:
        one = len(files) == 1
        summary = f"{len(files)} changed Python {'file compiles' if one else 'files compile'}"
        return command_result(change, entry, result, summary=summary)
    return command_result(
        change, entry, result, summary="a changed Python file does not compile", argv=argv
    )
