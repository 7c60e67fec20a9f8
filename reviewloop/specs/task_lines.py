"""Parses task lines in all their forms: ids, parts, and the lines below them."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property, lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.domain.task import State
from reviewloop.regex import regex
from reviewloop.specs.lines import Line

_STATES: dict[str, State] = {
    " ": "open", "-": "in_progress", "~": "queued", "x": "done", "X": "done",
    "☐": "open", "⬜": "open", "◻": "open", "☑": "done", "✅": "done", "☒": "done", "✔": "done",
}  # fmt: skip
DONE_MARK = {"☐": "☑", "⬜": "✅", "◻": "☑"}
"""The done mark for each symbol; both are equally long in UTF-8."""

_TASK_LINE = regex(
    r"^(?P<indent>[ \t]*)"
    r"(?:(?P<heading>#{1,6})[ \t]+)?"
    r"(?:(?P<bullet>[-*+])[ \t]+)?"
    r"(?:(?P<number>(?:[Tt]ask[ \t]+)?\d+(?:\.\d+)*)[.):]?[ \t]+)?"
    r"(?:\*\*)?"
    r"(?:\[(?P<box>[ xX~-])\]|(?P<symbol>[☐⬜◻☑✅☒✔])\ufe0f?)"
    r"(?P<optional>\*?)(?!\*)[ \t]+"
    r"(?P<rest>\S.*?)[ \t]*$"
)
_IDS = (
    regex(r"(?i:task)[ \t]*#?(?P<id>\d+(?:\.\d+)*[a-z]?)(?P<opt>\*?)[ \t]*"
               r"(?:[:.)\-–—]+[ \t]*|[ \t]+|$)"),
    regex(r"(?P<id>T\d{3,}[a-z]?)(?P<opt>\*?)[:.)]?(?:[ \t]+|$)"),
    regex(r"(?P<id>(?:T-?\d+|[A-Z]{2,8}-\d+)(?:\.\d+)*)(?P<opt>\*?)[ \t]*[:)][ \t]*"),
    regex(r"(?P<id>\d+(?:\.\d+)*[a-z]?)(?P<opt>\*?)[.):]?[ \t]+(?=\S)"),
)  # fmt: skip
_LEADING_BOLD = regex(r"^(\*\*|__)(?P<bold>.+?)\1")
_PARALLEL = regex(r"[ \t]*(?:\(P\)|\[P\])(?=[ \t]|$)")
_STORIES = regex(r"^(?:\[US\d+\][ \t]*)+", re.IGNORECASE)
_OPTIONAL_END = regex(r"[ \t]*(?:\(optional\)|\[optional\])[ \t]*$", re.IGNORECASE)


@dataclass(frozen=True)
class TaskLine:
    """The contents of one task line."""

    line: Line
    indent: int  # columns; negative for a heading, which is above every list item
    mark: str
    mark_offset: int  # in the file, in bytes
    optional: bool
    id: str  # "" for a line without one
    numbered_by_list: bool  # its number is that of an ordered list, outside the box
    title: str
    parallel: bool
    stories: tuple[str, ...] = ()  # labels of user stories: [US1]

    @property
    def state(self) -> State:
        """The state that the mark means."""
        return _STATES[self.mark]

    @cached_property
    def hash(self) -> str:
        """Digest of the line without its mark: it stays the same when the state changes."""
        before = self.mark_offset - self.line.offset
        data = self.line.text.encode("utf-8", "surrogateescape")
        unmarked = data[:before] + b"?" + data[before + len(self.mark.encode()) :]
        return hashlib.sha256(unmarked).hexdigest()


def read_task_line(line: Line) -> TaskLine | None:
    """Parse a task line; None for every other line and for code."""
    # Most lines are none: these are not worth caching.
    return None if line.code or not _TASK_LINE.match(line.text) else _read(line)


@lru_cache(maxsize=8192)  # a tick leaves all other lines unchanged
def _read(line: Line) -> TaskLine | None:
    match = _TASK_LINE.match(line.text)
    if match is None:
        return None
    group = "box" if match["box"] is not None else "symbol"
    before = line.text[: match.start(group)].encode("utf-8", "surrogateescape")
    rest, optional = match["rest"], bool(match["optional"])
    number = re.sub(r"^[Tt]ask[ \t]+", "", match["number"] or "")
    found = None if number else _leading_id(rest)
    if found:
        number, starred, rest = found
        optional = optional or starred
    title, parallel, called_optional = _clean_title(rest)
    title, stories = _without_stories(title)
    return TaskLine(
        line=line,
        indent=line.level - 7 if line.level else len(match["indent"].expandtabs(4)),
        mark=match[group],
        mark_offset=line.offset + len(before),
        optional=optional or called_optional,
        id=number,
        numbered_by_list=bool(match["number"]) and match["number"].isdigit(),
        title=title,
        parallel=parallel,
        stories=stories,
    )


def _leading_id(rest: str) -> tuple[str, bool, str] | None:
    plain = _LEADING_BOLD.sub(lambda bold: bold["bold"], rest, count=1)
    for pattern in _IDS:
        if found := pattern.match(plain):
            return found["id"], bool(found["opt"]), plain[found.end() :]
    return None


def _clean_title(rest: str) -> tuple[str, bool, bool]:
    title = _LEADING_BOLD.sub(lambda bold: bold["bold"], rest.strip(), count=1)
    title, parallel = _PARALLEL.subn("", title)
    title, optional = _OPTIONAL_END.subn("", title)
    title = title.strip().removeprefix("**").removesuffix("**").lstrip(":–— \t").strip()
    return title, bool(parallel), bool(optional)


def _without_stories(title: str) -> tuple[str, tuple[str, ...]]:
    """Split labels of user stories off the front of a title, unless they are all of it."""
    labels = _STORIES.match(title)
    if not labels or labels.end() == len(title):
        return title, ()
    return title[labels.end() :], tuple(re.findall(r"US\d+", labels[0].upper()))


_LEAD = r"^[\s>]*(?:[-*+•]\s+)?[_*]{0,3}"
_DEPENDS = regex(
    _LEAD
    + r"(?:depends(?:[ _]on)?|dependenc(?:y|ies)|blocked by)[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$",
    re.IGNORECASE,
)
_DEPENDS_KIRO = regex(r"^[\s>]*(?:[-*+]\s+)?_depends(?:[ _]on)?:", re.IGNORECASE)
_REQUIREMENTS = regex(
    _LEAD + r"(?:requirements?|reqs?\.?|requirement ids?|validates|satisfies)"
    r"[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$",
    re.IGNORECASE,
)
_BLOCKED = regex(_LEAD + r"blocked[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$", re.IGNORECASE)
_INLINE_DEPENDS = regex(
    r"(?:\(|\s[—–|-]\s*)(?:depends(?: on)?|dependenc(?:y|ies)|deps|blocked by)\s*:?\s+"
    r"(?P<value>[^()]*\d[^()]*)(?:\)|$)",
    re.IGNORECASE,
)
CHECKLIST = regex(
    r"(?:acceptance|success) criteria|definition of done|done when|checklist|verification"
    r"|how to test",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Details:
    """The fields in a task's lines that the loop uses; values as written."""

    depends: tuple[str, ...] = ()
    declares_depends: bool = False
    fully_declared: bool = False  # a field of every task, unlike Kiro's extra hint
    requirements: tuple[str, ...] = ()
    blocked: str = ""


def read_details(title: str, body: list[str]) -> Details:
    """Read the lines below a task; the caller leaves out code."""
    depends = [found["value"] for found in _INLINE_DEPENDS.finditer(title)]
    requirements: list[str] = []
    blocked = ""
    fully = False
    declared = bool(depends)
    for index, line in enumerate(body):
        if found := _DEPENDS.match(line):
            declared = True
            fully = fully or not _DEPENDS_KIRO.match(line)
            depends += _values(found["value"], body[index + 1 :])
        elif found := _REQUIREMENTS.match(line):
            requirements += _values(found["value"], body[index + 1 :])
        elif found := _BLOCKED.match(line):
            blocked = clean(found["value"]) or "no reason given"
    return Details(tuple(depends), declared, fully, tuple(requirements), blocked)


def clean(value: str) -> str:
    """Return a value without the emphasis marks around it."""
    return value.strip().strip("_*").strip()


def _values(value: str, following: list[str]) -> list[str]:
    """Return the value of a field, or the list items below it if its own line has none."""
    if clean(value):
        return [clean(value)]
    items = []
    for line in following:
        item = re.match(r"^\s*[-*+•]\s+(?P<item>[^_*].*)$", line)
        if not item or ":" in item["item"]:
            break
        items.append(item["item"])
    return items


@dataclass
class Node:
    """A task line of a list that is being built."""

    head: TaskLine
    lines: list[Line] = field(default_factory=list)  # the lines below it
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
    """Return the tasks of the lines; generated ids become notices.

    With `indented` only lines indented below a task belong to it, else all up to the next task. If
    ids have the form `named`, boxes without one are conditions and no tasks.
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
    """Whether a line below a list item is no part of it; `above` is the line before it."""
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
    """Whether a box below "acceptance criteria" is a condition of the task and no task."""
    if head.id:
        return False
    return current is None or bool(current.head.id) or head.indent > current.head.indent


def _belongs(heading: Line, task: Line) -> bool:
    """Whether a heading is part of a task: only if the task itself is a higher heading."""
    return 0 < task.level < heading.level


def _announces_checklist(line: Line) -> bool:
    label = line.text.strip().lstrip("-*+• ").rstrip("*_ ")
    return not line.code and label.endswith(":") and bool(CHECKLIST.search(label))


def _drop_list_numbers(nodes: list[Node], path: str) -> list[str]:
    """Drop the numbers of ordered lists that restart: they are positions, not ids."""
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
    """Return the id of the nearest task that this number extends: 2.1 belongs to 2."""
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
    counts: Counter[str] = Counter()
    for node in nodes:
        lead = f"{node.parent.id}." if node.parent else ""
        counts[lead] += 1
        if node.head.id and not ordinals:
            node.id = node.head.id
            continue
        number = counts[lead]
        while f"{lead}{number}" in taken:
            number += 1
        node.id = f"{lead}{number}"
        taken.add(node.id)
        made_up.append(node.id)
    return made_up
