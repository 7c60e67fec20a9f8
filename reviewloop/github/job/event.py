"""Reads the event that started this job, and decides whether its pull request is reviewed."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.review_repository import ReviewRepository
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.errors import GitHubUnavailable
from reviewloop.github.api.model import PullRequest, Repo
from reviewloop.regex import regex

_ID = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
_IN_A_WORKFLOW = "check out with `fetch-depth: 0`"


def require_commits(repository: ReviewRepository, pull: PullRequest) -> None:
    """Raise WorkspaceError with what to fetch, unless base, head and merge base are present.

    Nothing is ever fetched here: the user decides about the credentials for that.
    """
    refs = {
        pull.base_sha: (f"the base {pull.base_ref}", pull.base_ref),
        pull.head_sha: ("the head", f"pull/{pull.number}/head"),
    }
    for commit, (what, ref) in refs.items():
        if not _ID.fullmatch(commit):
            raise GitHubUnavailable(f"GitHub names no commit as {what} of #{pull.number}")
        if repository.git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code:
            raise WorkspaceError(
                f"{what} of pull request {pull.number} ({commit[:12]}) is not in this clone: "
                f"{_IN_A_WORKFLOW}, or run `git fetch origin {shlex.quote(ref)}` first"
            )
    answer = repository.git.result("merge-base", pull.base_sha, pull.head_sha)
    if answer.exit_code and repository.shallow:
        raise WorkspaceError(
            f"this clone is shallow, and where pull request {pull.number} left {pull.base_ref} is "
            f"not in it: {_IN_A_WORKFLOW}, or run `git fetch --unshallow origin` first"
        )


DEPENDABOT = "dependabot[bot]"
MOST_FILES = 3000  # fields that GitHub lists of a pull request
_LARGEST = 32 * 1024 * 1024  # bytes of a payload; GitHub's own limit is 25 MB
_PULL_EVENTS = {"pull_request", "pull_request_target"}
_COMMENT_EVENTS = {"issue_comment", "pull_request_review_comment"}
_DISPATCHED = ("pull-request", "pull_request", "pull", "pr", "number")  # inputs that name it

Kind = Literal["review", "command", "none"]


@dataclass(frozen=True)
class Trigger:
    """The event that started a run; `pull` is 0 where it names no pull request."""

    kind: Kind
    event: str = ""  # GitHub's name for it; "" when a user runs the command
    action: str = ""
    repo: Repo | None = None
    pull: int = 0
    head: str = ""  # the commit of the event; "" when it names none
    actor: str = ""
    actor_is_bot: bool = False
    comment: int = 0
    author: str = ""  # of that comment
    author_is_bot: bool = False
    on_diff: bool = False  # whether that comment is on the diff
    thread: int = 0  # the root comment of its thread
    body: str = ""  # text of the comment, untrusted
    why: str = ""  # kind none: the reason in words

    @property
    def by_hand(self) -> bool:
        """Whether a user with write permission asked for exactly this pull request.

        Includes comments: their run names the pull request only after the permission check.
        """
        named = self.kind == "review" and self.event in _COMMENT_EVENTS
        return named or self.event in {"", "workflow_dispatch"}


@dataclass(frozen=True)
class Allowed:
    """What is reviewed although the default is to skip it."""

    forks: bool = False
    drafts: bool = False
    bots: bool = False
    files: int = MOST_FILES  # changed files up to which a pull request is reviewed


def read_event(environ: Mapping[str, str], *, path: str = "") -> Trigger:
    """Return the trigger in a workflow's variables and payload; raise UsageError if broken.

    Outside of a workflow, and without `path`, that is a review without a pull request yet. The
    payload is trusted only for what started the run: everything else comes from the API.
    """
    name = environ.get("GITHUB_EVENT_NAME", "")
    event_file = path or environ.get("GITHUB_EVENT_PATH", "")
    repo = _repository(environ.get("GITHUB_REPOSITORY", ""))
    if not event_file:
        if not name:
            return Trigger("review", repo=repo)
        return Trigger("none", name, repo=repo, why=_about_none(name))
    payload = Fields(_read(Path(event_file)), "event")
    try:
        name = name or _guessed(payload)
        return _trigger(name, payload, repo)
    except GitHubUnavailable as error:
        raise UsageError(f"{event_file} is no payload of the event {name!r}: {error}") from None


def with_named_pull(trigger: Trigger, *, pull: int = 0, repo: str = "") -> Trigger:
    """Return the trigger with pull request and repository as named; an event keeps its own."""
    if repo:
        trigger = replace(trigger, repo=_repository(repo))
    if not pull or (pull == trigger.pull and trigger.kind == "review"):
        return trigger
    return replace(trigger, kind="review", pull=pull, head="", why="")


def skip_reason(pull: PullRequest, trigger: Trigger, allowed: Allowed) -> str:
    """Return in one sentence why a pull request is not reviewed; "" when it is."""
    number = f"pull request {pull.number}"
    if not pull.open:
        return f"{number} is closed"
    if trigger.head and trigger.head != pull.head_sha:
        return (
            f"{number} was pushed to since this run was started (it is at {pull.head_sha[:12]} "
            "now); the run for that push reviews it"
        )
    if pull.changed_files > allowed.files:
        return (
            f"{number} changes {pull.changed_files} files, more than the {allowed.files} that are "
            "reviewed; split it, or raise `max-files`"
        )
    if trigger.by_hand:  # a user with write permission asked for it
        return ""
    if pull.draft and not allowed.drafts:
        return f"{number} is a draft; it is reviewed when it is ready (or with `drafts: true`)"
    if DEPENDABOT in {pull.author, trigger.actor} and not allowed.bots:
        return f"{number} is Dependabot's, whose runs get no secrets (`bots: true` reviews it)"
    if pull.author_is_bot and not allowed.bots:
        return f"{number} was opened by the bot {pull.author} (`bots: true` reviews it)"
    if pull.is_fork and not allowed.forks:
        return (
            f"{number} comes from {pull.head_repo or 'a deleted fork'}, and runs for forks get "
            "neither secrets nor the right to comment; a maintainer can start its review"
        )
    return ""


def _trigger(name: str, payload: Fields, repo: Repo | None) -> Trigger:
    if repo is None and payload.has("repository"):
        repo = _repository(payload.inside("repository").text("full_name"))
    actor, is_bot = payload.author("sender") if payload.has("sender") else ("", False)
    action = payload.text("action", "")
    plain = Trigger("none", name, action, repo, actor=actor, actor_is_bot=is_bot)
    if name in _PULL_EVENTS:
        pull = payload.inside("pull_request")
        head = pull.inside("head").text("sha")
        return replace(plain, kind="review", pull=pull.number("number"), head=head)
    if name in _COMMENT_EVENTS:
        return _of_comment(plain, payload)
    if name == "workflow_dispatch":
        return _dispatched(plain, payload)
    return replace(plain, why=_about_none(name))


def _of_comment(plain: Trigger, payload: Fields) -> Trigger:
    on_diff = plain.event == "pull_request_review_comment"
    about = payload.inside("pull_request" if on_diff else "issue")
    if not on_diff and not about.has("pull_request"):
        return replace(plain, why="the comment is on an issue, not on a pull request")
    if plain.action != "created":
        return replace(plain, why=f"the comment was {plain.action}, not made")
    comment = payload.inside("comment")
    author, is_bot = comment.author()
    number = comment.number("id")
    return replace(
        plain,
        kind="command",
        pull=about.number("number"),
        comment=number,
        author=author,
        author_is_bot=is_bot,
        on_diff=on_diff,
        thread=(comment.maybe("in_reply_to_id") or number) if on_diff else 0,
        body=comment.text("body", ""),
    )


def _dispatched(plain: Trigger, payload: Fields) -> Trigger:
    """Return the trigger of the inputs' pull request; inputs are strings, whatever their type."""
    inputs = payload.inside("inputs") if payload.has("inputs") else Fields({}, "inputs")
    for key in _DISPATCHED:
        if inputs.has(key):
            return replace(plain, kind="review", pull=_number(inputs.text(key), key))
    return replace(plain, kind="review")


def _number(text: str, key: str) -> int:
    if not text.strip().isdecimal() or len(text) > 12 or not int(text):
        raise UsageError(f"the input {key} is {text[:40]!r}, not the number of a pull request")
    return int(text)


def _guessed(payload: Fields) -> str:
    """Guess the event of a payload that was given by path."""
    if payload.has("comment"):
        return "issue_comment" if payload.has("issue") else "pull_request_review_comment"
    if payload.has("pull_request"):
        return "pull_request"
    return "workflow_dispatch" if payload.has("inputs") else ""


def _repository(full: str) -> Repo | None:
    if not full:
        return None
    try:
        return Repo.of(full)
    except ValueError as error:
        raise UsageError(f"the repository {error}") from None


def _about_none(name: str) -> str:
    what = f"the event {name!r}" if name else "the payload"
    return f"{what} is about no pull request; name one with `pr`"


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the event {path} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise UsageError(f"the event {path} is larger than any that GitHub sends")
    try:
        payload: object = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"the event {path} is not JSON") from None
    if not isinstance(payload, dict):
        raise UsageError(f"the event {path} is not a JSON object")
    return payload
