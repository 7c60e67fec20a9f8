"""Reads style and structure from keys in steering files, and decides which become rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Literal

from reviewloop.architecture.model import CASES, TAB, Architecture, Style
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

if TYPE_CHECKING:
    from yaml.nodes import Node

KEY_FILES = (".yaml", ".yml")
_SECTIONS = frozenset(("codingstyle", "style", "architecture", "conventions", "naming"))
_OPENS = regex(r"^(?P<key>[A-Za-z][\w-]*):\s*(?:#.*)?$")

_DEEPEST = 5  # nested keys; an alias may contain itself

By = Literal["rule", "words", "file"]


@dataclass(frozen=True)
class Key:
    """One key of a steering file: `codingStyle.fileCase` and its value."""

    path: str
    line: int
    name: str
    value: str


@dataclass(frozen=True)
class Decision:
    """The decision on a key: it becomes a rule, text for agents, or the file overrides it."""

    key: Key
    by: By
    what: str  # the rule, why it stays text, or the value in architecture.toml


@dataclass(frozen=True)
class Keyed:
    """An architecture with the rules from keys."""

    architecture: Architecture
    decisions: tuple[Decision, ...] = field(default=())

    @property
    def words(self) -> tuple[str, ...]:
        """The keys without a rule, as text for agents."""
        return tuple(
            f"- {one.key.name}: {one.key.value}" for one in self.decisions if one.by == "words"
        )

    @property
    def adds(self) -> bool:
        """Whether any rule comes from a key."""
        return any(one.by == "rule" for one in self.decisions)


def read_keys(path: str, text: str) -> Iterator[Key]:
    """Yield the keys of a YAML file, or of the sections of keys in a Markdown file.

    In Markdown they are in the front matter, or in sections in which only keys start at the margin.
    Raise `UsageError` for an invalid YAML file.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if path.endswith(KEY_FILES):
        yield from _composed(path, "\n".join(lines), 0, whole=True)
        return
    at = 0
    while at < len(lines):
        found = _OPENS.match(lines[at])
        begin, at = at, at + 1
        if not found or _plain(found["key"]) not in _SECTIONS:
            continue
        while at < len(lines) and (not lines[at].strip() or lines[at][:1].isspace()):
            at += 1
        yield from _composed(path, "\n".join(lines[begin:at]), begin, whole=False)


def _composed(path: str, text: str, above: int, *, whole: bool) -> Iterator[Key]:
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = above + (mark.line + 1 if mark else 1)
        if whole:
            problem = " ".join(str(getattr(error, "problem", "") or "not valid YAML").split())
            raise UsageError(f"{path}:{line}: not valid YAML: {problem}") from None
        return  # prose that looks like a key stays prose
    except RecursionError:
        raise UsageError(f"{path}:{above + 1}: the keys are nested too deep") from None
    if root is not None:
        found = _walk(path, root, "", above)
        yield from found if whole else (key for key in found if "." in key.name)


def _walk(path: str, node: "Node", name: str, above: int) -> Iterator[Key]:
    if name.count(".") > _DEEPEST:
        return
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                inner = f"{name}.{key.value}" if name else str(key.value)
                if isinstance(value, ScalarNode):
                    yield Key(path, above + key.start_mark.line + 1, inner, str(value.value))
                else:
                    yield from _walk(path, value, inner, above)
    elif isinstance(node, SequenceNode):
        texts = [str(one.value) for one in node.value if isinstance(one, ScalarNode)]
        if texts:
            yield Key(path, above + node.start_mark.line + 1, name, ", ".join(texts))


def with_keys(given: Architecture, keys: Iterator[Key]) -> Keyed:
    """Return an architecture with the rules from keys; its own rules win.

    Raise `UsageError` for an unknown case or an invalid indentation.
    """
    decisions: list[Decision] = []
    style = given.styles.get("", Style())
    required = list(given.required)
    for key in keys:
        last = _plain(key.name.rpartition(".")[2])
        if last in _STYLE:
            attribute, rule = _STYLE[last]
            value = _indent(key) if attribute == "indent" else _case(key)
            own = getattr(style, attribute)
            if own and own != value:
                decisions.append(Decision(key, "file", f"{attribute} is {own} already"))
            else:
                changed: dict[str, Any] = {attribute: value}
                style = replace(style, **changed)
                decisions.append(Decision(key, "rule", rule))
        elif last in _LAYERS and key.value.casefold() in {"true", "yes", "on"}:
            layer = next((name for name in _LAYERS[last] if name in given.by_name), "")
            if layer:
                required += [layer] if layer not in required else []
                decisions.append(Decision(key, "rule", f"arch/required-layer ({layer})"))
            else:
                names = " or ".join(_LAYERS[last])
                decisions.append(Decision(key, "words", f"no layer is called {names}"))
        else:
            decisions.append(Decision(key, "words", "no rule decides it"))
    styles = {**given.styles, "": style} if style != Style() else given.styles
    architecture = replace(given, styles=styles, required=tuple(required))
    return Keyed(architecture, tuple(decisions))


_STYLE: Mapping[str, tuple[str, str]] = {
    "filecase": ("file_case", "style/file-case"),
    "filenaming": ("file_case", "style/file-case"),
    "variablecase": ("variable_case", "style/variable-case"),
    "variablenaming": ("variable_case", "style/variable-case"),
    "indent": ("indent", "style/indent"),
    "indentation": ("indent", "style/indent"),
}
_LAYERS: Mapping[str, tuple[str, ...]] = {
    "preferservices": ("services", "service"),
    "userepositorypattern": ("repositories", "repository"),
    "usecontrollers": ("controllers", "controller"),
    "useports": ("ports",),
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _case(key: Key) -> str:
    known = {_plain(case): case for case in CASES}
    known |= {_plain(case).removesuffix("case"): case for case in CASES}
    found = known.get(_plain(key.value))
    if found is None:
        raise UsageError(
            f"{key.path}:{key.line}: {key.name} is {key.value!r}; it is one of {', '.join(CASES)}"
        )
    return found


def _indent(key: Key) -> int | str:
    value = key.value.strip().casefold()
    if value.rstrip("s") == TAB:
        return TAB
    number = re.fullmatch(r"([1-8])(?: spaces?)?", value)
    if number is None:
        raise UsageError(
            f"{key.path}:{key.line}: {key.name} is {key.value!r}; it is a number of spaces or "
            f'"{TAB}"'
        )
    return int(number[1])
