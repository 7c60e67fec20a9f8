"""Decides which hits a change introduces: on its lines, or caused by it, and absent before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reviewloop.analysis import rule_book
from reviewloop.analysis.contract import (
    INFRASTRUCTURE,
    MUST,
    OF_OTHERS,
    SECURITY,
    SHOULD,
    ChangeView,
    Hit,
    PathClass,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.dataclass import dataclass

QUOTE_WIDTH = 400  # most characters of a line to keep


@dataclass(frozen=True)
class LocatedHit:
    """A hit that the change introduces, with its rule."""

    hit: Hit
    rule: Rule
    source: str  # the analyser, with its version if known
    on_change: bool  # False: caused by the change, but outside of its lines
    known: tuple[Hit, ...] = ()  # of the same rule in its file, in the base version, too: not here


def located_in(
    hits: Iterable[Hit], files: Mapping[str, SourceFile], name: str, version: str
) -> list[LocatedHit]:
    """Return the hits of an analyser in these files whose rules apply there."""
    source = f"{name} {version}".strip()
    located = []
    for hit in hits:
        rule = rule_book.rule_of(hit.rule)
        file = files.get(hit.path)
        if rule is None or file is None:
            continue
        if kept_hit := _assessed(hit, rule, file):
            located.append(LocatedHit(kept_hit, rule, source, touches(kept_hit, file)))
    return located


def _assessed(hit: Hit, rule: Rule, file: SourceFile) -> Hit | None:
    """Return a hit with its severity for the file's class, None if its rule does not apply.

    In third-party code only security hits are reported. A folder that the change itself adds cannot
    turn code with a grave problem into an example. And a folder `docs` or `demos` may be part of
    the product: flows of outside data are reported there with less confidence.
    """
    if rule.reviewer not in {SECURITY, INFRASTRUCTURE} and (
        file.claim in OF_OTHERS or _is_built(file, hit)
    ):
        return None
    if speaks_in(rule, file.path_class):
        return hit
    if file.new_folder and rule.reviewer == SECURITY and rule.severity is MUST:
        return hit
    severity = hit.severity or rule.severity
    if file.path_class is PathClass.EXAMPLE and warns_in_examples(rule) and severity is MUST:
        return replace(hit, severity=SHOULD)
    return None


_LONGEST_WRITTEN = 1_000  # characters; a longer line of a script is generated


def _is_built(file: SourceFile, hit: Hit) -> bool:
    if hit.span is None or file.language not in {"javascript", "typescript", "tsx"}:
        return False
    lines = file.lines[hit.span.line - 1 : hit.span.line]
    return bool(lines) and len(lines[0]) > _LONGEST_WRITTEN


def warns_in_examples(rule: Rule) -> bool:
    """Whether a must-fix rule of product code is a should-fix in examples."""
    return rule.reviewer == SECURITY and rule.category == "injection" and not rule.in_examples


def speaks_in(rule: Rule, path_class: PathClass) -> bool:
    """Whether a rule applies to files of this class."""
    return {
        PathClass.PRODUCT: rule.in_product,
        PathClass.TEST: rule.in_tests,
        PathClass.EXAMPLE: rule.in_examples,
        PathClass.FIXTURE: rule.in_fixtures,
    }[path_class]


def touches(hit: Hit, file: SourceFile) -> bool:
    """Whether a hit, or one of its related locations, is on changed lines of its file."""
    if hit.span is None:
        return bool(file.added)
    spans = [hit.span, *(span for span, _ in hit.related)]
    return any(file.touched(span.line, span.end_line) for span in spans)


def _key(hit: Hit, file: SourceFile) -> tuple[str, str, str]:
    if hit.identity or hit.span is None:
        return hit.path, hit.rule, hit.identity
    lines = file.lines
    number = min(max(hit.span.line, 1), len(lines))
    return hit.path, hit.rule, lines[number - 1].strip()


def without_known(
    known: list[LocatedHit],
    old: Iterable[Hit],
    files: Mapping[str, SourceFile],
    before: Mapping[str, SourceFile],
) -> list[LocatedHit]:
    """Drop as many hits of a kind as the base version had, untouched lines first."""
    had = Counter(_key(hit, before[hit.path]) for hit in old if hit.path in before)
    kept: list[LocatedHit] = []
    dropped: list[LocatedHit] = []
    for located in sorted(known, key=lambda p: p.on_change):
        key = _key(located.hit, files[located.hit.path])
        if located.rule.only_new and had[key] > 0:
            had[key] -= 1
            dropped.append(located)
        else:
            kept.append(located)
    gone: dict[tuple[str, str], tuple[Hit, ...]] = {}
    for located in dropped:
        there = located.hit.path, located.rule.id
        gone[there] = (*gone.get(there, ()), located.hit)
    return [
        replace(p, known=gone.get((p.hit.path, p.rule.id), ())) if p.rule.only_new else p
        for p in kept
    ]


def located_anywhere(hits: Iterable[Hit], view: ChangeView, source: str) -> list[LocatedHit]:
    """Locate hits that may also be in files outside of the analysis, such as deleted ones."""
    by_path = {file.path: file for file in view.files}
    located = []
    for hit in hits:
        rule = rule_book.rule_of(hit.rule)
        if rule is None:
            continue
        file = by_path.get(hit.path)
        on_change = file is None or hit.span is None or touches(hit, file)
        kept_hit = hit if file is None else _assessed(hit, rule, file)
        if kept_hit is not None:
            located.append(LocatedHit(kept_hit, rule, source, on_change))
    return located


def title_of(hit: Hit, rule: Rule) -> str:
    """Return the title of a hit."""
    text = hit.message or rule.title
    text = " ".join(text.split()) or "(no message)"
    text = text.encode("utf-8", "replace").decode()  # no store takes lone surrogates
    return text if len(text) <= 300 else text[:299] + "…"


def within(span: Span | None, file: SourceFile | None) -> Span | None:
    """Return the span limited to lines of the file: no finding may point past its end."""
    if span is None or file is None:
        return None
    last = len(file.lines) - (1 if not file.text or file.text.endswith("\n") else 0)
    if last < 1:
        return None
    line = min(max(span.line, 1), last)
    end_line = min(max(span.end_line, line), last)
    moved = (line, end_line) != (span.line, span.end_line)
    return Span(line, end_line) if moved else span
