"""Find the code a finding quotes, so that every line number shown is one we looked up ourselves."""

from collections.abc import Callable, Collection

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, fingerprint

ReadText = Callable[[str], str | None]
"""Text of a file in the reviewed tree, or None; lines are separated by LF only."""


@dataclass(frozen=True)
class ReportedFinding:
    """One finding as a reviewer reported it, before it is anchored."""

    severity: Severity
    title: str
    why: str
    suggestion: str
    path: str
    line: int | None
    end_line: int | None
    quote: str
    category: str = ""
    confidence: str = "medium"
    replacement: str | None = None
    rule: str = ""


@dataclass(frozen=True)
class ChangedLines:
    """The lines that the change touched: path -> inclusive ranges in the new file."""

    ranges: dict[str, tuple[tuple[int, int], ...]]

    @property
    def paths(self) -> Collection[str]:
        """Files of the change."""
        return self.ranges.keys()

    def touch(self, path: str, first: int, last: int) -> bool:
        """Return whether any line in first..last was added or changed."""
        return any(a <= last and first <= b for a, b in self.ranges.get(path, ()))


def anchor(
    reported: ReportedFinding,
    agent: str,
    *,
    changed: ChangedLines,
    read: ReadText,
    round_: int,
    exists: Callable[[str], bool] = lambda path: False,
) -> Finding:
    """Return the finding with its location verified on the new file (DESIGN section 4).

    `exists` returns whether the reviewed tree has a file without text.
    """
    path = normalise_path(reported.path, changed.paths)
    line, end_line, placement = _locate(reported, path, changed, read)
    return Finding(
        id=fingerprint(path, reported.quote, reported.rule or reported.title),
        agents=(agent,),
        severity=reported.severity,
        title=reported.title,
        why=reported.why,
        suggestion=reported.suggestion,
        path=path,
        line=line,
        end_line=end_line,
        category=reported.category,
        rule=reported.rule,
        confidence=reported.confidence,
        quote=reported.quote,
        replacement=reported.replacement,
        evidence=(Evidence(kind="quote", source=agent, text=reported.quote),)
        if reported.quote
        else (),
        placement=placement,
        file_exists=placement is not Placement.UNANCHORED or _named(path, changed, read, exists),
        round_found=round_,
    )


def _named(path: str, changed: ChangedLines, read: ReadText, exists: Callable[[str], bool]) -> bool:
    """Return whether a path names a file of the change or of the reviewed tree."""
    return bool(path) and (path in changed.paths or read(path) is not None or exists(path))


def normalise_path(path: str, known: Collection[str]) -> str:
    """Return the repository's own spelling of a path that a model wrote.

    `a/` and `b/` prefixes, backslashes, `./` and other case are undone when that matches exactly
    one file of the change. A path outside the repository is returned unchanged: it will not be
    found.
    """
    if path in known:
        return path
    plain = path.replace("\\", "/").removeprefix("./")
    for candidate in (plain, plain.removeprefix("a/"), plain.removeprefix("b/")):
        if candidate in known:
            return candidate
    same = [name for name in known if name.casefold() == plain.casefold()]
    return same[0] if len(same) == 1 else plain


def occurrences(quote: str, text: str) -> list[tuple[int, int]]:
    """Return every (first, last) line of the quote, ignoring white space at line ends.

    A single line of at least 8 characters is also found inside longer lines.
    """
    quoted = [line.strip() for line in quote.strip().split("\n")]
    if not any(quoted):
        return []
    lines = [line.strip() for line in text.split("\n")]
    span = len(quoted)
    found = [
        (number, number + span - 1)
        for number in range(1, len(lines) - span + 2)
        if lines[number - 1 : number - 1 + span] == quoted
    ]
    if not found and span == 1 and len(quoted[0]) >= 8:
        found = [(n, n) for n, line in enumerate(lines, 1) if quoted[0] in line]
    return found


def _locate(
    reported: ReportedFinding, path: str, changed: ChangedLines, read: ReadText
) -> tuple[int | None, int | None, Placement]:
    if not path:
        return None, None, Placement.FILE if not reported.quote else Placement.UNANCHORED
    text = read(path)
    if text is None:
        # A deleted file of the change has no lines, but can be the subject of a finding.
        return None, None, Placement.FILE if path in changed.paths else Placement.UNANCHORED
    if not reported.quote.strip():
        return None, None, Placement.FILE if path in changed.paths else Placement.UNANCHORED
    hits = occurrences(reported.quote, text)
    if not hits:
        return None, None, Placement.UNANCHORED
    if len(hits) > 1 and (reported.line or 0) > text.count("\n") + 1:
        return None, None, Placement.FILE  # ambiguous: any of the copies may be meant
    # Repeated code: the copy that the change touched, then the one nearest to the line given.
    first, last = min(
        hits,
        key=lambda hit: (not changed.touch(path, *hit), abs(hit[0] - (reported.line or hit[0]))),
    )
    placement = Placement.CHANGED if changed.touch(path, first, last) else Placement.CONTEXT
    return first, last if last != first else None, placement
