"""Gate: the changed files follow the repository's formatter.

It runs only if `gates.format` enables it.
"""

from dataclasses import replace
from typing import Final

from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput
from reviewloop.guards.commands import command_result, could_not_run, evaluate_entries
from reviewloop.guards.plan import DetectedGate
from reviewloop.regex import regex
from reviewloop.sandbox.run import CommandResult, read_log
from reviewloop.settings import Settings

NAME: Final = "format"
_PYTHON = ("py", "pyi")
_WEB = (
    *("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "json", "css", "scss", "less"),
    *("html", "md", "mdx", "yaml", "yml", "graphql"),
)


@dataclass(frozen=True)
class _Formatter:
    """The command of a formatter; with `check` it lists the files that it would change."""

    check: tuple[str, ...]
    write: tuple[str, ...]
    endings: tuple[str, ...]
    differ: tuple[int, ...]  # exit codes that only mean that files differ


_FORMATTERS = {
    "prettier": _Formatter(
        ("--list-different", "--ignore-unknown"), ("--write", "--ignore-unknown"), _WEB, (0, 1)
    ),
    "ruff": _Formatter(
        ("--check", "--no-cache", "--force-exclude"),
        ("--no-cache", "--force-exclude", "--quiet"),
        _PYTHON,
        (0, 1),
    ),
    "black": _Formatter(("--check",), ("--quiet",), _PYTHON, (0, 1)),
    "gofmt": _Formatter(("-l",), ("-w",), ("go",), (0,)),
    "rustfmt": _Formatter(("--check", "-l"), (), ("rs",), (0, 1)),
}


def is_requested(settings: Settings) -> bool:
    """Whether the user or the repository enabled this gate."""
    return settings.gates.format.is_requested


def check(change: GuardInput) -> GateResult:
    """Run the formatter on the changed files; a configured command passes by its exit code."""
    return evaluate_entries(change, NAME, _run)


def _run(change: GuardInput, entry: DetectedGate) -> GateResult:
    formatter = _FORMATTERS.get(entry.kind)
    log = change.log(f"format-{entry.kind}.log")
    if formatter is None or entry.source == "configured":
        return command_result(change, entry, change.run(entry.argv, gate=NAME, log=log))
    files = _files(change, formatter)
    if not files:
        return GateResult(NAME, GateStatus.NOT_DETECTED, f"no changed file for {entry.kind}")
    argv = (*entry.argv, *formatter.check, *(f"./{change.relative(path)}" for path in files))
    result = change.run(argv, gate=NAME, log=log)
    if could_not_run(result):
        return command_result(change, entry, result, argv=argv)
    other = [path for path in files if path in _named(change, result)]
    if result.exit_code and (result.exit_code not in formatter.differ or not other):
        summary = f"{entry.kind} could not read the changed files (exit code {result.exit_code})"
        return command_result(
            change, entry, result, status=GateStatus.FAILED, summary=summary, argv=argv
        )
    if not other:
        summary = f"{entry.kind}: changed files are formatted"
        return command_result(
            change, entry, result, status=GateStatus.PASSED, summary=summary, argv=argv
        )
    summary = f"{entry.kind} formats {', '.join(other[:5])} differently"
    summary += f" (and {len(other) - 5} more)" if len(other) > 5 else ""
    outcome = command_result(
        change, entry, result, status=GateStatus.FAILED, summary=summary, argv=argv
    )
    return replace(outcome, excerpt="\n".join(other))


def write_formatted(change: GuardInput) -> tuple[list[str], list[str]]:
    """Format the changed files in the workspace; return them, and the errors."""
    formatted: list[str] = []
    problems: list[str] = []
    for entry in change.plan.of(NAME):
        formatter = _FORMATTERS.get(entry.kind)
        if formatter is None or entry.source == "configured":
            continue
        files = _files(change, formatter)
        if not files:
            continue
        if entry.problem:
            problems.append(f"not formatted: {entry.problem}")
            continue
        argv = (*entry.argv, *formatter.write, *(f"./{change.relative(path)}" for path in files))
        result = change.run(argv, gate=NAME, log=change.log(f"format-{entry.kind}.log"))
        formatted += files
        if failure := could_not_run(result):
            problems.append(f"{entry.kind}: {failure[1]}")
        elif result.exit_code:
            problems.append(f"{entry.kind} ended with exit code {result.exit_code}")
    return formatted, problems


def _files(change: GuardInput, formatter: _Formatter) -> list[str]:
    start = f"{change.env.project}/" if change.env.project else ""
    return [
        file.path
        for file in change.change.files
        if file.status != "D"
        and not file.binary
        and not file.submodule
        and file.path.startswith(start)
        and file.path.rpartition(".")[2] in formatter.endings
    ]


_AROUND = regex(r"^(?:[Ww]ould reformat:? |--> )|(?::\d+)+$")  # a name


def _named(change: GuardInput, result: CommandResult) -> set[str]:
    lines = (_AROUND.sub("", line.strip()) for line in read_log(result.log).splitlines())
    return {change.repository_path(line) for line in lines if line}
