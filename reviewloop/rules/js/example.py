"""How the JavaScript rules write their examples."""

from collections.abc import Callable

from reviewloop.analysis.contract import Example, Rule
from reviewloop.domain.finding import Severity
from reviewloop.rules.categories import category_of


def js(*codes: str) -> tuple[Example, ...]:
    """Return examples in JavaScript."""
    return tuple(Example("app.js", code) for code in codes)


def ts(*codes: str) -> tuple[Example, ...]:
    """Return examples in TypeScript."""
    return tuple(Example("app.ts", code) for code in codes)


def tsx(*codes: str) -> tuple[Example, ...]:
    """Return examples in TypeScript with JSX."""
    return tuple(Example("app.tsx", code) for code in codes)


def spec(*codes: str) -> tuple[Example, ...]:
    """Return examples of test files."""
    return tuple(Example("app.test.ts", code) for code in codes)


def row(
    slug: str,
    reviewer: str,
    severity: Severity,
    source: str,
    *,
    title: str,
    why: str,
    fix: str,
    bad: str,
    good: str,
    make: Callable[..., tuple[Example, ...]] = js,
    in_tests: bool = False,
    in_product: bool = True,
) -> Rule:
    """Return a rule whose examples are separated by lines of three hyphens."""
    return Rule(
        f"js/{slug}",
        reviewer,
        severity,
        title,
        why,
        fix,
        category=category_of(source, reviewer),
        source=source,
        in_tests=in_tests,
        in_product=in_product,
        bad=make(*bad.split("\n---\n")),
        good=make(*good.split("\n---\n")),
    )
