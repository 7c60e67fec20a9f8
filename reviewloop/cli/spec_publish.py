"""`reviewloop spec publish`: a spec as a draft pull request, and its approvals there."""

import os
from typing import Any

import click

from reviewloop.app.project import open_repository
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.cli.publish import fire_created
from reviewloop.domain.errors import ExitCode
from reviewloop.github.publishing.run import PublishRequest
from reviewloop.github.publishing.spec import publish_spec
from reviewloop.render.untrusted import one_line


@click.command("publish", cls=Command)
@click.argument("name")
@click.option("--remote", metavar="NAME", default="origin", help="Where to push (origin).")
@click.option("--base", metavar="BRANCH", default="", help="What to merge into (the default).")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Repository (the remote's).")
@click.option("--request-reviewers", is_flag=True, help="Ask the suggested people for a review.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def publish(name: str, as_json: bool, **given: Any) -> ExitCode:
    """Push a spec as it is on disk and open its draft pull request.

    Its criteria are a checklist there; those who own the planned files are suggested as reviewers.
    Published again it is brought up to date, and an approving review of somebody who may write
    counts for spec.require_approval.
    """
    repository = open_repository()
    done = publish_spec(repository, name, PublishRequest(**given), os.environ)
    published = done.published
    if as_json:
        plain = {"path": done.path, "approved_by": [*done.approved_by], **published.plain}
        print_json("spec-publish", plain)
        fire_created(repository, published)
        return ExitCode.CLEAN
    if pull := published.pull:
        kind = "draft pull request" if pull.draft else "pull request"
        how = "opened" if published.created else "is up to date"
        click.echo(one_line(f"{kind} {pull.number} {how}: {pull.url}"))
    for by in done.approved_by:
        click.echo(one_line(f"{by} approved {done.path} as it was published"))
    print_lines(*map(one_line, published.notes))
    fire_created(repository, published)
    return ExitCode.CLEAN
