"""Traces which design, tasks and tests serve each requirement of a spec, and which lack some."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.task import Task
from reviewloop.git.repository import UserRepo
from reviewloop.regex import regex
from reviewloop.render.text import counted
from reviewloop.specs.briefing import split_design
from reviewloop.specs.checks import SpecView, read_view
from reviewloop.specs.discover import find_specs, spec_named
from reviewloop.specs.drift.criteria import is_test_text, names_criterion
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.tasks import ancestors
from reviewloop.specs.words import fits, named_paths, terms

_LARGEST = 400_000  # bytes of a test file that is searched
_LISTED = regex(r"(?:requirements?|validates)\W+((?:[\d.]+(?:\s*(?:,|and)\s*)?)+)", re.IGNORECASE)
_TITLE_WORDS = 2  # shared by a part of the design and a requirement that it does not name


@dataclass(frozen=True)
class TracedTask:
    """A task that serves a requirement."""

    id: str
    line: int
    done: bool


@dataclass(frozen=True)
class TraceRow:
    """One requirement, and what serves it.

    `needs_design` and `needs_tests` are true where the design, or any test, names others of the
    spec.
    """

    ident: str
    title: str
    path: str
    line: int
    design: tuple[str, ...]
    tasks: tuple[TracedTask, ...]
    tests: tuple[str, ...]
    needs_design: bool = False
    needs_tests: bool = False

    @property
    def missing(self) -> str:
        """What it lacks, or ""; a test is required once all its tasks are done."""
        if not self.tasks:
            return "no task serves it"
        if self.needs_design and not self.design:
            return "no part of the design is about it"
        if self.needs_tests and not self.tests and all(task.done for task in self.tasks):
            return "its tasks are done and no test names it"
        return ""

    @property
    def is_traced(self) -> bool:
        """Whether it lacks nothing."""
        return not self.missing


@dataclass(frozen=True)
class Untraced:
    """Something without a requirement, or a requirement that nothing serves."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Trace:
    """The whole table of one spec."""

    path: str
    rows: tuple[TraceRow, ...]
    untraced: tuple[Untraced, ...]

    @property
    def exit_code(self) -> ExitCode:
        """`FINDINGS` where anything is untraced."""
        return ExitCode.FINDINGS if self.untraced else ExitCode.CLEAN

    @property
    def summary(self) -> str:
        """One sentence with the counts."""
        traced = sum(row.is_traced for row in self.rows)
        tasks, design, tests = (
            sum(bool(part) for part in parts)
            for parts in zip(
                *((row.tasks, row.design, row.tests) for row in self.rows), strict=True
            )
        )
        return (
            f"{traced} of {counted(len(self.rows), 'requirement')} traced: {tasks} to a task, "
            f"{design} to the design, {tests} to a test"
        )

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [
            f"# {_cell(self.path)}",
            "",
            "| requirement | design | tasks | tests |",
            "|---|---|---|---|",
        ]
        for row in self.rows:
            tasks = ", ".join(f"{one.id}{' ✓' if one.done else ''}" for one in row.tasks)
            cells = (
                f"{row.ident} {row.title}",
                ", ".join(row.design),
                tasks,
                ", ".join(f"`{test}`" for test in row.tests),
            )
            lines.append(f"| {' | '.join(_cell(cell) or '–' for cell in cells)} |")
        if self.untraced:
            lines += ["", "## Untraced", "", *(f"- {_cell(str(one))}" for one in self.untraced)]
        return "\n".join([*lines, "", self.summary, ""])


def trace_spec(user: UserRepo, name: str | None) -> Trace:
    """Return the trace of a named spec on disk; without a name, of the only one.

    Raises `UsageError` where there is no such spec, or several, or where it has no requirement with
    an id.
    """
    files = DiskFiles(user.root)
    if name is None:
        listed = find_specs(files, user.project)
        if len(listed) != 1:
            names = ", ".join(one.path for one in listed)
            raise UsageError(
                f"there are {len(listed)} specs ({names}); name one"
                if listed
                else "there is no spec here; `reviewloop spec new -m TEXT` writes one"
            )
        ref = listed[0]
    else:
        ref = spec_named(files, name, user.project, user.here)
    view = read_view(files, ref)
    return trace(view, dict(test_texts(files)), alone=len(find_specs(files, user.project)) == 1)


def trace(view: SpecView, tests: Mapping[str, str], *, alone: bool = True) -> Trace:
    """Return the trace of a spec; `tests` are the texts of the repository's test files by path.

    Where the spec is not `alone`, "requirement 1" may be that of another spec: such a test counts
    only if it names this spec too.
    """
    spec = view.spec
    required = whole_requirements(spec.requirements)
    if not required:
        raise UsageError(
            f"{spec.path} has no requirement with an id; write them as '### Requirement 1: Title' "
            "or '- FR-1: ...'"
        )
    parts = split_design(spec.design)
    named_by_design = {
        ident: tuple(part.trail[-1] for part in parts if part.trail and _names(part.text, ident))
        for ident in required
    }
    about = {path: text for path, text in tests.items() if alone or spec.name in text}
    names_any = any(named_by_design.values())
    served = {ident: tuple(_tasks_of(view, ident)) for ident in required}
    tested = {
        ident: tuple(_tests_of(view, ident, served[ident], tests, about)) for ident in required
    }
    rows = []
    for ident, text in required.items():
        path, line = view.requirement_at.get(ident) or view.first_of("requirements")
        title = _title(text)
        design = named_by_design[ident] or tuple(
            part.trail[-1] for part in parts if part.trail and _is_about(part.trail[-1], title)
        )
        rows.append(
            TraceRow(
                ident,
                title,
                path,
                line,
                tuple(dict.fromkeys(design)),
                tuple(
                    TracedTask(task.id, task.line, is_done(spec, task)) for task in served[ident]
                ),
                tested[ident],
                names_any,
                any(tested.values()),
            )
        )
    return Trace(spec.path, tuple(rows), (*_untraced_rows(rows), *_untraced_tasks(view, served)))


def _untraced_rows(rows: Iterable[TraceRow]) -> Iterator[Untraced]:
    for row in rows:
        if row.missing:
            yield Untraced(row.path, row.line, f"requirement {row.ident}: {row.missing}")


def _untraced_tasks(view: SpecView, served: Mapping[str, Sequence[Task]]) -> Iterator[Untraced]:
    serving = {task.id for tasks in served.values() for task in tasks}
    for task in leaves(view.spec):
        if task.id not in serving and not task.checkpoint:
            yield Untraced(task.path, task.line, f"task {task.id} serves no requirement")


def _tasks_of(view: SpecView, ident: str) -> Iterator[Task]:
    """Yield the tasks that name a requirement, a criterion of it, or all of them."""
    spec = view.spec
    for task in leaves(spec):
        lineage = (task, *ancestors(task, spec.by_id))
        named = next((one.requirements for one in lineage if one.requirements), ())
        keys = resolve(named, spec.requirements)[0]
        if any(key == ident or key.startswith(f"{ident}.") for key in keys):
            yield task


def _tests_of(
    view: SpecView,
    ident: str,
    tasks: Sequence[Task],
    tests: Mapping[str, str],
    about: Mapping[str, str],
) -> Iterator[str]:
    """Yield the test files that name a requirement, or that its tasks name.

    `about` are the tests whose numbers may refer to this spec.
    """
    idents = [ident, *(key for key in view.spec.requirements if key.startswith(f"{ident}."))]
    named = {path for task in tasks for path in named_paths(f"{task.title}\n{task.body}")}
    for path in tests:
        if path in named or any(names_criterion(about.get(path, ""), one) for one in idents):
            yield path


def _names(text: str, ident: str) -> bool:
    if re.match(r"[A-Za-z]", ident):
        return re.search(rf"(?<![\w-]){re.escape(ident)}(?![\w-])", text) is not None
    found = _LISTED.findall(text)
    ids = {one.strip(".") for each in found for one in re.split(r"[^\d.]+", each)}
    return any(one == ident or one.startswith(f"{ident}.") for one in ids if one)


def _is_about(heading: str, title: str) -> bool:
    words = set(terms(title))
    return sum(fits(word, words) for word in terms(heading)) >= _TITLE_WORDS


def _title(text: str) -> str:
    first = text.strip().split("\n", 1)[0].lstrip("#").strip()
    return re.sub(r"^\W*(?:requirement\s+)?[A-Z]*-?[\d.]+\W+", "", first, flags=re.IGNORECASE)[:80]


def test_texts(files: DiskFiles) -> Iterator[tuple[str, str]]:
    """Yield the test files of a checkout: path and text."""
    for path in files.paths():
        if is_test_text(path):
            data = files.read(path) or b""
            if len(data) <= _LARGEST and b"\0" not in data[:1000]:
                yield path, data.decode("utf-8", "replace")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def plain(found: Trace) -> Mapping[str, object]:
    """Return the trace as JSON-plain values."""
    return {
        "path": found.path,
        "requirements": [
            {
                "id": row.ident,
                "title": row.title,
                "path": row.path,
                "line": row.line,
                "design": list(row.design),
                "tasks": [{"id": one.id, "line": one.line, "done": one.done} for one in row.tasks],
                "tests": list(row.tests),
                "missing": row.missing,
            }
            for row in found.rows
        ],
        "untraced": [
            {"path": one.path, "line": one.line, "message": one.message} for one in found.untraced
        ],
        "exit_code": int(found.exit_code),
    }
