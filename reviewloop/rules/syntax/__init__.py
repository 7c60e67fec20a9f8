"""Rules on files that cannot be parsed: broken JSON, YAML, TOML and code."""

from collections.abc import Iterator

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.rules.syntax.rules import RULES

_CODE = frozenset({"javascript", "typescript", "tsx", "go", "shell", "terraform"})


def _understands(file: SourceFile) -> bool:
    return file.language in _CODE or file.path.lower().endswith((".json", ".yml", ".yaml", ".toml"))


def _run(file: SourceFile) -> Iterator[Hit]:
    from reviewloop.rules.syntax.check import syntax_hits

    return syntax_hits(file)


CHECKS: tuple[FileCheck, ...] = (FileCheck("syntax", RULES, _understands, _run),)

__all__ = ["CHECKS"]
