"""Proposes quiet rules from past findings, replays them, and adopts them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import Repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review.review_history import dismissals, last_findings
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.git.repository import UserRepo
from reviewloop.render.untrusted import one_line
from reviewloop.review.anchoring import occurrences
from reviewloop.review.learning import (
    Outcome,
    Past,
    Proposed,
    Replay,
    merge_outcomes,
    propose,
    replay,
)
from reviewloop.review.quiet import QUIET_FILE, QuietRule, read_quiet, write_quiet
from reviewloop.review.silencing import is_user_dismissal, reason_of

PROPOSED_FILE = ".reviewloop/quiet-proposed.toml"
_HEAD = """\
# Proposed by `reviewloop quiet`, from what people dismissed; none of it is in force. Take out what
# you do not want, correct what you do, then `reviewloop quiet adopt` replays it on past findings.
"""
_PULLS = "quiet-pulls.json"  # findings read on pull requests, for later replays
_PAST = TypeAdapter(dict[str, list[Past]])
_LOOKED_AT = 50  # runs, the newest first


@dataclass(frozen=True)
class Quiet:
    """The quiet rules of a checkout: adopted and proposed ones."""

    adopted: tuple[QuietRule, ...]
    proposed: tuple[QuietRule, ...]


def quiet_of(user: UserRepo) -> Quiet:
    """Return the quiet rules in the files now; raise `UsageError` for an invalid file."""
    return Quiet(_read(user, QUIET_FILE), _read(user, PROPOSED_FILE))


def history_of(repository: Repository, fleet: Fleet) -> list[Past]:
    """Return the past findings known here: of reviews, runs and fetched pull requests.

    Only findings of rules: models word theirs differently each time.
    """
    found = (*_pulls(repository), *_of_runs(fleet), *_of_reviews(repository.user))
    return merge_outcomes(one for one in found if rule_of(one.rule) is not None)


def keep_pulls(repository: Repository, pulls: Mapping[int, Sequence[Past]]) -> None:
    """Store the past findings of pull requests for later replays."""
    path = repository.folder / _PULLS
    show = redactor_of(repository.user).for_people
    read = {
        str(pull): [replace(one, source=show(one.source), reason=show(one.reason)) for one in past]
        for pull, past in pulls.items()
    }
    kept = _kept_pulls(repository) | read
    plain = {name: [asdict(one) for one in past] for name, past in kept.items()}
    path.write_text(json.dumps(plain), "utf-8")


def propose_quiet(repository: Repository, fleet: Fleet) -> list[Proposed]:
    """Write the quiet rules that the history supports into their file, and return them.

    The file then holds only these; without any it is deleted.
    """
    user = repository.user
    found = propose(history_of(repository, fleet), quiet_of(user).adopted)
    show = redactor_of(user).for_people
    shown = [replace(one, quiet=_plain_words(one.quiet, show)) for one in found]
    if shown:
        _write(user, PROPOSED_FILE, write_quiet((one.quiet for one in shown), _HEAD))
    else:
        Disk(user.root).remove(PROPOSED_FILE)
    return shown


def adopt(repository: Repository, fleet: Fleet, idents: Sequence[str]) -> tuple[Replay, int]:
    """Adopt the named proposed rules, or all; return their replay and how many.

    They are replayed first. Raises `UsageError`, and changes nothing, where one would have silenced
    a finding that a user acted upon.
    """
    user = repository.user
    quiet = quiet_of(user)
    chosen = [_named(one, quiet.proposed, "proposed") for one in idents] or [*quiet.proposed]
    if not chosen:
        raise UsageError("no quiet rule is proposed; `reviewloop quiet propose` looks for some")
    replayed = replay(chosen, history_of(repository, fleet))
    if replayed.lost:
        lost = replayed.lost[0]
        rule = next(one for one in chosen if one.covers(lost.rule, lost.path, lost.severity))
        raise UsageError(
            f"{rule.id} ({rule.rule} in {', '.join(rule.paths)}) is not adopted: it would have "
            f"silenced {lost.id} in {lost.path}, which was acted upon ({lost.source}); narrow "
            f"its paths in {PROPOSED_FILE}"
        )
    kept = {one.id: one for one in (*quiet.adopted, *chosen)}
    _write(user, QUIET_FILE, write_quiet(kept.values()))
    rest = [one for one in quiet.proposed if one.id not in kept]
    if rest:
        _write(user, PROPOSED_FILE, write_quiet(rest, _HEAD))
    else:
        Disk(user.root).remove(PROPOSED_FILE)
    return replayed, len(chosen)


def drop(user: UserRepo, idents: Sequence[str]) -> list[QuietRule]:
    """Remove adopted rules and return them."""
    adopted = quiet_of(user).adopted
    gone = [_named(ident, adopted, "in force") for ident in idents]
    rest = [one for one in adopted if one not in gone]
    if rest:
        _write(user, QUIET_FILE, write_quiet(rest))
    else:
        Disk(user.root).remove(QUIET_FILE)
    return gone


def plain(rule: QuietRule, replayed: Replay | None = None) -> dict[str, object]:
    """Return a rule as JSON-plain values, with its replay where there is one."""
    values: dict[str, object] = {"id": rule.id, "rule": rule.rule, "paths": [*rule.paths]}
    values |= {"reason": rule.reason, "evidence": [*rule.evidence]}
    return values if replayed is None else {**values, "replay": plain_replay(replayed)}


def plain_replay(replayed: Replay) -> dict[str, int]:
    """Return the figures of a replay."""
    return {
        "findings": replayed.findings,
        "dismissed": len(replayed.dismissed),
        "repeats": len(replayed.repeats),
        "lost": len(replayed.lost),
    }


def _named(ident: str, rules: Iterable[QuietRule], which: str) -> QuietRule:
    found = [one for one in rules if one.id.startswith(ident.lower())]
    if len(found) != 1 or not ident:
        raise UsageError(
            f"{'several quiet rules' if found else 'no quiet rule'} {which} "
            f"{'have' if found else 'has'} the id {ident!r}; `reviewloop quiet show` lists them"
        )
    return found[0]


def _plain_words(rule: QuietRule, show: Any) -> QuietRule:
    """Return a rule with untrusted texts redacted and on one line each."""
    lines = tuple(one_line(show(line)) for line in rule.evidence)
    return replace(rule, reason=one_line(show(rule.reason)), evidence=lines)


def _of_reviews(user: UserRepo) -> Iterator[Past]:
    """Yield the findings of reviews on this machine, with their dismissals."""
    known = {entry.id: entry for entry in dismissals(user.key)}
    seen = set()
    disk = Disk(user.root)
    for finding in reversed(last_findings(user.key)):
        seen.add(finding.id)
        if finding.id in known:
            yield _past(finding, Outcome.DISMISSED, "dismiss", known[finding.id].reason)
        elif finding.status is Status.OPEN:
            gone = _is_gone(finding, disk)
            source = "its code is another one now" if gone else "review"
            yield _past(finding, Outcome.ACTED if gone else Outcome.OPEN, source)
    for entry in known.values():
        if entry.id not in seen and (rule := rule_of(entry.rule)):
            yield Past(
                entry.id, entry.rule, entry.path, rule.severity, Outcome.DISMISSED, "dismiss",
                entry.reason,
            )  # fmt: skip


def _is_gone(finding: Finding, disk: Disk) -> bool:
    """Return whether the code of a finding was changed; False for a deleted file."""
    if not finding.quote or not finding.path:
        return False
    there = disk.read(finding.path)
    if there.kind is not Kind.FILE:
        return False
    return not occurrences(finding.quote, there.data.decode("utf-8", "replace"))


def _of_runs(fleet: Fleet) -> Iterator[Past]:
    for one in fleet.overview().runs[:_LOOKED_AT]:
        for record in (fleet.proposal(one.run) or {}).get("findings", ()):
            with suppress(ValidationError):  # another release wrote it
                finding = Finding.model_validate(record)
                source = f"run {one.run.run_id}"
                if is_user_dismissal(finding):
                    yield _past(finding, Outcome.DISMISSED, source, reason_of(finding))
                elif finding.status is Status.FIXED:
                    yield _past(finding, Outcome.ACTED, source)
                elif finding.status in {Status.OPEN, Status.UNRESOLVED}:
                    yield _past(finding, Outcome.OPEN, source)


def _past(finding: Finding, outcome: Outcome, source: str, reason: str = "") -> Past:
    rule = rule_of(finding.rule)
    worst = rule is not None and rule.severity is Severity.MUST_FIX
    severity = Severity.MUST_FIX if worst else finding.severity
    return Past(finding.id, finding.rule, finding.path, severity, outcome, source, reason)


def _pulls(repository: Repository) -> Iterator[Past]:
    for past in _kept_pulls(repository).values():
        yield from past


def _kept_pulls(repository: Repository) -> dict[str, list[Past]]:
    try:
        return _PAST.validate_json((repository.folder / _PULLS).read_bytes())
    except (OSError, ValueError):  # nothing stored, or another release wrote it
        return {}


def _read(user: UserRepo, path: str) -> tuple[QuietRule, ...]:
    there = Disk(user.root).read(path)
    if there.blocker or there.kind not in (Kind.ABSENT, Kind.FILE):
        raise UsageError(f"{path} is no regular file of this repository; move it away first")
    return read_quiet(there.data if there.kind is Kind.FILE else None, path)


def _write(user: UserRepo, path: str, data: bytes) -> None:
    Disk(user.root).write(path, Content(Kind.FILE, data), ".quiet.toml.new")
