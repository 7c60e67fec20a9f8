"""What a spec is: tasks with their states and dependencies, requirements by id, and a design."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["open", "in_progress", "done", "queued"]
DialectName = str
"""kiro, cc-sdd, spec-kit, openspec, single-file, or what another distribution adds."""


@dataclass(frozen=True)
class Task:
    """One checkbox line of a task list, and what is written below it."""

    id: str
    title: str
    state: State
    optional: bool
    parent: str | None
    children: tuple[str, ...]
    requirements: tuple[str, ...]  # ids as written, ranges spelled out
    depends: tuple[str, ...]  # ids of tasks of this spec
    body: str  # the lines below the task line, dedented
    line: int  # 1-based
    mark_offset: int  # byte offset, in the file, of what stands for the state
    path: str
    mark: str  # what stands there: " ", "x", "-", "~", "☐", ...
    line_hash: str  # of the line without its mark and line end
    dialect: DialectName
    declares_depends: bool = False  # it says what it depends on, if only "none"
    parallel: bool = False  # marked (P) or [P]
    blocked: str = ""  # the reason of a `_Blocked: ..._` line
    has_in_work_mark: bool = False  # whether its dialect knows `[-]`
    checkpoint: bool = False  # asks for green checks only: the engine answers it, no implementer
    stories: tuple[str, ...] = ()  # user stories it is labelled with: [US1]
    phase: str = ""  # the heading it stands under, where its dialect groups tasks by headings
    follows: tuple[str, ...] = ()  # ids that the order of the list puts before it

    @property
    def where(self) -> str:
        """`path:line`, as terminals and editors link it."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """Something in a spec that only its author can decide; it stops the tasks it concerns."""

    kind: Literal["duplicate", "unknown", "cycle", "no-tasks", "fence", "encoding", "unapproved"]
    path: str
    line: int
    message: str
    tasks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class SpecRef:
    """A spec that was found, not read yet."""

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
    files: Mapping[str, str]  # path -> sha256 of what was read
    tasks: tuple[Task, ...]  # in the order of the file
    requirements: Mapping[str, str]  # "1", "1.2", "FR-3" -> text
    design: str
    introduction: str = ""
    general: str = ""  # what holds for every task: constraints, testing, success criteria, ...
    waves: tuple[tuple[str, ...], ...] = ()  # ids of leaf tasks; () where there is no usable list
    fully_declared: bool = False  # tasks say what they wait for; the others wait for nothing
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    stage: str = ""  # how far its author says it is, in the dialect's own word
    phases: Mapping[str, str] = field(default_factory=dict)  # heading of a phase -> what it says
    is_bugfix: bool = False  # it says what is wrong now and what has to be right
    by_id: Mapping[str, Task] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = {task.id: task for task in reversed(self.tasks)}
        object.__setattr__(self, "by_id", first)
