"""Patterns for shell scripts, and the reading of shell commands."""

from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.rules.sh import quoting, safety, upkeep
from reviewloop.rules.sh.source import hit_of, script_of

_PATTERNS = (*safety.PATTERNS, *quoting.PATTERNS, *upkeep.PATTERNS)


def _understands(file: SourceFile) -> bool:
    return file.language == "shell"


def _run(file: SourceFile) -> Iterable[Hit]:
    active = [p for p in _PATTERNS if not p.hints or any(h in file.text for h in p.hints)]
    if not active:
        return
    script = script_of(file)
    for pattern in active:
        for spot in pattern.test(script):
            yield hit_of(pattern.rule, spot, file.path)


CHECK = FileCheck("shell", tuple(p.rule for p in _PATTERNS), _understands, _run)
