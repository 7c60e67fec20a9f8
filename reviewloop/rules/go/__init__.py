"""Patterns for Go: security, upkeep, speed and tests."""

from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.analysis.patterns import search, short_enough
from reviewloop.rules.go import errors, exposure, injection, resources, shape, testing, trust
from reviewloop.rules.go.syntax import GO

_PATTERNS = (
    *injection.PATTERNS,
    *trust.PATTERNS,
    *exposure.PATTERNS,
    *errors.PATTERNS,
    *resources.PATTERNS,
    *shape.PATTERNS,
    *testing.PATTERNS,
)


def _understands(file: SourceFile) -> bool:
    return file.language == "go"


def _run(file: SourceFile) -> Iterable[Hit]:
    return search(_PATTERNS, GO, file, "go")


CHECK = FileCheck("go", tuple(p.rule for p in _PATTERNS), _understands, _run, short_enough)
