"""Pushes the approved commits of another job; runs no model and no code of the change."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import GuardRailError, UsageError, WorkspaceError
from reviewloop.git.commits import message_of
from reviewloop.git.process import Git
from reviewloop.git.review_repository import locate
from reviewloop.git.transfer import (
    Remote,
    read_bundle,
    remote_head,
    require_descendant,
    require_known,
    with_token,
)
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import NotFound, StaleHead
from reviewloop.github.api.model import PullRequest
from reviewloop.github.artifacts.handoff import COMMITS, Handoff, read_handoff
from reviewloop.github.comments.bodies import break_marks, clip_body
from reviewloop.github.comments.marker import command_marker, is_ours
from reviewloop.github.job.event import Trigger, read_event
from reviewloop.github.publishing.pull import (
    WORKFLOWS,
    Published,
    ask_reviewers,
    free_branch,
    open_or_update,
    push_branch,
    require_base,
    require_free_branch,
    workflow_files,
)
from reviewloop.github.publishing.text import approved_by, section_of
from reviewloop.github.user_comments import ALL, get_request
from reviewloop.loop.approval_act import Act, approval_lines, record_act

WEB = "https://github.com"


def environment_act(client: GitHub, environment: str, environ: Mapping[str, str]) -> Act | None:
    """Return the approval of this run by an environment's reviewer; None if it has no reviewers.

    The run is that of the current workflow. Approval by a program does not count. Raise UsageError
    outside of a workflow, and where the environment was refused.
    """
    run = environ.get("GITHUB_RUN_ID", "")
    if not run.isdecimal():
        raise UsageError("--environment is for a job of a workflow: GITHUB_RUN_ID is not set")
    try:
        rows = client.ask(f"/actions/runs/{run}/approvals")
    except NotFound:
        rows = []
    found = None
    for row in rows if isinstance(rows, list) else []:
        fields = Fields(row, "approval")
        names = {each.text("name", "").lower() for each in fields.objects("environments")}
        if environment.lower() not in names:
            continue
        actor, is_bot = fields.author()
        if fields.text("state") == "rejected":
            raise UsageError(f"{actor} refused the environment {environment}; nothing was pushed")
        if fields.text("state") == "approved" and not is_bot:
            found = actor
    if found is None:
        return None
    web = environ.get("GITHUB_SERVER_URL") or WEB
    url = f"{web}/{client.repo.full}/actions/runs/{run}"
    return Act("environment", found, f"{environment}, run {run}", url)


def require_cause(handoff: Handoff, trigger: Trigger) -> None:
    """Raise UsageError unless this run was started for the purpose in the handoff.

    Otherwise a compromised job could answer one comment with the fix of another, or with a pull
    request of its own. A user who runs the command by hand has checked that.
    """
    if not trigger.event:
        return
    by_comment = trigger.kind == "command"
    if handoff.kind == "task" and by_comment:
        raise UsageError("the handoff is of a task, and a comment asks for none; nothing was done")
    here = (trigger.pull, trigger.comment) if by_comment else ()
    if handoff.kind == "fix" and here != (handoff.pull, handoff.comment):
        raise UsageError(
            f"the handoff answers the comment {handoff.comment} on pull request {handoff.pull}, "
            "which did not start this run; nothing was done"
        )


def comment_act(client: GitHub, pull: PullRequest, handoff: Handoff) -> Act:
    """Return the comment that asked for a fix; raise UsageError unless it matches the handoff.

    It may have been edited during the fix; its current text counts.
    """
    request = get_request(client, pull, handoff.comment)
    if request.finding != ALL:
        for finding in handoff.findings or ("nothing",):
            request.require(finding)
    act = request.act
    if handoff.approval is None or handoff.approval.as_act() != act:
        raise UsageError("the handoff names another approval than GitHub has; nothing was pushed")
    return act


_MOST_COMMITS = 50


@dataclass(frozen=True)
class PushRequest:
    """The options of the command line besides the handoff."""

    environment: str = ""  # its reviewers approve; "": approval is not looked up
    request_reviewers: bool = False


def push_handoff(
    client: GitHub, folder: Path, request: PushRequest, *, start: Path, environ: Mapping[str, str]
) -> Published:
    """Push the commits of a handoff, then open or update the pull request, or comment on it.

    `start` is a folder of a clone that has their parent commit. Raise a `ReviewLoopError` before
    anything is pushed when something differs from the handoff.
    """
    handoff = read_handoff(folder)
    if handoff.repo.lower() != client.repo.full.lower():
        raise UsageError(f"the handoff is for {handoff.repo}, not for {client.repo.full}")
    require_cause(handoff, read_event(environ))
    if handoff.kind == "fix":
        pull = _pull_to_fix(client, handoff)
        if not handoff.commit:
            return _answer_once(
                client, pull, handoff, Published(handoff.branch, "", pull, pushed=False)
            )
    with tempfile.TemporaryDirectory(prefix="reviewloop-push-") as name:
        git = locate(start).user.mirror(Path(name))
        # Checked before the bundle is read: its content cannot be trusted.
        require_known(git, handoff.start)
        read_bundle(git, folder / COMMITS)
        commits = _commits(git, handoff)
        url = f"{environ.get('GITHUB_SERVER_URL') or WEB}/{client.repo.full}.git"
        remote = with_token(url, _token(environ), environ)
        if handoff.kind == "fix":
            return _fix(client, handoff, pull, git, remote, commits)
        return _task(client, handoff, request, git, remote, environ)


def _fix(
    client: GitHub,
    handoff: Handoff,
    pull: PullRequest,
    git: Git,
    remote: Remote,
    commits: list[str],
) -> Published:
    act = comment_act(client, pull, handoff)
    for commit in commits:
        if approval_lines(message_of(git, commit)) != act.trailers:
            raise UsageError(f"the commit {commit[:12]} records another approval than GitHub has")
    require_free_branch(client, handoff.branch, pull.base_ref, client.default_branch())
    pushed = push_branch(git, remote, handoff.commit, handoff.branch, expected=handoff.base)
    published = Published(handoff.branch, handoff.commit, pull, pushed=pushed)
    if remote_head(git, remote, handoff.branch) != handoff.commit:
        note = f"{handoff.branch} was pushed to again at once; the fix is part of it"
        published = replace(published, notes=(note,))
    return _answer_once(client, pull, handoff, published)


def _task(
    client: GitHub,
    handoff: Handoff,
    request: PushRequest,
    git: Git,
    remote: Remote,
    environ: Mapping[str, str],
) -> Published:
    commit = handoff.commit
    if approval_lines(message_of(git, commit)):
        raise UsageError(
            "the handoff's commit says itself that it was approved; nothing was pushed"
        )
    act = environment_act(client, request.environment, environ) if request.environment else None
    if act:
        commit = record_act(git, commit, act)
    default = client.default_branch()
    require_base(client, handoff.base_branch, default)
    require_free_branch(client, handoff.branch, handoff.base_branch, default)
    branch = handoff.branch
    if not handoff.base:
        branch = free_branch(remote_head(git, remote, branch), branch, commit)
    pushed = push_branch(git, remote, commit, branch, expected=handoff.base)
    section = section_of(
        handoff.run, approved_by(act, environment=request.environment), handoff.body
    )
    pull, created, notes = open_or_update(
        client,
        branch=branch,
        base=handoff.base_branch,
        title=handoff.title,
        section=section,
        run=handoff.run,
        draft=True,
    )
    if request.request_reviewers:
        notes = (*notes, *ask_reviewers(client, pull, handoff.reviewers))
    return Published(branch, commit, pull, created, pushed, notes)


def _commits(git: Git, handoff: Handoff) -> list[str]:
    """Return the new commits, oldest first, after checking their form and the files they touch."""
    if git.result("cat-file", "-e", f"{handoff.commit}^{{commit}}").exit_code:
        raise UsageError(f"the handoff names the commit {handoff.commit[:12]} and does not hold it")
    require_descendant(git, handoff.commit, handoff.start, "the commit that the handoff builds on")
    new = git.text("rev-list", "--reverse", "--parents", f"{handoff.start}..{handoff.commit}")
    rows = [line.split() for line in new.splitlines()]
    if not rows or len(rows) > _MOST_COMMITS or any(len(row) != 2 for row in rows):
        raise UsageError(f"the handoff holds no plain row of 1 to {_MOST_COMMITS} commits")
    if handoff.kind == "task" and len(rows) != 1:
        raise UsageError("a task is one commit, and the handoff holds more")
    if files := workflow_files(git, handoff.start, handoff.commit):
        raise GuardRailError(
            f"the change touches {files[0]}, and GitHub lets no workflow push changes below "
            f"{WORKFLOWS}; run the task at a terminal and push it with `reviewloop publish`"
        )
    return [row[0] for row in rows]


def _pull_to_fix(client: GitHub, handoff: Handoff) -> PullRequest:
    pull = client.pull(handoff.pull)
    number = f"pull request {pull.number}"
    if not pull.open or pull.is_fork:
        raise UsageError(f"{number} is closed or a fork's; nothing was pushed")
    if pull.head_ref != handoff.branch:
        raise UsageError(f"{number} is made from {pull.head_ref}, not from {handoff.branch}")
    if handoff.commit and pull.head_sha not in {handoff.base, handoff.commit}:
        raise StaleHead(
            f"{number} was pushed to while the fix was made (it is at {pull.head_sha[:12]}); "
            "nothing was pushed, ask for the fix again"
        )
    return pull


def _answer_once(
    client: GitHub, pull: PullRequest, handoff: Handoff, published: Published
) -> Published:
    """Answer the command once on the pull request; a repeated run finds that comment."""
    mark = f"<!-- reviewloop:handoff {handoff.comment}-{handoff.commit[:12] or 'none'} -->"
    me = client.me()
    known = any(
        is_ours(each, me) and mark in map(str.strip, each.body.split("\n")[:2])
        for each in client.issue_comments(pull.number)
    )
    if handoff.body and not known:
        marks = f"{command_marker(handoff.comment)}\n{mark}"
        client.create_issue_comment(pull.number, clip_body(f"{marks}\n{break_marks(handoff.body)}"))
    return published


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
    if not token:
        raise WorkspaceError("GITHUB_TOKEN is not set, so nothing can be pushed")
    return token
