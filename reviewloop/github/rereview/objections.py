"""Objections to findings of a pull request, from which quiet rules are learned.

Dismissals, resolved threads and thumbs down count only from users with write permission, and only
for findings that our comments hold. Their text is kept as the reason, nothing else.
"""

from collections.abc import Iterator, Mapping

from reviewloop.analysis.rule_book import rule_of
from reviewloop.domain.finding import Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.marker import entry_of, own_comments, read_state
from reviewloop.github.user_comments import Origin, Voices, origin_of, permission_check
from reviewloop.review.learning import Outcome, Past

_THUMB = "a thumb down by {}"
_OUTCOMES = {"fixed": Outcome.ACTED}


def objections(client: GitHub, number: int) -> tuple[list[Past], tuple[str, ...]]:
    """Return the findings of a pull request with their outcome, and notes on users without a say.

    Findings without a rule are left out: models word them differently each time.
    """
    pull, me = client.pull(number), client.me()
    comments = client.review_comments(number)
    state = read_state(client.issue_comments(number), me, pull)
    roots = own_comments(comments, me)
    voices = Voices(comments, client.review_threads(number), me, permission_check(client))
    thumbs = _thumbs(client, pull, roots, voices)
    found = []
    known = {name: entry_of(each[-1]) for name, each in roots.items()} | dict(state.findings)
    for name, entry in known.items():
        rule = str(entry.get("by", ""))
        if rule_of(rule) is None:
            continue
        word = _word(entry, voices.dismissed(roots.get(name, ()), name)) or thumbs.get(name, "")
        outcome = (
            Outcome.DISMISSED if word else _OUTCOMES.get(str(entry.get("status")), Outcome.OPEN)
        )
        who, colon, reason = word.partition(": ")
        source = f"pull request {number}{', ' if word else ''}{who if colon else word}"
        severity = Severity(str(entry.get("severity", Severity.SHOULD_FIX)))
        path = str(entry.get("path", ""))
        found.append(Past(name, rule, path, severity, outcome, source, reason.strip()))
    return found, tuple(dict.fromkeys(voices.notes))


def _word(entry: Mapping[str, object], now: str) -> str:
    """Return who dismissed a finding and why, "" if no user did but its own code."""
    if now or entry.get("status") != "dismissed":
        return now
    reason = str(entry.get("reason", ""))
    return "" if origin_of(reason) is Origin.CODE else reason


def _thumbs(
    client: GitHub,
    pull: PullRequest,
    roots: Mapping[str, list[ReviewComment]],
    voices: Voices,
) -> dict[str, str]:
    """Return finding -> login of a user with the permission who gave its comment a thumb down."""
    down = client.thumbs_down(pull.number)

    def named() -> Iterator[tuple[str, str]]:
        for name, comments in roots.items():
            idents = {one.id for one in comments}
            for comment, login in down:
                if comment in idents and voices.counts(login):
                    yield name, _THUMB.format(login)

    return dict(named())
