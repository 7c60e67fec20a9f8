"""The form of the policy: one row per rule of a tool, one line per family of rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from reviewloop.analysis.contract import Rule
from reviewloop.domain.finding import Severity


class Row(NamedTuple):
    """What we say about one rule of a tool."""

    code: str  # the tool's own id
    slug: str  # last part of its documentation address, "" where that is the code
    severity: Severity
    category: str
    title: str
    why: str
    fix: str


class Family(NamedTuple):
    """What we say about all rules whose ids begin alike and that have no row of their own."""

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
    """What we make of one tool: its rows, its families, and what is off."""

    tool: str
    rules: dict[str, Rule]
    families: tuple[Family, ...] = ()
    off: frozenset[str] = frozenset()
    off_prefixes: tuple[str, ...] = ()
    page: str = ""  # documentation of a rule, {slug} or {code} in it

    def rule(self, code: str) -> Rule | None:
        """Return the rule for a tool's code; None when it is off or unknown."""
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
            source=self.page.partition("{")[0] if "{slug}" in self.page else self._page(code),
            in_tests=family.in_tests,
            in_examples=family.in_examples,
            in_product=family.in_product,
        )

    def _page(self, code: str) -> str:
        return self.page.replace("{code}", code)


def _belongs(code: str, prefix: str) -> bool:
    """Whether a code is of a family: PTH118 is not of PT."""
    rest = code.removeprefix(prefix)
    return code.startswith(prefix) and not (prefix[-1:].isalpha() and rest[:1].isalpha())


def rules_of(
    tool: str,
    page: str,
    reviewer: str,
    rows: Iterable[Row],
    *,
    in_tests: bool = False,
    in_examples: bool = False,
    in_product: bool = True,
    caused: Iterable[str] = (),
) -> dict[str, Rule]:
    """Return rows as rules by the tool's code; the flags hold for all of them."""
    caused = frozenset(caused)
    return {
        row.code: Rule(
            id=f"{tool}/{row.code}",
            reviewer=reviewer,
            severity=row.severity,
            title=row.title,
            why=row.why,
            fix=row.fix,
            category=row.category,
            source=page.replace("{slug}", row.slug or row.code).replace("{code}", row.code),
            in_tests=in_tests,
            in_examples=in_examples,
            in_product=in_product,
            caused=row.code in caused,
        )
        for row in rows
    }
