"""Gate: no secret in added lines, and no file that must never be committed."""

from collections.abc import Callable, Iterator

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.domain.globs import first_match
from reviewloop.git.diff import FileChange
from reviewloop.guards.base import GuardInput, gate_finding, is_test_file
from reviewloop.secrets import HELD, SecretHit, SecretRule, find_new_exposures, redact, scan_text

NAME = "secrets"

_BINARY_BYTES = 4 * 1024 * 1024  # bytes of a binary file to search
_WRITTEN = {"A", "M", "R", "T"}
_LINKS = {"120000", "160000"}  # symbolic links and submodules have no content of their own


@dataclass(frozen=True)
class _Found:
    path: str
    hit: SecretHit
    line: int | None  # None in binary files
    shown: str  # the redacted line


def check(change: GuardInput) -> GateResult:
    """Check the added lines; values are redacted in everything that this returns."""
    forbidden = list(_forbidden_files(change))
    found = [hit for file in change.change.files for hit in _secrets_in(change, file)]
    stopping = [item for item in found if item.hit.rule.stops]
    findings = (
        *(_file_finding(path, pattern) for path, pattern in forbidden),
        *(_secret_finding(item) for item in found),
    )
    if not forbidden and not stopping:
        if not findings:
            return GateResult(NAME, GateStatus.PASSED, "no secret in the added lines")
        summary = f"{_count(len(findings), 'place')} that may hold a secret; nothing certain"
        return GateResult(NAME, GateStatus.WARNING, summary, findings=findings)
    reasons = [f"{path} must not be committed ({pattern})" for path, pattern in forbidden]
    reasons += [f"{_where(item)}: {item.hit.rule.what} {item.hit.redacted}" for item in stopping]
    return GateResult(
        NAME,
        GateStatus.HARD_STOP,
        _short(reasons),
        excerpt="\n".join(reasons),
        findings=findings,
        details={"files": [path for path, _ in forbidden], "secrets": len(stopping)},
    )


def _forbidden_files(change: GuardInput) -> Iterator[tuple[str, str]]:
    guard = change.settings.guard
    for file in change.change.files:
        if file.status not in _WRITTEN or first_match(file.path, guard.secret_files_allowed):
            continue
        pattern = first_match(file.path, guard.secret_files)
        if pattern is not None:
            yield file.path, pattern


def _secrets_in(change: GuardInput, file: FileChange) -> Iterator[_Found]:
    if file.status not in _WRITTEN or file.new_mode in _LINKS:
        return
    if file.binary:
        data = change.read_new(file.path) or b""
        if len(data) <= _BINARY_BYTES:
            yield from _held_in(change, file, _text_of_binary)
            for hit in scan_text(_text_of_binary(data)):
                if hit.rule.stops:
                    yield _Found(file.path, hit, None, hit.redacted)
        return
    yield from _held_in(change, file, lambda data: data.decode("utf-8", "replace"))
    # A multi-line key is only recognised as a whole, so each run of added lines is one text.
    added = file.added_text
    for first, last in file.added_lines:
        block = "\n".join(added[number] for number in range(first, last + 1))
        redacted = redact(block).split("\n")
        for hit in scan_text(block):
            shown = redacted[hit.line - 1].strip() if hit.rule.redacts else hit.redacted
            yield _Found(file.path, hit, first + hit.line - 1, shown)


def _held_in(
    change: GuardInput, file: FileChange, text_of: Callable[[bytes], str]
) -> Iterator[_Found]:
    new = text_of(change.read_new(file.path) or b"")
    old = text_of(change.read_base(file.old_path or file.path) or b"")

    def added(line: int) -> bool:
        return file.binary or any(first <= line <= last for first, last in file.added_lines)

    for line, span in find_new_exposures(old, new, added, change.redactor):
        # A user's password may be a plain word of a test.
        if span.drawn or not is_test_file(file.path):
            value = change.redactor.redact_held(new[span.start : span.end]).split("\n")[0]
            hit = SecretHit(SecretRule(HELD, span.what), line, value, span.start, span.end)
            text = new.split("\n")[line - 1].strip()
            shown = value if file.binary else change.redactor.for_people(text)
            yield _Found(file.path, hit, None if file.binary else line, shown)


def _text_of_binary(data: bytes) -> str:
    """Return the searchable text of a file that git calls binary; UTF-16 is text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("latin-1")


def _file_finding(path: str, pattern: str) -> Finding:
    return gate_finding(
        gate=NAME,
        agent="review-security",
        rule="secrets.file",
        severity=Severity.MUST_FIX,
        title=f"{path} must never be committed",
        path=path,
        why=f"It matches the pattern {pattern} of guard.secret_files.",
        suggestion="Leave the file out of the change, or allow it in guard.secret_files_allowed.",
        category="secrets",
    )


def _secret_finding(item: _Found) -> Finding:
    rule = item.hit.rule
    severity = Severity.MUST_FIX if rule.stops else Severity.NIT
    return gate_finding(
        gate=NAME,
        agent="review-security",
        rule=f"secrets.{rule.name}",
        severity=severity,
        title=f"{rule.what[0].upper()}{rule.what[1:]} in the added lines",
        path=item.path,
        lines=(item.line, item.line) if item.line else None,
        quote=item.shown,
        why="Whoever can read the repository, now or later, can use it.",
        suggestion="Read it from the environment or a secret store, and replace the value: "
        "it was on a disk and may be known.",
        category="secrets",
        confidence="high" if rule.stops else "low",
    )


def _where(item: _Found) -> str:
    return f"{item.path}:{item.line}" if item.line else f"{item.path} (binary)"


def _short(reasons: list[str]) -> str:
    rest = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return reasons[0] + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
