"""Turns hits of analysers into findings of the reviewers responsible."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

from reviewloop.analysis.contract import ChangeView, Fix, Hit, Options, Rule, SourceFile, Span
from reviewloop.analysis.examine import Examination
from reviewloop.analysis.placing import QUOTE_WIDTH, LocatedHit, title_of, within
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import (
    Evidence,
    Finding,
    Placement,
    Severity,
    fingerprint,
    normalise_text,
)
from reviewloop.git.diff import Change
from reviewloop.git.private import PrivateRepo
from reviewloop.review.merging import find_repeats, join_findings, reported_by_several, with_later
from reviewloop.review.selection import Selection, source_text
from reviewloop.review.silencing import LEVELS, OFF
from reviewloop.secrets import redact, redact_columns

_SEARCH_LIMIT = 5000
# Git unpacks each file that it searches, and most bytes of many repositories are no code.
_NOT_CODE = (
    *("md", "mdx", "rst", "adoc", "csv", "tsv", "po", "pot", "lock", "map", "pdf", "parquet"),
    *("png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "bmp", "mp3", "mp4", "mov"),
    *("webm", "wav", "ttf", "otf", "eot", "woff", "woff2", "zip", "gz", "tgz", "bz2", "xz", "zst"),
    *("jar", "wasm", "exe", "dll", "so", "dylib", "bin", "db", "sqlite"),
)
_QUOTE_LINES = 6
ANALYSER = "analyser"


@dataclass(frozen=True)
class AnalyserFinding:
    """One finding of an analyser, before a reviewer has judged it."""

    finding: Finding
    hard: bool  # no reviewer moves or rejects it
    fix: Fix | None = None  # not in the plain form: only a review of a diff applies fixes

    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        return {"finding": self.finding.model_dump(mode="json"), "hard": self.hard}

    @classmethod
    def from_plain(cls, values: Mapping[str, object]) -> "AnalyserFinding":
        """Rebuild what `plain` wrote."""
        return cls(Finding.model_validate(values["finding"]), bool(values["hard"]))


def view_of(
    change: Change,
    selection: Selection,
    private: PrivateRepo,
    options: Options,
    *,
    partial: bool = False,
) -> ChangeView:
    """Return the change for analysers; files are read from git objects only.

    `partial` says that `change` is not everything that changed, or that whole files count as
    changed.
    """

    def read(tree: str) -> Callable[[str], str | None]:
        renamed = {f.path: f.old_path for f in change.files} if tree == change.old else {}

        def reading(path: str) -> str | None:
            data = private.read(tree, renamed.get(path) or path)
            if data is None or b"\0" in data[:8000]:
                return None
            return source_text(data, path)

        return reading

    def search(strings: Sequence[str]) -> list[tuple[str, int, str]]:
        texts = [text for text in dict.fromkeys(strings) if text and "\n" not in text]
        if not texts:
            return []
        # git takes a list of fixed strings separated by line feeds.
        sought = "\n".join(texts)
        hits = private.grep(change.new, sought, fixed=True, limit=_SEARCH_LIMIT, without=_NOT_CODE)
        return [(hit.path, hit.line, hit.text) for hit in hits]

    return ChangeView(
        files=selection.sources,
        changed_paths=change.paths,
        read_new=read(change.new),
        read_base=read(change.old),
        search_new=search,
        list_new=lambda: [entry.path for entry in private.entries(change.new)],
        options=options,
        partial=partial,
    )


def evidence_of(
    examination: Examination,
    files: Iterable[SourceFile],
    *,
    level: Callable[[str, bool], str] = lambda *_: "",
) -> list[AnalyserFinding]:
    """Return a finding for every hit, most severe first; equal ones of several analysers are
    merged.

    `level` returns the setting of a rule: off, must, should, nit, or "". The same code at two
    locations gives two findings: the second one's id counts it. Hits of the base are counted too,
    so that a copy of code in a baseline is not taken for the original.
    """
    by_path = {file.path: file for file in files}
    seen: Counter[tuple[str, str, str]] = Counter()
    counted: dict[tuple[str, str], Counter[str]] = {}
    taken: set[str] = set()
    pieces = []
    for located in examination.hits:
        file = by_path.get(located.hit.path)
        severity = level(located.rule.id, located.rule.hard)
        if severity == OFF:
            continue
        finding = _finding(located, file, LEVELS.get(severity))
        identity = identity_of(located.hit, located.rule, file)
        before = _alike(located, identity, file, counted)
        # Counted as fingerprints do: lines that differ only in case or indentation are equal.
        key = (finding.path, normalise_text(identity), finding.rule)
        seen[key] += 1
        ident = _numbered(finding, identity, seen[key] + before)
        while ident in taken:
            seen[key] += 1
            ident = _numbered(finding, identity, seen[key] + before)
        taken.add(ident)
        finding = finding.model_copy(update={"id": ident})
        pieces.append(AnalyserFinding(finding, located.rule.hard, located.hit.fix))
    pieces.sort(key=lambda p: (p.finding.severity.rank, p.finding.path, p.finding.line or 0))
    groups = reported_by_several([piece.finding for piece in pieces])
    return [reduce(_together, (pieces[i] for i in group)) for group in groups]


def _alike(
    located: LocatedHit,
    identity: str,
    file: SourceFile | None,
    counted: dict[tuple[str, str], Counter[str]],
) -> int:
    """Return how many hits of the base version, which are not findings, would have the same id."""
    there = located.hit.path, located.rule.id
    if located.known and there not in counted:
        counted[there] = Counter(
            normalise_text(identity_of(hit, located.rule, file)) for hit in located.known
        )
    return counted[there][normalise_text(identity)] if located.known else 0


def whole_evidence(
    early: Sequence[AnalyserFinding], late: Sequence[AnalyserFinding]
) -> list[AnalyserFinding]:
    """Return early and late evidence merged; a problem in both is one piece with the early id."""
    whole = list(early)
    findings = [piece.finding for piece in early]
    for piece, position in zip(
        late, find_repeats(findings, (p.finding for p in late)), strict=True
    ):
        if position is None:
            whole.append(piece)
            continue
        kept = whole[position]
        finding = with_later(kept.finding, piece.finding)
        whole[position] = AnalyserFinding(finding, kept.hard or piece.hard, kept.fix or piece.fix)
    whole.sort(key=lambda p: (p.finding.severity.rank, p.finding.path, p.finding.line or 0))
    return whole


def _numbered(finding: Finding, identity: str, number: int) -> str:
    text = f"{identity} #{number}" if number > 1 else identity
    return fingerprint(finding.path, text, finding.rule)


def _together(kept: AnalyserFinding, other: AnalyserFinding) -> AnalyserFinding:
    """Return the pieces of two analysers about one problem as one."""
    finding = join_findings(kept.finding, other.finding)
    return AnalyserFinding(finding, kept.hard or other.hard, kept.fix or other.fix)


def _finding(located: LocatedHit, file: SourceFile | None, severity: Severity | None) -> Finding:
    hit, rule = located.hit, located.rule
    span = within(hit.span, file)
    quote = quote_of(hit, rule, file)
    heading = f"{rule.id}: {hit.message}"
    evidence = [Evidence(kind=ANALYSER, source=located.source, text=heading)]
    for location, message in hit.related:
        note = f"line {location.line}: {message}"
        evidence.append(Evidence(kind="related", source=located.source, text=note))
    for path, there, message in hit.elsewhere:
        note = f"{path} line {there.line}: {message}"
        piece = Evidence(
            kind="related", source=located.source, text=note, path=path, line=there.line
        )
        evidence.append(piece)
    # A hit may concern the change only by a related location: it is then not listed by its lines.
    inside = span is None or file is None or file.touched(span.line, span.end_line)
    placement = Placement.CHANGED if located.on_change and inside else Placement.CONTEXT
    replacement = _replacement(hit.fix, span, file) if hit.fix and span and file else None
    return Finding(
        id="-",
        agents=(rule.reviewer,),
        severity=severity or hit.severity or rule.severity,
        title=title_of(hit, rule),
        why=rule.why,
        suggestion=rule.fix or (hit.fix.description if hit.fix else ""),
        path=hit.path,
        line=span.line if span else None,
        end_line=span.end_line if span and span.end_line != span.line else None,
        column=span.column if span else 0,
        end_column=span.end_column if span else 0,
        category=rule.category,
        rule=rule.id,
        url=rule.source if rule.source.startswith("https://") else "",
        confidence=hit.confidence,
        quote=quote,
        replacement=replacement,
        fix_safe=bool(replacement is not None and hit.fix and hit.fix.safe),
        evidence=tuple(evidence),
        placement=placement if span else Placement.FILE,
    )


def _replacement(fix: Fix, span: Span, file: SourceFile) -> str | None:
    """Return the new text of the span's lines, None when an edit leaves them or they overlap."""
    lines = [line.rstrip("\r") for line in file.lines[span.line - 1 : span.end_line]]
    text = "\n".join(lines) + "\n"
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    end = len(text)
    for edit in sorted(fix.edits, key=lambda e: (e.span.line, e.span.column), reverse=True):
        if edit.span.line < span.line or edit.span.end_line > span.end_line + 1:
            return None
        first = starts[edit.span.line - span.line] + edit.span.column - 1
        last = starts[edit.span.end_line - span.line] + edit.span.end_column - 1
        if last > end or first > last:
            return None
        text = text[:first] + edit.text + text[last:]
        end = first
    return text.removesuffix("\n")


def quote_of(hit: Hit, rule: Rule, file: SourceFile | None) -> str:
    """Return the code of a hit; a guessed secret is redacted even without a vendor's pattern."""
    span = within(hit.span, file)
    if span is None or file is None:
        return ""
    if rule.id.startswith("secret/") and span.column and span.line == span.end_line:
        return redact(
            redact_columns(file.lines[span.line - 1].rstrip("\r"), span.column, span.end_column)
        )
    last = min(span.end_line, span.line + _QUOTE_LINES - 1)
    lines = [line[:QUOTE_WIDTH].rstrip("\r") for line in file.lines[span.line - 1 : last]]
    return redact("\n".join(lines))


def identity_of(hit: Hit, rule: Rule, file: SourceFile | None) -> str:
    """Return the part of a finding's id besides its path and rule."""
    return hit.identity or quote_of(hit, rule, file) or title_of(hit, rule)
