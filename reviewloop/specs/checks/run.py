"""Runs all rules about specs over one spec and makes findings of their hits."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from reviewloop.analysis.contract import Hit, Rule, Span, resolve
from reviewloop.analysis.rule_book import spec_rules
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity, by_severity, fingerprint
from reviewloop.specs.checks.view import SpecView

_LISTED = 6  # most further lines in a finding
_FACTS = (
    "reviewloop.specs.checks.facts:",
    "reviewloop.specs.checks.aws:",
    "reviewloop.specs.checks.names:",
)
_LEVELS = {"must": Severity.MUST_FIX, "should": Severity.SHOULD_FIX, "nit": Severity.NIT}


@dataclass(frozen=True)
class SpecChecks:
    """The findings of one spec, most severe first, and claims that could not be checked."""

    view: SpecView
    findings: tuple[Finding, ...]
    unverified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_spec(view: SpecView, level: Callable[[str], str] = lambda rule: "") -> SpecChecks:
    """Return the findings of all rules about specs.

    `level` returns the configured level of a rule: "off", "must", "should", "nit", or "" for the
    default. A rule makes one finding per document, which lists further lines, too; a rule on
    missing names makes one for each name.
    """
    findings: list[Finding] = []
    rules: Mapping[str, Rule] = {entry.rule.id: entry.rule for entry in spec_rules()}
    for reference in dict.fromkeys(entry.matcher.check for entry in spec_rules()):
        hits = [hit for hit in resolve(reference)(view) if level(hit.rule) != "off"]
        findings += [
            _finding(view, hit, rules[hit.rule], level(hit.rule))
            for hit in merged(hits, each=reference.startswith(_FACTS))
        ]
    notes = () if view.is_english else (_OTHER_LANGUAGE,)
    return SpecChecks(view, tuple(by_severity(findings)), view.unverified, notes)


_OTHER_LANGUAGE = "words are checked in English only; this spec is in another language"


def merged(hits: Iterable[Hit], *, each: bool = False) -> list[Hit]:
    """Return one hit for each rule and document, at the first line; its message names the rest.

    With `each`, one for each message.
    """

    def about(hit: Hit) -> tuple[str, str, str]:
        return hit.rule, hit.path, hit.message if each else ""

    order = sorted(hits, key=lambda hit: (about(hit), hit.span or Span(0, 0)))
    found: list[Hit] = []
    for _, group in groupby(order, key=about):
        first, *rest = group
        lines = sorted({hit.span.line for hit in rest if hit.span})
        if rest:
            shown = ", ".join(map(str, lines[:_LISTED]))
            more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
            word = "line" if len(lines) == 1 else "lines"
            related = tuple((hit.span, hit.message) for hit in rest if hit.span)
            message = f"{first.message} (also {word} {shown}{more})"
            first = replace(first, message=message, related=(*first.related, *related))
        found.append(first)
    return found


def _finding(view: SpecView, hit: Hit, rule: Rule, level: str) -> Finding:
    span = hit.span or Span(1, 1)
    quote = next(
        (line.text for line in view.lines if (line.path, line.number) == (hit.path, span.line)), ""
    )
    return Finding(
        id=fingerprint(hit.path, quote, hit.rule),
        agents=(rule.reviewer,),
        severity=_LEVELS.get(level) or hit.severity or rule.severity,
        title=hit.message[:300],
        why=rule.why,
        suggestion=rule.fix,
        path=hit.path,
        line=span.line,
        end_line=span.end_line,
        column=span.column,
        end_column=span.end_column,
        category=rule.category,
        rule=hit.rule,
        confidence="high",
        quote=quote,
    )
