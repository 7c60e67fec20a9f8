"""All rules and checks: our own, and our texts on the rules of third-party tools."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import cache

from reviewloop.analysis.contract import (
    AnalyserReport,
    ChangeCheck,
    ChangeView,
    FileCheck,
    Rule,
    RuleEntry,
)
from reviewloop.analysis.rule_packs import installed_packs
from reviewloop.plugins import OWN


@cache
def file_checks() -> tuple[FileCheck, ...]:
    """Return our checks of single files, in the order the list of analysers shows."""
    return tuple(check for pack in installed_packs().packs.values() for check in pack.file_checks)


@cache
def change_checks() -> tuple[ChangeCheck, ...]:
    """Return our checks of a whole change."""
    return tuple(check for pack in installed_packs().packs.values() for check in pack.change_checks)


@cache
def spec_rules() -> tuple[RuleEntry, ...]:
    """Return the rules about specs, with the function that finds each."""
    return tuple(entry for pack in installed_packs().packs.values() for entry in pack.spec_rules)


def failed_packs() -> tuple[AnalyserReport, ...]:
    """Return a report of each rule pack that could not be loaded."""
    return installed_packs().failed


def reports_about(view: ChangeView) -> Iterator[AnalyserReport]:
    """Yield the packs' reports beside their hits: whether required data was usable."""
    for pack in installed_packs().packs.values():
        for report_of in pack.reports:
            if report := report_of(view):
                yield report


def own_rules() -> Iterator[Rule]:
    """Yield every rule of ours once, by check; several checks may share rules."""
    seen: set[str] = set()
    checks: tuple[FileCheck | ChangeCheck, ...] = (*file_checks(), *change_checks())
    for check in checks:
        for rule in check.rules:
            if rule.id not in seen:
                seen.add(rule.id)
                yield rule
    for entry in spec_rules():
        if entry.rule.id not in seen:
            seen.add(entry.rule.id)
            yield entry.rule


@cache
def _own() -> dict[str, Rule]:
    return {rule.id: rule for rule in own_rules()}


@cache
def rule_of(rule_id: str) -> Rule | None:
    """Return a rule by its id, ours or a tool's; None if it is unknown or switched off."""
    own = _own().get(rule_id)
    if own is not None:
        return own
    from reviewloop.analysis.tools import tool_rule

    return tool_rule(rule_id)


def rules_without_reviewer(reviewers: Collection[str]) -> dict[str, list[str]]:
    """Return the ids of rules that no reviewer of a whole team has, by the name they give."""
    found: dict[str, list[str]] = {}
    for rule in _own().values():
        if rule.reviewer not in reviewers:
            found.setdefault(rule.reviewer, []).append(rule.id)
    return found


def own_rule(rule_id: str) -> Rule | None:
    """Return a rule of our own pack, None for those of other packs and of tools."""
    return _shipped().get(rule_id)


@cache
def _shipped() -> dict[str, Rule]:
    pack = installed_packs().packs.get(OWN)
    return {rule.id: rule for rule in pack.rules} if pack else {}


def is_about_a_rule(pattern: str) -> bool:
    """Whether a pattern of the settings matches any rule; one for tools' rules may."""
    from reviewloop.analysis.tools import TOOLS

    theirs = any(fnmatchcase(pattern.partition("/")[0], tool.name) for tool in TOOLS)
    return theirs or any(fnmatchcase(rule, pattern) for rule in (*_own(), *_retired()))


def successor_of(rule_id: str) -> str:
    """Return the tool's rule that replaces a retired rule, else ""."""
    return _retired().get(rule_id, "")


@cache
def _retired() -> dict[str, str]:
    packs = installed_packs().packs.values()
    return {old: new for pack in packs for old, new in pack.retired.items()}
