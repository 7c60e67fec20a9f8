"""Patterns for JavaScript and TypeScript: security, upkeep, speed and tests."""

from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.analysis.patterns import search, short_enough
from reviewloop.rules.js import (
    answers,
    code_injection,
    correctness,
    crypto,
    injection,
    objects,
    pages,
    performance,
    promises,
    sessions,
    shape,
    suites,
    testing,
    trust,
    upkeep,
    waiting,
    web,
)
from reviewloop.rules.js.syntax import JAVASCRIPT

_PATTERNS = (
    *code_injection.PATTERNS,
    *injection.PATTERNS,
    *web.PATTERNS,
    *answers.PATTERNS,
    *pages.PATTERNS,
    *sessions.PATTERNS,
    *objects.PATTERNS,
    *crypto.PATTERNS,
    *trust.PATTERNS,
    *correctness.PATTERNS,
    *promises.PATTERNS,
    *upkeep.PATTERNS,
    *shape.PATTERNS,
    *waiting.PATTERNS,
    *performance.PATTERNS,
    *testing.PATTERNS,
    *suites.PATTERNS,
)
_LANGUAGES = frozenset({"javascript", "typescript", "tsx"})


def _understands(file: SourceFile) -> bool:
    return file.language in _LANGUAGES


def _run(file: SourceFile) -> Iterable[Hit]:
    return search(_PATTERNS, JAVASCRIPT, file, file.language)


CHECK = FileCheck("javascript", tuple(p.rule for p in _PATTERNS), _understands, _run, short_enough)
