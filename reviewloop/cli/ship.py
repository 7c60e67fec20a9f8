"""`ship`: builds and deploys what was approved, once the user agrees."""

from pathlib import Path

import click

from reviewloop.app.day.ship import Shipping, Stage, log_of, run_stages, shipping_of
from reviewloop.app.hook_moments import CommandMoment, changed_paths, fire
from reviewloop.app.project import Repository, open_repository, shown_path
from reviewloop.cli.consoles import confirm, is_interactive, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.hooks.hook import Event
from reviewloop.render.untrusted import one_line, safe


@click.command(cls=Command)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--plan", "only_plan", is_flag=True, help="Only show what a deploy would change.")
@click.option("--yes", is_flag=True, help="Deploy without asking.")
def ship(run: str | None, only_plan: bool, yes: bool) -> ExitCode:
    """Build and deploy, after your yes.

    The commands are follow_ups.build_and_deploy, else what the project shows: CDK, SAM, Terraform,
    a Makefile's or npm's `deploy`, a Dockerfile. They run in your checkout with your environment.
    """
    repository = open_repository(for_reading=True)
    shipping = shipping_of(repository, run)
    if not shipping.stages:
        raise UsageError(
            "nothing here says how it is deployed: no cdk.json, SAM template, *.tf, Makefile or "
            "package.json with `deploy`, no Dockerfile; set follow_ups.build_and_deploy"
        )
    print_lines(f"found in {one_line(shipping.found_in)}:")
    for stage in shipping.deploy:
        print_lines(f"  {one_line(stage.name)}: {one_line(stage.command)}")
    log = log_of(repository, shipping)
    if only_plan:
        if not shipping.plan:
            print_lines("these commands have no plan; the lines above are all that is known")
            return ExitCode.CLEAN
        return _run(repository, shipping, shipping.plan, log)
    if not yes and not is_interactive():
        print_lines("nobody is there to say yes; --plan shows what would change, --yes deploys")
        return ExitCode.WAITING
    if not yes:
        if shipping.plan and (code := _run(repository, shipping, shipping.plan, log)):
            return code
        if not confirm("deploy this?"):
            print_lines("nothing was deployed")
            return ExitCode.CLEAN
    code = _run(repository, shipping, shipping.deploy, log)
    _fire(repository, shipping, code, log)
    return code


def _fire(repository: Repository, shipping: Shipping, code: ExitCode, log: Path) -> None:
    """Fire the hooks of a deploy, whether it succeeded or not."""
    run = shipping.run
    facts = {"result": "failed" if code else "done", "found_in": shipping.found_in}
    facts["commit"] = (run.commit if run else repository.user.head) or ""
    facts["log"] = log.name
    paths = changed_paths(repository.user, run.base_commit, run.commit) if run else None
    title, name, task = (run.title, run.run_id, run.task_id) if run else ("", "", "")
    moment = CommandMoment(Event.DEPLOY, facts, title, name, task, paths)
    fire(repository, moment, print_lines)


def _run(
    repository: Repository, shipping: Shipping, stages: tuple[Stage, ...], log: Path
) -> ExitCode:
    kept = shown_path(log)

    def begun(stage: Stage) -> None:
        print_lines(f"$ {one_line(stage.command)}")

    for one in run_stages(repository, shipping, stages, log, begun):
        click.echo(safe(one.output.rstrip("\n")))
        if one.exit_code:
            print_lines(
                f"{one_line(one.stage.name)} failed with exit code {one.exit_code} after "
                f"{one.seconds:.1f} s; what comes after it was not run; the log is {kept}"
            )
            return ExitCode.INCOMPLETE
    print_lines(f"done; the log is {kept}")
    return ExitCode.CLEAN
