"""The examples of our rules, as files that checks can be run on."""

from reviewloop.analysis.contract import FileCheck, Rule
from reviewloop.analysis.rule_book import file_checks
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples

BY_NAME = {check.name: check for check in file_checks()}
PATTERN_CHECKS: tuple[FileCheck, ...] = tuple(
    BY_NAME[name]
    for name in (
        "javascript",
        "go",
        "python-performance",
        "python-security",
        "shell",
        "dockerfile",
        "kubernetes",
    )
)
"""Those that look for rules in the syntax of one file."""


def bad_files(rule: Rule) -> list[CodeBlock]:
    """Return the files in which a rule finds something."""
    return [example[-1] for example in read_examples(rule).bad]


def good_files(rule: Rule) -> list[CodeBlock]:
    """Return the files that a rule leaves alone."""
    return [example[-1] for example in read_examples(rule).good]
