"""Patterns for JavaScript and TypeScript: security, upkeep, speed and tests."""

from collections.abc import Iterable

from reviewloop.analysers.base import FileCheck, Hit, SourceFile
from reviewloop.analysers.patterns.engine import search
from reviewloop.analysers.patterns.javascript import (
    injection,
)
from reviewloop.analysers.patterns.javascript.syntax import JAVASCRIPT

_PATTERNS = (*injection.PATTERNS,)
_LANGUAGES = frozenset({"javascript", "typescript", "tsx"})


def _understands(file: SourceFile) -> bool:
    return file.language in _LANGUAGES


def _run(file: SourceFile) -> Iterable[Hit]:
    return search(_PATTERNS, JAVASCRIPT, file, file.language)


CHECK = FileCheck("javascript", tuple(p.rule for p in _PATTERNS), _understands, _run)
