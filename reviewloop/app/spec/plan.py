"""Writes the implementation plan of a spec, from the spec, the tree and earlier runs."""

import hashlib
import statistics
from collections.abc import Iterator, Mapping, Sequence

from reviewloop.app.project import Repository, read_settings
from reviewloop.app.spec.check import check_specs
from reviewloop.app.spec.unfinished_specs import name_unfinished_session
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Severity
from reviewloop.domain.globs import first_match
from reviewloop.domain.task import Spec
from reviewloop.render.text import counted
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.file_trees import TreeFile, draw_tree, tree_files, wrong_marks
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Outlook, outlook
from reviewloop.specs.plan_file import (
    ANALYSIS,
    CONSIDERATIONS,
    DECISIONS,
    DEPENDENCIES,
    FILES,
    RISKS,
    STEPS,
    edited_sections,
    plan_path,
    plan_text,
)
from reviewloop.specs.plan_file import sections_of as sections_in
from reviewloop.specs.scope import estimate_of
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.words import find_paths, named_paths
from reviewloop.store.metrics import figures_kept

_FEW = 3  # committed runs; with fewer no time is estimated
_SIZES = ((3, "small"), (10, "medium"))  # open tasks at most


@dataclass(frozen=True)
class WrittenPlan:
    """The plan that was written, and the parts by the user."""

    path: str
    kept: tuple[str, ...]  # sections edited by users, which stay
    kept_as: str  # the copy of the earlier plan if all was written again, or ""
    wrong: tuple[str, ...] = ()  # wrong marks in the user's own file tree, with their lines
    has_tasks: bool = True


@dataclass(frozen=True)
class OpenedPlan:
    """A plan on disk, or as it would be written now, with its spec."""

    spec: Spec
    path: str
    text: str
    ours: Mapping[str, str]  # sections as they are written now
    sections: Mapping[str, str]  # as in the plan
    edited: frozenset[str]  # those edited by users
    paths: tuple[str, ...]  # of the repository
    there: Content
    disk: Disk

    def read(self, path: str) -> str:
        """Return a file of the repository as text, "" where there is none."""
        data = DiskFiles(self.disk.root).read(path)
        if path == self.path and data is None:
            return self.text
        return (data or b"").decode("utf-8", "replace")

    def with_sections(self, changed: Mapping[str, str]) -> str:
        """Return the plan with other sections, which stay when it is updated."""
        kept = {name: self.sections[name] for name in self.sections if name in self.edited}
        return _plan_text(self.spec, self.ours, {**kept, **changed})

    def write(self, text: str) -> None:
        """Write the plan."""
        self.disk.write(self.path, Content(Kind.FILE, text.encode()), ".implementation-plan.new")


def open_plan(repository: Repository, name: str) -> OpenedPlan:
    """Read and update the plan of a spec; write nothing.

    Raises `UsageError` where there is no spec, or where the plan's path is not a file.
    """
    user = repository.user
    files, disk = DiskFiles(user.root), Disk(user.root)
    ref = spec_named(files, name, user.project, user.here)
    with name_unfinished_session(repository):
        spec = read_spec(files, ref)
    path = plan_path(spec.path)
    there = disk.read(path)
    if there.kind not in (Kind.ABSENT, Kind.FILE) or there.blocker:
        raise UsageError(f"{path} is no regular file of this repository; move it away first")
    before = there.data.decode("utf-8", "replace")
    ours, edited, old = _sections(repository, spec), edited_sections(before), sections_in(before)
    kept = {section: body for section, body in old.items() if section in edited}
    text = _plan_text(spec, ours, kept)
    return OpenedPlan(
        spec, path, text, ours, sections_in(text), edited, tuple(files.paths()), there, disk
    )


def write_plan(repository: Repository, name: str, *, regenerate: bool) -> WrittenPlan:
    """Write the plan of a spec; sections edited by users stay, unless `regenerate`.

    "Additional considerations" always stays.
    """
    opened = open_plan(repository, name)
    own = opened.edited & {CONSIDERATIONS} if regenerate else opened.edited
    kept = {section: body for section, body in opened.sections.items() if section in own}
    kept_as = ""
    if regenerate and opened.edited - {CONSIDERATIONS}:
        kept_as = f"{opened.path}.bak"
        opened.disk.write(kept_as, opened.there, ".implementation-plan.bak.new")
    text = _plan_text(opened.spec, opened.ours, kept)
    opened.write(text)
    wrong = _wrong_marks(opened, text) if FILES in kept else ()
    names = tuple(one for one in opened.sections if one in kept)
    return WrittenPlan(opened.path, names, kept_as, tuple(wrong), bool(opened.spec.tasks))


def _wrong_marks(opened: OpenedPlan, text: str) -> Iterator[str]:
    """Yield the wrong marks of a user's own tree; a [NEW] file may exist once work has started."""
    begun = any(is_done(opened.spec, task) for task in leaves(opened.spec))
    for one, reason in wrong_marks(tree_files(_numbered(text)), opened.paths):
        if one.mark != "NEW" or not begun:
            yield f"{opened.path}:{one.line}: {reason}"


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.split("\n"), 1)


def _plan_text(spec: Spec, sections: Mapping[str, str], kept: Mapping[str, str]) -> str:
    head = f"How {spec.path} is built. `reviewloop spec plan {spec.name}` brings it up to date."
    return plan_text(f"Implementation plan: {spec.name}", head, sections, kept)


def _sections(repository: Repository, spec: Spec) -> dict[str, str]:
    seen = outlook(spec)
    paths = tuple(DiskFiles(repository.user.root).paths())
    return {
        ANALYSIS: "\n".join(_analysis(repository, spec, paths)),
        FILES: _files(spec, paths),
        STEPS: "\n".join(_phases(spec, seen)),
        DEPENDENCIES: "\n".join(_dependencies(spec, seen)),
        RISKS: "\n".join(_risks(repository, spec, paths)),
        DECISIONS: "\n".join(_decisions(spec)),
    }


def _analysis(repository: Repository, spec: Spec, paths: Sequence[str]) -> Iterator[str]:
    to_do = [task for task in leaves(spec) if not is_done(spec, task)]
    size = next((word for most, word in _SIZES if len(to_do) <= most), "large")
    yield f"- size: {size}: {len(to_do)} of {len(leaves(spec))} tasks are open"
    planned = planned_files(spec, paths)
    new = sum(one.is_new for one in planned)
    yield f"- files that it names: {new} new, {len(planned) - new} to be changed"
    yield f"- requirements and criteria with an id: {len(spec.requirements)}"
    yield f"- time: {_time(repository, len(to_do))}"
    yield from _estimates(repository, spec)


def _estimates(repository: Repository, spec: Spec) -> Iterator[str]:
    """Yield the estimates in the tasks, and the time that done tasks took."""
    estimates = {task.id: one for task in leaves(spec) if (one := estimate_of(task))}
    left = [task.id for task in leaves(spec) if not is_done(spec, task)]
    open_ones = [estimates[one] for one in left if one in estimates]
    if open_ones:
        low, high = sum(one.low for one in open_ones), sum(one.high for one in open_ones)
        shown = f"{low:g} minutes" if low == high else f"{low:g} to {high:g} minutes"
        yield f"- by its own estimates: {shown} for {len(open_ones)} of {len(left)} open tasks"
    took: dict[str, float] = {}
    for row in figures_kept(repository.folder):
        if not row.committed_at or row.spec_path != spec.path or row.task_id not in estimates:
            continue
        if row.called in ("", _title_hash(spec, row.task_id)):  # ids can change
            took[row.task_id] = took.get(row.task_id, 0.0) + row.seconds
    for task, seconds in took.items():
        minutes = counted(max(1, round(seconds / 60)), "minute")
        yield f"- {task} was estimated as {estimates[task].text} and took {minutes} of machine time"


def _title_hash(spec: Spec, task: str) -> str:
    return hashlib.sha256(spec.by_id[task].title.encode()).hexdigest()[:12]


def _time(repository: Repository, tasks: int) -> str:
    """Return a range of time for this many tasks from committed runs of this repository."""
    taken = [
        row.seconds for row in figures_kept(repository.folder) if row.committed_at and row.seconds
    ]
    if len(taken) < _FEW or not tasks:
        return f"unknown: {len(taken)} runs were committed here, and {_FEW} are needed"
    low, *_, high = statistics.quantiles(taken, n=4)
    minutes = [max(1, round(tasks * seconds / 60)) for seconds in (low, high)]
    shown = counted(minutes[1], "minute")
    shown = f"{minutes[0]} to {shown}" if minutes[0] < minutes[1] else shown
    return f"{shown} of machine time, by {len(taken)} committed runs here; yours is not in it"


@dataclass(frozen=True)
class PlannedFile:
    """A file named by tasks or the design."""

    path: str
    is_new: bool
    tasks: tuple[str, ...]  # ids

    @property
    def mark(self) -> str:
        """Return the mark of the file in a plan."""
        return "[NEW]" if self.is_new else "[MODIFY]"


def planned_files(spec: Spec, paths: Sequence[str]) -> list[PlannedFile]:
    """Return the files that a spec names, checked against `paths` of the repository."""
    by_path: dict[str, list[str]] = {}
    for task in leaves(spec):
        for path in named_paths(f"{task.title}\n{task.body}"):
            by_path.setdefault(path, []).append(task.id)
    drawn = [one.path for text in (spec.design, spec.general) for one in _drawn(text)]
    tails = {path.rpartition("/")[2] for path in drawn}
    for path in (*drawn, *named_paths(spec.design)):
        if path in drawn or path not in tails:  # not only a name in the tree
            by_path.setdefault(path, [])
    planned = []
    for path, tasks in sorted(by_path.items()):
        if "." not in path.rpartition("/")[2] or path in spec.files:
            continue
        found = find_paths([path], paths)
        planned.append(PlannedFile(found[0] if found else path, not found, tuple(tasks)))
    return planned


def _drawn(text: str) -> list[TreeFile]:
    return tree_files(_numbered(text))


def _files(spec: Spec, paths: tuple[str, ...]) -> str:
    """Return the tree of the files named by tasks or the design, each marked new or existing."""
    notes = {}
    for one in planned_files(spec, paths):
        word = "task" if len(one.tasks) == 1 else "tasks"
        notes[one.path] = f"{one.mark} {word} {', '.join(one.tasks)}" if one.tasks else one.mark
    return draw_tree(notes) if notes else ""


def _phases(spec: Spec, seen: Outlook) -> Iterator[str]:
    done = [task.id for task in leaves(spec) if is_done(spec, task)]
    if done:
        yield f"- done: {', '.join(done)}"
    for number, wave in enumerate(seen.waves, 1):
        tasks = [spec.by_id[one] for one in wave if one in spec.by_id]
        left = [task for task in tasks if not is_done(spec, task)]
        if left:
            yield f"{number}. {'; '.join(f'{task.id} {task.title}' for task in left)}"


def _dependencies(spec: Spec, seen: Outlook) -> Iterator[str]:
    for task in leaves(spec):
        waits = seen.waits.get(task.id, ())
        named = dict.fromkeys(one for wait in waits for one in wait.tasks)
        if named:
            yield f"- {task.id} after {', '.join(named)}"


def _risks(repository: Repository, spec: Spec, paths: tuple[str, ...]) -> Iterator[str]:
    user = repository.user
    settings = read_settings(user.root, project=user.project).settings
    for task in leaves(spec):
        for path in named_paths(f"{task.title}\n{task.body}"):
            for real in find_paths([path], paths) or [path]:
                if pattern := first_match(real, settings.governance.patterns):
                    yield f"- {task.id} touches `{real}` ({pattern}): it needs a person"
    report = check_specs(user, (spec.path,), "never")
    for one in report.specs:
        for finding in one.findings:
            if finding.severity is not Severity.NIT:
                yield f"- {finding.where}: {finding.title}"


def _decisions(spec: Spec) -> Iterator[str]:
    """Yield the entries under Decisions and Assumptions in the spec."""
    mark: str | None = None  # prefix of an entry; None: another section
    for line in f"{spec.introduction}\n{spec.general}\n{spec.design}".splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ").casefold()
            words = {"decisions": "", "assumptions": "assumed: "}
            mark = next((text for name, text in words.items() if name in title), None)
        elif mark is not None and line.lstrip().startswith(("- ", "* ")):
            yield f"- {mark}{line.lstrip()[2:].strip()}"
