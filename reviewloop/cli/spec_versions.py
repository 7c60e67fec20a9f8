"""`spec diff`, `spec history`, `spec plan`: versions of a spec, and its implementation plan."""

import time
from functools import partial
from typing import TYPE_CHECKING

import click

from reviewloop.app.project import Repository, open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.spec.adopt import AdoptedPlan, adopt_plan
from reviewloop.app.spec.plan import write_plan
from reviewloop.app.spec.versions import (
    Changed,
    difference,
    history,
    plain_difference,
    plain_history,
)
from reviewloop.cli.consoles import confirm, is_interactive, print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe
from reviewloop.specs.plan_file import without_record

if TYPE_CHECKING:  # it imports what asks models
    from reviewloop.app.question import Question
    from reviewloop.llm.budget import Spent


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
@click.option("-m", "--message", default="", help="With --regenerate: what to consider, too.")
@click.option("--yes", is_flag=True, help="Write what -m makes of it without asking.")
@click.option("--explain", "question", metavar="QUESTION", default="", help="Ask about the plan.")
@click.option("--adopt", is_flag=True, help="Make tasks of the numbered steps of a plan.")
@click.option("--from", "source", metavar="FILE", default="", help="The plan to adopt.")
@click.option("--model", metavar="PROVIDER:MODEL", help="Model for --explain and -m.")
@click.option("--budget-usd", type=float, metavar="USD", help="Cost limit for these.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def plan(
    name: str,
    regenerate: bool,
    message: str,
    yes: bool,
    question: str,
    adopt: bool,
    source: str,
    model: str | None,
    budget_usd: float | None,
    as_json: bool,
) -> ExitCode:
    """Write how a spec is built: size, time, files, phases, risks, decisions.

    No model is asked, but for --explain, whose answer quotes the files, and -m, whose difference
    you see before it is written. Sections that you edited stay; what you write under "Additional
    considerations" reaches the brief of every task.
    """
    if bool(adopt) + bool(regenerate) + bool(question) > 1:
        raise UsageError("--regenerate, --explain and --adopt are three things; give one")
    if source and not adopt:
        raise UsageError("--from names the plan that --adopt makes tasks of")
    if message and not regenerate:
        raise UsageError("-m says what --regenerate considers; give both")
    flags = {} if budget_usd is None else {"limits.usd": budget_usd}
    if question or message:
        from reviewloop.app.question import Question

        about = Question(question or message, model, flags)
        repository = open_repository()
        ask = _explained if question else partial(_revised, yes=yes)
        return ask(repository, name, about, as_json)
    repository = open_repository(for_reading=True)
    if adopt:
        return _adopted(adopt_plan(repository, name, source), as_json)
    done = write_plan(repository, name, regenerate=regenerate)
    if as_json:
        body = {"path": done.path, "kept": list(done.kept), "kept_as": done.kept_as}
        print_json("spec-plan", {**body, "wrong": list(done.wrong)})
        return ExitCode.FINDINGS if done.wrong else ExitCode.CLEAN
    click.echo(f"{one_line(done.path)} is written")
    if done.kept_as:
        print_lines(f"what you had edited is kept as {one_line(done.kept_as)}")
    elif done.kept:
        print_lines(f"yours and kept: {one_line(', '.join(done.kept))}")
    if not done.has_tasks:
        print_lines(_NO_TASKS)
    print_lines(*map(one_line, done.wrong))
    return ExitCode.FINDINGS if done.wrong else ExitCode.CLEAN


_NO_TASKS = (
    "the spec has no tasks yet: `--regenerate -m TEXT` has a model plan its steps, or write them "
    "yourself ('1. Title'); then `--adopt` makes tasks of them"
)


def _explained(repository: Repository, name: str, question: "Question", as_json: bool) -> ExitCode:
    from reviewloop.app.spec.plan_asking import explain_plan

    found = explain_plan(repository, name, question)
    show = redactor_of(repository.user).for_people
    if as_json:
        quotes = [{"path": one.path, "line": one.line, "quote": one.text} for one in found.quotes]
        body = {"answer": found.answer, "quotes": quotes, "dropped": found.dropped}
        print_json("spec-plan-answer", {**body, "spent": _spent(found.spent)})
        return ExitCode.CLEAN
    click.echo(safe(show(found.answer)))
    for one in found.quotes:
        click.echo(one_line(show(f"  {one.path}:{one.line}: {one.text}")))
    if found.dropped:
        print_lines(f"{counted(found.dropped, 'quote')} that stand in no file: left out")
    return ExitCode.CLEAN


def _revised(
    repository: Repository, name: str, question: "Question", as_json: bool, *, yes: bool
) -> ExitCode:
    from reviewloop.app.spec.plan_asking import revise_plan
    from reviewloop.render.word_diff import word_diff

    found = revise_plan(repository, name, question)
    before = found.opened.there.data.decode("utf-8", "replace")
    show = redactor_of(repository.user).for_people
    difference = show(
        word_diff(without_record(before or found.opened.text), without_record(found.text))
    )
    if not as_json:
        click.echo(safe(difference))
    may = yes or (found.changed and not as_json and is_interactive() and confirm("write it?"))
    if found.changed and may:
        found.opened.write(found.text)
    if as_json:
        body = {"path": found.opened.path, "changed": list(found.changed), "diff": difference}
        print_json(
            "spec-plan-revised", {**body, "written": bool(may), "spent": _spent(found.spent)}
        )
    elif not found.changed:
        print_lines("nothing in the plan would change")
    elif may:
        print_lines(f"{one_line(found.opened.path)} is written")
    else:
        print_lines("nothing is written; the same with --yes writes it, and nothing is paid again")
    return ExitCode.CLEAN if may or not found.changed else ExitCode.WAITING


def _spent(spent: "Spent") -> dict[str, object]:
    return {"calls": spent.calls, "tokens": spent.tokens, "usd": spent.usd}


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
