"""Whether somebody really approved what is about to be pushed: GitHub is asked, not the handoff."""

from collections.abc import Mapping

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import NotFound
from reviewloop.github.api.model import PullRequest
from reviewloop.github.handed.handoff import Handoff
from reviewloop.github.job.event import Trigger
from reviewloop.github.said.commands import ALL
from reviewloop.github.said.fix_approval import requested
from reviewloop.loop.approval_act import Act

WEB = "https://github.com"


def environment_act(client: GitHub, environment: str, environ: Mapping[str, str]) -> Act | None:
    """Return who let this run into an environment; None when it asks nobody.

    The run is that of the workflow we are in. A program that approved is nobody. Raises UsageError
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
    """Raise UsageError unless this run was started for what the handoff says.

    A job that was taken over could else answer one comment with another one's fix, or a comment
    with a pull request of its own. Who runs the command by hand has looked.
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
    """Return the comment that asked for a fix; UsageError unless it is what the handoff says.

    It may have been edited while the fix was made, so what it asks for now is what counts.
    """
    asked = requested(client, pull, handoff.comment)
    if asked.finding != ALL:
        for finding in handoff.findings or ("nothing",):
            asked.require(finding)
    act = asked.act
    if handoff.approval is None or handoff.approval.as_act() != act:
        raise UsageError("the handoff names another approval than GitHub has; nothing was pushed")
    return act
