"""Hears a comment: is it a command, may its author give it, and who carries it out.

Everybody may comment, and the run has the rights and secrets of the default branch. So nothing is
done, and nothing of the pull request is read, before GitHub has said that the author may write.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.github.api.client import GitHub, Reaction
from reviewloop.github.api.errors import GitHubError
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.api.pace import Pace
from reviewloop.github.hearing.orders import Orders
from reviewloop.github.job.event import Trigger, read_event
from reviewloop.github.job.outcome import failed
from reviewloop.github.said.commands import ALL, HANDED_ON, Command, Wrong, parse
from reviewloop.github.said.dismissals import permitted
from reviewloop.render.untrusted import one_line

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FINDING = re.compile(rf"[0-9a-f]{{12}}|{ALL}|")


@dataclass(frozen=True)
class Heard:
    """What became of a comment; `verb` is set where another job has to go on."""

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
        """The outputs of the step; nothing in them was chosen freely by who commented."""
        return {
            **{"status": str(self.status), "reason": one_line(self.reason), "verb": self.verb},
            **{"pull": str(self.pull or ""), "finding": self.finding},
            **{"comment": str(self.comment or ""), "actor": self.actor, "head": self.head},
        }


def hear(
    environ: Mapping[str, str],
    *,
    event: str = "",
    hide: Callable[[str], str] = str,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Heard:
    """Obey the comment that started this run, or hand it on.

    What is no command of somebody who may write is skipped, with the reason and without a word on
    the pull request. `hide` takes secrets out of answers. Expected failures are an end, too.
    """
    try:
        trigger = read_event(environ, path=event)
        if trigger.kind != "command":
            return _skipped(trigger.why or "this run was not started by a comment")
        asked = parse(trigger.body, in_thread=trigger.on_diff)
        if asked is None:
            return _skipped("the comment gives no command")
        if reason := _no_person(trigger):
            return _skipped(reason)
        if trigger.repo is None:
            raise UsageError("which repository? set GITHUB_REPOSITORY")
        with GitHub.from_environment(environ, trigger.repo, sleep=sleep, now=now) as client:
            return _Hearing(client, trigger, Pace(sleep, now), hide).end(asked)
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        ended = failed(error)
        return Heard(ended.status, ended.reason, ended.exit_code)


def _no_person(trigger: Trigger) -> str:
    """Return why nobody is to be asked for: programs give no commands."""
    author = trigger.author
    if trigger.author_is_bot or trigger.actor_is_bot or author.endswith("[bot]"):
        return f"{author} is a bot, and bots give no commands"
    if author != trigger.actor or not _LOGIN.fullmatch(author):
        return "the comment's author is not who started this run"
    return ""


def _skipped(reason: str) -> Heard:
    return Heard(Status.SKIPPED, reason)


@dataclass(frozen=True)
class _Hearing:
    client: GitHub
    trigger: Trigger
    pace: Pace
    hide: Callable[[str], str]

    def end(self, asked: Command | Wrong) -> Heard:
        author = self.trigger.author
        if not permitted(self.client)(author):
            self._react("confused")
            return _skipped(f"{author} may not give commands: that takes write permission")
        self._react("eyes")
        pull = self.client.pull(self.trigger.pull)
        orders = Orders(self.client, pull, self.trigger, self.pace, self.hide)
        orders.read()
        if orders.answered:
            return self._done(pull, "this command was answered before")
        if isinstance(asked, Wrong):
            orders.wrong(asked.sentence)
            return self._done(pull, asked.sentence)
        if reason := _not_now(asked, pull):
            orders.say(reason)
            return self._done(pull, reason)
        return self._obeyed(asked, orders)

    def _obeyed(self, asked: Command, orders: Orders) -> Heard:
        pull, finding, why = orders.pull, "", ""
        if asked.verb in {"explain", "dismiss", "reopen", "fix"}:
            finding, why = orders.finding_meant(asked)
        if why:
            orders.say(f"{why[:1].upper()}{why[1:]}")
            return self._done(pull, f"{asked.verb}: no finding was named that is known here")
        if asked.verb in HANDED_ON:
            return self._handed_on(asked, pull, finding)
        if asked.verb == "explain":
            orders.explain(finding)
        elif asked.verb == "dismiss":
            orders.dismiss(finding, asked)
        elif asked.verb == "reopen":
            orders.reopen(finding)
        elif asked.verb == "pause":
            orders.pause()
        elif asked.verb == "resume":
            orders.resume()
        else:
            orders.help()
        return self._done(pull)

    def _handed_on(self, asked: Command, pull: PullRequest, finding: str) -> Heard:
        if not _SHA.fullmatch(pull.head_sha) or not _FINDING.fullmatch(finding):
            raise GitHubError("GitHub's answer names no commit")
        return replace(self._done(pull), verb=asked.verb, finding=finding, head=pull.head_sha)

    def _done(self, pull: PullRequest, reason: str = "") -> Heard:
        status = Status.SKIPPED if reason else Status.PASSED
        heard = Heard(status, reason, pull=pull.number)
        return replace(heard, comment=self.trigger.comment, actor=self.trigger.author)

    def _react(self, content: Reaction) -> None:
        """React; a token that may not loses nothing but the sign."""
        try:
            self.client.react(self.trigger.comment, content, on_diff=self.trigger.on_diff)
        except GitHubError:
            return


def _not_now(asked: Command, pull: PullRequest) -> str:
    """Return in one sentence why a command cannot be obeyed on this pull request, "" if it can."""
    if not pull.open and asked.verb not in {"explain", "help"}:
        return "This pull request is closed: nothing was done."
    if pull.is_fork and asked.verb in HANDED_ON:
        return (
            "This pull request comes from a fork, whose commits no job with rights fetches: "
            "nothing was done. A maintainer starts its review with the label `reviewloop`, where "
            "the workflow for forks (`review-fork-pr.yml`) is set up."
        )
    return ""
