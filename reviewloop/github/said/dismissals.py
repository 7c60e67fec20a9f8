"""What people say about findings in the threads on GitHub, and whose word counts.

Only a person's with write permission, asked from GitHub: not a bot's, not our own text, and not
what an association or a name suggests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reviewloop.github.api.answers import GHOST, ReviewComment, Thread
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError, shown
from reviewloop.github.comments.marker import ANY, answered, dismissal_in, is_ours, own, reopened_in
from reviewloop.github.said.commands import lines_of, named_in, reply_words

_MOST_REASON = 120
MOST_WORD = 160  # with the name
IN_CODE = ("suppressed in the code", "in the baseline")  # such words begin a reason
RESOLVED = "its thread was resolved by "


def permitted(client: GitHub) -> Callable[[str], bool]:
    """Return the question whether a user may dismiss: write permission, asked from GitHub."""

    def may(login: str) -> bool:
        return not login.endswith("[bot]") and client.permission(login) in {"admin", "write"}

    return may


def dismissal(body: str) -> str | None:
    """Return the reason in a reply `reviewloop: dismiss reason`; None for any other text.

    It stands in the first line that is no quotation; "" when it lacks a reason.
    """
    for line in lines_of(body):
        if line.strip() and not line.lstrip().startswith(">"):
            words = reply_words(line.rstrip())
            return None if words is None else shown(words, _MOST_REASON)
    return None


@dataclass
class Voices:
    """The replies and threads of one pull request; asks about each person once."""

    comments: Sequence[ReviewComment]
    threads: Sequence[Thread]
    me: str
    may_dismiss: Callable[[str], bool]
    notes: list[str] = field(default_factory=list)  # whose word did not count, and why
    refused: tuple[str, ...] = ()  # who was told so before, which is not repeated

    def __post_init__(self) -> None:
        self._replies: dict[int, list[ReviewComment]] = {}
        for comment in sorted(self.comments, key=lambda each: each.id):
            if comment.reply_to is not None:
                self._replies.setdefault(comment.reply_to, []).append(comment)
        self._threads = {thread.comments[0]: thread for thread in self.threads if thread.comments}
        self._known: dict[str, bool] = {}
        self._names = own(self.comments, self.me)

    def thread(self, root: ReviewComment) -> Thread | None:
        """Return the thread that a comment began, None where it is not known."""
        return self._threads.get(root.id)

    def last_answer(self, root: ReviewComment, finding: str) -> str:
        """Return the word of our last answer about a finding in a thread, "" for none."""
        ours = (answered(c.body) for c in self._replies.get(root.id, ()) if is_ours(c, self.me))
        return next((word for name, word in reversed(list(ours)) if name == finding), "")

    def dismissed(self, roots: Sequence[ReviewComment], finding: str) -> str:
        """Return who dismissed a finding and why; "" when nobody did who may."""
        replies = [reply for root in roots for reply in self._replies.get(root.id, ())]
        said = ""
        for reply in sorted(replies, key=lambda each: each.id):
            # The permission was asked when a command was heard.
            ours = reply.body if is_ours(reply, self.me) else ""
            if reopened_in(ours) == finding:
                said = ""
                continue
            name, word = dismissal_in(ours)
            if not said and (reason := self._reason(reply, finding)):
                said = f"{reply.author}: {reason}"
            elif not said and word and name == finding:
                said = shown(word, MOST_WORD)
        if said:
            return said
        person = self.resolver(roots[-1], finding) if roots else ""
        return f"{RESOLVED}{person}" if person and self._counts(person) else ""

    def resolver(self, root: ReviewComment, finding: str) -> str:
        """Return who resolved the thread, "" when it is open or when we did it ourselves."""
        thread = self.thread(root)
        if thread is None or not thread.resolved:
            return ""
        # Where GraphQL does not tell that it is a bot, the name stands without [bot].
        resolver = thread.resolved_by.removesuffix("[bot]")
        ours = resolver.casefold() == self.me.removesuffix("[bot]").casefold()
        if ours and (self.me.endswith("[bot]") or self.last_answer(root, finding) == "fixed"):
            return ""
        return thread.resolved_by

    def _reason(self, reply: ReviewComment, finding: str) -> str:
        # With a person's own token our answers have that person's name: their marks tell.
        reason = None if ANY in reply.body else dismissal(reply.body)
        if reason is None or not self._counts(reply.author, reply.author_is_bot):
            return ""
        if not reason:
            self.notes.append(f"a dismissal by {reply.author} gives no reason and does not count")
        named = named_in(reason)
        others = (name for name in self._names if named and name.startswith(named))
        # Given as a command, it is about the one that it names.
        return "" if any(name != finding for name in others) else reason

    def _counts(self, login: str, is_bot: bool = False) -> bool:
        if login in self._known:
            return self._known[login]
        try:
            may = not is_bot and login != GHOST and self.may_dismiss(login)
            if not may and login not in self.refused:
                self.refused = (*self.refused, login)
                self.notes.append(f"{login} may not dismiss findings: that takes write permission")
        except GitHubError as error:
            may = False
            self.notes.append(f"whether {login} may dismiss findings is not known: {error}")
        self._known[login] = may
        return may
