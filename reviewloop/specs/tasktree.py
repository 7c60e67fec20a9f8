"""Finds the task lines of a document, gives each an id, and says which task is part of which."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.specs.details import CHECKLIST
from reviewloop.specs.lines import Line
from reviewloop.specs.tasklines import TaskLine, read_task_line


@dataclass
class Node:
    """A task line while the list is being put together."""

    head: TaskLine
    lines: list[Line] = field(default_factory=list)  # what stands below it
    id: str = ""
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def ancestors(self) -> list["Node"]:
        """The tasks this one is part of, nearest first."""
        found, node = [], self.parent
        while node is not None:
            found.append(node)
            node = node.parent
        return found


@dataclass(frozen=True)
class Tree:
    """All tasks in the order of the file."""

    nodes: tuple[Node, ...]
    notices: tuple[str, ...]


def build_tree(
    lines: Sequence[Line], path: str, *, indented: bool = False, named: str = ""
) -> Tree:
    """Return the tasks of the lines; ids that were made up are said in the notices.

    With `indented` only what is indented below a task belongs to it, else all up to the next task.
    Where ids of the form `named` are used, boxes without one are conditions and no tasks.
    """
    heads = {line.number: head for line in lines if (head := read_task_line(line))}
    others = {n for n, head in heads.items() if named and not re.fullmatch(named, head.id)}
    if len(others) == len(heads):
        others = set()
    nodes = _collect(lines, {n: heads[n] for n in heads if n not in others}, indented=indented)
    notices = _drop_list_numbers(nodes, path)
    if others:
        notices.append(f"{path}: {len(others)} box(es) without a task number are read as no tasks")
    ids = {node.head.id for node in nodes if node.head.id}
    _nest(nodes, ids)
    made_up = _name(nodes, ids)
    if made_up:
        shown = ", ".join(made_up[:5]) + (", ..." if len(made_up) > 5 else "")
        notices.append(
            f"{path}: {len(made_up)} task(s) carry no number and go by their order: {shown}"
        )
    return Tree(tuple(nodes), tuple(notices))


def is_outside(line: Line, above: str) -> bool:
    """Say whether a line below a list item is no part of it; `above` is the line before it."""
    if not line.text.strip() or line.text[0] in " \t":
        return False
    return not above.strip() or line.text.startswith(("**", "---", ">", "|"))


def _collect(lines: Sequence[Line], heads: Mapping[int, TaskLine], *, indented: bool) -> list[Node]:
    nodes: list[Node] = []
    current: Node | None = None
    checklist = False  # below a heading or a label that announces conditions, not tasks
    above = ""
    for line in lines:
        head = heads.get(line.number)
        if indented and head is None and is_outside(line, above):
            current = None
        above = line.text
        if head and not (checklist and _is_condition(head, current)):
            current, checklist = Node(head), False
            nodes.append(current)
            continue
        if line.level and head is None:
            checklist = bool(CHECKLIST.search(line.title))
            if current and not _belongs(line, current.head.line):
                current = None
        if current:
            current.lines.append(line)
            checklist = checklist or _announces_checklist(line)
    return nodes


def _is_condition(head: TaskLine, current: Node | None) -> bool:
    """Say whether a box below "acceptance criteria" is a condition of the task and no task."""
    if head.id:
        return False
    return current is None or bool(current.head.id) or head.indent > current.head.indent


def _belongs(heading: Line, task: Line) -> bool:
    """Say whether a heading is part of a task: only where the task itself is a higher heading."""
    return 0 < task.level < heading.level


def _announces_checklist(line: Line) -> bool:
    label = line.text.strip().lstrip("-*+• ").rstrip("*_ ")
    return not line.code and label.endswith(":") and bool(CHECKLIST.search(label))


def _drop_list_numbers(nodes: list[Node], path: str) -> list[str]:
    """Forget the numbers of ordered lists that start again: they are places, not names."""
    counts = Counter(node.head.id for node in nodes if node.head.numbered_by_list)
    others = {node.head.id for node in nodes if not node.head.numbered_by_list}
    if not any(count > 1 for count in counts.values()) or others - {""}:
        return []
    for node in nodes:
        node.id = "-"
    return [f"{path}: the numbers of the lists repeat, so tasks go by their order in the file"]


def _nest(nodes: list[Node], ids: set[str]) -> None:
    open_nodes: list[Node] = []
    by_id: dict[str, Node] = {}
    for node in nodes:
        while open_nodes and open_nodes[-1].head.indent >= node.head.indent:
            open_nodes.pop()
        owner = _owner_id(node.head.id, ids) if not node.id else ""
        if owner and owner in by_id:
            node.parent = by_id[owner]
        elif open_nodes:
            node.parent = open_nodes[-1]
        if node.parent:
            node.parent.children.append(node)
        open_nodes.append(node)
        by_id.setdefault(node.head.id, node)


def _owner_id(own: str, ids: set[str]) -> str:
    """Return the id of the nearest task whose number this one continues: 2.1 belongs to 2."""
    stem = own
    while "." in stem:
        stem = stem.rpartition(".")[0]
        if stem in ids:
            return stem
    return ""


def _name(nodes: list[Node], ids: set[str]) -> list[str]:
    ordinals = any(node.id == "-" for node in nodes)
    taken = set() if ordinals else set(ids)
    made_up: list[str] = []
    places: Counter[str] = Counter()
    for node in nodes:
        lead = f"{node.parent.id}." if node.parent else ""
        places[lead] += 1
        if node.head.id and not ordinals:
            node.id = node.head.id
            continue
        place = places[lead]
        while f"{lead}{place}" in taken:
            place += 1
        node.id = f"{lead}{place}"
        taken.add(node.id)
        made_up.append(node.id)
    return made_up
