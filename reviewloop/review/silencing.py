"""Silences findings by settings, comments, baseline, dismissals and quiet rules.

A silenced finding does not disappear: it is listed apart, with the reason.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import (
    DISMISSED_BY_USER,
    IN_BASELINE,
    Evidence,
    Finding,
    Severity,
    Status,
)
from reviewloop.regex import regex
from reviewloop.review.quiet import QuietRule

BASELINE_FILE = ".reviewloop/baseline.json"
BASELINE_SCHEMA = "reviewloop.baseline/1"

LEVELS = {"must": Severity.MUST_FIX, "should": Severity.SHOULD_FIX, "nit": Severity.NIT}
OFF = "off"

_COMMENT = regex(r"reviewloop:\s{0,4}ignore\[([^\]\n]{1,400})\]([^\n]*)")
# ruff itself heeds these for its other rules; a security rule is silenced only with a reason.
_NOQA = regex(
    r"#\s{0,4}no" r"qa:\s{0,4}(S\d+(?:[,\s]{1,4}[A-Z]+\d+)*)\s{0,4}[-\u2013\u2014:#(]([^\n]*)"
)
_COMMENT_ENDS = regex(r"(?:\*/|-->|#\}|--%>)\s*$")
_LEADING = regex(r"^[\s:,\-\u2013\u2014]+")
_COMMENT_LINE = regex(r"^\s*(?:#|//|/\*|<!--|--|;|\*|\{#|\{/\*|%)")


@dataclass(frozen=True)
class Silences:
    """Everything that may silence a finding of one review."""

    rules: Mapping[str, str] = field(default_factory=dict)  # rule pattern -> off|must|should|nit
    own_rules: Mapping[str, str] = field(default_factory=dict)  # those not from the repository
    baseline: Collection[str] = ()  # ids of accepted findings
    old_baseline: Collection[str] = ()  # ids accepted before the change
    dismissed: Mapping[str, str] = field(default_factory=dict)  # id -> the user's reason
    quiet: Collection[QuietRule] = ()  # adopted
    old_quiet: Collection[QuietRule] = ()  # adopted before the change

    def level(self, rule: str, hard: bool = False) -> str:
        """Return the setting of a rule, or ""; the longest pattern counts.

        For a `hard` rule only the user's own settings count: a change may edit the repository's.
        """
        rules = self.own_rules if hard else self.rules
        named = [pattern for pattern in rules if fnmatchcase(rule, pattern)]
        return rules[max(named, key=len)] if named else ""


def silence(
    findings: Iterable[Finding],
    silences: Silences,
    *,
    read: Callable[[str], str | None],
    added: Callable[[str, int], bool],
    hard: Collection[str] = (),
) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that stay open, and the silenced ones, with the reason noted.

    `added` returns whether a line is part of the change. A comment or a baseline in the change
    itself cannot silence a finding of a hard rule (`hard` holds their ids): whoever writes a secret
    would write the comment too.
    """
    comments = _Comments(read)
    stay: list[Finding] = []
    gone: list[Finding] = []
    for finding in findings:
        found = _silence_of(finding, silences, hard=finding.id in hard)
        if not found:
            comment = comments.about(finding)
            if comment and finding.id in hard and added(finding.path, comment[0]):
                finding = _refused(finding, comment[0])
            elif comment:
                found = _suppressed(finding, f"suppressed in the code: {comment[1]}")
        if found:
            gone.append(found)
        else:
            stay.append(finding)
    return stay, gone


def _refused(finding: Finding, line: int) -> Finding:
    """Return a finding with a note on why the comment in a line does not silence it."""
    why = f"the comment in line {line} cannot silence this: the change itself adds it"
    return finding.with_note("; ".join(filter(None, (finding.note, why))), finding.note_from)


def dismiss_finding(finding: Finding, reason: str) -> Finding:
    """Return a finding as dismissed by a user."""
    note = f"{DISMISSED_BY_USER}{reason}"
    return finding.with_note(note, status=Status.DISMISSED, dismissal=reason)


def is_user_dismissal(finding: Finding) -> bool:
    """Return whether a user dismissed it, not a reviewer."""
    return finding.status is Status.DISMISSED and finding.dismissal is not None


def reason_of(finding: Finding) -> str:
    """Return the user's reason of a dismissed finding (see `is_user_dismissal`)."""
    return finding.dismissal or ""


def _silence_of(finding: Finding, silences: Silences, *, hard: bool) -> Finding | None:
    if finding.id in silences.dismissed:
        return dismiss_finding(finding, silences.dismissed[finding.id])
    if finding.id in (silences.old_baseline if hard else silences.baseline):
        accepted = Evidence(kind="baseline")
        return finding.with_note(IN_BASELINE, accepted, status=Status.SUPPRESSED)
    if word := quiet_reason(finding, silences.old_quiet if hard else silences.quiet):
        return _suppressed(finding, word)
    return None


def _suppressed(finding: Finding, why: str) -> Finding:
    return finding.with_note(why, status=Status.SUPPRESSED)


def quiet_reason(finding: Finding, rules: Iterable[QuietRule]) -> str:
    """Return the quiet rule that covers a finding with its reason, or ""."""
    for one in rules:
        if one.covers(finding.rule, finding.path, finding.severity):
            return f"quiet {one.id}: {one.reason}"
    return ""


class _Comments:
    """The comments that silence with a reason, read once per file."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._lines: dict[str, dict[int, tuple[tuple[str, ...], str, bool]]] = {}

    def about(self, finding: Finding) -> tuple[int, str] | None:
        """Return line and reason of the comment that silences a finding."""
        if finding.line is None or not finding.path:
            return None
        known = self._of(finding.path)
        for line in (*range(finding.line, (finding.end_line or finding.line) + 1),):
            if line in known and _names(known[line][0], finding):
                return line, known[line][1]
        above = finding.line - 1
        while above in known and known[above][2]:  # several comments may be above
            if _names(known[above][0], finding):
                return above, known[above][1]
            above -= 1
        return None

    def _of(self, path: str) -> dict[int, tuple[tuple[str, ...], str, bool]]:
        if path not in self._lines:
            text = self._read(path) or ""
            is_marked = "reviewloop:" in text or "noqa: S" in text
            self._lines[path] = _comments_in(text) if is_marked else {}
        return self._lines[path]


def _comments_in(text: str) -> dict[int, tuple[tuple[str, ...], str, bool]]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        ours = _COMMENT.search(line)
        match = ours or _NOQA.search(line)
        if match is None:
            continue
        reason = _COMMENT_ENDS.sub("", match.group(2).strip()).strip()
        reason = _LEADING.sub("", reason)
        if reason:  # without a reason it does not count
            names = match.group(1).split(",") if ours else _ruff_rules(match.group(1))
            above = ours is not None and _COMMENT_LINE.match(line) is not None
            found[number] = (tuple(name.strip() for name in names), reason, above)
    return found


def _ruff_rules(codes: str) -> list[str]:
    return [f"ruff/{code}" for code in re.split(r"[,\s]+", codes) if code.startswith("S")]


def _names(names: Iterable[str], finding: Finding) -> bool:
    keys = {finding.rule, finding.id, *finding.agents} - {""}
    return any(fnmatchcase(key, name) for name in names if name for key in keys)


def read_baseline(data: bytes | None, path: str = BASELINE_FILE) -> frozenset[str]:
    """Return the ids in a baseline file; raise `UsageError` when it is not one."""
    return frozenset(entry["id"] for entry in baseline_entries(data, path))


def is_baseline(data: bytes) -> bool:
    """Return whether this is the content of a baseline file."""
    try:
        baseline_entries(data)
    except UsageError:
        return False
    return True


def baseline_entries(data: bytes | None, path: str = BASELINE_FILE) -> list[dict[str, str]]:
    """Return the entries of a baseline file, none for no file; raise `UsageError` for an invalid
    one.
    """
    if data is None:
        return []
    try:
        content = json.loads(data)
        if content.get("schema") != BASELINE_SCHEMA:
            raise ValueError(f"its schema is {content.get('schema')!r}")
        return [_entry(entry) for entry in content["findings"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no baseline file ({error}); write it anew with `reviewloop baseline`"
        ) from None


def _entry(entry: Mapping[str, object]) -> dict[str, str]:
    known = {name: str(entry.get(name, "")) for name in ("path", "rule", "title")}
    return {"id": str(entry["id"]), **known}


def write_baseline(findings: Iterable[Finding], kept: Iterable[Mapping[str, str]] = ()) -> bytes:
    """Return the content of a baseline file; sorted, so that its diffs are small.

    `kept` holds earlier entries that stay.
    """
    listed = [{"path": f.path, "rule": f.rule, "id": f.id, "title": f.title} for f in findings]
    known = {entry["id"] for entry in listed}
    stay = [
        {name: entry[name] for name in ("path", "rule", "id", "title")}
        for entry in kept
        if entry["id"] not in known
    ]
    entries = sorted([*listed, *stay], key=lambda e: (e["path"], e["rule"], e["id"]))
    content = {"schema": BASELINE_SCHEMA, "findings": entries}
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()
