"""Reads requirements into texts by id: "1", "1.2", "FR-3"; in headings, lists, tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reviewloop.domain.task import Task
from reviewloop.regex import regex
from reviewloop.specs.lines import Line
from reviewloop.specs.references import match_id

_CODE = r"(?P<code>[A-Z]{1,6}(?:-[A-Z]{1,6})?-\d+(?:\.\d+)*[a-z]?)"
_NAMED_HEAD = regex(r"^[*_`]*(?:requirement|req\.?)\s+#?(?P<id>\d+(?:\.\d+)*)\b", re.IGNORECASE)
_CODE_HEAD = regex(rf"^[*_`\[]*{_CODE}\b")
_PLAIN_HEAD = regex(r"^[*_`]*(?P<id>\d+(?:\.\d+)*)[.):]?\s+\S")
_BOLD_LINE = regex(r"^\*\*(?P<bold>[^*]+)\*\*")
_ORDERED = regex(r"^(?P<indent>\s*)(?P<number>\d+)[.)]\s+(?P<text>\S.*)$")
_DOTTED = regex(
    r"^(?P<indent>\s*)(?:[-*+]\s+)?[*_]*(?P<id>\d+(?:\.\d+)+)[.):]?[*_]*[:.]?\s+(?P<text>\S.*)$"
)
_CODE_ITEM = regex(
    rf"^(?P<indent>\s*)(?:[-*+]\s+|\d+[.)]\s+)?(?:\[[ xX]\]\s+)?[*_`\[]*{_CODE}[*_`\]]*"
    r"(?:\s*\([^)]*\))?[*_`]*\s*[:.–—-]?[*_]*\s+(?P<text>\S.*)$"
)
_TABLE_ROW = regex(rf"^\s*\|\s*[*_`\[]*{_CODE}[*_`\]]*\s*\|(?P<text>.*?)\|?\s*$")
_CRITERIA = regex(r"^\W*(?:acceptance )?criteria\b", re.IGNORECASE)
_BOLD_LEVEL = 7
_NAMED = 12  # ids in a notice


class _Reader:
    """Collects the lines of every requirement in one pass."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.at: dict[str, int] = {}  # the first line of each
        self.weak: set[str] = set()  # plain numbered headings: other forms replace them
        self.open: list[tuple[int, str, int]] = []  # current headings: level, id, line number
        self.item: tuple[str, int] | None = None  # the item that continues: id, columns

    def read(self, lines: Iterable[Line]) -> dict[str, str]:
        for line in lines:
            level, text = self._head(line)
            if level:
                self._open_head(line, level, text)
            elif not line.code and self._item(line):
                self._add_to_heads(line)
            else:
                self._continue(line)
                self._add_to_heads(line)
        return {key: "\n".join(text).strip() for key, text in self.texts.items()}

    def _head(self, line: Line) -> tuple[int, str]:
        if line.level:
            return line.level, line.title
        bold = None if line.code else _BOLD_LINE.match(line.text)
        if bold and (_NAMED_HEAD.match(bold["bold"]) or _CODE_HEAD.match(bold["bold"])):
            return _BOLD_LEVEL, bold["bold"]
        return 0, ""

    def _open_head(self, line: Line, level: int, title: str) -> None:
        self.open = [head for head in self.open if head[0] < level]
        self.item = None
        self._add_to_heads(line)
        named, code = _NAMED_HEAD.match(title), _CODE_HEAD.match(title)
        plain = None if level == 1 else _PLAIN_HEAD.match(title)
        found = named["id"] if named else code["code"] if code else plain["id"] if plain else ""
        strong = bool(named or code)
        if not found or (found in self.texts and not (strong and found in self.weak)):
            return
        (self.weak.discard if strong else self.weak.add)(found)
        self.texts[found] = [line.text]
        self.at[found] = line.number
        self.open.append((level, found, line.number))

    def _item(self, line: Line) -> bool:
        """Start a new item if the line is one; return whether it was."""
        coded = _TABLE_ROW.match(line.text) or _CODE_ITEM.match(line.text)
        if coded:
            indent = len(coded["indent"]) if "indent" in coded.groupdict() else 0
            return self._start(coded["code"], coded["text"], indent, line.number)
        if dotted := _DOTTED.match(line.text):
            return self._start(dotted["id"], dotted["text"], len(dotted["indent"]), line.number)
        ordered = _ORDERED.match(line.text)
        if not ordered or (self.item and len(ordered["indent"]) > self.item[1]):
            return False
        owner = self.open[-1][1] if self.open else ""
        ident = f"{owner}.{ordered['number']}" if owner else ordered["number"]
        known = ident in self.texts
        started = self._start(ident, ordered["text"], len(ordered["indent"]), line.number)
        if not owner and not known:
            self.weak.add(ident)
        return started

    def _start(self, key: str, text: str, indent: int, number: int) -> bool:
        if key in self.texts and not (key in self.weak and "." in key):
            self.item = None
            return True
        self.weak.discard(key)
        self.texts[key] = [_cells(text)]
        self.at[key] = number
        self.item = (key, indent)
        return True

    def _continue(self, line: Line) -> None:
        if self.item is None:
            return
        key, indent = self.item
        columns = len(line.text) - len(line.text.lstrip())
        blank = not line.text.strip()
        if blank or columns > indent:
            self.texts[key].append(line.text.strip() if not line.code else line.text)
        elif self.texts[key][-1] == "" or re.match(r"\s*[-*+|]\s", line.text):
            self.item = None
        else:
            self.texts[key].append(line.text.strip())

    def _add_to_heads(self, line: Line) -> None:
        for _, key, _ in self.open:
            self.texts[key].append(line.text)


def read_requirements(lines: Sequence[Line]) -> dict[str, str]:
    """Return the text of every requirement and criterion that has an id, in reading order."""
    texts = _Reader().read(_without_other_lists(lines))
    groups: dict[str, list[str]] = {}
    for key, text in texts.items():
        owner = key.rpartition(".")[0]
        if owner and owner not in texts:
            groups.setdefault(owner, []).append(f"{key} {text}")
    return {**texts, **{owner: "\n".join(parts) for owner, parts in groups.items()}}


def requirement_lines(lines: Sequence[Line]) -> dict[str, int]:
    """Return the first line, from 1, of each requirement and criterion with an id."""
    reader = _Reader()
    reader.read(_without_other_lists(lines))
    return reader.at


def is_requirement_head(title: str) -> bool:
    """Whether a heading is that of a requirement: `Requirement 1`, `FR-3`."""
    return bool(_NAMED_HEAD.match(title) or _CODE_HEAD.match(title))


def is_requirement_item(line: Line, *, ordered: bool) -> bool:
    """Whether a line begins a requirement with an id; numbers of lists count if `ordered`."""
    patterns = (_TABLE_ROW, _CODE_ITEM, _DOTTED, *([_ORDERED] if ordered else []))
    return not line.code and any(pattern.match(line.text) for pattern in patterns)


def whole_requirements(requirements: Mapping[str, str]) -> dict[str, str]:
    """Return the requirements that are not part of another one."""
    return {k: text for k, text in requirements.items() if k.rpartition(".")[0] not in requirements}


def unnamed_notice(tasks: Iterable[Task], requirements: Mapping[str, str]) -> str:
    """Return a notice on the requirements that no task names, "" for none."""
    named: set[str] = set()
    for task in tasks:
        for key in resolve(task.requirements, requirements)[0]:
            while key:
                named.add(key)
                key = key.rpartition(".")[0]
    left = [key for key in whole_requirements(requirements) if key not in named]
    if not left:
        return ""
    shown = ", ".join(left[:_NAMED]) + (f" and {len(left) - _NAMED} more" * (len(left) > _NAMED))
    word = "requirement" if len(left) == 1 else "requirements"
    return f"no task names {word} {shown}; a task that names none is given all of them"


def resolve(
    idents: Sequence[str], requirements: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the texts of the given ids, and the unknown ids."""
    found: dict[str, str] = {}
    missing: list[str] = []
    for ref in idents:
        if ref == "all":
            tops = [key for key in requirements if key.rpartition(".")[0] not in requirements]
            found.update({key: requirements[key] for key in tops})
            continue
        key = match_id(ref, requirements)
        if key is None:
            missing.append(ref)
        else:
            found[key] = requirements[key]
    return found, tuple(missing)


def with_named(task: Task, requirements: Mapping[str, str]) -> Task:
    """Return the task with the ids that its title or lines mention, if no line declares any.

    Only ids with letters (`FR-1`) count: a bare number in prose may be anything.
    """
    if task.requirements:
        return task
    text = f"{task.title}\n{task.body}"
    named = (
        ident
        for ident in requirements
        if ident[:1].isalpha() and re.search(rf"(?<![\w-]){re.escape(ident)}(?![\w-])", text)
    )
    return replace(task, requirements=tuple(named))


def _cells(text: str) -> str:
    return re.sub(r"\s*\|\s*", " | ", text).strip().strip("|").strip().rstrip("*_")


def _without_other_lists(lines: Sequence[Line]) -> list[Line]:
    """Leave out numbered lists above "Acceptance Criteria" in a requirement with that part."""
    result: list[Line] = []
    pending: list[int] = []
    for line in lines:
        if _NAMED_HEAD.match(line.title):
            pending = []
        elif _CRITERIA.match(line.title or line.text):
            for index in pending:
                result[index] = Line(**{**vars(result[index]), "code": True})
            pending = []
        elif not line.code and _ORDERED.match(line.text):
            pending.append(len(result))
        result.append(line)
    return result
