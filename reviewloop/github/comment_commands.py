"""Handles a comment: parses the command, checks its author, runs what needs no model."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from reviewloop.analysis.contract import Rule
from reviewloop.analysis.rule_book import rule_of
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.client import GitHub, Reaction
from reviewloop.github.api.errors import AnswerLost, GitHubError, NotFound, single_line
from reviewloop.github.api.model import PullRequest, State, Status
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import (
    break_marks,
    clip_body,
    code,
    finding_in,
    finding_line,
    headings_in,
    headline,
    remark_parts,
    sanitise,
    sanitise_line,
)
from reviewloop.github.comments.marker import (
    command_marker,
    commands_in,
    dismissal_marker,
    entry_of,
    is_ours,
    own_comments,
    read_state,
    reopened_marker,
)
from reviewloop.github.job.event import Trigger, read_event
from reviewloop.github.job.outcome import failure_outcome
from reviewloop.github.posting.memory import remember
from reviewloop.github.user_comments import (
    ALL,
    FOR_OTHER_JOBS,
    HELP,
    MOST_WORD,
    Command,
    Origin,
    Voices,
    Wrong,
    origin_of,
    parse,
    permission_check,
)
from reviewloop.regex import regex
from reviewloop.render.code_view import visible
from reviewloop.render.review_words import who
from reviewloop.render.rules import URL, explained_at, laid_out
from reviewloop.render.untrusted import fenced, language, link, one_line

_MOST_QUOTED = 20  # lines


def explanation(
    name: str, entry: Mapping[str, object], finding: Finding | None, heading: str = ""
) -> str:
    """Return the answer to `explain` as Markdown.

    `entry` is what the state remembers of the finding, `finding` the one in its comment, if any,
    `heading` its title and location in a summary (`headings_in`).
    """
    rule = rule_of(finding.rule if finding else str(entry.get("by", "")))
    parts = [headline(finding) if finding else _unknown(entry, rule, heading)]
    parts.append(_location(name, entry, finding))
    if finding:
        if finding.quote:
            parts.append(_quoted(finding))
        parts += remark_parts(finding)
    if rule:
        parts += _rule_parts(rule, finding)
    parts.append(_way_out(name, rule))
    return "\n\n".join(parts)


def status_words(entry: Mapping[str, object]) -> str:
    """Return the status of a finding in words."""
    status = str(entry.get("status", "open"))
    return "open, told in the summary" if status == "reported" else status


def _unknown(entry: Mapping[str, object], rule: Rule | None, heading: str) -> str:
    severity = Severity(str(entry.get("severity", Severity.SHOULD_FIX)))
    title = sanitise_line(rule.title) if rule else "the summary says what this finding is"
    title = heading or title
    return f"{severity.mark} **{severity.label}** · {title}"


def _location(name: str, entry: Mapping[str, object], finding: Finding | None) -> str:
    where = finding.where if finding else str(entry.get("path", ""))
    by = who(finding) if finding else str(entry.get("by", "")).replace(",", ", ")
    parts = [code(visible(where))] if where else []
    parts += [f"found by {sanitise_line(by)}"] if by else []
    status, reason = status_words(entry), str(entry.get("reason", ""))
    if status == "dismissed" and reason:
        status += f" ({sanitise_line(reason)})"
    return " · ".join([code(name), *parts, status])


def _quoted(finding: Finding) -> str:
    lines = finding.quote.rstrip("\n").split("\n")
    shown = [break_marks(visible(line)) for line in lines[:_MOST_QUOTED]]
    shown += ["…"] if len(lines) > _MOST_QUOTED else []
    return fenced(shown, language(finding.path))


def _rule_parts(rule: Rule, finding: Finding | None) -> list[str]:
    texts = {finding.why, finding.suggestion} if finding else set()
    page = explained_at(rule)
    title = link(rule.id, page) if page else code(rule.id)
    parts = [f"**Rule** {title}: {sanitise_line(rule.title)}"]
    for label, text in (("Why", rule.why), ("What to do", rule.fix)):
        if text and text not in texts:
            parts.append(f"**{label}:** {sanitise(text)}")
    parts += [f"**Source:** {_sourced(rule.source)}"] if rule.source else []
    found, left_alone = read_examples(rule)
    parts += _example("what it finds", found) + _example("what it leaves alone", left_alone)
    return parts


def _sourced(source: str) -> str:
    """Return the source with its addresses as links; the source is text of our rules."""
    words = [sanitise_line(piece) for piece in URL.split(source)]
    links = [f"<{found}>" for found in URL.findall(source)]
    pairs = zip(words, [*links, ""], strict=True)
    return " ".join(each for pair in pairs for each in pair if each)


def _example(label: str, examples: Sequence[Sequence[CodeBlock]]) -> list[str]:
    return [
        f"The rule's own example of {label}{' before the change' if block.base else ''}, "
        "not your code:\n\n"
        + fenced(
            (break_marks(visible(line)) for line in laid_out(block.code)), language(block.path)
        )
        for block in (examples[0] if examples else ())
    ]


def _way_out(name: str, rule: Rule | None) -> str:
    ways = [f"`/reviewloop dismiss {name}` and the reason (or, in its thread, without the id)"]
    if rule and rule.hard:
        held = "The repository's comments and settings do not silence what a change adds of this"
        return f"**Not a problem here?** {ways[0]}. {held}."
    if rule:
        ways.append(f"a comment `reviewloop: ignore[{rule.id}]` with the reason at the line")
        ways.append(f'`"{rule.id}" = "off"` below `[rules]` in `reviewloop.toml`')
    return "**Not a problem here?** " + "; ".join(ways) + "."


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
    """The commands of one comment on one pull request; `redact` takes secrets out of answers."""

    client: GitHub
    pull: PullRequest
    trigger: Trigger
    pace: Pace
    redact: Callable[[str], str] = str
    state: State = field(default_factory=State)
    roots: Mapping[str, Sequence[ReviewComment]] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)  # of findings, in our summary
    answered: bool = False  # by an earlier try of the same run

    def read(self) -> None:
        """Read comments, threads and state of the pull request."""
        me, number = self.client.me(), self.pull.number
        talk, diff = self.client.issue_comments(number), self.client.review_comments(number)
        self.state = read_state(talk, me, self.pull)
        self.roots = own_comments(diff, me)
        ours = [comment.body for comment in talk if is_ours(comment, me)]
        self.headings = headings_in(ours)
        ours += [comment.body for comment in diff if is_ours(comment, me)]
        self.answered = any(self.trigger.comment in commands_in(body) for body in ours)

    @property
    def known(self) -> dict[str, Mapping[str, object]]:
        """The remembered entry of each finding, also of those known only from a comment."""
        found = {name: entry_of(roots[-1]) for name, roots in self.roots.items()}
        return {**found, **self.state.findings}

    def finding_meant(self, command: Command) -> tuple[str, str]:
        """Return (fingerprint or all, "") or ("", sentence with the reason why it names none)."""
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
        """Answer with the explanation of a finding."""
        roots = self.roots.get(name, ())
        self.reply(
            explanation(name, self.known[name], finding_in(roots), self.headings.get(name, ""))
        )

    def named(self, name: str) -> str:
        """Return a finding as one line of Markdown."""
        roots, heading = self.roots.get(name, ()), self.headings.get(name, "")
        return finding_line(name, self.known[name], finding_in(roots), heading)

    def dismiss(self, name: str, command: Command) -> None:
        """Dismiss a finding and answer in its thread; later reviews read that answer, too."""
        reason = command.reason if name.startswith(command.finding or "-") else command.words
        if not reason:
            self.reply(
                f"A dismissal needs a reason: `/reviewloop dismiss {name}` and the reason, on one "
                "line. Nothing was changed."
            )
            return
        word = single_line(self.redact(f"{self.trigger.author}: {reason}"), MOST_WORD)
        entry = self.known[name]

        def dismissed(state: State) -> State:
            before = state.findings.get(name, entry)
            changed = {**before, "status": "dismissed", "reason": word}
            return replace(state, findings={**state.findings, name: changed})

        what, who = self.named(name), code(self.trigger.author)
        news = f"dismissed by {who}: {what}"
        remember(self.client, self.pull, dismissed, self.pace, news=news)
        text = (
            f"Dismissed by {sanitise_line(word)}\n\n{what}\n\n"
            f"It stays dismissed after pushes; `/reviewloop reopen {name}` takes that back."
        )
        roots = self.roots.get(name, ())
        thread = roots[-1].id if roots else 0
        self.reply(text, mark=dismissal_marker(name, word), thread=thread)

    def reopen(self, name: str) -> None:
        """Take back the dismissal of a finding and answer in its thread."""
        entry, roots, what = self.known[name], self.roots.get(name, ()), self.named(name)
        reason = str(entry.get("reason", ""))
        if entry.get("status") != "dismissed" and not self._dismissed_there(name):
            self.reply(f"This is not dismissed, so nothing was changed: {what}")
            return
        if origin_of(reason) is Origin.CODE:
            self.reply(f"This is silenced in the repository; change it there: {what}")
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
        self.reply(text, mark=reopened_marker(name), thread=thread)

    def pause(self) -> None:
        """Stop reviewing pushes."""
        remember(self.client, self.pull, lambda state: replace(state, paused=True), self.pace)
        self.reply(_PAUSED)

    def resume(self) -> None:
        """Review pushes again."""
        remember(self.client, self.pull, lambda state: replace(state, paused=False), self.pace)
        self.reply(_RESUMED)

    def help(self) -> None:
        """Answer with the list of commands."""
        self.reply(HELP)

    def wrong(self, sentence: str) -> None:
        """Answer with what is wrong with the command."""
        message = f"{sentence[:1].upper()}{sentence[1:]}{'' if sentence.endswith('?') else '.'}"
        self.reply(f"{message} `/reviewloop help` lists the commands.")

    def reply(self, text: str, *, mark: str = "", thread: int = 0) -> None:
        """Answer at the command, or in another thread; once, even if GitHub's answer is lost."""
        marks = "\n".join([command_marker(self.trigger.comment), *([mark] if mark else [])])
        body = clip_body(f"{marks}\n{self.redact(text)}")
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
            except NotFound:  # deleted meanwhile
                pass
        self.client.create_issue_comment(self.pull.number, body)

    def _of_thread(self) -> str:
        """Return the finding of the thread that holds the command, "" for none."""
        here = self.trigger.thread
        names = [name for name, roots in self.roots.items() if here in {root.id for root in roots}]
        return names[0] if len(names) == 1 else ""

    def _voices(self) -> Voices:
        client, number = self.client, self.pull.number
        comments, threads = client.review_comments(number), client.review_threads(number)
        return Voices(comments, threads, client.me(), permission_check(client))

    def _dismissed_there(self, name: str) -> bool:
        """Whether a user dismissed the finding in its thread since the last review."""
        roots = self.roots.get(name, ())
        return bool(roots) and bool(self._voices().dismissed(roots, name))

    def _listed(self, verb: str) -> str:
        """Return the findings that a command can name, the worst first."""
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


_LOGIN = regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SHA = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FINDING = regex(rf"[0-9a-f]{{12}}|{ALL}|")


@dataclass(frozen=True)
class CommandOutcome:
    """The outcome of a comment; `verb` is set where another job has to continue."""

    status: Status
    reason: str = ""
    exit_code: ExitCode = ExitCode.CLEAN
    verb: str = ""
    pull: int = 0
    finding: str = ""
    comment: int = 0
    actor: str = ""
    head: str = ""

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the step; none contains text chosen by the comment's author."""
        return {
            **{"status": str(self.status), "reason": one_line(self.reason), "verb": self.verb},
            **{"pull": str(self.pull or ""), "finding": self.finding},
            **{"comment": str(self.comment or ""), "actor": self.actor, "head": self.head},
        }


def handle_comment(
    environ: Mapping[str, str],
    *,
    event: str = "",
    redact: Callable[[str], str] = str,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> CommandOutcome:
    """Run the command of the comment that started this run, or pass it to another job.

    A comment without a command, or by an author without write permission, is skipped with the
    reason and without an answer. `redact` takes secrets out of answers. Expected failures are an
    outcome, too.
    """
    try:
        trigger = read_event(environ, path=event)
        if trigger.kind != "command":
            return _skipped(trigger.why or "this run was not started by a comment")
        command = parse(trigger.body, in_thread=trigger.on_diff)
        if command is None:
            return _skipped("the comment gives no command")
        if reason := _why_no_user(trigger):
            return _skipped(reason)
        if trigger.repo is None:
            raise UsageError("which repository? set GITHUB_REPOSITORY")
        with GitHub.from_environment(environ, trigger.repo, sleep=sleep, now=now) as client:
            return _CommandRun(client, trigger, Pace(sleep, now), redact).end(command)
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        ended = failure_outcome(error)
        return CommandOutcome(ended.status, ended.reason, ended.exit_code)


def _why_no_user(trigger: Trigger) -> str:
    """Return why the author's permission is not checked: programs give no commands."""
    author = trigger.author
    if trigger.author_is_bot or trigger.actor_is_bot or author.endswith("[bot]"):
        return f"{author} is a bot, and bots give no commands"
    if author != trigger.actor or not _LOGIN.fullmatch(author):
        return "the comment's author is not who started this run"
    return ""


def _skipped(reason: str) -> CommandOutcome:
    return CommandOutcome(Status.SKIPPED, reason)


@dataclass(frozen=True)
class _CommandRun:
    client: GitHub
    trigger: Trigger
    pace: Pace
    redact: Callable[[str], str]

    def end(self, command: Command | Wrong) -> CommandOutcome:
        author = self.trigger.author
        if not permission_check(self.client)(author):
            self._react("confused")
            return _skipped(f"{author} may not give commands: that takes write permission")
        self._react("eyes")
        pull = self.client.pull(self.trigger.pull)
        orders = Orders(self.client, pull, self.trigger, self.pace, self.redact)
        orders.read()
        if orders.answered:
            return self._done(pull, "this command was answered before")
        if isinstance(command, Wrong):
            orders.wrong(command.sentence)
            return self._done(pull, command.sentence)
        if reason := _not_now(command, pull):
            orders.reply(reason)
            return self._done(pull, reason)
        return self._obeyed(command, orders)

    def _obeyed(self, command: Command, orders: Orders) -> CommandOutcome:
        pull, finding, why = orders.pull, "", ""
        if command.verb in {"explain", "dismiss", "reopen", "fix"}:
            finding, why = orders.finding_meant(command)
        if why:
            orders.reply(f"{why[:1].upper()}{why[1:]}")
            return self._done(pull, f"{command.verb}: no finding was named that is known here")
        if command.verb in FOR_OTHER_JOBS:
            return self._pass_on(command, pull, finding)
        if command.verb == "explain":
            orders.explain(finding)
        elif command.verb == "dismiss":
            orders.dismiss(finding, command)
        elif command.verb == "reopen":
            orders.reopen(finding)
        elif command.verb == "pause":
            orders.pause()
        elif command.verb == "resume":
            orders.resume()
        else:
            orders.help()
        return self._done(pull)

    def _pass_on(self, command: Command, pull: PullRequest, finding: str) -> CommandOutcome:
        if not _SHA.fullmatch(pull.head_sha) or not _FINDING.fullmatch(finding):
            raise GitHubError("GitHub's answer names no commit")
        return replace(self._done(pull), verb=command.verb, finding=finding, head=pull.head_sha)

    def _done(self, pull: PullRequest, reason: str = "") -> CommandOutcome:
        status = Status.SKIPPED if reason else Status.PASSED
        outcome = CommandOutcome(status, reason, pull=pull.number)
        return replace(outcome, comment=self.trigger.comment, actor=self.trigger.author)

    def _react(self, content: Reaction) -> None:
        """React; without the permission only the reaction is missing."""
        try:
            self.client.react(self.trigger.comment, content, on_diff=self.trigger.on_diff)
        except GitHubError:
            return


def _not_now(command: Command, pull: PullRequest) -> str:
    """Return in one sentence why a command cannot run on this pull request, "" if it can."""
    if not pull.open and command.verb not in {"explain", "help"}:
        return "This pull request is closed: nothing was done."
    if pull.is_fork and command.verb in FOR_OTHER_JOBS:
        return (
            "This pull request comes from a fork, whose commits no job with rights fetches: "
            "nothing was done. A maintainer starts its review with the label `reviewloop`, where "
            "the workflow for forks (`review-fork-pr.yml`) is set up."
        )
    return ""
