"""Run the taint pass over one file and put what it found into words."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

from reviewloop.analysis.contract import MUST, SHOULD, Hit, Rule, SourceFile, Span
from reviewloop.rules.taint.rules import RULES
from reviewloop.rules.taint.sources import ANY_SOURCE, NO_VIEWS, routed_functions
from reviewloop.rules.taint.values import Found

_BY_SLUG: dict[str, Rule] = {rule.id.partition("/")[2]: rule for rule in RULES}
_SENTENCES = {
    "sql-injection": "{source} becomes part of the SQL that {sink} runs",
    "command-injection": "{source} becomes part of the command that {sink} runs",
    "code-injection": "{source} is run as code by {sink}",
    "template-injection": "{source} becomes part of the template that {sink} renders",
    "path-traversal": "{source} decides the path that {sink} uses",
    "xss": "{source} gets into {sink} without being escaped",
    "ldap-injection": "{source} becomes part of the LDAP query that {sink} sends",
    "xpath-injection": "{source} becomes part of the XPath that {sink} evaluates",
    "open-redirect": "{source} decides where {sink} sends the browser",
    "deserialization": "{source} is turned into objects by {sink}",
    "ssrf": "{source} decides the address that {sink} connects to",
    "xxe": "{source} is parsed by {sink} with external entities switched on",
    "trust-boundary": "{source} is stored in {sink} without being checked",
    "header-injection": "{source} is put into {sink} without being checked",
    "nosql-injection": "{source} may be an operator instead of a value in the query of {sink}",
    "weak-random": "{sink} is made with {source}, which can be guessed",
    "secure-cookie": "This cookie {sink}",
    "weak-hash": "The hash chosen here by a variable is {sink}",
}


class Places:
    """Turns byte offsets into lines and columns of characters."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._plain = source.isascii()
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)

    def span(self, start: int, end: int) -> Span:
        """Return the span between two byte offsets."""
        line, column = self._place(start)
        last, stop = self._place(max(start, end))
        return Span(line, last, column, stop)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        begin = self._starts[line - 1]
        if self._plain:
            return line, offset - begin + 1
        text = self._source[begin:offset].decode("utf-8", "replace")
        return line, len(text) + 1


def hit_for(path: str, found: Found, places: Places) -> Hit:
    """Return the hit for a flow."""
    rule = _BY_SLUG[found.rule]
    origin = found.origin
    source = "" if origin is None else _source(origin.what)
    pattern = _SENTENCES[found.rule]
    if found.rule == "xxe" and not found.sure:
        pattern = "{source} is parsed by {sink}, which loads external entities before lxml 5"
    sentence = pattern.format(source=source, sink=found.what)
    sentence = sentence[0].upper() + sentence[1:] + "."
    severity = rule.severity if found.sure or rule.severity is not MUST else SHOULD
    confidence: Literal["high", "medium"] = "high" if found.sure else "medium"
    related: tuple[tuple[Span, str], ...] = ()
    if origin is not None:
        related = ((places.span(origin.start, origin.end), "comes from here"),)
    span = places.span(found.start, found.end)
    return Hit(rule.id, path, span, sentence, severity, confidence, related)


def _source(what: str) -> str:
    return what if what.startswith("the ") else f"`{what}`"


def find_flows(file: SourceFile) -> Iterator[Hit]:
    """Yield a hit for every flow of outside data into a sink."""
    if not ANY_SOURCE.search(file.text):
        return
    from reviewloop.rules.taint.expressions import evaluate
    from reviewloop.rules.taint.functions import run_module, summarise
    from reviewloop.rules.taint.python_reader import read_module
    from reviewloop.rules.taint.statements import execute, note_import
    from reviewloop.rules.taint.syntax import Import
    from reviewloop.rules.taint.values import Machine

    source = file.text.encode("utf-8", "surrogatepass")
    body = read_module(source)
    machine = Machine(source, evaluate, execute, summarise)
    machine.backstage = bool(NO_VIEWS.search(file.path))
    machine.routed = routed_functions(file.text)
    for statement in body:
        if isinstance(statement, Import):
            for bound, dotted in statement.names:
                note_import(machine, bound, dotted)
    run_module(machine, body)
    places = Places(source)
    for found in sorted(machine.found.values(), key=lambda each: (each.start, each.rule)):
        yield hit_for(file.path, found, places)
