"""Turns the numbered steps of a plan into the task list of a spec that has none."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reviewloop.app.project import Repository
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import dialect_named
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.file_trees import tree_files, wrong_marks
from reviewloop.specs.files import DiskFiles, Files, Overlay
from reviewloop.specs.lines import Line, read_document
from reviewloop.specs.plan_file import (
    CONSIDERATIONS,
    DECISIONS,
    FILES,
    RISKS,
    plan_path,
    plan_text,
    sections_of,
)
from reviewloop.specs.requirements import read_requirements
from reviewloop.specs.single_file import with_stated_order
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.writing import SpecFiles

_STEP = regex(r"^(?P<number>\d+)[.)]\s+(?P<title>\S.*)$")
_HEADED = regex(r"^(?:step|task)\s+(?P<number>\d+)\s*[:.)–—-]\s*(?P<title>\S.*)$", re.IGNORECASE)
_OTHERS = regex(
    r"\b(?:analysis|risks?|decisions?|dependenc\w+|considerations?|structure|files?|overview"
    r"|success|requirements?|criteria)\b",
    re.IGNORECASE,
)
"""Sections whose numbered lists are not steps."""
_CARRIED = frozenset((FILES, RISKS, DECISIONS, CONSIDERATIONS))


@dataclass(frozen=True)
class AdoptedPlan:
    """The file that holds the tasks, and the plan that they come from."""

    path: str
    plan: str
    tasks: int
    notices: tuple[str, ...] = ()


@dataclass
class _Step:
    title: str
    body: list[str]


def adopt_plan(repository: Repository, name: str, plan: str = "") -> AdoptedPlan:
    """Write the tasks of a spec from its plan, or from the named plan.

    Raises `UsageError` where the spec has tasks, or the plan has no numbered steps.
    """
    user = repository.user
    files, disk = DiskFiles(user.root), Disk(user.root)
    ref = spec_named(files, name, user.project, user.here)
    form = dialect_named(ref.dialect).written_as or ref.dialect
    writing = dialect_named(form).writing
    if writing is None or not writing.adopts_plans:
        raise UsageError(f"{ref.path} is a spec of {ref.dialect}, whose tasks its own tool writes")
    if ref.tasks_path and (there := _tasks_of(files, ref)):
        raise UsageError(
            f"{ref.tasks_path} has {there} tasks; a plan is adopted where there are none"
        )
    path = _plan_of(files, ref, user.here, plan)
    lines = read_document(files.read(path) or b"").lines
    steps = list(_steps(lines))
    if not steps:
        raise UsageError(f"{path} has no numbered steps ('1. Title') that could be tasks")
    spec_files = SpecFiles(files, form, ref.path)
    known = [key for key in _requirement_ids(spec_files) if key[:1].isalpha()]
    target = spec_files.file_of("tasks")
    draft = read_tasks(_text(steps, {}, known).encode(), target, form).tasks
    ordered, rings, notices = with_stated_order(draft, lines, path)
    if rings:
        raise UsageError(str(rings[0]))
    text = _text(steps, {task.id: task for task in ordered}, known)
    made = spec_files.with_phase("tasks", text)[target]
    spec = _read_back(files, ref, target, made)
    if spec.problems:
        raise UsageError(f"the steps of {path} make no task list: {spec.problems[0]}")
    disk.write(target, Content(Kind.FILE, made.encode()), ".adopted-tasks.new")
    text = (files.read(path) or b"").decode("utf-8", "replace")
    kept = _keep_sections(disk, spec, path, text)
    marks = wrong_marks(tree_files(enumerate(text.split("\n"), 1)), files.paths())
    notices += [f"{path}:{one.line}: {reason}" for one, reason in marks]
    return AdoptedPlan(target, path, len(spec.tasks), (*kept, *notices))


def _keep_sections(disk: Disk, spec: Spec, plan: str, text: str) -> list[str]:
    """Write the other sections of a foreign plan into the plan beside the spec.

    That one is given to agents. Return a notice about it, none where nothing is written.
    """
    own = plan_path(spec.path)
    kept = {name: body for name, body in sections_of(text).items() if name in _CARRIED and body}
    if plan == own or not kept or disk.read(own).kind is not Kind.ABSENT:
        return []
    head = f"Taken from {plan}."
    made = plan_text(f"Implementation plan: {spec.name}", head, {}, kept)
    disk.write(own, Content(Kind.FILE, made.encode()), ".implementation-plan.new")
    return [f"{own} keeps {', '.join(kept)} of the plan; the agents of every task are told of it"]


def _tasks_of(files: Files, ref: SpecRef) -> int:
    return len(read_spec(files, ref).tasks)


def _plan_of(files: DiskFiles, ref: SpecRef, here: str, named: str) -> str:
    """Return the plan: as named, beside the spec, or in `plans/`."""
    if named:
        candidates = [posixpath.normpath(posixpath.join(here, named)), posixpath.normpath(named)]
    else:
        stem = ref.name.removesuffix("-spec")
        candidates = [plan_path(ref.path), f"plans/{stem}-plan.md", f"docs/{stem}-plan.md"]
    for path in candidates:
        if not path.startswith(("../", "/")) and files.read(path) is not None:
            return path
    looked = named or ", ".join(candidates)
    raise UsageError(f"there is no plan to adopt: {looked}; name one with --from FILE")


def _steps(lines: Sequence[Line]) -> Iterator[_Step]:
    """Yield the numbered steps of a plan with the lines below each."""
    current: _Step | None = None
    aside = 0  # level of a heading whose lists are not steps
    for line in lines:
        if line.level:
            if current:
                yield current
            found = _HEADED.match(line.title)
            current = _Step(found["title"].strip(), []) if found else None
            if not aside or line.level <= aside:
                aside = line.level if line.level > 1 and _is_aside(line.title) else 0
        elif not aside and not line.code and (found := _STEP.match(line.text)):
            if current:
                yield current
            current = _Step(_plain(found["title"]), [])
        elif current and line.text.strip() and not line.code:
            current.body.append(line.text.strip())
    if current:
        yield current


def _is_aside(title: str) -> bool:
    return bool(_OTHERS.search(title)) and not re.search(r"\b(?:steps?|phases?)\b", title, re.I)


def _plain(text: str) -> str:
    return re.sub(r"^\[[ xX]\]\s*", "", text).strip()


def _requirement_ids(spec_files: SpecFiles) -> list[str]:
    text = spec_files.text_of("requirements")
    if spec_files.is_one_file:  # the author's own headings stay
        text = (spec_files.files.read(spec_files.path) or b"").decode("utf-8", "replace")
    return [*read_requirements(read_document(text.encode()).lines)]


def _text(steps: Sequence[_Step], tasks: dict[str, Task], known: Sequence[str]) -> str:
    lines = ["# Implementation Plan", ""]
    for number, step in enumerate(steps, 1):
        lines.append(f"- [ ] {number}. {step.title}")
        lines += [f"  - {re.sub(r'^[-*+] +', '', text)}" for text in step.body]
        task = tasks.get(str(number))
        if task and task.depends:
            lines.append(f"  - _Depends: {', '.join(task.depends)}_")
        words = "\n".join((step.title, *step.body))
        named = [key for key in known if re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", words)]
        if named:
            lines.append(f"  - _Requirements: {', '.join(named)}_")
    return "\n".join(lines) + "\n"


def _read_back(files: Files, ref: SpecRef, target: str, text: str) -> Spec:
    changed = Overlay(files, {target: text.encode()})
    return read_spec(changed, replace(ref, tasks_path=target))
