"""The web addresses of our rules' pages, for the running version."""

import os
from collections.abc import Mapping

from reviewloop import __version__
from reviewloop.analysis.contract import Rule
from reviewloop.analysis.rule_book import own_rule
from reviewloop.domain.finding import Finding
from reviewloop.installed import UNPUBLISHED, published_repository
from reviewloop.regex import regex
from reviewloop.render.review_words import Rules

_FOLDER = "reviewloop/rules"
_REPOSITORY = regex(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_REF = regex(r"[\w./-]+")


def page_address(rule: Rule, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of a rule's page, "" where the project's address is unknown.

    A rule in a table has no page; the page of its family describes all rows.
    """
    base = _base(environ)
    page = rule.id if rule.page else f"{rule.id.partition('/')[0]}/README"
    return f"{base}/{_FOLDER}/{page}.md" if base else ""


def _base(environ: Mapping[str, str]) -> str:
    """Return the address of this version's files: the Action's, else the release's."""
    repository, ref = environ.get("ACTION_REPOSITORY", ""), environ.get("ACTION_REF", "")
    if environ.get("GITHUB_ACTIONS") != "true" or not _REPOSITORY.fullmatch(repository):
        repository, ref = published_repository(), f"v{__version__}"
    if not repository or repository.startswith(UNPUBLISHED) or not _REF.fullmatch(ref):
        return ""
    return f"https://github.com/{repository}/blob/{ref}"


_CWE = regex(r"\bCWE-(\d{1,5})\b")
_ADDRESS = regex(r"https://[^\s<>\"'`\\^{}|]+")
URL = regex(r"https://[^\s<>\"'`\\^{}|]+(?<![.,;)])")


def rule_link(finding: Finding, rules: Rules) -> str:
    """Return the https address that explains the rule of a finding, or ""."""
    if page := _own_page(finding.rule):
        return page
    if found := _ADDRESS.fullmatch(finding.url):
        return found.group()
    rule = rules(finding.rule) if finding.rule else None
    return source_link(rule) if rule else ""


def explained_at(rule: Rule) -> str:
    """Return the https address that explains a rule, or ""."""
    return _own_page(rule.id) or source_link(rule)


def source_link(rule: Rule) -> str:
    """Return the https address of a rule's source, or ""."""
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
    """Return the lines of an example; one-line blocks are indented by their brackets.

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
