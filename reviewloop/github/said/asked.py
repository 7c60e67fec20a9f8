"""The findings of ours that somebody wants fixed, and the comment that approves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding
from reviewloop.github.api.answers import IssueComment, ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.marker import finding_from, findings_in, is_ours, own, read_state
from reviewloop.github.said.commands import ALL, SHORTEST_ID, Command, parse
from reviewloop.github.said.dismissals import Voices, permitted
from reviewloop.loop.approval_act import Act


@dataclass(frozen=True)
class Request:
    """Somebody's word that findings shall be fixed; `act` is what a commit records of it."""

    act: Act
    finding: str  # as it was typed: the beginning of an id, `all`, or ""
    thread: tuple[str, ...] = ()  # the findings of the thread in which it was said

    def require(self, wanted: str) -> None:
        """Raise `UsageError` unless it is about this: the full id of a finding, or `all`."""
        if self.finding == ALL or wanted == ALL:
            same = self.finding == wanted
        elif self.finding:
            same = wanted.startswith(self.finding)
        else:  # in a thread, its own finding may be left unsaid
            same = self.thread == (wanted,)
        if not same:
            meant = self.finding or "the finding of its thread"
            raise UsageError(f"the comment {self.act.ident} asks for {meant}, not for {wanted}")


def requested(client: GitHub, pull: PullRequest, comment: int) -> Request:
    """Return what a comment asks for, as GitHub has it now.

    Raises `UsageError` unless it stands on this pull request, says `/reviewloop fix`, and is by a
    person with write permission.
    """
    found, thread = _comment(client, pull, comment)
    what = f"the comment {comment} on pull request {pull.number}"
    if found is None:
        raise UsageError(f"{what} is not there (any more), so nobody asks for this fix")
    command = parse(found.body)
    if not isinstance(command, Command) or command.verb != "fix":
        raise UsageError(f"{what} does not say `/reviewloop fix` (any more)")
    if found.author_is_bot or not permitted(client)(found.author):
        raise UsageError(
            f"{what} is by {found.author or 'nobody'}, who may not ask for a fix: that takes a "
            "person with write permission"
        )
    act = Act("comment", found.author, str(found.id), found.url)
    return Request(act, command.finding, thread)


def _comment(
    client: GitHub, pull: PullRequest, ident: int
) -> tuple[IssueComment | ReviewComment | None, tuple[str, ...]]:
    """Return the comment, and the findings of the thread in which it stands."""
    for said in client.issue_comments(pull.number):
        if said.id == ident:
            return said, ()
    on_diff = {each.id: each for each in client.review_comments(pull.number)}
    found = on_diff.get(ident)
    root = on_diff.get(found.reply_to or 0) if found else None
    ours = root is not None and is_ours(root, client.me())
    return found, findings_in(root.body) if root and ours else ()


_SETTLED = {"fixed": "it is fixed already", "dismissed": "it is dismissed"}


@dataclass(frozen=True)
class FixRequest:
    """What is to be fixed; `left` leads from the ids of other findings to why they are not."""

    findings: tuple[Finding, ...]
    left: Mapping[str, str] = field(default_factory=dict)


def asked_findings(client: GitHub, pull: PullRequest, wanted: str) -> FixRequest:
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
    return FixRequest(tuple(findings), unread)


def _named(wanted: str, roots: Mapping[str, Sequence[ReviewComment]], pull: PullRequest) -> str:
    short = wanted.casefold()
    found = [name for name in roots if name == short]
    if not found and len(short) >= SHORTEST_ID:
        found = [name for name in roots if name.startswith(short)]
    if len(found) == 1:
        return found[0]
    several = "several findings begin with" if found else "no finding with a comment of ours is"
    raise UsageError(f"{several} {wanted[:40]!r} on pull request {pull.number}")
