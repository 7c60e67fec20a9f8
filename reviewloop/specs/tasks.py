"""Parses a task list into tasks and problems for its author, and ticks single tasks."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.task import DialectName, Problem, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import dialect_named
from reviewloop.specs.general import is_named
from reviewloop.specs.lines import Line, outermost, read_document, sections
from reviewloop.specs.references import References, match_id, read_references
from reviewloop.specs.task_lines import (
    DONE_MARK,
    Details,
    Node,
    TaskLine,
    build_tree,
    read_details,
    read_task_line,
)

_WHOLE = r"(?:all|every|the (?:full|whole|entire|complete)|full|whole|entire|complete)"
_CHECKS = (
    r"(?:(?:unit|integration|existing|new|automated|remaining) )*"
    r"(?:tests?(?: suites?)?|checks?|gates?|suites?)"
)
_SUCCEED = r"(?:still )?(?:pass(?:es|ing)?|succeeds?|(?:is|are) (?:green|passing))"
_GREEN = regex(
    rf"(?:(?:ensure|verify|confirm|check|make sure)(?: that)? {_WHOLE} {_CHECKS} {_SUCCEED}"
    rf"|(?:run|re-?run) {_WHOLE} {_CHECKS}"
    rf"(?: and (?:ensure|verify|confirm|check)(?: that)? (?:it|they|everything|{_WHOLE} {_CHECKS}) "
    rf"{_SUCCEED})?"
    rf"|{_WHOLE} {_CHECKS} {_SUCCEED})",
    re.IGNORECASE,
)
_ASKING = regex(
    r"(?:and )?ask the (?:user|person)(?: if (?:there are |any )?questions?(?: arise| come up)?)?",
    re.IGNORECASE,
)
_NAMED = regex(r"^(?:final |intermediate )?checkpoint\b[ \t]*\d*[ \t]*[:.–—-]*[ \t]*", re.I)
_REFERENCE = regex(r"^[_*]*(?:requirements?|validates|depends(?: on)?)[_*]*:", re.IGNORECASE)


def asks_for_green(title: str, body: Sequence[str]) -> bool:
    """Whether a task only requires that all checks pass, by its title and the lines below it.

    Any other demand makes it work for an implementer: ticking it after a test run alone would claim
    more than was checked.
    """
    named = _NAMED.match(title)
    rest = title[named.end() :] if named else title
    lines = [one for line in body if (one := _bare(line)) and not _REFERENCE.match(one)]
    if not all(_only_green(line) for line in lines):
        return False
    asks_below = any(_GREEN.search(line) for line in lines)
    if _only_green(rest):
        return asks_below or bool(_GREEN.search(rest))
    return bool(named) and asks_below


def with_checkpoint_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return the tasks, each checkpoint with the tasks above it that it follows.

    These reach back to the previous checkpoint, without those that wait for a task below.
    """
    rank = {task.id: number for number, task in enumerate(tasks)}
    by_id = {task.id: task for task in tasks}
    since: list[str] = []
    ordered: list[Task] = []
    for number, task in enumerate(tasks):
        if task.checkpoint:
            above = [one for one in since if _last_position(one, by_id, rank) < number]
            ordered.append(replace(task, follows=tuple(above)))
            since = []
        else:
            ordered.append(task)
        if not task.children and not task.optional:
            since.append(task.id)
    return tuple(ordered)


def _last_position(start: str, by_id: Mapping[str, Task], rank: Mapping[str, int]) -> int:
    """Return the last position in the file among a task and its dependencies."""
    seen, todo = {start}, [start]
    while todo:
        new = {one for one in by_id[todo.pop()].depends if one in by_id} - seen
        seen |= new
        todo += new
    return max(rank[one] for one in seen)


def _bare(line: str) -> str:
    return re.sub(r"^[\s>]*(?:[-*+•]\s+)?", "", line).strip().rstrip(".")


def _only_green(text: str) -> bool:
    """Whether a text has no words left without its requests for green checks."""
    left = _ASKING.sub("", _GREEN.sub("", text))
    return not re.sub(r"[\W_]+|\b(?:and|then|so)\b", "", left)


@dataclass(frozen=True)
class TaskList:
    """The tasks of one file, in its order."""

    tasks: tuple[Task, ...]
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    fully_declared: bool = False  # tasks declare dependencies; those without wait for none


@lru_cache(maxsize=4)  # a batch reads the same files for each task
def read_tasks(data: bytes, path: str, dialect: DialectName) -> TaskList:
    """Read every task line of a file in the syntax of a dialect."""
    document = read_document(data)
    syntax = dialect_named(dialect).tasks
    lines = task_lines(document.lines) if syntax.in_plan else document.lines
    tree = build_tree(lines, path, indented=syntax.indented, named=syntax.ids)
    contents = [_read_text(node.head, tuple(node.lines)) for node in tree.nodes]
    details = [one.details for one in contents]
    links = _Links(path, tree.nodes, details)
    tasks = tuple(
        _task(node, one, depends, path, dialect, syntax.has_in_work_mark)
        for node, one, depends in zip(tree.nodes, contents, links.depends, strict=True)
    )
    problems = [*_encoding(data, path), *_open_fence(document.open_fence, path)]
    problems += _no_tasks(tasks, path)
    problems += [*_duplicates(tasks), *links.problems, *cycles(tasks)]
    notices = (*tree.notices, *links.notices)
    return TaskList(
        with_checkpoint_order(tasks),
        tuple(problems),
        notices,
        any(one.fully_declared for one in details),
    )


def task_lines(lines: Sequence[Line]) -> Sequence[Line]:
    """Return the lines of the task plan, or all of them if no heading announces one."""
    found = outermost(sections(lines), is_named("tasks", lines))
    inside = [line for section in found for line in section.lines]
    if any(read_task_line(line) for line in inside):
        return inside
    start = found[0].lines[0].number if found else 1
    return [line for line in lines if line.number >= start]


def ancestors(task: Task, by_id: Mapping[str, Task]) -> list[Task]:
    """Return the tasks a task is part of, nearest first."""
    if not task.parent:
        return []
    found: list[Task] = []
    parent = by_id.get(task.parent)
    while parent and parent not in found:
        found.append(parent)
        parent = by_id.get(parent.parent) if parent.parent else None
    return found


def cycles(tasks: Iterable[Task]) -> list[Problem]:
    """Return one problem for each cycle of tasks that wait for each other."""
    listed = list(tasks)
    by_id = {task.id: task for task in reversed(listed)}
    found: list[Problem] = []
    settled: set[str] = set()
    for task in listed:
        ring = _ring_through(task, by_id, settled)
        if ring:
            shown = " -> ".join([*ring, ring[0]])
            what = "these tasks wait for each other" if ring[1:] else "this task waits for itself"
            message = f"{what}: {shown}; remove one of the dependencies"
            where = by_id[ring[0]]
            found.append(Problem("cycle", where.path, where.line, message, tuple(ring)))
            settled.update(ring)
    return found


def waits_for(task: Task, by_id: Mapping[str, Task]) -> list[str]:
    """Return the declared dependencies of a task, including those of its parents."""
    ids = list(task.depends)
    family = {task.id}
    for owner in ancestors(task, by_id):
        family.add(owner.id)
        ids += [one for one in owner.depends if not _part_of(one, owner.id, by_id)]
    own = set(task.depends)
    return [one for one in dict.fromkeys(ids) if one in own or one not in family]


def comes_after(task: Task, by_id: Mapping[str, Task]) -> list[str]:
    """Return the dependencies of a task, and the tasks that the order of its phase puts first."""
    if not task.parent:  # the most expensive call in lists of a thousand
        return list(dict.fromkeys((*task.depends, *task.follows)))
    family = (task, *ancestors(task, by_id))
    followers = [one for member in family for one in member.follows]
    return list(dict.fromkeys([*waits_for(task, by_id), *followers]))


def _part_of(inner: str, outer: str, by_id: Mapping[str, Task]) -> bool:
    task = by_id.get(inner)
    return task is not None and (
        inner == outer or any(owner.id == outer for owner in ancestors(task, by_id))
    )


def _ring_through(start: Task, by_id: Mapping[str, Task], settled: set[str]) -> list[str]:
    """Follow the dependencies of `start`; return the first cycle, and mark tasks without one
    settled.
    """
    path: list[str] = []
    stack: list[tuple[str, int]] = [(start.id, 0)]
    while stack:
        current, depth = stack.pop()
        if current == "":
            settled.add(path.pop())
            continue
        if current in path:
            return path[path.index(current) :]
        if current in settled:
            continue
        path = [*path[:depth], current]
        task = by_id[current]
        # A task with parts is done when its parts are, so it waits for them too.
        needed = [*waits_for(task, by_id), *task.children]
        stack.append(("", depth))
        stack += [(one, depth + 1) for one in reversed(needed) if one in by_id]
    return []


@dataclass(frozen=True)
class _TaskText:
    """The content of one task's lines, independent of the rest of the file."""

    details: Details
    requirements: tuple[str, ...]
    body: str
    green: bool  # requires only green checks


@lru_cache(maxsize=8192)  # a tick leaves all other tasks unchanged
def _read_text(head: TaskLine, lines: tuple[Line, ...]) -> _TaskText:
    details = read_details(head.line.text, [line.text for line in lines if not line.code])
    requirements: list[str] = []
    for value in details.requirements:
        refs = read_references(value)
        requirements += [*refs.ids, *refs.unclear, *(["all"] if refs.everything else [])]
    return _TaskText(
        details,
        tuple(dict.fromkeys(requirements)),
        textwrap.dedent("\n".join(line.text for line in lines)).strip("\n"),
        asks_for_green(head.title, [line.text for line in lines]),
    )


def _task(
    node: Node,
    text: _TaskText,
    depends: tuple[str, ...],
    path: str,
    dialect: DialectName,
    mark: bool,
) -> Task:
    head, details = node.head, text.details
    return Task(
        id=node.id,
        title=head.title,
        state=head.state,
        optional=head.optional or any(owner.head.optional for owner in node.ancestors),
        parent=node.parent.id if node.parent else None,
        children=tuple(child.id for child in node.children),
        requirements=text.requirements,
        depends=depends,
        body=text.body,
        line=head.line.number,
        mark_offset=head.mark_offset,
        path=path,
        mark=head.mark,
        line_hash=head.hash,
        dialect=dialect,
        declares_depends=details.declares_depends,
        parallel=head.parallel,
        blocked=details.blocked,
        has_in_work_mark=mark and head.mark in " -~xX",
        checkpoint=not node.children and text.green,
        stories=head.stories,
    )


class _Links:
    """The dependencies of each task, and references that could not be resolved."""

    def __init__(self, path: str, nodes: Sequence[Node], details: Sequence[Details]) -> None:
        self.path = path
        self.nodes = nodes
        self.known = [node.id for node in nodes]
        self._ids = frozenset(self.known)
        self.problems: list[Problem] = []
        self.notices: list[str] = []
        self.depends = tuple(
            self._of(index, node, detail)
            for index, (node, detail) in enumerate(zip(nodes, details, strict=True))
        )

    def _of(self, index: int, node: Node, details: Details) -> tuple[str, ...]:
        ids: list[str] = []
        for value in details.depends:
            refs = read_references(value, self.known)
            ids += [found for ref in refs.ids if (found := self._known(ref, node, value))]
            ids += self._by_position(index, node, refs)
            if refs.unclear or refs.everything:
                shown = ", ".join(refs.unclear) or value
                self._notice(node, f"the dependency '{shown}' of task {node.id} names no task")
        return tuple(dict.fromkeys(ids))

    def _known(self, ref: str, node: Node, value: str) -> str | None:
        found = ref if ref in self._ids else match_id(ref, self.known)
        if found is not None:
            return found
        if _prefix(ref) in {"", "t", "task", *map(_prefix, self.known)}:
            message = (
                f"task {node.id} depends on '{ref}', which is no task of this file (in '{value}'); "
                "correct the dependency"
            )
            line = node.head.line.number
            self.problems.append(Problem("unknown", self.path, line, message, (node.id,)))
        else:
            self._notice(node, f"the dependency '{ref}' of task {node.id} names no task")
        return None

    def _by_position(self, index: int, node: Node, refs: References) -> list[str]:
        if not (refs.all_earlier or refs.previous):
            return []
        family = {node.id, *(owner.id for owner in node.ancestors)}
        earlier = [one for one in self.known[:index] if one not in family]
        if refs.all_earlier:
            return earlier
        return earlier[-1:]

    def _notice(self, node: Node, text: str) -> None:
        self.notices.append(f"{self.path}:{node.head.line.number}: {text}")


def _prefix(ref: str) -> str:
    return re.sub(r"-?\d.*", "", ref).casefold()


def _duplicates(tasks: Sequence[Task]) -> list[Problem]:
    by_ident: dict[str, list[Task]] = {}
    for task in tasks:
        by_ident.setdefault(task.id, []).append(task)
    return [
        Problem(
            "duplicate",
            same[1].path,
            same[1].line,
            f"two tasks have the number {number} (the first is on line {same[0].line}); "
            "give one of them another number",
            (number,),
        )
        for number, same in by_ident.items()
        if len(same) > 1
    ]


def _no_tasks(tasks: Sequence[Task], path: str) -> list[Problem]:
    message = (
        "no task line was found; write tasks as '- [ ] 1. Title', have "
        "`reviewloop spec plan NAME --adopt` make them of a plan's numbered steps, or a model by "
        "`reviewloop spec new NAME --fresh --from FILE`"
    )
    return [] if tasks else [Problem("no-tasks", path, 1, message)]


def _open_fence(line: int, path: str) -> list[Problem]:
    message = "this code fence is never closed, so every task below it is hidden; close it"
    return [Problem("fence", path, line, message)] if line else []


def _encoding(data: bytes, path: str) -> list[Problem]:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return [Problem("encoding", path, 1, "this file is UTF-16; save it as UTF-8")] if wide else []


UNTICKED = "unticked"
"""Key in a commit's evidence: why its task was not ticked, so that a user has to do it."""


class LineChangedError(WorkspaceError):
    """The line of a task is not certain any more."""


def tick(data: bytes, task: Task, *, parents: bool = True) -> bytes:
    """Return the file with the task ticked, and with `parents` the tasks it completes.

    The line may have moved, or have another number; raise WorkspaceError if its text changed or it
    is ticked already.
    """
    tasks = _read(data, task)
    found = locate(tasks, task)
    if found.state == "done":
        raise WorkspaceError(
            f"task {task.id} is ticked already in {found.where}; nothing was written there"
        )
    done, ticked = {found.line}, dialect_named(task.dialect).tasks.done
    if parents and not found.optional:
        done |= {parent.line for parent in _completed(tasks, found)}
    for one in tasks:
        if one.line in done:
            data = _write(data, one, DONE_MARK.get(one.mark) or ticked)
    return data


def mark_in_progress(data: bytes, task: Task) -> bytes:
    """Return the file with `[-]` on the task, unchanged in a dialect without that mark."""
    if not task.has_in_work_mark:
        return data
    found = locate(_read(data, task), task)
    return _write(data, found, "-") if found.state in ("open", "queued") else data


def restore_mark(data: bytes, task: Task) -> bytes:
    """Return the file with the original mark of the task in place of `[-]`, if it has that now."""
    found = locate(_read(data, task), task)
    return _write(data, found, task.mark) if found.state == "in_progress" else data


def _read(data: bytes, task: Task) -> tuple[Task, ...]:
    return read_tasks(data, task.path, task.dialect).tasks


def locate(tasks: tuple[Task, ...], task: Task) -> Task:
    """Return the current task of a list for one read earlier; line and number may differ.

    Raise `LineChangedError` if its text changed, or if two tasks match.
    """
    same = [one for one in tasks if one.line_hash == task.line_hash]
    if len(same) > 1:
        same = [one for one in same if one.id == task.id and one.line == task.line]
    elif not same:
        # A task was inserted above: no other line may look like this one.
        same = [one for one in tasks if one.title == task.title]
        if len(same) == 1 and _scope(same[0]) != _scope(task):
            same = []
    if len(same) != 1:
        raise LineChangedError(
            f"the line of task {task.id} changed since it was read as '{task.title}'; "
            "nothing was written there: tick the task by hand"
        )
    return same[0]


def _scope(task: Task) -> tuple[tuple[str, ...], bool]:
    """Return what must be equal for a task to be the same under another number."""
    return task.requirements, bool(task.children)


def _completed(tasks: tuple[Task, ...], ticked: Task) -> list[Task]:
    """Return the tasks whose last required part the ticked one was, nearest first."""
    by_id = {one.id: one for one in reversed(tasks)}
    by_id[ticked.id] = replace(ticked, state="done")
    completed: list[Task] = []
    parent = by_id.get(ticked.parent or "")
    while parent is not None and parent.state != "done":
        if not _parts_done(parent, by_id):
            break
        completed.append(parent)
        by_id[parent.id] = replace(parent, state="done")
        parent = by_id.get(parent.parent or "")
    return completed


def _parts_done(task: Task, by_id: Mapping[str, Task]) -> bool:
    required = [by_id[child] for child in task.children if not by_id[child].optional]
    return all(
        part.state == "done" or (bool(part.children) and _parts_done(part, by_id))
        for part in required
    )


def _write(data: bytes, task: Task, mark: str) -> bytes:
    old, new = task.mark.encode(), mark.encode()
    start, end = task.mark_offset, task.mark_offset + len(old)
    if data[start:end] != old or len(new) != len(old):
        raise WorkspaceError(f"the mark of task {task.id} is not where it was read ({task.where})")
    return data[:start] + new + data[end:]
