"""Stores a review for the next one: its findings by id, and the user's dismissals."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding
from reviewloop.git.comparison import Comparison
from reviewloop.render.report import ReviewReport
from reviewloop.review.quiet import QUIET_FILE, QuietRule, read_quiet
from reviewloop.review.silencing import BASELINE_FILE, Silences, read_baseline
from reviewloop.settings import Loaded
from reviewloop.settings.loading import FLAG, USER_FILE
from reviewloop.store.folders import repository_folder

_LAST = "last-review.json"
_DISMISSED = "dismissed.json"
_MOST = 5000  # findings of one review, the most severe first
_EARLIER = 500  # findings of earlier reviews that stay known


@dataclass(frozen=True)
class Dismissal:
    """A user's decision not to see a finding again."""

    id: str
    reason: str
    title: str = ""
    path: str = ""
    rule: str = ""
    at: float = 0.0  # seconds since 1970


def silences_of(
    comparison: Comparison, loaded: Loaded, *, remembered: bool = True, rules_tree: str = ""
) -> Silences:
    """Return all sources of silences; without `remembered`, only rules.

    With `rules_tree` only the baseline of that tree counts, not that of the change; and without
    `remembered` no dismissals of this machine, as a pull request has its own.

    The baseline is read from the new side: it is part of the code under review, and its own changes
    are visible in the diff. Silences of secrets are read from what no change reaches: the old side,
    and the user's own settings.
    """
    rules = loaded.settings.rules
    own = {name: level for name, level in rules.items() if _is_own(loaded.origins, name)}
    if rules_tree:
        old = read_baseline(comparison.private.read(rules_tree, BASELINE_FILE))
        dismissed = reasons(comparison.user.key) if remembered else {}
        quiet = quiet_in(comparison, rules_tree)
        return Silences(rules, rules, old, old, dismissed, quiet=quiet, old_quiet=quiet)
    if not remembered:
        return Silences(rules=rules, own_rules=own)
    return Silences(
        rules=rules,
        own_rules=own,
        baseline=read_baseline(comparison.private.read(comparison.new, BASELINE_FILE)),
        old_baseline=read_baseline(comparison.private.read(comparison.base, BASELINE_FILE)),
        dismissed=reasons(comparison.user.key),
        quiet=quiet_in(comparison, comparison.new),
        old_quiet=quiet_in(comparison, comparison.base),
    )


def quiet_in(comparison: Comparison, tree: str) -> tuple[QuietRule, ...]:
    """Return the quiet rules of a tree; raise `UsageError` where their file cannot be read."""
    return read_quiet(comparison.private.read(tree, QUIET_FILE))


def _is_own(origins: Mapping[str, str], rule: str) -> bool:
    origin = origins.get(f"rules.{rule}", "")
    return origin in {USER_FILE, FLAG} or origin.startswith("REVIEWLOOP_")


def remember(key: str, report: ReviewReport) -> None:
    """Store a review's findings, so that `explain` and `dismiss` know their ids.

    Findings of earlier reviews stay known after them: a hook's review must not make users lose what
    they have just read. A review works even where nothing can be written.
    """
    shown = (*report.findings, *report.silenced)[:_MOST]
    findings = [finding.model_dump(mode="json") for finding in shown]
    with suppress(OSError):
        known = {item["id"] for item in findings}
        earlier = [item for item in _kept(key) if item.get("id") not in known]
        content = {"what": report.what, "findings": [*findings, *earlier[:_EARLIER]]}
        _write(key, _LAST, content)


def last_findings(key: str) -> tuple[Finding, ...]:
    """Return the findings of the last reviews in a repository, the newest first."""
    return tuple(_findings(_kept(key)))


def _findings(items: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    from pydantic import ValidationError

    for item in items:
        with suppress(ValidationError):  # another release wrote it
            yield Finding.model_validate(item)


def _kept(key: str) -> list[dict[str, Any]]:
    try:
        items = _read(key, _LAST).get("findings")
        return [item for item in items or () if isinstance(item, dict)]
    except (
        UsageError,
        TypeError,
    ):  # half a file: a convenience, which the next review writes again
        return []


def find_finding(key: str, ident: str, others: Iterable[Finding] = ()) -> Finding:
    """Return the finding with this id prefix, of `others` or of the last reviews.

    Raises `UsageError` when there is none, or more than one.
    """
    known = (*others, *last_findings(key)) if ident else ()
    found = {f.id: f for f in reversed(known) if f.id.startswith(ident.lower())}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(f"{ident} may be any of {', '.join(sorted(found))}; give more of the id")
    raise UsageError(
        f"no review here, and no open run has shown a finding {ident!r}; "
        "`reviewloop review`, `show` and `logs` show the ids"
    )


def dismissals(key: str) -> tuple[Dismissal, ...]:
    """Return the dismissals of a repository, oldest first."""
    return tuple(Dismissal(**entry) for entry in _read(key, _DISMISSED).get("dismissed", ()))


def reasons(key: str) -> dict[str, str]:
    """Return finding id -> the user's reason for dismissing it."""
    return {entry.id: entry.reason for entry in dismissals(key)}


def dismiss(key: str, finding: Finding, reason: str) -> None:
    """Record that a user dismissed a finding."""
    entry = Dismissal(
        finding.id, reason, finding.title, finding.path, finding.rule, float(int(time.time()))
    )
    kept = [known for known in dismissals(key) if known.id != finding.id]
    _save(key, [*kept, entry])


def take_back(key: str, ident: str) -> Dismissal:
    """Delete a dismissal and return it; raise `UsageError` when there is none of this id."""
    known = dismissals(key)
    found = [entry for entry in known if entry.id.startswith(ident.lower())]
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} dismissed finding has an id that begins with {ident!r}; "
            "`reviewloop dismiss --list` shows them"
        )
    _save(key, [entry for entry in known if entry.id != found[0].id])
    return found[0]


def _save(key: str, entries: list[Dismissal]) -> None:
    _write(key, _DISMISSED, {"dismissed": [vars(entry) for entry in entries]})


def _write(key: str, name: str, content: Mapping[str, Any]) -> None:
    path = repository_folder(key) / name
    fresh = path.with_name(f"{name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, ensure_ascii=True))
    fresh.replace(path)


def _read(key: str, name: str) -> dict[str, Any]:
    try:
        path: Path = repository_folder(key) / name
    except OSError:  # a state folder that cannot be made holds nothing
        return {}
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); delete it to start anew") from None
    return content if isinstance(content, dict) else {}
