"""Say in one sentence what flows where."""

from typing import TYPE_CHECKING, Literal

from reviewloop.analysis.contract import MUST, SHOULD, Hit, Rule, Span
from reviewloop.rules.taint.frame import Found
from reviewloop.rules.taint.rules import RULES

if TYPE_CHECKING:
    from reviewloop.rules.taint.check import Places

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


def hit_for(path: str, found: Found, places: "Places") -> Hit:
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
