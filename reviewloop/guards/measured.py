"""What is known about which lines of a change its tests ran, or why nothing is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.guards.base import GuardInput, is_test_file, text_lines
from reviewloop.guards.coverage_reports import FileLines, Table, read_report
from reviewloop.guards.junit import UnreadableReportError
from reviewloop.guards.pytest_run import COVERAGE_DATA, COVERAGE_JSON, has_package
from reviewloop.workspace.outline import Symbol, language_of, outline


def measurement(change: GuardInput) -> Table | str:
    """Return the lines by file, or one sentence that says why there is no measurement."""
    settings = change.settings.gates.coverage
    known = [file.path for file in change.change.files if file.status != "D"]
    report = change.log(COVERAGE_JSON)
    if settings.report:
        report = change.standing() / settings.report
        if not report.is_file() or not report.resolve().is_relative_to(change.folder().resolve()):
            return f"the tests did not write {settings.report} (gates.coverage.report)"
    elif change.selection is not None:
        return "only some of the tests were run"
    elif not report.is_file():
        return _why_unmeasured(change)
    try:
        folder, project = change.folder(), change.env.project
        return read_report(report, folder=folder, known=known, project=project)
    except UnreadableReportError as error:
        return str(error)


def _why_unmeasured(change: GuardInput) -> str:
    entries = change.plan.of("test")
    if not any(entry.kind == "pytest" and entry.runnable for entry in entries):
        return (
            "measured for pytest only; name the report of another runner in gates.coverage.report"
        )
    if not has_package(change, "coverage"):
        return "coverage is not installed in the project's environment"
    if change.log(COVERAGE_DATA).exists():
        return "no changed file of code was measured"
    return "the tests were not measured"


@dataclass(frozen=True)
class Measured:
    """One changed file: the lines that the change added, by what tests did with them."""

    path: str
    added: frozenset[int]  # added and executable
    missing: frozenset[int]  # of these, those that no test ran
    lines: FileLines


def measured_changes(change: GuardInput, table: Table) -> list[Measured]:
    """Return the changed files that a report speaks about, tests left out."""
    found = []
    for file in change.change.files:
        lines = table.get(file.path)
        if lines is None or file.status == "D" or is_test_file(file.path):
            continue
        added = {n for first, last in file.added_lines for n in range(first, last + 1)}
        executable = added & (lines.executed | lines.missing)
        missing = frozenset(executable & lines.missing)
        found.append(Measured(file.path, frozenset(executable), missing, lines))
    return found


@dataclass(frozen=True)
class Unreached:
    """A public function that the change added or changed and that no test runs."""

    path: str
    symbol: Symbol
    is_new: bool  # its first line is one of the added ones


def unreached_functions(change: GuardInput, files: list[Measured]) -> Iterator[Unreached]:
    """Yield the public functions, touched by the change, of whose body no line ran."""
    for file in files:
        text = "\n".join(text_lines(change.read_new(file.path)))
        for symbol in outline(file.path, text):
            if symbol.kind not in {"function", "method"} or not _is_public(file.path, symbol):
                continue
            span = range(symbol.line, symbol.end_line + 1)
            body = {n for n in span if n > symbol.line}
            executable = body & (file.lines.executed | file.lines.missing)
            touched = file.added.intersection(span)
            if touched and executable and not executable & file.lines.executed:
                yield Unreached(file.path, symbol, symbol.line in file.added)


def _is_public(path: str, symbol: Symbol) -> bool:
    language = language_of(path)
    name = symbol.name.rsplit(".", 1)[-1]
    if language == "go":
        return name[:1].isupper()
    if language == "rust":
        return symbol.signature.startswith("pub")
    if language in {"java", "csharp", "kotlin", "typescript", "tsx", "php", "swift", "scala"}:
        hidden = {"private", "protected", "fileprivate"} & set(symbol.signature.split())
        return not hidden and not name.startswith("#")
    return not any(part.startswith("_") for part in symbol.name.split("."))
