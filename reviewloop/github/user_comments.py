"""Parses what users write on a pull request: commands, dismissals and requests for fixes."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Literal, get_args

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding
from reviewloop.github.api.answers import GHOST, IssueComment, ReviewComment, Thread
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError, single_line
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.bodies import code
from reviewloop.github.comments.marker import (
    ANY,
    dismissal_in,
    finding_from,
    findings_in,
    is_ours,
    own_comments,
    parse_reply,
    read_state,
    reopened_in,
)
from reviewloop.loop.approval_act import Act
from reviewloop.regex import regex

Verb = Literal[
    "review", "full-review", "explain", "dismiss", "reopen", "fix", "pause", "resume", "help"
]
VERBS: tuple[str, ...] = get_args(Verb)
FOR_OTHER_JOBS = ("review", "full-review", "fix")
"""Commands that other jobs of the workflow run, which have the permissions or models for it."""

ALL = "all"
SHORTEST_ID = 6
_MOST_LINE = 1000  # characters of a command
MOST_REASON = 120
_COMMAND = regex(r" {0,3}/reviewloop(?:[ \t]+(.*))?", re.IGNORECASE)
_REPLY = regex(
    r"reviewloop(?:[ \t]{0,4}(:)[ \t]{0,4}|[ \t]{1,4})dismiss(?:[ \t]{0,4}:)?(?:[ \t]+(.*))?",
    re.IGNORECASE,
)
_ALIASES = {"undismiss": "reopen"}
_ID = regex(rf"[0-9a-f]{{{SHORTEST_ID},12}}")
# Phones make a dash of two hyphens.
_OPTION = regex(r"[-–—]{1,2}\w|\w[\w.\-]*[=:]\S|\w+://|www\.", re.IGNORECASE)
_NO_OPTIONS = (
    "a command takes no options, keys, models or addresses: those are set in the workflow and in "
    "the settings of the base branch"
)
_ID_WORDS = (
    "the id of a finding stands at the end of its comment; at least its first "
    f"{SHORTEST_ID} characters are needed"
)

HELP = """\
| comment | what happens |
|---|---|
| `/reviewloop review` | what is new is reviewed, also of a draft or while reviews are paused |
| `/reviewloop full-review` | the whole change is read again, although nothing is new |
| `/reviewloop explain ID` | why a finding was made, the rule behind it, how to dismiss it |
| `/reviewloop dismiss ID reason` | the finding stays dismissed, with your name and the reason |
| `/reviewloop reopen ID` | a dismissal is taken back |
| `/reviewloop fix ID`, `/reviewloop fix all` | a reviewed commit that fixes it, on the branch |
| `/reviewloop pause`, `/reviewloop resume` | pushes are not reviewed; are reviewed again |
| `/reviewloop help` | this list |

`ID` is at the end of each finding's comment, its first 6 characters are enough; in a reply in the
thread of a finding it may be left out. Commands take write permission on the repository."""


@dataclass(frozen=True)
class Command:
    """The command in a comment.

    `finding` is a prefix of an id as typed, `all`, or "". Where a thread may mean its own finding,
    `words` is everything after the verb: its first word need not be an id.
    """

    verb: Verb
    finding: str = ""
    reason: str = ""
    words: str = ""


@dataclass(frozen=True)
class Wrong:
    """An invalid command; the sentence says why and what to write instead."""

    sentence: str


def parse(body: str, *, in_thread: bool = False) -> Command | Wrong | None:
    """Parse the command in a comment; None for a comment without one.

    In a thread a dismissal is also understood without its colon.
    """
    line = _first_line(body)
    if (words := reply_words(line, strict=not in_thread)) is not None and len(line) <= _MOST_LINE:
        return _with_words("dismiss", " ".join(words.split()))
    match = _COMMAND.fullmatch(line)
    if not match:
        return None
    if len(line) > _MOST_LINE:
        return Wrong(f"the command is longer than {_MOST_LINE} characters")
    verb, _, rest = " ".join((match[1] or "help").split()).partition(" ")
    verb = _ALIASES.get(verb.lower(), verb.lower()) or "help"
    if verb not in VERBS:
        return Wrong(_NO_OPTIONS if _OPTION.match(verb) else _unknown(verb))
    first = rest.partition(" ")[0]
    # The words of a reason are only stored, so anything is allowed.
    smuggled = [first] if verb == "dismiss" else rest.split(" ")
    if verb == "dismiss" and _ID.fullmatch(_bare(first)):
        smuggled.append(rest.partition(" ")[2].partition(" ")[0])
    if any(_OPTION.match(word) for word in smuggled):
        return Wrong(_NO_OPTIONS)
    return _with_words(verb, rest)


def _with_words(verb: str, rest: str) -> Command | Wrong:
    first, _, more = rest.partition(" ")
    ident = _bare(first)
    if verb == "dismiss":
        named = bool(_ID.fullmatch(ident))
        reason = more if named else rest
        return Command("dismiss", ident if named else "", _reason(reason), _reason(rest))
    if verb in {"explain", "reopen", "fix"}:
        good = not ident or _ID.fullmatch(ident) or (verb == "fix" and ident == ALL)
        if more or not good:
            either = " or `all`" if verb == "fix" else ""
            return Wrong(f"`{verb}` takes the id of one finding{either}: {_ID_WORDS}")
    elif rest:
        return Wrong(f"`{verb}` takes nothing after it")
    return next(Command(each, ident) for each in get_args(Verb) if each == verb)


def reply_words(line: str, *, strict: bool = False) -> str | None:
    """Return what follows in a line `reviewloop: dismiss …`, None for any other line.

    Unless it is `strict`, the colon may be missing or later.
    """
    match = _REPLY.fullmatch(line)
    return None if match is None or (strict and not match[1]) else match[2] or ""


def leading_id(words: str) -> str:
    """Return the id at the start of words, "" for none and for a word that only looks like one."""
    ident = _bare(words.partition(" ")[0])
    return ident if _ID.fullmatch(ident) and not ident.isalpha() else ""


def _first_line(body: str) -> str:
    """Return the first line that is neither empty nor quoted; of a code block its fence."""
    lines = (line.rstrip() for line in lines_of(body))
    return next((line for line in lines if line and not line.lstrip().startswith(">")), "")


def lines_of(body: str) -> list[str]:
    """Return the lines as GitHub shows them.

    `str.splitlines` splits at more characters, which stay inside the line when a user quotes it:
    the rest of an untrusted text would become a command of the user who quotes.
    """
    return re.split(r"\r\n|[\r\n]", body)


def _bare(word: str) -> str:
    return word.strip("`'\"#.,:").lower()


def _reason(text: str) -> str:
    return single_line(text, MOST_REASON)


def _unknown(verb: str) -> str:
    near = difflib.get_close_matches(verb, [*VERBS, *_ALIASES], n=1, cutoff=0.5)
    meant = f". Did you mean `/reviewloop {near[0]}`?" if near else ""
    return f"there is no command {code(single_line(verb, 40))}{meant}"


_MOST_REASON = 120
MOST_WORD = 160  # with the name
_IN_CODE = ("suppressed in the code", "in the baseline", "quiet ")  # words that start a reason
_RESOLVED = "its thread was resolved by "


class Origin(StrEnum):
    """Where a finding was dismissed."""

    CODE = "code"  # in the repository: by a comment in code, or the baseline
    THREAD = "thread"  # by resolving it
    WORD = "word"  # by a command


def origin_of(reason: str) -> Origin:
    """Return where a finding was dismissed; comments and states store only the reason."""
    if reason.startswith(_RESOLVED):
        return Origin.THREAD
    return Origin.CODE if reason.startswith(_IN_CODE) else Origin.WORD


def permission_check(client: GitHub) -> Callable[[str], bool]:
    """Return a function that checks whether a user may dismiss: write permission on GitHub."""

    def may(login: str) -> bool:
        return not login.endswith("[bot]") and client.permission(login) in {"admin", "write"}

    return may


def dismissal(body: str) -> str | None:
    """Return the reason in a reply `reviewloop: dismiss reason`; None for any other text.

    It is in the first line that is not quoted; "" when it lacks a reason.
    """
    for line in lines_of(body):
        if line.strip() and not line.lstrip().startswith(">"):
            words = reply_words(line.rstrip())
            return None if words is None else single_line(words, _MOST_REASON)
    return None


@dataclass
class Voices:
    """The replies and threads of one pull request; checks each user's permission once."""

    comments: Sequence[ReviewComment]
    threads: Sequence[Thread]
    me: str
    may_dismiss: Callable[[str], bool]
    notes: list[str] = field(default_factory=list)  # users without a say, and why
    refused: tuple[str, ...] = ()  # users informed earlier, which is not repeated

    def __post_init__(self) -> None:
        self._replies: dict[int, list[ReviewComment]] = {}
        for comment in sorted(self.comments, key=lambda each: each.id):
            if comment.reply_to is not None:
                self._replies.setdefault(comment.reply_to, []).append(comment)
        self._threads = {thread.comments[0]: thread for thread in self.threads if thread.comments}
        self._known: dict[str, bool] = {}
        self._names = own_comments(self.comments, self.me)

    def thread(self, root: ReviewComment) -> Thread | None:
        """Return the thread of a root comment, None where it is not known."""
        return self._threads.get(root.id)

    def last_answer(self, root: ReviewComment, finding: str) -> str:
        """Return the word of our last reply about a finding in a thread, "" for none."""
        ours = (parse_reply(c.body) for c in self._replies.get(root.id, ()) if is_ours(c, self.me))
        return next((word for name, word in reversed(list(ours)) if name == finding), "")

    def dismissed(self, roots: Sequence[ReviewComment], finding: str) -> str:
        """Return who dismissed a finding and why; "" when no user with the permission did."""
        replies = [reply for root in roots for reply in self._replies.get(root.id, ())]
        dismissal = ""
        for reply in sorted(replies, key=lambda each: each.id):
            # The permission was checked when the command ran.
            ours = reply.body if is_ours(reply, self.me) else ""
            if reopened_in(ours) == finding:
                dismissal = ""
                continue
            name, word = dismissal_in(ours)
            if not dismissal and (reason := self._reason(reply, finding)):
                dismissal = f"{reply.author}: {reason}"
            elif not dismissal and word and name == finding:
                dismissal = single_line(word, MOST_WORD)
        if dismissal:
            return dismissal
        user = self.resolver(roots[-1], finding) if roots else ""
        return f"{_RESOLVED}{user}" if user and self.counts(user) else ""

    def resolver(self, root: ReviewComment, finding: str) -> str:
        """Return who resolved the thread, "" when it is open or when we did it ourselves."""
        thread = self.thread(root)
        if thread is None or not thread.resolved:
            return ""
        # Where GraphQL does not mark it as a bot, the name lacks [bot].
        resolver = thread.resolved_by.removesuffix("[bot]")
        ours = resolver.casefold() == self.me.removesuffix("[bot]").casefold()
        if ours and (self.me.endswith("[bot]") or self.last_answer(root, finding) == "fixed"):
            return ""
        return thread.resolved_by

    def _reason(self, reply: ReviewComment, finding: str) -> str:
        # With a user's own token our replies have the user's name; their marks identify them.
        reason = None if ANY in reply.body else dismissal(reply.body)
        if reason is None or not self.counts(reply.author, reply.author_is_bot):
            return ""
        if not reason:
            self.notes.append(f"a dismissal by {reply.author} gives no reason and does not count")
        named = leading_id(reason)
        others = (name for name in self._names if named and name.startswith(named))
        # A command is about the finding that it names.
        return "" if any(name != finding for name in others) else reason

    def counts(self, login: str, is_bot: bool = False) -> bool:
        """Whether a user may dismiss; records users who may not."""
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


@dataclass(frozen=True)
class Request:
    """A user's request to fix findings; `act` is what a commit records of it."""

    act: Act
    finding: str  # as typed: a prefix of the id, `all`, or ""
    thread: tuple[str, ...] = ()  # the findings of the comment's thread

    def require(self, verb: str) -> None:
        """Raise `UsageError` unless it is about this: the full id of a finding, or `all`."""
        if self.finding == ALL or verb == ALL:
            same = self.finding == verb
        elif self.finding:
            same = verb.startswith(self.finding)
        else:  # in a thread, its own finding need not be named
            same = self.thread == (verb,)
        if not same:
            meant = self.finding or "the finding of its thread"
            raise UsageError(f"the comment {self.act.ident} asks for {meant}, not for {verb}")


def get_request(client: GitHub, pull: PullRequest, comment: int) -> Request:
    """Return the request in a comment, as GitHub has it now.

    Raise `UsageError` unless it is on this pull request, contains `/reviewloop fix`, and its author
    is a user with write permission.
    """
    found, thread = _comment(client, pull, comment)
    what = f"the comment {comment} on pull request {pull.number}"
    if found is None:
        raise UsageError(f"{what} is not there (any more), so nobody asks for this fix")
    command = parse(found.body)
    if not isinstance(command, Command) or command.verb != "fix":
        raise UsageError(f"{what} does not say `/reviewloop fix` (any more)")
    if found.author_is_bot or not permission_check(client)(found.author):
        raise UsageError(
            f"{what} is by {found.author or 'nobody'}, who may not ask for a fix: that takes a "
            "person with write permission"
        )
    act = Act("comment", found.author, str(found.id), found.url)
    return Request(act, command.finding, thread)


def _comment(
    client: GitHub, pull: PullRequest, ident: int
) -> tuple[IssueComment | ReviewComment | None, tuple[str, ...]]:
    """Return the comment, and the findings of its thread."""
    for candidate in client.issue_comments(pull.number):
        if candidate.id == ident:
            return candidate, ()
    on_diff = {each.id: each for each in client.review_comments(pull.number)}
    found = on_diff.get(ident)
    root = on_diff.get(found.reply_to or 0) if found else None
    ours = root is not None and is_ours(root, client.me())
    return found, findings_in(root.body) if root and ours else ()


_SETTLED = {"fixed": "it is fixed already", "dismissed": "it is dismissed"}


@dataclass(frozen=True)
class FixRequest:
    """The findings to fix; `left` maps the ids of other findings to why they are not fixed."""

    findings: tuple[Finding, ...]
    left: Mapping[str, str] = field(default_factory=dict)


def select_findings(client: GitHub, pull: PullRequest, selection: str) -> FixRequest:
    """Return the finding of this id, or all open must-fix and should-fix ones.

    Only data in our own comments is trusted. Raise `UsageError` when a named finding is missing or
    settled, or when none is open.
    """
    me = client.me()
    comments = client.review_comments(pull.number)
    roots = own_comments(comments, me)
    state = read_state(client.issue_comments(pull.number), me, pull)
    voices = Voices(comments, client.review_threads(pull.number), me, permission_check(client))
    names = list(roots) if selection == ALL else [_named(selection, roots, pull)]
    findings: list[Finding] = []
    left: dict[str, str] = {}
    unread: dict[str, str] = {}  # for `all`, findings settled earlier are not listed
    for name in names:
        entry = state.findings.get(name, {})
        reason = _SETTLED.get(str(entry.get("status", "")), "")
        if not reason and (word := voices.dismissed(roots[name], name)):
            reason = f"it is dismissed ({word})"
        settled = bool(reason)
        found = finding_from(roots[name][-1].body)
        if not reason and (found is None or found.id != name):
            reason = "its comment does not hold it; it was posted by an earlier release"
        if reason or found is None:
            left[name] = reason
            if not settled:
                unread[name] = reason
        elif selection != ALL or found.severity.actionable:
            findings.append(found)
    if not findings:
        number = f"pull request {pull.number}"
        if selection == ALL:
            raise UsageError(f"no finding with a comment of ours on {number} is open")
        raise UsageError(f"the finding {names[0]} on {number} is not fixed: {left[names[0]]}")
    return FixRequest(tuple(findings), unread)


def _named(selection: str, roots: Mapping[str, Sequence[ReviewComment]], pull: PullRequest) -> str:
    short = selection.casefold()
    found = [name for name in roots if name == short]
    if not found and len(short) >= SHORTEST_ID:
        found = [name for name in roots if name.startswith(short)]
    if len(found) == 1:
        return found[0]
    several = "several findings begin with" if found else "no finding with a comment of ours is"
    raise UsageError(f"{several} {selection[:40]!r} on pull request {pull.number}")
