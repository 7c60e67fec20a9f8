"""How the Go rules write their examples."""

from reviewloop.analysis.contract import Example, Rule
from reviewloop.domain.finding import Severity
from reviewloop.rules.categories import category_of

_HANDLER = "package p\n\nfunc h(w http.ResponseWriter, r *http.Request) {\n%s\n}\n"


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
    path: str = "app.go",
    test: bool = False,
) -> Rule:
    """Return a rule; lines of three hyphens part its examples, the bodies of functions."""
    return Rule(
        f"go/{slug}",
        reviewer,
        severity,
        title,
        why,
        fix,
        category=category_of(source, reviewer),
        source=source,
        in_tests=test,
        in_product=not test,
        bad=_examples(path, bad),
        good=_examples(path, good),
    )


def _examples(path: str, codes: str) -> tuple[Example, ...]:
    parts = codes.split("\n---\n")
    return tuple(Example(path, c if c.startswith("package") else _HANDLER % c) for c in parts)
