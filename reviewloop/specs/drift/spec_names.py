"""Reads the names of endpoints, tables and the like in a spec, in any typography."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field

from reviewloop.analysis.environment import OF_EVERY_SYSTEM
from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import NameKind
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView
from reviewloop.specs.drift.names import METHODS, route_of, shown_route
from reviewloop.specs.drift.wording import unset
from reviewloop.specs.words import named_paths


@dataclass(frozen=True)
class SpecName:
    """A name in a spec; `avoided` if the spec says that it does not, or no longer, exist."""

    kind: NameKind
    text: str
    path: str
    line: int
    avoided: bool = False
    loose: bool = False  # an interface in the design's code: code may use another name
    methods: tuple[str, ...] = ()
    route: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"


_METHOD = "|".join(METHODS)
_ROUTE = r"(?:https?://[^/\s]+)?(?P<path>/[^\s|,;\"'()\]<>]*(?:<[^>\s]*>[^\s|,;\"'()\]<>]*)*)"
_ENDPOINT = regex(
    rf"(?<![\w/])(?P<methods>(?:{_METHOD})(?:\s?[/,|]\s?(?:{_METHOD}))*)[\s|:,\-–—]{{1,40}}{_ROUTE}"
)
_TURNED = regex(
    rf"\|\s*{_ROUTE}\s*\|\s*(?P<methods>(?:{_METHOD})(?:\s?[/,]\s?(?:{_METHOD}))*)\s*\|"
)
_CAMEL = r"[A-Z][a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]*)+"
_COMPONENT_HEAD = regex(
    rf"^(?:\d+(?:\.\d+)*[.)]?\s+)?(?:(?:component|class|service|module|interface)s?\b:?\s+)?"
    rf"(?P<name>{_CAMEL})(?:\s+(?:class|component|service|module|interface))?\s*(?:\(|:|—|–|-|$)",
    re.IGNORECASE,
)
_ITEM = regex(rf"^\s*(?:[-*+]|\d+[.)])\s+(?P<name>{_CAMEL})\b\s*(?:\(|:|—|–|-|→|$)")
_CELL = regex(rf"^\s*\|\s*(?P<name>{_CAMEL})\s*\|")
_DECLARED = regex(
    rf"^\s*(?:export\s+)?(?:default\s+)?(?:public\s+|abstract\s+|final\s+|data\s+|sealed\s+)*"
    rf"(?:class|interface|struct|trait)\s+(?P<name>{_CAMEL})\b|^\s*type\s+(?P<go>{_CAMEL})\s+struct\b"
)
_SUFFIXED = regex(rf"`(?P<name>{_CAMEL})`")
_ROLE = regex(
    r"(?:Service|Repository|Controller|Manager|Handler|Store|Client|Gateway|Provider|Worker"
    r"|Scheduler|Queue|Cache|Validator|Parser|Router|Adapter|Factory|Engine|Processor|Listener"
    r"|Publisher|Consumer|Middleware|Guard|Mapper|Exporter|Importer|Reader|Writer|Builder|Monitor"
    r"|Tracker|Calculator|Notifier|Sender|Loader|Limiter|Resolver|Registry|Dispatcher)$"
)
_SHAPE = regex(r"^\s*(?:export\s+)?(?:default\s+)?(?:public\s+)?interface\s")
_NOTES = ("/research.md", "/quickstart.md")
_STACK = regex(
    r"\b(?:tech\w*|stack|dependenc\w+|librar\w+|frameworks?|alternatives?|research|references?"
    r"|decisions?|tooling|platforms?)\b",
    re.IGNORECASE,
)
_COMPONENTS = regex(r"\b(?:components?|classes|modules|services|architecture)\b", re.IGNORECASE)
_TABLE_HEAD = regex(
    r"^(?:\d+(?:\.\d+)*[.)]?\s+)?(?:table:?\s+(?P<after>[a-z_]\w*)|(?P<before>[a-z_]\w*)\s+table)$",
    re.IGNORECASE,
)
_TABLES = regex(r"\b(?:tables|database schema)\b", re.IGNORECASE)
_TABLE_WORDS = regex(
    r"[`*]+(?P<quoted>[a-z_][a-z0-9_]*)[`*]+\s+table\b|\btable\s+[`*]+(?P<after>[a-z_][a-z0-9_]*)[`*]+"
    r"|(?<![\w/.])(?P<snake>[a-z0-9]+(?:_[a-z0-9]+)+)\s+table\b"
    r"|\btable\s+(?P<snake_after>[a-z0-9]+(?:_[a-z0-9]+)+)(?![\w/.])"
)
_TABLE_ITEM = regex(
    r"^\s{0,3}(?:[-*+]|\d+[.)])\s+(?P<name>[a-z_][a-z0-9_]*)\s*(?:\(|:|—|–|\s-\s|$)"
)
_TABLE_CELL = regex(r"^\s*\|\s*(?P<name>[a-z_][a-z0-9_]*)\s*\|")
_CREATE = regex(
    r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[\"`]?(?:\w+\.)?(?P<name>[A-Za-z_]\w*)[\"`]?"
)
_TABLE_NAME = regex(r"__tablename__\s*=\s*['\"](?P<name>\w+)|^\s*model\s+(?P<model>\w+)\s*\{")
_COLUMN_WORDS = frozenset(("table", "name", "column", "tables", "field", "type", "entity"))
_SETTING = regex(r"(?<![\w./-])(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w/])")
_SETTING_READ = regex(
    r"(?:process\.env\.|os\.environ(?:\.get\(|\[)['\"]|os\.getenv\(['\"]|\$\{?)"
    r"(?P<name>[A-Z][A-Z0-9_]+)"
)
_SETTING_GIVEN = regex(r"^\s*(?:export\s+)?(?P<name>[A-Z][A-Z0-9_]+)=")
_SETTINGS = regex(r"\b(?:env|environment|settings?|config\w*|variables?)\b", re.IGNORECASE)
_COMMANDS = regex(r"\b(?:commands?|cli|command[- ]line)\b", re.IGNORECASE)
_COMMAND_WORDS = regex(
    r"`(?P<name>[a-z][a-z0-9]*(?:[-:_][a-z0-9]+)*)`\s+(?:sub)?command\b"
    r"|(?<!workflow )(?<!slash )\b(?:sub)?command\s+`(?P<after>[a-z][a-z0-9]*(?:[-:_][a-z0-9]+)*)`"
)
_COMMAND_ITEM = regex(
    r"^\s*(?:[-*+]|\d+[.)])\s+(?P<name>[a-z][a-z0-9]*(?:[-:][a-z0-9]+)*)\s*(?:\s[<\[A-Z-][^:—–]*)?"
    r"(?::|—|–|\s-\s)"
)
_COMMAND_CELL = regex(r"^\s*\|\s*(?P<name>[a-z][a-z0-9]*(?:[-:][a-z0-9]+)*)(?:\s[^|]*)?\|")
_SPAN = regex(r"`([^`\n]+)`")
_PROMPT = regex(r"^\s*(?:[$>%]\s+)?")
_RUNNERS = {"npm": ("run",), "yarn": ("run", ""), "pnpm": ("run", ""), "make": ("",)}
_OWN_WORDS = """
    install ci add start test init publish audit exec dlx remove update link login version
"""
_OF_RUNNERS = frozenset(_OWN_WORDS.split())
_COMMAND = regex(r"[a-z][a-z0-9]*(?:[-:_][a-z0-9]+)*$")

_ASIDE = regex(
    r"\b(?:out[- ]of[- ]scope|non-?goals?|not in scope|alternatives?|rejected|future|deferred"
    r"|removed|deprecated|open questions?|assumptions)\b",
    re.IGNORECASE,
)
_NEGATED = regex(
    r"\b(?:out of scope|no longer|instead of|rather than|unlike|replaced by|replaces|deprecated"
    r"|considered and rejected|(?:first|earlier|previous) draft"
    r"|(?:is|are|was|were|been|be) (?:removed|dropped|retired|deleted from)"
    r"|not (?:exist|part of|(?:yet )?(?:offered|provided|exposed|implemented|supported|used))"
    r"|(?:will|shall|must|do|does) not (?:exist|offer|provide|expose|have|use|support)\w*)\b"
    r"|^\W*(?:remove|drop|delete|retire)\s(?!\W*/)",
    re.IGNORECASE,
)
_PATH_KIND = regex(
    r"\.(?:py|tsx?|jsx?|mjs|go|rs|java|kt|rb|php|cs|swift|vue|svelte|sql|sh|tf|prisma)$"
)
_PATTERN = regex(r"[*{}<>\[\]]|\.\.\.|^/|^~")
_SHELLS = ("bash", "sh", "shell", "console", "zsh", "")


@dataclass
class _Reading:
    """The state of reading a document line by line."""

    fence: str | None = None  # its info string; None outside of one
    is_of_settings: bool = False  # in a table whose header is about variables
    names: list[SpecName] = field(default_factory=list)


def spec_names(view: SpecView, programs: Collection[str]) -> list[SpecName]:
    """Return the names of a spec, each once for its kind, at its first location.

    `programs` are the commands of the project: the words after them on a line are commands of
    theirs.
    """
    reading = _Reading()
    path = ""
    for line in view.lines:
        if line.path != path:
            reading.fence, reading.is_of_settings, path = None, False, line.path
        _read(line, reading, programs)
    found: dict[tuple[str, str], SpecName] = {}
    for name in reading.names:
        key = (name.kind, name.text)
        known = found.get(key)
        if known is None or (known.avoided and not name.avoided):
            found[key] = name
    gone = {(one.kind, one.text) for one in reading.names if one.avoided and _is_gone(view, one)}
    return [name for key, name in found.items() if key not in gone]


def _is_gone(view: SpecView, name: SpecName) -> bool:
    """Whether a change of OpenSpec removes the subject of the name."""
    line = next(one for one in view.lines if one.path == name.path and one.number == name.line)
    return any(head.upper().startswith("REMOVED ") for head in line.heads)


def _read(line: SpecLine, reading: _Reading, programs: Collection[str]) -> None:
    text = unset(line.text)
    avoided = any(_ASIDE.search(head) for head in line.heads) or (_NEGATED.search(text) is not None)
    if line.code:
        mark = re.match(r"\s*(?:[-*+]\s+)?(?:`{3,}|~{3,})(.*)$", line.text)
        if mark:
            reading.fence = None if reading.fence is not None else mark[1].strip().casefold()
            return
        if reading.fence is None:
            return  # a comment
        text = line.text
    else:
        reading.fence = None

    loose = line.code and _SHAPE.match(text) is not None

    def add(kind: NameKind, name: str, **more: tuple[str, ...]) -> None:
        own = SpecName(kind, name, line.path, line.number, avoided, loose, **more)
        reading.names.append(own)

    for methods, route in _endpoints(text):
        shown = f"{methods} {shown_route(route)}"
        add("endpoint", shown, methods=(methods,), route=route)
    for kind, name in (*_tables(line, text), *_components(line, text)):
        add(kind, name)
    for name in _settings(line, text, reading):
        add("setting", name)
    for name in _commands(line, reading.fence, programs):
        add("command", name)
    if line.part == "design" and not line.code:
        for path in _paths(line.text.replace("`", " ").replace("**", " ")):
            add("file", path)


def _paths(text: str) -> Iterator[str]:
    """Yield the code files in a line; patterns and `a.ts/b.ts` do not count."""
    for path in named_paths(text):
        at = text.find(path)
        around = text[max(at - 1, 0) : at] + text[at + len(path) : at + len(path) + 1]
        folders, _, name = path.rpartition("/")
        if not folders or not _PATH_KIND.search(name) or _PATTERN.search(path):
            continue
        if not set(around) & set("*{}<>") and not _PATH_KIND.search(folders):
            yield path.removeprefix("./")


def _endpoints(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for one in (*_ENDPOINT.finditer(text), *_TURNED.finditer(text)):
        path = one["path"].rstrip(".:!?`*_")
        for method in re.findall(_METHOD, one["methods"]):
            yield method, route_of(path)


def _heads(line: SpecLine, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(head) for head in line.heads)


def _tables(line: SpecLine, text: str) -> Iterator[tuple[NameKind, str]]:
    if line.level:
        head = _TABLE_HEAD.match(unset(line.title).strip())
        name = (head["after"] or head["before"]) if head else ""
        if head and name.casefold() not in {"the", "a", "lookup", "decision", "each", "data"}:
            yield "table", name
        return
    for one in _CREATE.finditer(text):
        if line.code or text[one.end() :].lstrip().startswith("("):
            yield "table", one["name"]
    if line.code:
        for one in _TABLE_NAME.finditer(text):
            yield "table", one["name"] or one["model"]
        return
    for one in _TABLE_WORDS.finditer(line.text):
        yield "table", one["quoted"] or one["after"] or one["snake"] or one["snake_after"]
    if line.heads and _TABLES.search(line.heads[-1]):
        item = _TABLE_ITEM.match(text) or _TABLE_CELL.match(text)
        if item and item["name"] not in _COLUMN_WORDS:
            yield "table", item["name"]


def _components(line: SpecLine, text: str) -> Iterator[tuple[NameKind, str]]:
    if line.code:
        if line.part == "design" and (declared := _DECLARED.match(text)):
            yield "component", declared["name"] or declared["go"]
        return
    if line.part != "design" or line.path.endswith(_NOTES) or _heads(line, _STACK):
        return
    if line.level:
        head = _COMPONENT_HEAD.match(unset(line.title))
        if head and re.match(_CAMEL, head["name"]):
            yield "component", head["name"]
        return
    if item := _ITEM.match(text):
        yield "component", item["name"]
    elif _heads(line, _COMPONENTS) and (cell := _CELL.match(text)):
        yield "component", cell["name"]
    for one in _SUFFIXED.finditer(line.text):
        if _ROLE.search(one["name"]):
            yield "component", one["name"]


def _settings(line: SpecLine, text: str, reading: _Reading) -> Iterator[str]:
    names = [one["name"] for one in _SETTING_READ.finditer(text)]
    if line.code:
        if reading.fence is not None and (given := _SETTING_GIVEN.match(text)):
            names.append(given["name"])
    else:
        is_row = text.lstrip().startswith("|")
        if is_row and not reading.is_of_settings:
            reading.is_of_settings = bool(
                re.match(r"^\s*\|\s*(?:env\w*|settings?|variables?|config\w*)\b", text, re.I)
            )
        elif not is_row:
            reading.is_of_settings = False
        about = reading.is_of_settings or _SETTINGS.search(text) or _heads(line, _SETTINGS)
        if about:
            names += [one["name"] for one in _SETTING.finditer(text)]
    yield from dict.fromkeys(name for name in names if name not in OF_EVERY_SYSTEM)


def _commands(line: SpecLine, fence: str | None, programs: Collection[str]) -> Iterator[str]:
    if line.code:
        typed: Sequence[str] = [line.text] if fence in _SHELLS else []
    else:
        typed = _SPAN.findall(line.text)
        for one in _COMMAND_WORDS.finditer(line.text):
            yield one["name"] or one["after"]
        if _COMMANDS.search(line.heads[-1] if line.heads else "") and not line.level:
            plain = unset(line.text)
            item = _COMMAND_ITEM.match(plain) or _COMMAND_CELL.match(plain)
            if item and item["name"] not in {"command", "name", "option"} | set(programs):
                yield item["name"]
    for text in typed:
        yield from _typed(text, programs)


def _typed(text: str, programs: Collection[str]) -> Iterator[str]:
    """Yield the command in a line that users type: the words after a program of the project."""
    words = _PROMPT.sub("", text, count=1).split()
    if words[:1] in (["python"], ["python3"]) and len(words) > 2:
        words = words[1:]
        if words[0] == "-m":
            words = words[1:]
    if len(words) < 2 or words[0].removeprefix("./") not in programs:
        return
    program, rest = words[0].removeprefix("./"), words[1:]
    if program in _RUNNERS:
        if rest[0] == "run" and len(rest) > 1:
            rest = rest[1:]
        elif "" not in _RUNNERS[program] or rest[0] in _OF_RUNNERS - (
            {"test", "install"} if program == "make" else set()
        ):
            return
    if _COMMAND.match(rest[0]):
        yield rest[0]


def mentioned(text: str) -> str:
    """Return a text to search for names: without emphasis, and with code ticks as spaces."""
    return unset(text.replace("`", " "))
