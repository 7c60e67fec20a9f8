"""The findings of ours that somebody wants fixed, as their comments on a pull request hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.finding_data import finding_from
from reviewloop.github.comments.marker import own, read_state
from reviewloop.github.said.commands import ALL, SHORTEST_ID
from reviewloop.github.said.dismissals import Voices, permitted

_SETTLED = {"fixed": "it is fixed already", "dismissed": "it is dismissed"}


@dataclass(frozen=True)
class Asked:
    """What is to be fixed; `left` leads from the ids of other findings to why they are not."""

    findings: tuple[Finding, ...]
    left: Mapping[str, str] = field(default_factory=dict)


def asked_findings(client: GitHub, pull: PullRequest, wanted: str) -> Asked:
    """Return the finding of this id, or all open ones that must or should be fixed.

    Only what stands in a comment of ours is believed. Raises `UsageError` when a finding that was
    named is not there or settled, or when none is open.
    """
    me = client.me()
    comments = client.review_comments(pull.number)
    roots = own(comments, me)
    state = read_state(client.issue_comments(pull.number), me, pull)
    voices = Voices(comments, client.review_threads(pull.number), me, permitted(client))
    names = list(roots) if wanted == ALL else [_named(wanted, roots, pull)]
    findings: list[Finding] = []
    left: dict[str, str] = {}
    for name in names:
        entry = state.findings.get(name, {})
        reason = _SETTLED.get(str(entry.get("status", "")), "")
        if not reason and (word := voices.dismissed(roots[name], name)):
            reason = f"it is dismissed ({word})"
        found = finding_from(roots[name][-1].body)
        if not reason and (found is None or found.id != name):
            reason = "its comment does not hold it; it was posted by an earlier release"
        if reason or found is None:
            left[name] = reason
        elif wanted != ALL or found.severity.actionable:
            findings.append(found)
    if not findings:
        number = f"pull request {pull.number}"
        if wanted == ALL:
            raise UsageError(f"no finding with a comment of ours on {number} is open")
        raise UsageError(f"the finding {names[0]} on {number} is not fixed: {left[names[0]]}")
    # What was settled before is no news where everything that is open was asked for.
    unread = {name: why for name, why in left.items() if not why.startswith("it is ")}
    return Asked(tuple(findings), unread)


def _named(wanted: str, roots: Mapping[str, Sequence[ReviewComment]], pull: PullRequest) -> str:
    short = wanted.casefold()
    found = [name for name in roots if name == short]
    if not found and len(short) >= SHORTEST_ID:
        found = [name for name in roots if name.startswith(short)]
    if len(found) == 1:
        return found[0]
    several = "several findings begin with" if found else "no finding with a comment of ours is"
    raise UsageError(f"{several} {wanted[:40]!r} on pull request {pull.number}")
