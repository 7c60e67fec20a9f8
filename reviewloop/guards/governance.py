"""Guard-rail: changes that a person must see even in autopilot; it never stops the loop."""

from collections.abc import Iterator

from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.complexity import complexity
from reviewloop.guards.judging_files import changed_judges
from reviewloop.guards.protected_changes import protected_changes
from reviewloop.patterns import first_match
from reviewloop.state import GateResult, GateStatus

NAME = "governance"

_REASONS_SHOWN = 3


def check(change: GuardInput) -> GateResult:
    """Judge size, growth of complexity, and what kind of files the change touches."""
    growth = _Growth.of(change)
    sensitive = [*_patterns(change), *changed_judges(change)]
    reasons = [*_sizes(change), *growth.reasons(change), *sensitive, *_protected(change, sensitive)]
    details = {
        "reasons": reasons,
        "files": len(change.change.files),
        "lines": change.change.added + change.change.removed,
        "complexity_before": growth.before,
        "complexity_after": growth.after,
        "complexity_not_measured": growth.unknown,
    }
    if reasons:
        more = (
            f" (and {len(reasons) - _REASONS_SHOWN} more)" if len(reasons) > _REASONS_SHOWN else ""
        )
        summary = f"{'; '.join(reasons[:_REASONS_SHOWN])}{more}"
        return GateResult(
            NAME, GateStatus.NEEDS_PERSON, summary, excerpt="\n".join(reasons), details=details
        )
    sizes = (f"{n} {noun if n == 1 else noun + 's'}" for noun, n in _counts(change))
    summary = f"{', '.join(sizes)}{growth.remark()}"
    return GateResult(NAME, GateStatus.PASSED, summary, details=details)


def _counts(change: GuardInput) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("file", len(change.change.files)), ("line", change.change.added + change.change.removed)


def _sizes(change: GuardInput) -> Iterator[str]:
    limits = change.settings.governance
    files = len(change.change.files)
    lines = change.change.added + change.change.removed
    if files > limits.files:
        yield f"{files} files changed (limit {limits.files})"
    if lines > limits.lines:
        yield f"{lines} lines changed (limit {limits.lines})"


def _patterns(change: GuardInput) -> Iterator[str]:
    for file in change.change.files:
        for path in dict.fromkeys((file.path, file.old_path)):
            pattern = first_match(path, change.settings.governance.patterns)
            if pattern is not None:
                yield f"{path} matches {pattern}"
                break


def _protected(change: GuardInput, said: list[str]) -> Iterator[str]:
    """Yield a reason for each protected file that no other reason is about."""
    for file in protected_changes(change.change, change.read_base, change.read_new):
        path = file["path"]
        if not any(reason.startswith(f"{path} ") for reason in said):
            yield f"{path} {file['why']}"


class _Growth:
    """Cyclomatic complexity of the changed files, tests left out, before and after."""

    def __init__(self, before: int, after: int, unknown: list[str]) -> None:
        self.before = before
        self.after = after
        self.unknown = unknown  # kinds of files that cannot be measured

    @classmethod
    def of(cls, change: GuardInput) -> "_Growth":
        before, after = 0, 0
        unknown: set[str] = set()
        for file in change.change.files:
            if file.binary or file.submodule or is_test_file(file.path):
                continue
            old = change.read_base(file.old_path) if file.status != "A" else b""
            new = change.read_new(file.path) if file.status != "D" else b""
            counts = complexity(file.old_path, old or b""), complexity(file.path, new or b"")
            if counts[0] is None or counts[1] is None:
                unknown.add(_kind(file.path))
                continue
            if file.status != "A":  # new files are counted by lines; growth is of what was there
                before += counts[0]
                after += counts[1]
        return cls(before, after, sorted(unknown))

    def reasons(self, change: GuardInput) -> Iterator[str]:
        limits = change.settings.governance
        limit, percent = limits.complexity_percent, self.percent
        # A share alone says nothing of small files, where every `if` is half of what is there.
        if self.after - self.before < limits.complexity_growth:
            return
        if percent is not None and percent > limit:
            yield (
                f"complexity of the changed files grew by {percent:.0f} % "
                f"({self.before} to {self.after}, limit {limit:g} %)"
            )

    @property
    def percent(self) -> float | None:
        """Growth; None when nothing was there before that could have grown."""
        return None if not self.before else (self.after - self.before) / self.before * 100

    def remark(self) -> str:
        """Say what is known of the complexity, and of what nothing is known."""
        growth = "" if self.percent is None else f", complexity {self.percent:+.0f} %"
        unknown = f" (not measured: {', '.join(self.unknown)})" if self.unknown else ""
        return growth + unknown


def _kind(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return f".{name.rsplit('.', 1)[1]}" if "." in name else name
