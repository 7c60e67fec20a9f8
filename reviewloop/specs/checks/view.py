"""A spec as its checks read it: every line with the part of the spec that it belongs to."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from functools import cached_property

from reviewloop.analysis.contract import Hit, Span, Tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import CheckedAs, SpecPart, dialect_named
from reviewloop.specs.discover import read_spec
from reviewloop.specs.files import Files
from reviewloop.specs.general import kind_of
from reviewloop.specs.lines import Line, read_document
from reviewloop.specs.requirements import (
    is_requirement_head,
    is_requirement_item,
    requirement_lines,
)
from reviewloop.specs.select import is_done, leaves

_MODAL = regex(r"\b(?:shall|must|should)\b", re.IGNORECASE)
_DEMAND = regex(  # of the whole, in a text that is otherwise about reasons
    r"\b(?:system|app(?:lication)?|service|site|website|product|platform)\s+(?:shall|must|should)\b",
    re.IGNORECASE,
)
_STORY = regex(
    r"^\W*(?:user story|objective|question|note|priority|why this)\b|\bso that\b", re.IGNORECASE
)
_BULLET = regex(r"^\s*[-*+]\s+\S")
_WORD = regex(r"[^\W\d_]+")
_ENGLISH_WORDS = """
    the a an of to and or in is are for with when then if shall must should that be it as on by not
    this from so i want user system given
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_FOREIGN_WORDS = """
    der die das und ist nicht ein eine zu mit für von el la los las que para con una por del le les
    des une est dans pour sur et il di che per non o os um uma não com em een het van en de
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split())
_TERSE_SHARE = 0.05  # of lists of key words, which hardly contain another language's words
_FOREIGN_SHARE = 0.15  # of the letters; code and names keep other languages' specs half English
_ENGLISH_SHARE = 0.12  # of all words; English specs have 0.2 and more, others under 0.08
_ALSO = 6  # further lines that an entry names
_NEEDED = 12  # fewest words for a meaningful share


@dataclass(frozen=True)
class SpecLine:
    """One line of a spec's documents."""

    path: str
    number: int  # from 1
    text: str
    part: SpecPart
    code: bool  # in a code block or a comment
    level: int = 0  # of a heading, else 0
    title: str = ""
    heads: tuple[str, ...] = ()  # titles of the headings above it, outermost first
    item: bool = False  # starts a requirement or a criterion, by its id or its list

    @property
    def is_statement(self) -> bool:
        """Whether it is a requirement: a criterion, or a sentence with SHALL, MUST, ..."""
        if self.code or self.level or self.part != "requirements" or _STORY.search(self.text):
            return False
        if any(kind_of(head) == "introduction" for head in self.heads):
            return _DEMAND.search(self.text) is not None
        return self.item or _MODAL.search(self.text) is not None


def _at_lines(text: str, lines: Sequence[SpecLine]) -> str:
    first, *others = lines
    also = [
        f"line {one.number}" if one.path == first.path else f"{one.path}:{one.number}"
        for one in others
    ]
    more = f" and {len(also) - _ALSO} more" if len(also) > _ALSO else ""
    rest = f" (also {', '.join(also[:_ALSO])}{more})" if also else ""
    return f"{first.path}:{first.number}: {text}{rest}"


@dataclass(frozen=True)
class SpecView:
    """A spec with its documents line by line, and its repository.

    `tree` reads the repository as on disk. `has_tasks` is false as long as no tasks are written.
    """

    spec: Spec
    lines: tuple[SpecLine, ...]
    tree: Tree = field(default_factory=Tree)
    has_tasks: bool = True
    requirement_at: dict[str, tuple[str, int]] = field(default_factory=dict)  # id -> path, line
    help_of: Callable[[tuple[str, ...]], str | None] = lambda words: None
    """Returns the help text of a program or subcommand; None where it cannot be run."""
    recorded: dict[str, tuple[str, list[SpecLine]]] = field(default_factory=dict)  # see `note`

    def of_part(self, *parts: SpecPart) -> Iterator[SpecLine]:
        """Yield the lines of these parts, headings included, code left out."""
        return (line for line in self.lines if line.part in parts and not line.code)

    @property
    def checked_as(self) -> CheckedAs:
        """The properties of the spec's dialect that checks depend on."""
        return dialect_named(self.spec.dialect).checks

    @cached_property
    def statements(self) -> tuple[SpecLine, ...]:
        """The lines that state requirements."""
        return tuple(line for line in self.lines if line.is_statement)

    @cached_property
    def open_tasks(self) -> tuple[Task, ...]:
        """The open tasks: required, without parts, not done."""
        return tuple(task for task in leaves(self.spec) if not is_done(self.spec, task))

    @cached_property
    def is_english(self) -> bool:
        """Whether rules about words apply; they skip other languages."""
        text = "".join(line.text for line in self.of_part("requirements", "introduction", "tasks"))
        letters = [letter for letter in text if letter.isalpha()]
        if sum(not letter.isascii() for letter in letters) > _FOREIGN_SHARE * len(letters):
            return False
        words = [
            word.casefold()
            for line in self.of_part("requirements", "introduction", "tasks")
            for word in _WORD.findall(line.text)
        ]
        known = sum(word in _ENGLISH for word in words)
        others = sum(word in _FOREIGN for word in words)
        least = _ENGLISH_SHARE if others * 4 > known else _TERSE_SHARE
        return len(words) < _NEEDED or known >= least * len(words)

    @cached_property
    def required_text(self) -> str:
        """All requirements, headings included, as one text."""
        return "\n".join(line.text for line in self.of_part("requirements", "introduction"))

    def first_of(self, *parts: SpecPart) -> tuple[str, int]:
        """Return the first line of a part, for hits on the part as a whole."""
        found = next(iter(self.of_part(*parts)), None) or (self.lines[0] if self.lines else None)
        return (found.path, found.number) if found else (self.spec.path, 1)

    def note(self, line: SpecLine, text: str, fact: str = "") -> None:
        """Record a claim that a check could not verify, with its line; once for each `fact`."""
        _, lines = self.recorded.setdefault(fact or text, (text, []))
        if line not in lines:
            lines.append(line)

    @property
    def unverified(self) -> tuple[str, ...]:
        """The unverified claims: each once, at its first line, with the further lines."""
        return tuple(_at_lines(text, lines) for text, lines in self.recorded.values())

    def hit(self, rule: str, line: SpecLine, message: str, found: str = "") -> Hit:
        """Return a hit on a line, or on the words `found` in it if given."""
        at = line.text.find(found) if found else -1
        columns = (at + 1, at + 1 + len(found)) if at >= 0 else (0, 0)
        return Hit(rule, line.path, Span(line.number, line.number, *columns), message)

    def hit_at(self, rule: str, location: tuple[str, int], message: str) -> Hit:
        """Return a hit on a whole line."""
        return Hit(rule, location[0], Span(location[1], location[1]), message)


def read_view(
    files: Files,
    ref: SpecRef,
    tree: Tree | None = None,
    help_of: Callable[[tuple[str, ...]], str | None] = lambda words: None,
) -> SpecView:
    """Return the view of a spec; tasks need not be written yet.

    Raise `UsageError` if the spec cannot be read.
    """
    missing, dialect = not ref.tasks_path, dialect_named(ref.dialect)
    if missing and not dialect.one_file:
        ref = replace(ref, tasks_path=f"{ref.path}/{dialect.tasks_name}")
        files = _WithoutTasks(files, ref.tasks_path)
    spec = read_spec(files, ref)
    has_tasks = not any(problem.kind == "no-tasks" for problem in spec.problems)
    if missing:
        spec = replace(
            spec,
            problems=tuple(one for one in spec.problems if one.kind != "no-tasks"),
            files={path: sha for path, sha in spec.files.items() if path != ref.tasks_path},
        )
    lines: list[SpecLine] = []
    at: dict[str, tuple[str, int]] = {}
    own = {spec.path, spec.tasks_path, *(f"{spec.path}/{name}" for name in dialect.checks.parts)}
    for path in spec.files:
        data = files.read(path)
        if data is None or not _is_of(path, spec) or not (path.endswith(".md") or path in own):
            continue
        document = read_document(data).lines
        lines += _lines(path, document, spec)
        required = [one for one in document if _part(path, spec) in ("requirements", None)]
        for ident, number in requirement_lines(required).items():
            at.setdefault(ident, (path, number))
    at |= {one: location for one in spec.requirements if (location := _named(one, lines, at))}
    return SpecView(spec, tuple(lines), tree or Tree(), has_tasks, at, help_of)


@dataclass(frozen=True)
class _WithoutTasks:
    """The files of a spec whose tasks are not written yet, with an empty list of them."""

    files: Files
    tasks_path: str

    def read(self, path: str) -> bytes | None:
        return b"" if path == self.tasks_path else self.files.read(path)

    def paths(self, under: str = "") -> Iterable[str]:
        return self.files.paths(under)

    def content_id(self, path: str) -> str:
        return "" if path == self.tasks_path else self.files.content_id(path)


def _is_of(path: str, spec: Spec) -> bool:
    """Whether a file belongs to the spec, not to the repository's constitution."""
    return path == spec.path or path.startswith(f"{spec.path}/")


def _part(path: str, spec: Spec) -> SpecPart | None:
    """Return the part that a whole file is, None if its headings decide."""
    dialect = dialect_named(spec.dialect)
    return None if dialect.one_file else dialect.part_of(path.removeprefix(f"{spec.path}/"))


def _lines(path: str, document: Sequence[Line], spec: Spec) -> Iterator[SpecLine]:
    whole = _part(path, spec)
    heads: list[tuple[int, str]] = []
    tops = [line.number for line in document if line.level == 1]
    title = tops[0] if len(tops) == 1 else 0
    opened: tuple[int, SpecPart] = (0, "other")  # the level of the heading that opened the part
    for line in document:
        if line.level:
            heads = [head for head in heads if head[0] < line.level] + [(line.level, line.title)]
            kind = kind_of(line.title) if line.number != title else None
            if opened[0] == 0 or line.level <= opened[0]:
                opened = (line.level, kind) if kind else (0, "other")
        part = whole or opened[1]
        item = part == "requirements" and (
            is_requirement_item(line, ordered=True)
            or (_BULLET.match(line.text) is not None and _lists_demands(heads))
        )
        yield SpecLine(
            path,
            line.number,
            line.text,
            part,
            line.code,
            line.level,
            line.title,
            tuple(name for _, name in heads),
            item,
        )


def _lists_demands(heads: Sequence[tuple[int, str]]) -> bool:
    """Whether the entries of a list below these headings are requirements, with or without ids."""
    titles = [title for _, title in heads]
    return any(map(is_requirement_head, titles)) or (
        bool(titles) and kind_of(titles[-1]) == "requirements"
    )


def _named(
    ident: str, lines: Sequence[SpecLine], known: dict[str, tuple[str, int]]
) -> tuple[str, int] | None:
    """Return the location of a requirement whose id is no number: `US1`, an OpenSpec name."""
    if ident in known:
        return known[ident]
    story = re.fullmatch(r"US(\d+)(?:\.\d+)?", ident)
    sought = f"user story {story[1]}" if story else ident.rpartition(".")[0] or ident
    for line in lines:
        if line.level and sought.casefold() in line.title.casefold():
            return line.path, line.number
    return None


def require_spec(view: SpecView) -> None:
    """Raise `UsageError` if a spec has nothing to check."""
    if not any(line.text.strip() for line in view.lines):
        raise UsageError(f"the spec {view.spec.path} is empty; write its requirements first")
