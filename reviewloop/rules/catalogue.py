"""The built-in rules, read from their files, by id and by family."""

from functools import cache
from pathlib import Path

from reviewloop.analysis.contract import Rule, RuleEntry
from reviewloop.analysis.rule_packs import read_rules

FOLDER = Path(__file__).parent


@cache
def _entries() -> dict[str, RuleEntry]:
    return {entry.rule.id: entry for entry in read_rules(FOLDER)}


def rule(ident: str) -> Rule:
    """Return a rule by its id; raise KeyError without its file."""
    return _entries()[ident].rule


def entries_of(family: str) -> tuple[RuleEntry, ...]:
    """Return the rules of a family, with the function or pattern that finds each."""
    return tuple(e for ident, e in _entries().items() if ident.startswith(f"{family}/"))


def node_rules(family: str) -> tuple[RuleEntry, ...]:
    """Return the rules of a family that match single nodes of the tree, not data flow."""
    flows = "reviewloop.rules.taint."
    return tuple(e for e in entries_of(family) if not e.matcher.check.startswith(flows))


def rules_of_check(check: str) -> tuple[Rule, ...]:
    """Return the rules of all families that name a check as their finder."""
    return tuple(e.rule for e in _entries().values() if e.matcher.check == check)


def rules_of(family: str) -> tuple[Rule, ...]:
    """Return the rules of a family."""
    return tuple(entry.rule for entry in entries_of(family))
