"""Where a rule is explained, and how its examples are laid out for people."""

import re

from reviewloop.analysis.book import own_rule
from reviewloop.analysis.contract import Rule
from reviewloop.analysis.rule_pages import page_address
from reviewloop.domain.finding import Finding
from reviewloop.render.review_words import Rules

_CWE = re.compile(r"\bCWE-(\d{1,5})\b")
_ADDRESS = re.compile(r"https://[^\s<>\"'`\\^{}|]+")
URL = re.compile(r"https://[^\s<>\"'`\\^{}|]+(?<![.,;)])")


def rule_link(finding: Finding, rules: Rules) -> str:
    """Return the https address that explains the rule of a finding, "" when none is known."""
    if page := _own_page(finding.rule):
        return page
    if found := _ADDRESS.fullmatch(finding.url):
        return found.group()
    rule = rules(finding.rule) if finding.rule else None
    return source_link(rule) if rule else ""


def explained_at(rule: Rule) -> str:
    """Return the https address that explains a rule, "" when none is known."""
    return _own_page(rule.id) or source_link(rule)


def source_link(rule: Rule) -> str:
    """Return the https address of what a rule is based on, "" when it names none."""
    if found := URL.search(rule.source):
        return found.group()
    numbers = weaknesses(rule)
    return f"https://cwe.mitre.org/data/definitions/{numbers[0]}.html" if numbers else ""


def _own_page(rule_id: str) -> str:
    rule = own_rule(rule_id)
    return page_address(rule) if rule else ""


def weaknesses(rule: Rule) -> list[int]:
    """Return the numbers of the CWE entries a rule names."""
    return [int(number) for number in _CWE.findall(rule.source)]


def laid_out(code: str) -> list[str]:
    """Return the lines of an example; blocks that were written flat are indented by their brackets.

    Examples of Terraform and Go are written in one string each, without white space at the margin.
    """
    lines = code.strip("\n").split("\n")
    if any(line.startswith((" ", "\t")) for line in lines):
        return lines
    shown, depth = [], 0
    for line in lines:
        depth -= line.startswith(("}", "]", ")"))
        shown.append("  " * max(depth, 0) + line)
        depth += line.rstrip().endswith(("{", "[", "("))
    return shown
