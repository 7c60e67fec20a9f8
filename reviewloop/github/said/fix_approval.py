"""The comment that asks for a fix and approves it: whose it is, and what it says now."""

from dataclasses import dataclass

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.answers import IssueComment, ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.marker import findings_in, is_ours
from reviewloop.github.said.commands import ALL, Command, parse
from reviewloop.github.said.dismissals import permitted
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
