"""How the JavaScript rules write their examples."""

from reviewloop.analysers.rules import Example


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
