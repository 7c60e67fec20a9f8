"""Searches the syntax tree of a file for hits of rules: one parse, one walk, cheap hints first."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, cast

from reviewloop.analysis.contract import (
    SECURITY,
    Edit,
    FileCheck,
    Fix,
    Hit,
    Matcher,
    Rule,
    RuleEntry,
    SourceFile,
    Span,
    resolve,
)
from reviewloop.analysis.parsing import parse
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity

if TYPE_CHECKING:
    from ast_grep_py import SgNode

MAX_AVERAGE_LINE = 400  # characters; a longer file is generated
# Characters; the cost grows with the square of it: 2.5 s for 500,000 characters.
LONGEST_LINE = 400_000
_NO_HAND_WRITTEN_LINE = 2_000  # characters; in longer lines only security hits are reported
_PARSERS = {"shell": "bash", "terraform": "hcl"}  # the parser's names of languages
# "module:NAME" of each language's grammar, loaded when a file of it has a rule found by `calls`.
_GRAMMARS = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), "reviewloop.rules.js.syntax:JAVASCRIPT"),
    "go": "reviewloop.rules.go.syntax:GO",
    "python": "reviewloop.rules.py.syntax:PYTHON",
}
ANCESTOR_BUDGET = 3_000_000  # nodes per file: hostile nesting must not make a walk quadratic


class UnusableMatchError(ValueError):
    """The `match` of a rule that the engine cannot use; the message names the rule, and why."""


def _cause(error: RuntimeError) -> str:
    """Return what the engine says of a rule, without its stack: the last cause is the exact one."""
    causes = str(error).partition("Stack backtrace:")[0].partition("Caused by:")[2]
    last = re.split(r"\s+\d+: ", causes)[-1]
    return f"`match` cannot be used: {' '.join(last.split()) or 'it is not valid'}"


@dataclass(frozen=True)
class Found:
    """A match of a pattern, with its differences from the rule's own texts."""

    node: "SgNode"
    message: str = ""
    severity: Severity | None = None
    replacement: str | None = None  # of the whole node
    safe: bool = False
    related: tuple[tuple["SgNode", str], ...] = ()


@dataclass
class Source:
    """One parsed file with queries for tests; lives for one run."""

    file: SourceFile
    root: "SgNode"
    budget: int = ANCESTOR_BUDGET
    memo: dict[object, Any] = field(default_factory=dict)  # cache of tests for this file

    @property
    def text(self) -> str:
        """The whole text."""
        return self.file.text

    def mentions(self, pattern: str) -> bool:
        """Whether a pattern matches anywhere in the text; each result is cached."""
        known = self.memo.get(("says", pattern))
        if known is None:
            known = re.search(pattern, self.text, re.MULTILINE) is not None
            self.memo["says", pattern] = known
        return bool(known)

    def ancestors(self, node: "SgNode") -> "list[SgNode]":
        """Return the nodes around a node, innermost first; none once the budget is spent."""
        if self.budget <= 0:
            return []
        around = node.ancestors()
        self.budget -= len(around) + 1
        return around

    def all(self, *kinds: str) -> "list[SgNode]":
        """Return every node of these kinds, in order."""
        found: list[SgNode] | None = self.memo.get(kinds)
        if found is None:
            found = self.memo[kinds] = nodes_of(self.root, kinds)
        return found


@dataclass(frozen=True)
class Grammar:
    """The walk's facts about a language: which nodes are calls, and the parts of one.

    `receiver` is the text before the last dot of a call, `plain` a value without parentheses and
    types around it, `literal` says whether one is fixed: a literal, or built from such. `foreign`
    are kinds of node that only a related language has, JSX for example.
    """

    call_kinds: tuple[str, ...] = ()
    call_name: "Callable[[SgNode], str]" = lambda node: ""
    foreign: dict[str, frozenset[str]] = field(default_factory=dict)
    receiver: "Callable[[SgNode], str]" = lambda node: ""
    arguments: "Callable[[SgNode], list[SgNode]]" = lambda node: []
    plain: "Callable[[SgNode], SgNode]" = lambda node: node
    literal: "Callable[[SgNode], bool]" = lambda node: False


def nodes_of(node: "SgNode", kinds: Iterable[str]) -> "list[SgNode]":
    """Return every node of these kinds at or below a node, in order."""
    return node.find_all({"rule": {"any": [{"kind": kind} for kind in kinds]}})


def key(node: "SgNode") -> tuple[int, int]:
    """Return a key that identifies a node among others of its kind."""
    extent = node.range()
    return extent.start.index, extent.end.index


def span_of(node: "SgNode") -> Span:
    """Return a node's span; a node that ends with its newline ends on its own last line."""
    extent = node.range()
    start, end = extent.start, extent.end
    if end.column == 0 and end.line > start.line:
        return Span(start.line + 1, end.line)
    return Span(start.line + 1, end.line + 1, start.column + 1, end.column + 1)


def is_generated(file: SourceFile) -> bool:
    """Whether a file's lines are so long that it must be generated."""
    return len(file.text) > 20_000 and len(file.text) > MAX_AVERAGE_LINE * len(file.lines)


def short_enough(line: str) -> bool:
    """Whether a line is short enough to read; a very long one can take minutes."""
    return len(line) <= LONGEST_LINE


def pattern_check(name: str, entries: Sequence[RuleEntry]) -> FileCheck:
    """Return the check that searches the syntax tree of each file for hits of the rules."""
    by_language: dict[str, list[RuleEntry]] = defaultdict(list)
    for entry in entries:
        for language in entry.matcher.languages:
            by_language[language].append(entry)

    def run(file: SourceFile) -> Iterator[Hit]:
        return _search(by_language[file.language], _GRAMMARS.get(file.language, ""), file)

    rules = tuple(entry.rule for entry in entries)
    return FileCheck(name, rules, lambda file: file.language in by_language, run, short_enough)


def _search(entries: Iterable[RuleEntry], grammar: str, file: SourceFile) -> Iterator[Hit]:
    """Yield the hits of the rules in a file."""
    active = [entry for entry in entries if _applies(entry.matcher, file)]
    if not active:
        return
    found = _walk(active, grammar, file)
    if not is_generated(file):
        yield from found
        return
    # One line of padding or data has such a file, too: the other lines are written by hand.
    security = {entry.rule.id for entry in active if entry.rule.reviewer == SECURITY}
    for hit in found:
        line = file.lines[hit.span.line - 1] if hit.span else ""
        if len(line) <= _NO_HAND_WRITTEN_LINE or hit.rule in security:
            yield hit


def _walk(active: list[RuleEntry], grammar_name: str, file: SourceFile) -> Iterator[Hit]:
    by_kind: dict[str, list[RuleEntry]] = defaultdict(list)
    by_call: dict[str, list[RuleEntry]] = defaultdict(list)
    for entry in active:
        for kind in entry.matcher.nodes:
            by_kind[kind].append(entry)
        for name in entry.matcher.calls:
            by_call[name].append(entry)
    source = Source(file, parse(file.text, _PARSERS.get(file.language, file.language)))
    for entry in _matching(active, source.root):
        yield from _matches(entry, source)
    grammar = cast(Grammar, resolve(grammar_name)) if grammar_name else Grammar()
    node_kinds = {*by_kind, *(grammar.call_kinds if by_call else ())}
    node_kinds -= grammar.foreign.get(file.language, frozenset())
    if not node_kinds:
        return
    for node in nodes_of(source.root, sorted(node_kinds)):
        kind = node.kind()
        for entry in by_kind.get(kind, ()):
            yield from _hits(entry, node, source)
        if by_call and kind in grammar.call_kinds:
            for entry in by_call.get(grammar.call_name(node), ()):
                if entry.matcher.check:
                    yield from _hits(entry, node, source)
                elif (shown := _reported(entry, node, grammar)) is not None:
                    yield _hit(entry.rule, Found(shown), source)


def _reported(entry: RuleEntry, call: "SgNode", grammar: Grammar) -> "SgNode | None":
    """Return the node to report of a call that is as a rule says, else None."""
    matcher, name = entry.matcher, entry.rule.id
    if matcher.receiver or matcher.not_receiver:
        of = grammar.receiver(call)
        if not re.search(matcher.receiver, of):
            return None
        if matcher.not_receiver and re.search(matcher.not_receiver, of):
            return None
    given = grammar.arguments(call) if matcher.arguments else []
    for at, required in matcher.arguments.items():
        argument = given[at - 1] if at <= len(given) else None
        if not _fits(argument, required, grammar, name):
            return None
    if matcher.match is not None and not _holds(call, matcher.match, name):
        return None
    return given[int(matcher.report.split()[1]) - 1] if matcher.report else call


def _fits(argument: "SgNode | None", required: object, grammar: Grammar, name: str) -> bool:
    if argument is None or required == "none":
        return argument is None and required == "none"
    if isinstance(required, str):
        return grammar.literal(argument) is (required == "literal")
    return _holds(grammar.plain(argument), cast("Mapping[str, object]", required), name)


def _holds(node: "SgNode", rule: Mapping[str, object], name: str) -> bool:
    """Whether the named rule, in ast-grep's language, matches this very node."""
    conditions: dict[str, Any] = dict(rule)
    try:
        return node.matches(**conditions)
    except RuntimeError as error:
        raise UnusableMatchError(f"{name}: {_cause(error)}") from None


def _applies(matcher: Matcher, file: SourceFile) -> bool:
    """Whether a rule may have hits in a file, from its path and words; nothing is parsed yet."""
    if not is_hinted(matcher, file.text):
        return False
    if matcher.not_paths and re.search(matcher.not_paths, file.path):
        return False
    if matcher.file_has and not re.search(matcher.file_has, file.text, re.MULTILINE):
        return False
    return not (matcher.file_lacks and re.search(matcher.file_lacks, file.text, re.MULTILINE))


def is_hinted(matcher: Matcher, text: str) -> bool:
    """Whether a text has a word without which the rule has no hit; names of calls are such
    words.
    """
    words = matcher.hints or matcher.calls
    return not words or any(word in text for word in words)


def _matching(active: Iterable[RuleEntry], root: "SgNode") -> list[RuleEntry]:
    """Return the rules of `match` that may have hits in a tree: most have none in most files.

    One walk of the tree looks for all of them. What it finds is of the kinds that tell which rules
    are worth a walk of their own.
    """
    structural = [e for e in active if e.matcher.match is not None and not e.matcher.calls]
    alone = {e.rule.id for e in structural if "rule" in (e.matcher.match or {})}
    together = [e.matcher.match for e in structural if e.rule.id not in alone]
    everything: Any = {"rule": {"any": together}}
    try:
        found = {node.kind() for node in root.find_all(everything)} if together else set()
    except RuntimeError:  # of one of them: which one is said when it is alone
        return structural
    if not found and not alone:
        return []
    return [e for e in structural if e.rule.id in alone or _kinds(e.matcher.match, found) & found]


def _kinds(match: Mapping[str, Any] | None, unknown: set[str]) -> set[str]:
    """Return the kinds of node that a rule matches, `unknown` where it does not say."""
    rule = match or {}
    if "kind" in rule:
        return {rule["kind"]}
    choices = rule.get("any", ())
    kinds = {one["kind"] for one in choices if "kind" in one}
    return kinds if choices and all("kind" in one for one in choices) else unknown


def _matches(entry: RuleEntry, source: Source) -> Iterator[Hit]:
    match: Any = entry.matcher.match
    try:
        found = source.root.find_all(match if "rule" in match else {"rule": match})
    except RuntimeError as error:
        raise UnusableMatchError(f"{entry.rule.id}: {_cause(error)}") from None
    for node in found:
        shown = node.get_match(entry.matcher.report) if entry.matcher.report else node
        if shown is not None:
            yield _hit(entry.rule, Found(shown), source)


def _hits(entry: RuleEntry, node: "SgNode", source: Source) -> Iterator[Hit]:
    outcome = resolve(entry.matcher.check)(node, source)
    if outcome is None:
        return
    several = outcome if isinstance(outcome, Iterable) else (outcome,)
    for one in several:
        yield _hit(entry.rule, one if isinstance(one, Found) else Found(one), source)


def _hit(rule: Rule, found: Found, source: Source) -> Hit:
    span = span_of(found.node)
    fix = None
    if found.replacement is not None and span.column:
        fix = Fix((Edit(span, found.replacement),), rule.fix, found.safe)
    return Hit(
        rule.id,
        source.file.path,
        span,
        found.message or rule.title,
        found.severity,
        related=tuple((span_of(node), words) for node, words in found.related),
        fix=fix,
    )
