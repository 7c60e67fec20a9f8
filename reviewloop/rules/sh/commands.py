"""Splits shell text into its commands, each with words and location."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from reviewloop.analysis.parsing import parse
from reviewloop.analysis.patterns import nodes_of
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_WRAPPERS = frozenset({"sudo", "env", "exec", "nice", "nohup", "time", "eatmydata", "command"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_ESCAPED = regex(r"\\(.)", re.DOTALL)


# Whether it feeds another command, and the name of the command that feeds it.
Piping = tuple[bool, str]


@dataclass(frozen=True)
class Command:
    """One simple command; rows and columns are 0-based and relative to the text read."""

    name: str  # without folder, and without the wrappers before it
    words: tuple[str, ...]  # its arguments, quotes taken away
    wrappers: tuple[str, ...]  # sudo, env, ... in front of it
    row: int
    column: int
    end_row: int
    end_column: int
    feeds: bool = False  # its output goes into another command
    fed_by: str = ""  # the name of the command whose output it reads

    def has(self, *options: str) -> bool:
        """Whether an option is given; one letter also counts within a bundle like -qy."""
        for option in options:
            if len(option) == 1:
                if any(option in w for w in self._bundles):
                    return True
            elif any(w == "--" + option or w.startswith(f"--{option}=") for w in self.words):
                return True
        return False

    @cached_property
    def _bundles(self) -> tuple[str, ...]:
        return tuple(w[1:] for w in self.words if re.fullmatch(r"-[A-Za-z0-9]+", w))

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The arguments without options."""
        return tuple(w for w in self.words if not w.startswith("-"))

    def does(self, *subcommands: str) -> bool:
        """Whether the first argument that is no option is one of these."""
        return bool(self.plain) and self.plain[0] in subcommands


def commands_in(text: str) -> list[Command]:
    """Return every command in a shell text, in order, those in substitutions included."""
    found = []
    root = parse(text, "bash")
    pipes = piping(root)
    for node in nodes_of(root, ("command",)):
        command = command_of(node, pipes)
        if command is None:
            continue
        found.append(command)
        if command.name in _SHELLS and "-c" in command.words[:-1]:
            found.extend(_inner(command))
    return found


def _inner(outer: Command) -> Iterator[Command]:
    script = outer.words[outer.words.index("-c") + 1]
    root = parse(script, "bash")
    pipes = piping(root)
    for node in nodes_of(root, ("command",)):
        inner = command_of(node, pipes)
        if inner is not None:
            extent = (outer.row, outer.column, outer.end_row, outer.end_column)
            yield Command(
                inner.name, inner.words, inner.wrappers, *extent, inner.feeds, inner.fed_by
            )


def command_of(node: "SgNode", pipes: "dict[int, Piping]") -> Command | None:
    """Parse a command node; None if it names no program."""
    words = [word_text(child) for child in words_of(node)]
    wrappers: list[str] = []
    while words and base_name(words[0]) in _WRAPPERS:
        wrappers.append(base_name(words.pop(0)))
        while words and (words[0].startswith("-") or "=" in words[0]):
            words.pop(0)
    if not words:
        if not wrappers:
            return None
        words = [wrappers.pop()]
    extent = node.range()
    feeds, fed_by = pipes.get(extent.start.index, (False, ""))
    return Command(
        base_name(words[0]),
        tuple(words[1:]),
        tuple(wrappers),
        extent.start.line,
        extent.start.column,
        extent.end.line,
        extent.end.column,
        feeds,
        fed_by,
    )


def words_of(node: "SgNode") -> "list[SgNode]":
    """Return the nodes of a command's words, its name first."""
    found = []
    for child in node.named_children():
        kind = child.kind()
        if kind == "command_name":
            found.extend(child.children()[:1] or [child])
        elif kind not in {"variable_assignment", "file_redirect", "herestring_redirect", "comment"}:
            found.append(child)
    return found


def word_text(node: "SgNode") -> str:
    """Return a word without its quotes; expansions stay as written."""
    kind = node.kind()
    if kind == "raw_string":
        return node.text()[1:-1]
    if kind == "string":
        return node.text()[1:-1].replace('\\"', '"')
    if kind == "concatenation":
        return "".join(word_text(child) for child in node.children())
    text = node.text()
    return _ESCAPED.sub(lambda m: "" if m.group(1) == "\n" else m.group(1), text)


def base_name(word: str) -> str:
    """Return a command's name without its folder."""
    return word.rsplit("/", 1)[-1]


def piping(root: "SgNode") -> "dict[int, Piping]":
    """Return for each step of a pipeline, by its position, what it feeds and is fed by."""
    found: dict[int, Piping] = {}
    for pipeline in nodes_of(root, ("pipeline",)):
        steps = [child for child in pipeline.named_children() if child.kind() != "comment"]
        before = ""
        for index, step in enumerate(steps):
            found[step.range().start.index] = (index + 1 < len(steps), before)
            before = _first_word(step)
    return found


def _first_word(step: "SgNode") -> str:
    """Return the name of the program a step of a pipeline starts."""
    for _ in range(5):
        if step.kind() == "command":
            words = [base_name(word_text(word)) for word in words_of(step)[:4]]
            return next((word for word in words if word not in _WRAPPERS), "")
        inner = step.named_children()[:1]
        if not inner:
            break
        step = inner[0]
    return ""
