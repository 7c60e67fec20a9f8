"""A rule: what is looked for, whose concern it is, how bad it is, and how to live with it."""

from dataclasses import dataclass

from reviewloop.findings import Severity

MUST, SHOULD, NIT = Severity.MUST_FIX, Severity.SHOULD_FIX, Severity.NIT

SECURITY = "review-security"
INFRASTRUCTURE = "review-infrastructure"
MAINTAINABILITY = "review-maintainability"
PERFORMANCE = "review-performance"
TEST_QUALITY = "review-test-quality"


@dataclass(frozen=True)
class Example:
    """A piece of code that shows a rule; tests run every one of them."""

    path: str  # decides the language: "app.py", "main.tf", "Dockerfile"
    code: str


@dataclass(frozen=True)
class Rule:
    """One rule of the book. `why` is the risk, `fix` what to do, `source` where the fact is from.

    A rule speaks about product code; the flags widen that. `bad` examples must be found, `good`
    ones must not; both stand on the rule's documentation page.
    """

    id: str  # "family/slug", lower case: what people write into suppressions
    reviewer: str  # whose concern it is: one of the five names above
    severity: Severity
    title: str  # one sentence: what is wrong
    why: str = ""
    fix: str = ""
    category: str = ""  # "injection", "encryption", "complexity": groups findings for merging
    source: str = ""  # URL or standard, CWE-89 for example
    in_tests: bool = False
    in_examples: bool = False
    in_fixtures: bool = False
    in_product: bool = True
    hard: bool = False  # no reviewer may move or reject it: secrets, hidden text
    caused: bool = False  # also reported outside the changed lines when the base did not have it
    only_new: bool = True  # not reported when the base has the same rule at the same line text
    bad: tuple[Example, ...] = ()
    good: tuple[Example, ...] = ()
