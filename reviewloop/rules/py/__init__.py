"""Patterns for Python where ruff has none: queries, growth, blocking calls, trusted tokens."""

from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.analysis.patterns import search, short_enough
from reviewloop.rules.py import blocking, growth, outside, queries, trust
from reviewloop.rules.py.syntax import PYTHON

_PATTERNS = (*queries.PATTERNS, *outside.PATTERNS, *growth.PATTERNS, *blocking.PATTERNS)


def _understands(file: SourceFile) -> bool:
    return file.language == "python"


def _run(file: SourceFile) -> Iterable[Hit]:
    return search(_PATTERNS, PYTHON, file, "python")


CHECK = FileCheck(
    "python-performance", tuple(p.rule for p in _PATTERNS), _understands, _run, short_enough
)
TRUST = FileCheck(
    "python-security",
    tuple(p.rule for p in trust.PATTERNS),
    _understands,
    lambda file: search(trust.PATTERNS, PYTHON, file, "python"),
    short_enough,
)
