"""`spec diff`, `spec history`, `spec plan`: versions of a spec, and how it is built."""

import time

import click

from reviewloop.app.held_values import redactor_of
from reviewloop.app.project import open_repository
from reviewloop.app.spec.adopt import AdoptedPlan, adopt_plan
from reviewloop.app.spec.plan import write_plan
from reviewloop.app.spec.versions import (
    Changed,
    difference,
    history,
    plain_difference,
    plain_history,
)
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe


@click.command("diff", cls=Command)
@click.argument("name")
@click.argument("versions", metavar="OLD..NEW")
@click.option("--tasks", "with_tasks", is_flag=True, help="Say which tasks that asks for, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def diff(name: str, versions: str, with_tasks: bool, as_json: bool) -> ExitCode:
    """Show what changed in a spec, requirement by requirement and word by word.

    OLD and NEW are git revisions, approvals (v1) or `disk`, which NEW is where it is left out.
    """
    repository = open_repository(for_reading=True)
    found = difference(repository, name, versions)
    if as_json:
        print_json("spec-diff", plain_difference(found))
        return ExitCode.CLEAN
    show = redactor_of(repository.user).for_people
    parts: tuple[Changed, ...] = (*found.changed, *(found.tasks if with_tasks else ()))
    for one in parts:
        click.echo(safe(show(f"{one.what}: {one.how}\n{_indented(one.words)}")))
    for required in found.asks if with_tasks else ():
        if required.task:
            again = "do it again" if required.done else "open"
            what = f"{required.requirement} {required.why}"
            line = f"task {required.task} '{required.title}' ({again}): {what}"
        else:
            line = f"no task serves {required.requirement}, which was {required.why}"
        click.echo(one_line(show(line)))
    if not parts:
        print_lines(f"no difference in what {found.spec} says; ticks and layout do not count")
    return ExitCode.CLEAN


@click.command("history", cls=Command)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def history_(name: str, as_json: bool) -> ExitCode:
    """List the versions of a spec: when, which commit, what hash, who approved."""
    repository = open_repository(for_reading=True)
    found = history(repository, name)
    if as_json:
        print_json("spec-history", plain_history(name, found))
        return ExitCode.CLEAN
    show = redactor_of(repository.user).for_people
    for one in found:
        day = time.strftime("%Y-%m-%d", time.localtime(one.at))
        by = f"  approved by {', '.join(one.approved_by)}" if one.approved_by else ""
        click.echo(one_line(show(f"{one.name} {day} {one.digest[:12]} {one.subject}{by}")))
    if not found:
        print_lines(f"{name} is in no commit and was never approved")
    return ExitCode.CLEAN


@click.command("plan", cls=Command)
@click.argument("name")
@click.option("--regenerate", is_flag=True, help="Write sections anew that you edited, too.")
@click.option("--adopt", is_flag=True, help="Make tasks of the numbered steps of a plan.")
@click.option("--from", "source", metavar="FILE", default="", help="The plan to adopt.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def plan(name: str, regenerate: bool, adopt: bool, source: str, as_json: bool) -> ExitCode:
    """Write how a spec is built: size, time, files, phases, risks, decisions.

    No model is asked. Sections that you edited stay; what you write under "Additional
    considerations" reaches the brief of every task.
    """
    if adopt and regenerate:
        raise UsageError("--adopt makes tasks of a plan and --regenerate a plan of tasks; give one")
    if source and not adopt:
        raise UsageError("--from names the plan that --adopt makes tasks of")
    repository = open_repository(for_reading=True)
    if adopt:
        return _adopted(adopt_plan(repository, name, source), as_json)
    done = write_plan(repository, name, regenerate=regenerate)
    if as_json:
        body = {"path": done.path, "kept": list(done.kept), "kept_as": done.kept_as}
        print_json("spec-plan", body)
        return ExitCode.CLEAN
    click.echo(f"{one_line(done.path)} is written")
    if done.kept_as:
        print_lines(f"what you had edited is kept as {one_line(done.kept_as)}")
    elif done.kept:
        print_lines(f"yours and kept: {one_line(', '.join(done.kept))}")
    return ExitCode.CLEAN


def _adopted(made: AdoptedPlan, as_json: bool) -> ExitCode:
    if as_json:
        body = {"path": made.path, "plan": made.plan, "tasks": made.tasks}
        print_json("spec-plan-adopted", {**body, "notices": list(made.notices)})
        return ExitCode.CLEAN
    click.echo(one_line(f"{made.path} has {counted(made.tasks, 'task')} from {made.plan}"))
    print_lines(*(f"note: {one_line(notice)}" for notice in made.notices))
    return ExitCode.CLEAN


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
