"""Proposes quiet rules from the users' dismissals, and replays them on past findings.

Only actions count: a dismissal, a resolved thread, a thumb down. Their texts decide nothing, they
are quoted. A kind of finding is a rule and a folder; nothing is proposed where a finding of that
kind was acted upon or must be fixed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

from reviewloop.analysis.rule_book import rule_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.review.quiet import QuietRule

_LEAST = 2  # dismissals in a folder
_LEAST_ANYWHERE = 3  # dismissals in folders without a common parent
_MOST_EVIDENCE = 10  # lines


class Outcome(StrEnum):
    """The outcome of a past finding."""

    OPEN = "open"
    DISMISSED = "dismissed"  # by a user
    ACTED = "acted"  # fixed, or its code was changed


@dataclass(frozen=True)
class Past:
    """A past finding, its outcome, and the source of that."""

    id: str
    rule: str
    path: str
    severity: Severity
    outcome: Outcome = Outcome.OPEN
    source: str = ""  # "dismiss", "pull request 7, ada", "run 2.1-x"
    reason: str = ""  # in the user's words, "" for none


@dataclass(frozen=True)
class Replay:
    """The effect of rules on past findings."""

    findings: int
    dismissed: tuple[Past, ...]  # of the covered ones
    repeats: tuple[Past, ...]  # covered, without an outcome
    lost: tuple[Past, ...]  # covered, although acted upon: must be empty


@dataclass(frozen=True)
class Proposed:
    """A quiet rule that could be adopted, with its replay."""

    quiet: QuietRule
    replay: Replay


def merge_outcomes(history: Iterable[Past]) -> list[Past]:
    """Return each finding once, with its strongest outcome: acted upon, then dismissed."""
    order = (Outcome.ACTED, Outcome.DISMISSED, Outcome.OPEN)
    found: dict[str, Past] = {}
    for one in history:
        known = found.get(one.id)
        if known is None or order.index(one.outcome) < order.index(known.outcome):
            found[one.id] = one
    return list(found.values())


def propose(history: Sequence[Past], adopted: Sequence[QuietRule] = ()) -> list[Proposed]:
    """Return the quiet rules that the history supports, the most effective first."""
    by_rule: dict[str, list[Past]] = defaultdict(list)
    for one in history:
        if not any(rule.covers(one.rule, one.path, one.severity) for rule in adopted):
            by_rule[one.rule].append(one)
    found = []
    for rule, past in by_rule.items():
        known = rule_of(rule)
        if known is None or known.hard or known.severity is Severity.MUST_FIX:
            continue
        for pattern, against in _scopes(past):
            quiet = QuietRule(rule, (pattern,), _reason(against), tuple(_evidence(against)))
            found.append(Proposed(quiet, replay([quiet], history)))
    found = [one for one in found if not one.replay.lost]
    return sorted(found, key=lambda one: (-len(one.replay.repeats), one.quiet.rule, one.quiet.id))


def replay(rules: Sequence[QuietRule], history: Sequence[Past]) -> Replay:
    """Return the effect that these rules would have had on past findings."""
    covered = [
        one
        for one in history
        if any(rule.covers(one.rule, one.path, one.severity) for rule in rules)
    ]

    def of(outcome: Outcome) -> tuple[Past, ...]:
        return tuple(one for one in covered if one.outcome is outcome)

    return Replay(len(history), of(Outcome.DISMISSED), of(Outcome.OPEN), of(Outcome.ACTED))


def _scopes(past: Sequence[Past]) -> Iterator[tuple[str, list[Past]]]:
    """Yield the narrowest folders with enough dismissals of a rule and no finding acted upon."""
    against = [
        one
        for one in past
        if one.outcome is Outcome.DISMISSED and one.severity is not Severity.MUST_FIX and one.path
    ]
    acted = [one.path for one in past if one.outcome is Outcome.ACTED]
    yield from _within(against, acted)


def _within(against: list[Past], acted: Sequence[str]) -> Iterator[tuple[str, list[Past]]]:
    if len(against) < _LEAST:
        return
    folder = _common(one.path for one in against)
    is_held = any(_below(path, folder) for path in acted)
    if not is_held and (folder != "" or len(against) >= _LEAST_ANYWHERE):
        yield (f"/{folder}/**" if folder else "**"), against
        return
    below: dict[str, list[Past]] = defaultdict(list)
    for one in against:
        rest = PurePosixPath(one.path).relative_to(folder or ".").parts
        below[rest[0]].append(one)
    for name, group in below.items():
        path = f"{folder}/{name}" if folder else name
        if all(one.path == path for one in group):
            if len(group) >= _LEAST and path not in acted:
                yield f"/{path}", group
        else:
            yield from _within(group, acted)


def _common(paths: Iterable[str]) -> str:
    folders = [PurePosixPath(path).parent.parts for path in paths]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _reason(against: Sequence[Past]) -> str:
    worded = [one.reason for one in against if one.reason]
    return worded[-1] if worded else f"dismissed {len(against)} times, without a word"


def _evidence(against: Sequence[Past]) -> Iterator[str]:
    for one in against[-_MOST_EVIDENCE:]:
        why = f": {one.reason}" if one.reason else ""
        yield f"{one.source}, {one.id} in {one.path}{why}"
    if len(against) > _MOST_EVIDENCE:
        yield f"and {len(against) - _MOST_EVIDENCE} more"
