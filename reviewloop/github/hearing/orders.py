"""Carries out what a command asks for without a model: explain, dismiss, reopen, pause, help."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewloop.domain.finding import Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, NotFound
from reviewloop.github.api.model import PullRequest, State
from reviewloop.github.api.pace import Pace
from reviewloop.github.api.refusals import shown
from reviewloop.github.comments.bodies import clipped
from reviewloop.github.comments.commented import entry_of
from reviewloop.github.comments.marker import (
    command_marker,
    commands_in,
    dismissal_marker,
    is_ours,
    own,
    read_state,
    reopened_marker,
)
from reviewloop.github.comments.naming import finding_in, named, told_in
from reviewloop.github.comments.untrusted import code, sanitised_line
from reviewloop.github.hearing.explained import explained
from reviewloop.github.job.event import Trigger
from reviewloop.github.posting.memory import remember
from reviewloop.github.said.commands import ALL, HELP, Command
from reviewloop.github.said.dismissals import IN_CODE, MOST_WORD, Voices, permitted

_MOST_LISTED = 10  # findings
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
    told: Mapping[str, str] = field(default_factory=dict)  # of findings, in our summary
    answered: bool = False  # by an earlier try of the same run

    def read(self) -> None:
        """Read what stands on the pull request."""
        me, number = self.client.me(), self.pull.number
        talk, diff = self.client.issue_comments(number), self.client.review_comments(number)
        self.state = read_state(talk, me, self.pull)
        self.roots = own(diff, me)
        ours = [comment.body for comment in talk if is_ours(comment, me)]
        self.told = told_in(ours)
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
        why = f"which finding? `/reviewloop {command.verb} ID`"
        if command.finding:
            why = f"there is no finding `{command.finding}` here"
        if found:
            why = f"several findings begin with `{command.finding}`"
        return "", f"{why}. {self._listed(command.verb)}"

    def explain(self, name: str) -> None:
        """Answer why a finding was made."""
        roots = self.roots.get(name, ())
        self.say(explained(name, self.known[name], finding_in(roots), self.told.get(name, "")))

    def named(self, name: str) -> str:
        """Return what finding this is, as one line of Markdown."""
        roots, told = self.roots.get(name, ()), self.told.get(name, "")
        return named(name, self.known[name], finding_in(roots), told)

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

        what, who = self.named(name), code(self.trigger.author)
        news = f"dismissed by {who}: {what}"
        remember(self.client, self.pull, dismissed, self.pace, news=news)
        text = (
            f"Dismissed by {sanitised_line(word)}\n\n{what}\n\n"
            f"It stays dismissed after pushes; `/reviewloop reopen {name}` takes that back."
        )
        roots = self.roots.get(name, ())
        thread = roots[-1].id if roots else 0
        self.say(text, mark=dismissal_marker(name, word), thread=thread)

    def reopen(self, name: str) -> None:
        """Take back that a finding was dismissed, and say so in its thread."""
        entry, roots, what = self.known[name], self.roots.get(name, ()), self.named(name)
        reason = str(entry.get("reason", ""))
        if entry.get("status") != "dismissed" and not self._dismissed_there(name):
            self.say(f"This is not dismissed, so nothing was changed: {what}")
            return
        if reason.startswith(IN_CODE):
            self.say(f"This is silenced in the repository; change it there: {what}")
            return

        def reopened(state: State) -> State:
            before = state.findings.get(name, entry)
            if before.get("status") != "dismissed":
                return state
            changed = {**before, "status": "open" if roots else "reported", "reason": ""}
            return replace(state, findings={**state.findings, name: changed})

        news = f"opened again by {code(self.trigger.author)}: {what}"
        remember(self.client, self.pull, reopened, self.pace, news=news)
        text = f"Open again, as {code(self.trigger.author)} asked: {what}"
        if roots and self._voices().resolver(roots[-1], name):
            text += "\n\nIts thread is resolved, which dismisses it, too: unresolve it."
        thread = roots[-1].id if roots else 0
        self.say(text, mark=reopened_marker(name), thread=thread)

    def pause(self) -> None:
        """Have pushes left alone."""
        remember(self.client, self.pull, lambda state: replace(state, paused=True), self.pace)
        self.say(_PAUSED)

    def resume(self) -> None:
        """Have pushes reviewed again."""
        remember(self.client, self.pull, lambda state: replace(state, paused=False), self.pace)
        self.say(_RESUMED)

    def help(self) -> None:
        """Answer with the list of commands."""
        self.say(HELP)

    def wrong(self, sentence: str) -> None:
        """Answer what was wrong with the command."""
        said = f"{sentence[:1].upper()}{sentence[1:]}{'' if sentence.endswith('?') else '.'}"
        self.say(f"{said} `/reviewloop help` lists the commands.")

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

    def _voices(self) -> Voices:
        client, number = self.client, self.pull.number
        comments, threads = client.review_comments(number), client.review_threads(number)
        return Voices(comments, threads, client.me(), permitted(client))

    def _dismissed_there(self, name: str) -> bool:
        """Whether somebody dismissed it in its thread since the last review."""
        roots = self.roots.get(name, ())
        return bool(roots) and bool(self._voices().dismissed(roots, name))

    def _listed(self, verb: str) -> str:
        """Return the findings that a command can be about, the worst first."""
        known = {name: each for name, each in self.known.items() if self._fits(name, each, verb)}
        if not known:
            return f"There is none here to {verb}."
        ranks = {str(severity): severity.rank for severity in Severity}
        order = sorted(known, key=lambda name: ranks.get(str(known[name].get("severity")), 9))
        lines = [f"- {self.named(name)}" for name in order[:_MOST_LISTED]]
        if more := len(order) - _MOST_LISTED:
            lines += [f"- … and {more} more"] if more > 0 else []
        return "There are:\n\n" + "\n".join(lines)

    def _fits(self, name: str, entry: Mapping[str, object], verb: str) -> bool:
        status = entry.get("status")
        if verb == "fix":
            return status == "open" and name in self.roots
        fitting = {"dismiss": {"open", "reported"}, "reopen": {"dismissed"}}
        return status in fitting[verb] if verb in fitting else True
