"""Reviewers' verdicts on analysers' findings: how they are requested, read and applied.

No model decides alone. A verdict changes the severity by one step at most, needs a reason, and
cannot change findings of hard rules; without a verdict the finding stays as the analyser reported
it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Evidence, Finding, Severity, Status
from reviewloop.review.evidence import AnalyserFinding

CONFIRM, RAISE, LOWER, REJECT = "confirm", "raise", "lower", "reject"
_WORDS = {
    "confirm": CONFIRM,
    "confirmed": CONFIRM,
    "accept": CONFIRM,
    "agree": CONFIRM,
    "explain": CONFIRM,
    "raise": RAISE,
    "raised": RAISE,
    "higher": RAISE,
    "lower": LOWER,
    "lowered": LOWER,
    "downgrade": LOWER,
    "reject": REJECT,
    "rejected": REJECT,
    "dismiss": REJECT,
    "false_positive": REJECT,
    "false positive": REJECT,
}
_GRAVITY = (RAISE, CONFIRM, LOWER, REJECT)
_MAX_REASON = 1000
_UNASKED = "not confirmed: its analyser worked beside the reviewers"
MOST_SHOWN = 200
"""Pieces of evidence shown to the reviewers, most severe first."""


@dataclass(frozen=True)
class Verdict:
    """The verdict of one reviewer on one piece of evidence."""

    agent: str
    word: str
    reason: str

    def plain(self) -> dict[str, str]:
        """Return it as JSON-plain values."""
        return {"agent": self.agent, "word": self.word, "reason": self.reason}


def evidence_text(
    pieces: Sequence[AnalyserFinding], about: Collection[int] | None = None, room: int = 0
) -> str:
    """Return the evidence as numbered facts: reviewer, rule, location, message.

    `about` holds the indices to show, None for all; a piece keeps its number. `room` limits the
    characters, 0 does not.
    """
    lines: list[str] = []
    positions = range(len(pieces)) if about is None else sorted(about)
    for position in positions[:MOST_SHOWN]:
        line = _fact(position + 1, pieces[position])
        room -= len(line) + 1 if room else 0
        if room < 0:
            break
        lines.append(line)
    if len(positions) > len(lines):
        more = len(positions) - len(lines)
        lines.append(f"({more} more are not shown; they stand as they are)")
    return "\n".join(lines)


def _fact(number: int, piece: AnalyserFinding) -> str:
    finding = piece.finding
    owner = ", ".join(finding.agents)
    fixed = " (stands whatever you say)" if piece.hard else ""
    return (
        f"E{number} for {owner}: [{finding.rule}] {finding.where} "
        f"{finding.severity.label}{fixed}: {finding.title}"
    )


def read_verdicts(
    arguments: Any,
    agent: str,
    pieces: Sequence[AnalyserFinding],
    about: Collection[int] | None = None,
) -> tuple[dict[str, Verdict], tuple[str, ...]]:
    """Return finding id -> this agent's verdict in an answer, and the errors.

    Verdicts on other reviewers' evidence, without a reason, or of an unknown kind do not count:
    such a piece stays unconfirmed. `about` holds the indices that were shown.
    """
    given = arguments.get("evidence") if isinstance(arguments, Mapping) else None
    if isinstance(given, Mapping):
        given = [given]
    if not isinstance(given, list):
        return {}, ()
    positions = range(len(pieces)) if about is None else sorted(about)
    mine = {
        f"E{position + 1}": pieces[position].finding
        for position in positions[:MOST_SHOWN]
        if agent in pieces[position].finding.agents
    }
    verdicts: dict[str, Verdict] = {}
    problems: list[str] = []
    for item in given:
        if not isinstance(item, Mapping):
            problems.append("an entry of 'evidence' is no object")
            continue
        ident = str(item.get("id", "")).strip().upper()
        word = _WORDS.get(str(item.get("verdict", "")).strip().lower())
        reason = " ".join(str(item.get("reason") or "").split())[:_MAX_REASON]
        reason = reason.encode("utf-8", "replace").decode()
        if ident not in mine:
            problems.append(f"{ident or 'an entry'} of 'evidence' is not yours to judge")
        elif word is None:
            problems.append(f"{ident}: the verdict must be confirm, raise, lower or reject")
        elif not reason:
            problems.append(f"{ident}: a verdict needs a reason")
        else:
            verdicts[mine[ident].id] = Verdict(agent, word, reason)
    return verdicts, tuple(problems)


def most_severe(verdicts: Iterable[tuple[str, Verdict]]) -> dict[str, Verdict]:
    """Return one verdict per finding id: the most severe of several reviewers'."""
    chosen: dict[str, Verdict] = {}
    for ident, verdict in verdicts:
        known = chosen.get(ident)
        if known is None or _GRAVITY.index(verdict.word) < _GRAVITY.index(known.word):
            chosen[ident] = verdict
    return chosen


def apply_verdicts(
    pieces: Iterable[AnalyserFinding],
    verdicts: Mapping[str, Verdict],
    *,
    requested: Iterable[str] = (),
    untrusted: bool = False,
    settled: Collection[str] = (),
) -> list[Finding]:
    """Return the findings of the evidence with the verdicts applied.

    `requested` names the reviewers that read the change; evidence of one of them without a verdict
    is marked as unconfirmed, unless its id is in `settled`. In an `untrusted` review nothing is
    lowered or rejected.
    """
    readers = set(requested)
    unclaimed: set[str] = set()
    return [
        _apply_verdict(
            piece, verdicts, unclaimed if piece.finding.id in settled else readers, untrusted
        )
        for piece in pieces
    ]


def late_findings(
    pieces: Iterable[AnalyserFinding], *, requested: bool, settled: Collection[str] = ()
) -> list[Finding]:
    """Return the findings of late evidence, which no reviewer was shown, with their severity.

    `requested` says that reviewers read the change; `settled` are the ids that need no answer.
    """
    return [
        piece.finding.with_note(_UNASKED)
        if requested and piece.finding.id not in settled
        else piece.finding
        for piece in pieces
    ]


def _apply_verdict(
    piece: AnalyserFinding, verdicts: Mapping[str, Verdict], readers: set[str], untrusted: bool
) -> Finding:
    finding = piece.finding
    verdict = verdicts.get(finding.id)
    if verdict is None:
        silent = readers & set(finding.agents)
        if not silent:
            return finding
        return finding.with_note(f"not confirmed by {', '.join(sorted(silent))}")
    reason = f"{verdict.word}: {verdict.reason}"
    words = Evidence(kind="verdict", source=verdict.agent, text=reason)
    finding = finding.model_copy(update={"evidence": (*finding.evidence, words)})
    if piece.hard or (untrusted and verdict.word in {LOWER, REJECT}):
        if verdict.word not in {LOWER, REJECT}:
            return finding
        return finding.with_note(
            f"{verdict.agent} would {verdict.word} it: {verdict.reason}", words
        )
    note = f"{_PAST[verdict.word]} by {verdict.agent}: {verdict.reason}"
    if verdict.word == REJECT:
        return finding.with_note(note, words, status=Status.DISMISSED)
    return finding.with_note(note, words, severity=_moved(finding.severity, verdict.word))


_PAST = {CONFIRM: "confirmed", RAISE: "raised", LOWER: "lowered", REJECT: "rejected"}


def _moved(severity: Severity, word: str) -> Severity:
    steps = {RAISE: -1, LOWER: 1}.get(word, 0)
    order = list(Severity)
    return order[min(max(severity.rank + steps, 0), len(order) - 1)]
