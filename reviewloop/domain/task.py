"""A spec as values: tasks with states and dependencies, requirements by id, and a design."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from reviewloop.dataclass import dataclass

State = Literal["open", "in_progress", "done", "queued"]
DialectName = str
"""kiro, cc-sdd, spec-kit, openspec, single-file, or one of another distribution."""


@dataclass(frozen=True)
class Task:
    """One checkbox line of a task list, and the lines below it."""

    id: str
    title: str
    state: State
    optional: bool
    parent: str | None
    children: tuple[str, ...]
    requirements: tuple[str, ...]  # ids as written, ranges expanded
    depends: tuple[str, ...]  # ids of tasks of this spec
    body: str  # the lines below the task line, dedented
    line: int  # 1-based
    mark_offset: int  # byte offset in the file of the mark of its state
    path: str
    mark: str  # the mark: " ", "x", "-", "~", "☐", ...
    line_hash: str  # of the line without its mark and line end
    dialect: DialectName
    declares_depends: bool = False  # it declares its dependencies, if only "none"
    parallel: bool = False  # marked (P) or [P]
    blocked: str = ""  # the reason of a `_Blocked: ..._` line
    has_in_work_mark: bool = False  # its dialect has `[-]`
    checkpoint: bool = False  # requires green checks only, without an implementer
    stories: tuple[str, ...] = ()  # labels of user stories: [US1]
    phase: str = ""  # its heading, where the dialect groups tasks by headings
    follows: tuple[str, ...] = ()  # ids of tasks before it in the list

    @property
    def where(self) -> str:
        """`path:line`, as terminals and editors link it."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """A problem in a spec that its author has to solve; it stops the tasks it concerns."""

    kind: Literal["duplicate", "unknown", "cycle", "no-tasks", "fence", "encoding", "unapproved"]
    path: str
    line: int
    message: str
    tasks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class SpecRef:
    """A spec that was found, but not read."""

    name: str
    dialect: DialectName
    path: str  # the folder, or the file (single-file)
    tasks_path: str  # the file that holds the task lines; "" where there is none yet


@dataclass(frozen=True)
class Spec:
    """A spec that was read."""

    name: str
    dialect: DialectName
    path: str
    tasks_path: str
    files: Mapping[str, str]  # path -> sha256 of its content when read
    tasks: tuple[Task, ...]  # in the order of the file
    requirements: Mapping[str, str]  # "1", "1.2", "FR-3" -> text
    design: str
    introduction: str = ""
    general: str = ""  # for every task: constraints, testing, success criteria, ...
    waves: tuple[tuple[str, ...], ...] = ()  # ids of leaf tasks; () without a usable list
    fully_declared: bool = False  # tasks without declared dependencies have none
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    stage: str = ""  # its status as written by the author, in the dialect's word
    phases: Mapping[str, str] = field(default_factory=dict)  # heading of a phase -> its text
    is_bugfix: bool = False  # describes what is wrong and what has to be right
    by_id: Mapping[str, Task] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = {task.id: task for task in reversed(self.tasks)}
        object.__setattr__(self, "by_id", first)
