"""Finds lines of `.gitattributes` that keep source files out of people's diffs."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    SECURITY,
    SHOULD,
    Example,
    FileCheck,
    Hit,
    Rule,
    SourceFile,
    Span,
)

_HIDING = re.compile(
    r"(?<!\S)(?:-diff|binary|linguist-generated(?:=true)?|linguist-vendored)(?!\S)"
)
# Files that a program writes, or that hold no lines to read.
_RIGHTLY = re.compile(
    r"lock|\.sum\b|generated|(?:^|[/_.])gen(?:[/_.]|$)|vendor|third.?party|dist\b|build\b|\.min\."
    r"|\.map\b|\.pb\.|_pb2|snap(?:shots?)?\b|fixtures?|testdata|node_modules|\.designer\.|mocks?\b"
    r"|openapi|swagger|schema|pnp|\.yarn|migrations?|__generated__|api\.json|\.g\.|bindings",
    re.IGNORECASE,
)
_SOURCE = re.compile(
    r"\.(?:py|pyi|js|mjs|cjs|jsx|ts|tsx|go|rs|rb|php|java|kt|cs|c|cc|cpp|h|hpp|swift|scala|sh|bash|tf"
    r"|ya?ml|sql|toml|html|vue|svelte)$|(?:^|/)(?:Dockerfile|Makefile)$|^(?:\*|\*\*|/?src/.*|\*\*/\*"
    r"|/?lib/.*|/?app/.*)$",
    re.IGNORECASE,
)

_RULE = Rule(
    id="diff/hidden-from-diffs",
    reviewer=SECURITY,
    severity=SHOULD,
    title="Source files are kept out of diffs",
    why="Review pages fold away or leave out what this line covers, so that later changes to it "
    "are merged without anyone having read them.",
    fix="Restrict the pattern to files that a program generates, or drop the attribute.",
    category="review",
    source="https://git-scm.com/docs/gitattributes#_generating_diff_text",
    in_tests=True,
    in_examples=True,
    bad=(
        Example(".gitattributes", "*.py linguist-generated=true\n"),
        Example(".gitattributes", "src/auth/login.ts -diff\n"),
        Example("web/.gitattributes", "*.js binary\n"),
    ),
    good=(
        Example(".gitattributes", "*.png binary\npackage-lock.json -diff\n"),
        Example(".gitattributes", "* text=auto\n*.pb.go linguist-generated=true\n"),
        Example(".gitattributes", "dist/** linguist-generated\n*.py text eol=lf\n"),
    ),
)


def _run(file: SourceFile) -> Iterator[Hit]:
    for number, line in enumerate(file.lines, 1):
        pattern, _, attributes = line.strip().partition(" ")
        found = _HIDING.search(attributes)
        if not found or pattern.startswith("#") or _RIGHTLY.search(pattern):
            continue
        if _SOURCE.search(pattern.strip('"')):
            yield Hit(
                _RULE.id,
                file.path,
                Span(number, number),
                f"`{found.group()}` keeps `{pattern[:80]}` out of the diffs that people read.",
            )


def _understands(file: SourceFile) -> bool:
    return file.path.rsplit("/", 1)[-1] == ".gitattributes"


ATTRIBUTES = FileCheck("git attributes", (_RULE,), _understands, _run)
