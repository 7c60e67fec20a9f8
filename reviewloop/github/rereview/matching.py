"""Matches findings of an earlier review, and the code they are about, with a later version."""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, replace
from enum import Enum
from typing import NamedTuple, Self

from reviewloop.analysis.placing import QUOTE_WIDTH
from reviewloop.analysis.rule_book import rule_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.model import Side, State
from reviewloop.regex import regex
from reviewloop.review.anchoring import occurrences
from reviewloop.review.merging import category_of, is_narrow, topic_of, topic_of_words

WHOLE_FILE = "file"
NO_FILE = "none"  # neither the code nor the file of the finding exists
_MOST_LINES = 60  # of a finding that spans more, the first ones stand for all
_IGNORES = regex(r"reviewloop:\s{0,4}ignore\[")
_OPENERS = ("{/*", "/*", "{#", "#", "//", "<!--", "--", ";", "%")  # longer ones first


class CodePresence(Enum):
    """What happened to the code of a finding."""

    THERE = "there"
    GONE = "gone"
    FILE_GONE = "file gone"
    UNKNOWN = "unknown"


class Codeprints:
    """Prints of the code in one tree; `read` returns a file's text, or None for a missing file."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._lines: dict[str, list[tuple[int, str]] | None] = {}
        self._prints: dict[tuple[str, int], frozenset[str]] = {}

    def of(self, finding: Finding) -> str:
        """Return the print of the code that a finding of this tree is about."""
        if not finding.may_fail:
            return NO_FILE
        lines = self._of_file(finding.path) if finding.path else None
        if lines is None or finding.side != "new":
            return ""
        first = finding.line or 0
        last = finding.end_line or first
        start = bisect_left(lines, (first, ""))
        inside = [text for number, text in lines[start : start + _MOST_LINES] if number <= last]
        return _print(inside) if finding.line and inside else WHOLE_FILE

    def again(self, finding: Finding) -> tuple[str, CodePresence]:
        """Return the print of the code that an earlier finding quotes, and what happened to it."""
        lines, quote = self._of_file(finding.path), finding.quote
        if lines is None:
            return WHOLE_FILE, CodePresence.FILE_GONE
        # Quotes that differ from the code cannot go missing: secrets redacted, long lines cut.
        partial = "⟦" in quote or "…" in quote or max(map(len, quote.split("\n"))) >= QUOTE_WIDTH
        if finding.side != "new" or not quote.strip() or partial:
            return WHOLE_FILE, CodePresence.UNKNOWN
        hits = occurrences(quote, self._read(finding.path) or "")
        if not hits:
            return _print([text for _, text in _lines(quote)]), CodePresence.GONE
        line, last = min(hits, key=lambda hit: abs(hit[0] - (finding.line or hit[0])))
        return self.of(
            finding.model_copy(update={"line": line, "end_line": last})
        ), CodePresence.THERE

    def presence_of(self, path: str, code: str) -> CodePresence:
        """Return what happened to code with this print."""
        if code in {"", NO_FILE} or not path:
            return CodePresence.UNKNOWN
        lines = self._of_file(path)
        if lines is None:
            return CodePresence.FILE_GONE
        if code == WHOLE_FILE:
            return CodePresence.UNKNOWN
        span = min(int(code.partition(":")[0]), _MOST_LINES)
        if (path, span) not in self._prints:
            texts = [text for _, text in lines]
            windows = range(len(texts) - span + 1) if span else range(0)
            found = frozenset(_print(texts[at : at + span]) for at in windows)
            self._prints[path, span] = found
        return CodePresence.THERE if code in self._prints[path, span] else CodePresence.GONE

    def _of_file(self, path: str) -> list[tuple[int, str]] | None:
        if path not in self._lines:
            text = self._read(path)
            self._lines[path] = None if text is None else _lines(text)
        return self._lines[path]


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.split("\n"), 1)
    plain = ((number, " ".join(_code(line).split()).casefold()) for number, line in numbered)
    return [(number, line) for number, line in plain if line]


def _code(line: str) -> str:
    """Return a line without a silencing comment: adding one does not change the code."""
    silenced = _IGNORES.search(line) if "reviewloop:" in line else None
    if silenced is None:
        return line
    before = line[: silenced.start()].rstrip()
    opener = next((each for each in _OPENERS if before.endswith(each)), "")
    return before.removesuffix(opener)


def _print(lines: list[str]) -> str:
    data = "\n".join(lines).encode("utf-8", "replace")
    return f"{len(lines)}:{hashlib.sha256(data).hexdigest()[:8]}"


class CommentLocation(NamedTuple):
    """The lines for a comment."""

    side: Side
    first: int
    last: int
    whole: bool = True  # whether they are all lines of the finding
    offers: bool = False  # whether its replacement was tried there and the file still parses


@dataclass(frozen=True)
class Facts:
    """Facts about the new head; findings are named by their fingerprints."""

    since: str = ""  # commit of the last review that `pushed`, `touched` and `renamed` start from
    locations: Mapping[str, CommentLocation] = field(
        default_factory=dict
    )  # none: no line can carry it
    codes: Mapping[str, str] = field(default_factory=dict)  # finding -> print of its code
    fates: Mapping[tuple[str, str], CodePresence] = field(default_factory=dict)  # of (path, print)
    pushed: frozenset[str] = frozenset()  # findings about code pushed since
    touched: frozenset[str] = frozenset()  # paths
    renamed: Mapping[str, str] = field(default_factory=dict)  # old path -> new path
    confirmed: frozenset[str] = frozenset()  # findings that a reviewer of the push reports as fixed

    @classmethod
    def of_code(
        cls,
        findings: Iterable[Finding],
        state: State,
        *,
        read: Callable[[str], str | None],
        changed: Callable[[Finding], bool],
        touched: Collection[str] = (),
        renamed: Mapping[str, str] | None = None,
        confirmed: Collection[str] = (),
        locations: Mapping[str, CommentLocation] | None = None,
        forgotten: Iterable[Finding] = (),
    ) -> Self:
        """Derive the facts from the code; `read` returns a file of the new head, None if missing.

        `changed` tells whether a finding is about code pushed since the last review, `forgotten`
        are earlier findings that the state lacks.
        """
        unique = {finding.id: finding for finding in reversed(list(findings))}
        prints, moved = Codeprints(read), dict(renamed or {})
        earlier = {
            (moved.get(path, path), str(entry.get("code", "")))
            for entry in state.findings.values()
            for path in [str(entry.get("path", ""))]
        }
        fates = {key: prints.presence_of(*key) for key in sorted(earlier)}
        codes = {name: prints.of(finding) for name, finding in unique.items()}
        for finding in forgotten:
            if finding.id not in codes:
                code, presence = prints.again(finding)
                codes[finding.id], fates[finding.path, code] = code, presence
        return cls(
            since=state.reviewed_sha,
            locations=dict(locations or {}),
            codes=codes,
            fates=fates,
            pushed=frozenset(name for name, finding in unique.items() if changed(finding)),
            touched=frozenset(touched),
            renamed=moved,
            confirmed=frozenset(confirmed),
        )

    def of(self, finding: Finding) -> str:
        """Return the print of the code that a finding is about; see `Codeprints`."""
        return self.codes.get(finding.id, "")

    def presence_of(self, path: str, code: str) -> CodePresence:
        """Return what happened to code with this print."""
        return self.fates.get((path, code), CodePresence.UNKNOWN)

    def changed(self, finding: Finding) -> bool:
        """Whether a finding is about code pushed since the last review."""
        return finding.id in self.pushed

    def for_state(self, state: State) -> Self:
        """Return the facts that remain valid for this state of the pull request.

        If another review was posted meanwhile, the push since then is not known here: all findings
        count as new, and no fix is confirmed.
        """
        if state.reviewed_sha == self.since:
            return self
        everything = frozenset({*self.codes, *self.pushed})
        none: frozenset[str] = frozenset()
        return replace(self, pushed=everything, touched=none, renamed={}, confirmed=none)


class FindingMatcher:
    """Matches findings with entries of earlier reviews; `present` are the current fingerprints."""

    def __init__(
        self,
        entries: Mapping[str, Mapping[str, object]],
        facts: Facts,
        present: Collection[str],
    ) -> None:
        self._names = frozenset(entries)
        self._facts = facts
        self._free: dict[tuple[str, str], list[tuple[str, Mapping[str, object]]]] = {}
        # Dismissed; the analyser finds it again, and a model may only repeat it.
        self._aside: dict[tuple[str, str], list[tuple[str, Mapping[str, object]]]] = {}
        for name, entry in entries.items():
            key = str(entry["path"]), str(entry["code"])
            if key[1] in {"", NO_FILE, WHOLE_FILE}:
                continue
            if name not in present:
                self._free.setdefault(key, []).append((name, entry))
            if entry["status"] == "dismissed":
                self._aside.setdefault(key, []).append((name, entry))

    def entry_of(self, finding: Finding) -> str:
        """Return the name of the entry, "" for a finding that is new."""
        if finding.id in self._names:
            return finding.id
        free = self._free.get((finding.path, self._facts.of(finding)), [])
        for number, (name, entry) in enumerate(free):
            no_worse = finding.severity.rank >= Severity(str(entry["severity"])).rank
            if no_worse and _same_source(finding, str(entry["by"])):
                del free[number]
                return name
        aside = self._aside.get((finding.path, self._facts.of(finding)), [])
        for number, (name, entry) in enumerate(aside):
            no_worse = finding.severity.rank >= Severity(str(entry["severity"])).rank
            if no_worse and _repeats(finding, str(entry["by"])):
                del aside[number]
                return name
        return ""


def _repeats(finding: Finding, by: str) -> bool:
    """Whether a model's finding repeats that of a rule: same evidence, or the same narrow kind."""
    rule = rule_of(by)
    if rule is None or finding.rule or rule.reviewer not in finding.agents:
        return False
    fact = f"{rule.id}:"
    if any(e.kind == "analyser" and e.text.startswith(fact) for e in finding.evidence):
        return True
    category, topic = category_of(finding.category), topic_of(rule.id)
    if category != category_of(rule.category):
        return False
    return is_narrow(category) or (bool(topic) and topic == topic_of_words(finding.title))


def _same_source(finding: Finding, by: str) -> bool:
    if finding.rule:
        return finding.rule == by
    return not set(finding.agents).isdisjoint(by.split(","))
