"""Reads the headings that group tasks: Spec Kit's phases, OpenSpec's numbered groups."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from reviewloop.specs.lines import Line
from reviewloop.specs.model import Task
from reviewloop.specs.tasktree import is_outside

_DEEPEST = 2  # headings below this one divide a phase, they open none


@dataclass
class Phase:
    """A heading with the tasks below it, and what else stands there."""

    title: str
    line: int
    tasks: list[Task] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says besides its tasks: purpose, goal, how to test it, checkpoint."""
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip()


def read_phases(lines: Sequence[Line], tasks: Sequence[Task]) -> tuple[Phase, ...]:
    """Return the phases that have tasks, in order; tasks above the first heading are in none."""
    by_line = {task.line: task for task in tasks}
    title_line = _document_title(lines)
    phases = [Phase("", 0)]
    in_task, above = False, ""
    for line in lines:
        if line.number in by_line:
            phases[-1].tasks.append(by_line[line.number])
            in_task = True
        elif line.level:
            in_task = False
            if line.level <= _DEEPEST and line.number != title_line:
                phases.append(Phase(line.title, line.number))
        elif not in_task or is_outside(line, above):
            in_task = False
            if not line.code and line.text.strip() not in ("---", "***", "___"):
                phases[-1].lines.append(line.text)
        above = line.text
    return tuple(phase for phase in phases if phase.tasks)


def with_phases(tasks: Iterable[Task], phases: Sequence[Phase]) -> tuple[Task, ...]:
    """Return the tasks with the title of their phase."""
    titles = {task.line: phase.title for phase in phases for task in phase.tasks}
    return tuple(replace(task, phase=titles.get(task.line, "")) for task in tasks)


def said_of(phases: Iterable[Phase]) -> dict[str, str]:
    """Return what each phase says, by its title."""
    return {phase.title: phase.text for phase in phases if phase.title and phase.text}


def _document_title(lines: Iterable[Line]) -> int:
    tops = [line.number for line in lines if line.level == 1]
    return tops[0] if len(tops) == 1 else 0
