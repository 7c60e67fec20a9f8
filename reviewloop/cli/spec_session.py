"""`reviewloop spec new` and what goes on with it: the gates at which a person decides."""

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reviewloop.app.held_values import redactor_of
from reviewloop.app.project import Repository, open_repository
from reviewloop.app.spec.session import (
    begin,
    find,
    move,
    next_step,
    numbered_answers,
    phase_number,
    sessions_of,
    shown,
)
from reviewloop.cli.consoles import is_interactive, print_lines, read_line
from reviewloop.cli.help import Command
from reviewloop.cli.user_programs import edit_files
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.loop.spec_steps import FORMATS, KIRO, TITLES
from reviewloop.render.untrusted import one_line, safe
from reviewloop.store.runs import RunStatus


@click.command("new", cls=Command)
@click.argument("name", metavar="NAME")
@click.option("-m", "--message", default="", help="What is to be built, in your words.")
@click.option(
    "--from", "source", metavar="FILE", default="", help="The same from a file, - for stdin."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default=KIRO,
    show_default=True,
    help="Which form the spec is written in.",
)
@click.option("--model", metavar="PROVIDER:MODEL", help="The model that writes.")
def new(name: str, message: str, source: str, format_: str, model: str | None) -> ExitCode:
    """Write a spec from an idea: questions, requirements, design, tasks.

    Each phase stops for you: nothing is written before you approve it, and nothing goes on without
    you. Without a terminal it ends with 4, and `spec approve|modify|answer|reject` go on.
    """
    if message and source:
        raise UsageError("-m and --from both say what is to be built; give one")
    idea = _read_idea(source) if source else message
    repo = open_repository()
    begin(repo, name, idea, format_, model)
    return _go_on(repo, name)


@click.command("resume", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
def resume(name: str | None) -> ExitCode:
    """Go on with a spec in work, from where it stands."""
    repo = open_repository()
    return _go_on(repo, find(repo, name).run_id)


@click.command("show", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
def show(name: str | None) -> ExitCode:
    """Show what a spec in work asks you."""
    repo = open_repository(for_reading=True)
    record = find(repo, name)
    _print_gate(repo, shown(repo, record))
    print_lines(f"{record.run_id}: {next_step(record)}")
    return ExitCode(record.exit_code)


@click.command("list", cls=Command)
def list_sessions() -> ExitCode:
    """List the specs in work, and those that were written or rejected."""
    repo = open_repository(for_reading=True)
    for record in sessions_of(repo).runs.all():
        click.echo(f"{one_line(record.run_id)}  {one_line(next_step(record))}")
    return ExitCode.CLEAN


@click.command("approve", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
def approve(name: str | None) -> ExitCode:
    """Approve the phase that waits: it is written, and the next one begins."""
    return _answered(name, {"choice": "approve"})


@click.command("modify", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", required=True, help="What is to be changed in this phase.")
def modify(name: str | None, message: str) -> ExitCode:
    """Have the phase that waits changed; you see what changed and are asked again."""
    if not message.strip():
        raise UsageError("say what is to be changed: -m TEXT")
    return _answered(name, {"choice": "modify", "text": message})


@click.command("reject", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
def reject(name: str | None) -> ExitCode:
    """Give a spec up; what was approved stays on disk."""
    return _answered(name, {"choice": "reject"})


@click.command("answer", cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("answers", nargs=-1, metavar="N=TEXT...")
def answer(name: str, answers: tuple[str, ...]) -> ExitCode:
    """Answer the questions; `N` alone takes its default, none is an assumption."""
    repo = open_repository()
    questions = shown(repo, find(repo, name)).get("questions")
    if questions is None:
        raise UsageError(f"{name} asks no questions now: {next_step(find(repo, name))}")
    return _moved(repo, name, {"answers": numbered_answers(answers, questions)})


def _read_idea(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"--from {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--from {source}: this is no UTF-8 text") from None


def _answered(name: str | None, answer_: Mapping[str, Any]) -> ExitCode:
    repo = open_repository()
    return _moved(repo, find(repo, name).run_id, answer_)


def _moved(repo: Repository, name: str, answer_: Mapping[str, Any] | None) -> ExitCode:
    record = move(repo, name, answer_)
    if record.status is RunStatus.COMMITTED:
        click.echo(f"{one_line(record.spec_path)}: {one_line(str(record.options['summary']))}")
        print_lines(f"next: reviewloop tasks --spec {name}; reviewloop run next --spec {name}")
    elif record.status is RunStatus.WAITING and not is_interactive():
        print_lines(next_step(record))
    return ExitCode(record.exit_code)


def _go_on(repo: Repository, name: str) -> ExitCode:
    """Move a session, and ask at a terminal until it is over or the person leaves."""
    code = _moved(repo, name, None)
    while code is ExitCode.WAITING and is_interactive():
        record = find(repo, name)
        asks = shown(repo, record)
        _print_gate(repo, asks)
        reply = _ask(asks)
        if reply is None:
            print_lines(next_step(record))
            return code
        code = _moved(repo, name, reply)
    return code


def _ask(asks: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a person answers at the terminal, None when they leave."""
    if "questions" in asks:
        answers = {}
        for number, one in enumerate(asks["questions"], 1):
            default = f" [{one['default']}]" if one["default"] else ""
            text = read_line(f"{number}. answer{default} > ").strip()
            answers[str(number)] = text or one["default"]
        return {"answers": answers}
    while True:
        choice = read_line("[a]pprove [m]odify [e]dit [r]eject [l]eave > ").strip().casefold()[:1]
        if choice == "a":
            return {"choice": "approve"}
        if choice == "r":
            return {"choice": "reject"}
        if choice == "l":
            return None
        if choice == "m" and (text := read_line("what is to be changed > ").strip()):
            return {"choice": "modify", "text": text}
        if choice == "e":
            name = f"{asks['phase']}.md"
            data = edit_files({name: asks["document"].encode("utf-8", "surrogateescape")})[name]
            if data:
                return {"choice": "approve", "document": data.decode("utf-8", "surrogateescape")}


def _print_gate(repo: Repository, asks: Mapping[str, Any]) -> None:
    if not asks:
        return
    show_ = redactor_of(repo.user).for_people
    if "questions" in asks:
        for number, one in enumerate(asks["questions"], 1):
            choices = f" ({', '.join(one['choices'])})" if one["choices"] else ""
            default = f" [{one['default']}]" if one["default"] else ""
            click.echo(safe(show_(f"{number}. {one['question']}{choices}{default}")))
        return
    click.echo(f"== {TITLES[asks['phase']]} ({phase_number(asks['phase'])}) ==")
    if asks["before"]:
        before, after = asks["before"].splitlines(), asks["document"].splitlines()
        changes = difflib.unified_diff(before, after, "before", "now", lineterm="", n=2)
        click.echo(safe(show_("\n".join(changes))))
    else:
        click.echo(safe(show_(asks["document"])))
