"""Finds installed rule packs, and reads the rules in their files.

A pack is an entry point of the group `reviewloop.rules`. It names a package whose folder holds rule
files, or a function that returns a `RulePack`. The built-in one is loaded in the same way.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from reviewloop.analysis.contract import (
    AnalyserReport,
    AnalyserStatus,
    FileCheck,
    Matcher,
    Rule,
    RuleEntry,
    RulePack,
    resolve,
)
from reviewloop.analysis.patterns import pattern_check
from reviewloop.analysis.rule_files import (
    CodeBlock,
    RuleFileError,
    RuleRecord,
    load_records,
    read_page,
)
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.domain.finding import Severity
from reviewloop.plugins import Plugin, installed


class Examples(NamedTuple):
    """The bad examples of a rule, and the good ones that look similar."""

    bad: tuple[tuple[CodeBlock, ...], ...]
    good: tuple[tuple[CodeBlock, ...], ...]


class InstalledPacks(NamedTuple):
    """The loaded packs, and a report of each that failed to load."""

    packs: Mapping[str, RulePack]  # by name, ours first
    failed: tuple[AnalyserReport, ...]


def read_rules(folder: Path) -> tuple[RuleEntry, ...]:
    """Return the rules with files in a pack's folder, without their examples.

    Raises `UsageError` naming a rule file that cannot be used.
    """
    try:
        return tuple(_entry(record, folder) for record in load_records(folder))
    except RuleFileError as error:
        raise UsageError(f"a rule file cannot be used: {error}") from error


def read_examples(rule: Rule) -> Examples:
    """Return the examples of a rule: each is one file, or the files of one change."""
    if not rule.page:
        return Examples((), ())
    page = read_page(Path(rule.page))
    return Examples(page.bad, page.good)


def _entry(record: RuleRecord, folder: Path) -> RuleEntry:
    rule = Rule(
        id=record["id"],
        reviewer=record["reviewer"],
        severity=Severity(record["severity"]),
        title=record["title"],
        why=record["why"],
        fix=record["fix"],
        category=record["category"],
        source=record["source"],
        message=record["message"],
        page=str(folder / f"{record['id']}.md"),
    )
    if record["flags"]:
        flags: dict[str, Any] = dict(record["flags"])
        rule = replace(rule, **flags)
    match = record["match"]
    matcher = Matcher(
        tuple(record["languages"]),
        tuple(record["nodes"]),
        tuple(record["calls"]),
        tuple(record["hints"]),
        match if isinstance(match, dict) else None,
        record["report"],
        record["check"],
        record["about"],
        record["receiver"],
        record["not_receiver"],
        {int(at): required for at, required in record["arguments"].items()},
        record["file_has"],
        record["file_lacks"],
        record["not_paths"],
    )
    return RuleEntry(rule, matcher)


@cache
def installed_packs() -> InstalledPacks:
    """Return every installed pack, ours first; a pack with a rule id of another one fails."""
    packs: dict[str, RulePack] = {}
    failed: list[AnalyserReport] = []
    known: set[str] = set()
    for plugin in installed("rules"):
        try:
            if plugin.name in packs:
                raise ValueError(f"another pack is called {plugin.name}, too")
            pack = _load(plugin)
            if twice := [rule.id for rule in pack.rules if rule.id in known]:
                raise ValueError(f"another pack has the rule {twice[0]}, too")
        except Exception as error:  # noqa: BLE001 - third-party code must not end a review
            expected = isinstance(error, ReviewLoopError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            name = f"rules of {plugin.name}"
            failed.append(AnalyserReport(name, AnalyserStatus.FAILED, reason=reason))
            continue
        known.update(rule.id for rule in pack.rules)
        packs[plugin.name] = pack
    return InstalledPacks(packs, tuple(failed))


def _load(plugin: Plugin) -> RulePack:
    loaded = plugin.load()
    if callable(loaded):
        loaded = loaded()
    if isinstance(loaded, RulePack):
        return loaded
    if not isinstance(loaded, ModuleType) or loaded.__file__ is None:
        raise TypeError(f"{plugin.reference} gives no pack of rules")
    return folder_pack(plugin.name, Path(loaded.__file__).parent)


def folder_pack(name: str, folder: Path) -> RulePack:
    """Return the pack for the rule files of a folder, without any code of its own."""
    entries = read_rules(folder)
    if not entries:
        raise ValueError(f"{folder} holds no rule, FAMILY/NAME.md")
    about_specs = tuple(e for e in entries if e.matcher.about == "spec")
    about_code = [e for e in entries if e.matcher.about != "spec"]
    by_node = [e for e in about_code if e.matcher.match or e.matcher.nodes or e.matcher.calls]
    checks = [pattern_check(name, by_node)] if by_node else []
    by_function: dict[str, list[RuleEntry]] = {}
    for entry in about_code:
        if entry not in by_node:
            by_function.setdefault(entry.matcher.check, []).append(entry)
    for reference, found in by_function.items():
        checks.append(_whole_file(name if not checks else reference, tuple(found), reference))
    rules = tuple(entry.rule for entry in entries)
    return RulePack(rules, tuple(checks), spec_rules=about_specs)


def _whole_file(name: str, entries: tuple[RuleEntry, ...], reference: str) -> FileCheck:
    languages = {language for entry in entries for language in entry.matcher.languages}
    return FileCheck(
        name,
        tuple(entry.rule for entry in entries),
        lambda file: not languages or file.language in languages,
        lambda file: resolve(reference)(file),
    )
