"""Our rules as their files give them, by id and by family."""

from functools import cache
from pathlib import Path

from reviewloop.analysis.contract import Rule, RuleEntry
from reviewloop.analysis.rule_packs import read_rules

FOLDER = Path(__file__).parent


@cache
def _entries() -> dict[str, RuleEntry]:
    return {entry.rule.id: entry for entry in read_rules(FOLDER)}


def rule(ident: str) -> Rule:
    """Return a rule by its id; its file has to be there."""
    return _entries()[ident].rule


def entries_of(family: str) -> tuple[RuleEntry, ...]:
    """Return the rules of a family, with how each is found."""
    return tuple(e for ident, e in _entries().items() if ident.startswith(f"{family}/"))


def searched(family: str) -> tuple[RuleEntry, ...]:
    """Return the rules of a family that a node of the tree shows, those of flows left out."""
    flows = "reviewloop.rules.taint."
    return tuple(e for e in entries_of(family) if not e.matcher.check.startswith(flows))


def found_by(check: str) -> tuple[Rule, ...]:
    """Return the rules, of whatever family, whose pages name a check."""
    return tuple(e.rule for e in _entries().values() if e.matcher.check == check)


def rules_of(family: str) -> tuple[Rule, ...]:
    """Return the rules of a family."""
    return tuple(entry.rule for entry in entries_of(family))
