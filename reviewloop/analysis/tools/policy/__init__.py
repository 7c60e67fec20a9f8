"""The policy: which rules of third-party tools we report, to whom, and how severe they are.

One TOML file per tool, read on first use of the tool (it is not named `ruff.toml`, which ruff would
read as its configuration). `source` is the address of its documentation; `off` lists rules that are
never reported; `families` apply to codes with a common prefix and without a row; `rules` are groups
of rows for one reviewer and the same classes of files.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Required, TypedDict

from reviewloop.analysis.contract import Rule
from reviewloop.analysis.data_tables import read_table
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity


@dataclass(frozen=True)
class Family:
    """Our texts for all rules with a common prefix and without a row of their own."""

    prefix: str
    severity: Severity
    reviewer: str
    category: str
    title: str
    why: str
    fix: str = ""
    in_tests: bool = False
    in_examples: bool = False
    in_product: bool = True


@dataclass(frozen=True)
class Policy:
    """Our policy for one tool: its rows, its families, and disabled rules."""

    tool: str
    rules: dict[str, Rule]
    families: tuple[Family, ...] = ()
    off: frozenset[str] = frozenset()
    off_prefixes: tuple[str, ...] = ()
    source: str = ""  # address of a rule's page, with {slug} or {code}
    select: tuple[str, ...] = ()  # families to run, if the tool needs their names

    def rule(self, code: str) -> Rule | None:
        """Return the rule for a tool's code; None if it is off or unknown."""
        if code in self.rules:
            return self.rules[code]
        if not code or code in self.off or code.startswith(self.off_prefixes):
            return None
        fitting = [family for family in self.families if _belongs(code, family.prefix)]
        if not fitting:
            return None
        family = max(fitting, key=lambda one: len(one.prefix))
        return Rule(
            id=f"{self.tool}/{code}",
            reviewer=family.reviewer,
            severity=family.severity,
            title=family.title,
            why=family.why,
            fix=family.fix,
            category=family.category,
            source=_page_of_family(self.source, code),
            in_tests=family.in_tests,
            in_examples=family.in_examples,
            in_product=family.in_product,
        )

    @property
    def selection(self) -> tuple[str, ...]:
        """The arguments that run the selected rules without the disabled ones."""
        return ("--select", ",".join(self.select), "--ignore", ",".join(sorted(self.off)))


class _Meaning(TypedDict, total=False):
    """The fields that rows and families share."""

    severity: Required[str]
    category: Required[str]
    title: Required[str]
    why: Required[str]
    fix: str


class _Row(_Meaning, total=False):
    code: str
    codes: list[str]  # several rules with the same texts
    slug: str  # last part of the address of its page, if that is not the code
    caused: bool


class _Where(TypedDict, total=False):
    """The responsible reviewer, and the classes of files."""

    reviewer: Required[str]
    in_tests: bool
    in_examples: bool
    in_product: bool


class _Group(_Where, total=False):
    rows: Required[list[_Row]]


class _Family(_Meaning, _Where, total=False):
    prefixes: Required[list[str]]


class _SameAs(TypedDict):
    tool: str
    prefix: str
    here: str


class _Table(TypedDict, total=False):
    source: Required[str]
    same_as: _SameAs
    select: list[str]
    off: list[str]
    off_prefixes: list[str]
    families: list[_Family]
    rules: list[_Group]


@cache
def policy_of(tool: str) -> Policy:
    """Return our policy for a tool, by its name; every row of the table has a file."""
    path = Path(__file__).with_name(f"{tool}-rules.toml")
    table: _Table = read_table(path)  # a test reads every table
    source = table["source"]
    rules = {rule.id.partition("/")[2]: rule for rule in _rules(tool, source, table)}
    if "same_as" in table:
        rules = {**_borrowed(tool, source, table["same_as"]), **rules}
    return Policy(
        tool,
        rules,
        tuple(_families(table.get("families", []))),
        frozenset(table.get("off", ())),
        tuple(table.get("off_prefixes", ())),
        source,
        tuple(table.get("select", ())),
    )


def _rules(tool: str, source: str, table: _Table) -> Iterator[Rule]:
    for group in table.get("rules", []):
        for row in group["rows"]:
            for code in row.get("codes") or [row["code"]]:
                page = source.replace("{slug}", row.get("slug", code)).replace("{code}", code)
                yield Rule(
                    id=f"{tool}/{code}",
                    reviewer=group["reviewer"],
                    severity=Severity(row["severity"]),
                    title=row["title"],
                    why=row["why"],
                    fix=row.get("fix", ""),
                    category=row["category"],
                    source=page,
                    in_tests=bool(row.get("in_tests", group.get("in_tests", False))),
                    in_examples=group.get("in_examples", False),
                    in_product=group.get("in_product", True),
                    caused=row.get("caused", False),
                )


def _families(entries: list[_Family]) -> Iterator[Family]:
    for entry in entries:
        for prefix in entry["prefixes"]:
            yield Family(
                prefix=prefix,
                severity=Severity(entry["severity"]),
                reviewer=entry["reviewer"],
                category=entry["category"],
                title=entry["title"],
                why=entry["why"],
                fix=entry.get("fix", ""),
                in_tests=entry.get("in_tests", False),
                in_examples=entry.get("in_examples", False),
                in_product=entry.get("in_product", True),
            )


def _borrowed(tool: str, source: str, same: _SameAs) -> dict[str, Rule]:
    """Return the rules that a tool copied from another one, under their numbers here."""
    rules = {}
    for code, rule in policy_of(same["tool"]).rules.items():
        number = code.removeprefix(same["prefix"])
        if code.startswith(same["prefix"]) and number.isdigit():
            here = same["here"] + number
            rules[here] = replace(rule, id=f"{tool}/{here}", source=source)
    return rules


def _belongs(code: str, prefix: str) -> bool:
    """Whether a code belongs to a family: PTH118 does not belong to PT."""
    rest = code.removeprefix(prefix)
    return code.startswith(prefix) and not (prefix[-1:].isalpha() and rest[:1].isalpha())


def _page_of_family(source: str, code: str) -> str:
    return source.partition("{")[0] if "{slug}" in source else source.replace("{code}", code)
