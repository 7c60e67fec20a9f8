"""Where a rule is explained: the address of its source, and the weaknesses it names."""

import re

from reviewloop.analysers.rules import Rule
from reviewloop.findings import Finding
from reviewloop.output.review_words import Rules

_CWE = re.compile(r"\bCWE-(\d{1,5})\b")
_ADDRESS = re.compile(r"https://[^\s<>\"'`\\^{}|]+")
URL = re.compile(r"https://[^\s<>\"'`\\^{}|]+(?<![.,;)])")


def rule_link(finding: Finding, rules: Rules) -> str:
    """Return the https address that explains the rule of a finding, "" when none is known."""
    if found := _ADDRESS.fullmatch(finding.url):
        return found.group()
    rule = rules(finding.rule) if finding.rule else None
    return source_link(rule) if rule else ""


def source_link(rule: Rule) -> str:
    """Return the https address of what a rule is based on, "" when it names none."""
    if found := URL.search(rule.source):
        return found.group()
    numbers = weaknesses(rule)
    return f"https://cwe.mitre.org/data/definitions/{numbers[0]}.html" if numbers else ""


def weaknesses(rule: Rule) -> list[int]:
    """Return the numbers of the CWE entries a rule names."""
    return [int(number) for number in _CWE.findall(rule.source)]
