"""Carries out what a command asks for without a model: explain, dismiss, pause, resume, help."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewloop.findings import Severity
from reviewloop.github.answers import ReviewComment
from reviewloop.github.bodies import clipped
from reviewloop.github.client import GitHub
from reviewloop.github.commands import ALL, HELP, Command
from reviewloop.github.commented import entry_of
from reviewloop.github.dismissals import MOST_WORD
from reviewloop.github.errors import AnswerLost, NotFound
from reviewloop.github.event import Trigger
from reviewloop.github.explained import explained, status_words
from reviewloop.github.finding_data import finding_from
from reviewloop.github.marker import (
    command_marker,
    commands_in,
    dismissal_marker,
    is_ours,
    own,
    read_state,
)
from reviewloop.github.memory import remember
from reviewloop.github.model import PullRequest, State
from reviewloop.github.pace import Pace
from reviewloop.github.refusals import shown
from reviewloop.github.untrusted import code, sanitised_line
from reviewloop.output.code_view import visible

_MOST_LISTED = 30  # findings
_TRIES = 3
_PAUSED = (
    "Paused: pushes are not reviewed until `/reviewloop resume`. `/reviewloop review` still "
    "reviews once."
)
_RESUMED = (
    "Resumed: the next push is reviewed, with everything since the last review. "
    "`/reviewloop review` does it now."
)


@dataclass
class Orders:
    """The orders of one comment on one pull request; `hide` takes secrets out of what is said."""

    client: GitHub
    pull: PullRequest
    trigger: Trigger
    pace: Pace
    hide: Callable[[str], str] = str
    state: State = field(default_factory=State)
    roots: Mapping[str, Sequence[ReviewComment]] = field(default_factory=dict)
    answered: bool = False  # by an earlier try of the same run

    def read(self) -> None:
        """Read what stands on the pull request."""
        me, number = self.client.me(), self.pull.number
        talk, diff = self.client.issue_comments(number), self.client.review_comments(number)
        self.state = read_state(talk, me, self.pull)
        self.roots = own(diff, me)
        ours = [comment.body for comment in talk if is_ours(comment, me)]
        ours += [comment.body for comment in diff if is_ours(comment, me)]
        self.answered = any(self.trigger.comment in commands_in(body) for body in ours)

    @property
    def known(self) -> dict[str, Mapping[str, object]]:
        """What is remembered of each finding, also of those of which only the comment is known."""
        found = {name: entry_of(roots[-1]) for name, roots in self.roots.items()}
        return {**found, **self.state.findings}

    def finding_meant(self, command: Command) -> tuple[str, str]:
        """Return (fingerprint or all, "") or ("", sentence that says why there is none)."""
        known = self.known
        if command.finding == ALL:
            return ALL, ""
        found = [name for name in known if command.finding and name.startswith(command.finding)]
        if len(found) == 1:
            return found[0], ""
        # `dismiss facade is what we want`, in a thread: a word that only looks like an id.
        word = command.verb == "dismiss" and command.finding.isalpha() and not found
        if (word or not command.finding) and (here := self._of_thread()):
            return here, ""
        if not command.finding:
            return "", f"which finding? `/reviewloop {command.verb} ID`. {_listed(known)}"
        if found:
            return "", f"several findings begin with `{command.finding}`. {_listed(known)}"
        return "", f"there is no finding `{command.finding}` here. {_listed(known)}"

    def explain(self, name: str) -> None:
        """Answer why a finding was made."""
        roots = self.roots.get(name, ())
        finding = finding_from(roots[-1].body) if roots else None
        self.say(explained(name, self.known[name], finding))

    def dismiss(self, name: str, command: Command) -> None:
        """Dismiss a finding and say so in its thread, which later reviews believe, too."""
        reason = command.reason if name.startswith(command.finding or "-") else command.words
        if not reason:
            self.say(
                f"A dismissal needs a reason: `/reviewloop dismiss {name}` and the reason, on one "
                "line. Nothing was changed."
            )
            return
        word = shown(self.hide(f"{self.trigger.author}: {reason}"), MOST_WORD)
        entry = self.known[name]

        def dismissed(state: State) -> State:
            before = state.findings.get(name, entry)
            changed = {**before, "status": "dismissed", "reason": word}
            return replace(state, findings={**state.findings, name: changed})

        remember(self.client, self.pull, dismissed, self.pace)
        text = f"Dismissed by {sanitised_line(word)}\n\nIt stays dismissed after pushes."
        roots = self.roots.get(name, ())
        thread = roots[-1].id if roots else 0
        self.say(text, mark=dismissal_marker(name, word), thread=thread)

    def pause(self) -> None:
        """Have pushes left alone."""
        remember(self.client, self.pull, lambda state: replace(state, paused=True), self.pace)
        self.say(_PAUSED)

    def resume(self) -> None:
        """Have pushes reviewed again."""
        remember(self.client, self.pull, lambda state: replace(state, paused=False), self.pace)
        self.say(_RESUMED)

    def help(self, sentence: str = "") -> None:
        """Answer with the list of commands, after a sentence about what was wrong."""
        self.say(f"{sentence[:1].upper()}{sentence[1:]}.\n\n{HELP}" if sentence else HELP)

    def say(self, text: str, *, mark: str = "", thread: int = 0) -> None:
        """Answer where the command was given, or in another thread; once, whatever gets lost."""
        marks = "\n".join([command_marker(self.trigger.comment), *([mark] if mark else [])])
        body = clipped(f"{marks}\n{self.hide(text)}")
        for attempt in range(1, _TRIES + 1):
            self.pace.wait()
            try:
                self._post(body, thread or self.trigger.thread)
                return
            except AnswerLost:
                self.pace.sleep(2.0 * attempt)
                self.read()
                if self.answered:
                    return
                if attempt == _TRIES:
                    raise

    def _post(self, body: str, thread: int) -> None:
        if thread:
            try:
                self.client.reply(self.pull.number, thread, body)
                return
            except NotFound:  # somebody deleted it meanwhile
                pass
        self.client.create_issue_comment(self.pull.number, body)

    def _of_thread(self) -> str:
        """Return the finding of the thread that the command stands in, "" for none."""
        here = self.trigger.thread
        names = [name for name, roots in self.roots.items() if here in {root.id for root in roots}]
        return names[0] if len(names) == 1 else ""


def _listed(known: Mapping[str, Mapping[str, object]]) -> str:
    if not known:
        return "No finding was told on this pull request yet."
    ranks = {str(severity): severity.rank for severity in Severity}
    order = sorted(known, key=lambda name: ranks.get(str(known[name].get("severity")), 9))
    lines = [
        f"- {code(name)} {code(visible(str(known[name].get('path', ''))))} "
        f"{Severity(str(known[name]['severity'])).label}, {status_words(known[name])}"
        for name in order[:_MOST_LISTED]
    ]
    more = len(order) - _MOST_LISTED
    return "There are:\n\n" + "\n".join([*lines, *([f"- … and {more} more"] if more > 0 else [])])
