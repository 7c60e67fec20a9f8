"""`skills run`: runs the commands of a skill phase by phase, as the user chooses."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from reviewloop.app.project import Repository, open_repository
from reviewloop.app.skills.running import (
    SkillRun,
    Stage,
    begin,
    chosen_steps,
    fill_command,
    load,
    problem_of,
    require_same,
    save,
    steps_of,
    with_result,
)
from reviewloop.cli import completion
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line
from reviewloop.cli.help import Command
from reviewloop.cli.skills import named_skill
from reviewloop.cli.spec_session import json_option
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.untrusted import one_line, safe
from reviewloop.skills.parts import Phase, phases_of


@click.command("run", cls=Command)
@click.argument("name", shell_complete=completion.skills)
@click.option(
    "--set", "values", multiple=True, metavar="NAME=TEXT", help="What its commands leave open."
)
@json_option
def run(name: str, values: tuple[str, ...], as_json: bool) -> ExitCode:
    """Follow a skill: each phase is a gate, and you say which commands run.

    Only commands of reviewloop are run; the rest of a phase is for you or your assistant. Without a
    terminal it ends with 4, and `skills approve|reject` go on.
    """
    repo = open_repository(for_reading=True)
    skill = named_skill(name)
    phases = phases_of(skill.skill.body)
    commands = [line for phase in phases for line in phase.commands]
    begun = begin(repo, skill, {line: _problem(line) for line in commands}, values_of(values))
    if as_json:
        print_json("skill-run", plain(begun, phases))
        return ExitCode.WAITING
    _print_gate(begun, phases)
    return _ask(repo, begun, phases)


def approve_phase(
    repo: Repository,
    name: str,
    numbers: Sequence[int],
    values: Sequence[str],
    *,
    as_json: bool,
    stay: bool = False,
) -> ExitCode:
    """Run the chosen commands of the waiting phase, then show the next gate, or this again."""
    found, phases = _followed(repo, name)
    given = {**found.values, **values_of(values)}
    steps = chosen_steps(steps_of(phases[found.phase]), numbers)
    lines = [
        fill_command(step, given) for step in steps
    ]  # raises for a missing value before any runs
    codes: list[tuple[str, int]] = []
    for step, words in zip(steps, lines, strict=True):
        print_lines(f"$ reviewloop {one_line(' '.join(words))}")
        codes.append((step.command, _run_here(words, aside=as_json)))
        if codes[-1][1] not in (ExitCode.CLEAN, ExitCode.WAITING, ExitCode.FINDINGS):
            break
    from dataclasses import replace

    after = with_result(replace(found, values=given), codes, len(phases), stay=stay)
    save(repo, after)
    if as_json:
        print_json("skill-run", plain(after, phases))
    elif after.stage is Stage.WAITING:
        _print_gate(after, phases)
    if after.stage is Stage.STOPPED:
        command, code = codes[-1]
        print_lines(f"`reviewloop {one_line(command)}` ended with {code}; {_next(after)}")
        return ExitCode(code)
    if after.stage is Stage.DONE:
        print_lines(f"{name} is done")
        return ExitCode.CLEAN
    return ExitCode.WAITING


def show_phase(repo: Repository, name: str, *, as_json: bool) -> ExitCode:
    """Show the gate again, and ask at a terminal."""
    found, phases = _followed(repo, name)
    if as_json:
        print_json("skill-run", plain(found, phases))
        return ExitCode.WAITING
    _print_gate(found, phases)
    return _ask(repo, found, phases)


def reject_run(repo: Repository, name: str, *, as_json: bool) -> ExitCode:
    """End a skill run; the effects of its commands stay."""
    from dataclasses import replace

    found = load(repo, name)
    if found is None:
        raise UsageError(f"no skill {name!r} is followed")
    after = replace(found, stage=Stage.REJECTED)
    save(repo, after)
    if as_json:
        print_json("skill-run", plain(after, phases_of(named_skill(name).skill.body)))
    else:
        print_lines(f"{name} is followed no further; what its commands did stays")
    return ExitCode.SKIPPED


def plain(found: SkillRun, phases: Sequence[Phase]) -> dict[str, Any]:
    """Return a skill run as JSON-plain values."""
    rows = []
    for number, phase in enumerate(phases):
        ran = {command: code for at, command, code in found.ran if at == number}
        commands = [
            {
                "command": f"reviewloop {step.command}",
                "reads": step.reads,
                "needs": [*step.values],
                "exit_code": ran.get(step.command),
            }
            for step in steps_of(phase)
        ]
        rows.append({"title": phase.title, "text": phase.text, "commands": commands})
    return {
        "name": found.name,
        "path": found.path,
        "stage": str(found.stage),
        "phase": found.phase + 1,
        "phases": rows,
        "next": _next(found),
    }


def values_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return name -> text from words such as `TASK=2.1`; raise `UsageError` for another form."""
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isupper():
            raise UsageError(f"--set {pair}: write NAME=TEXT, with the name as the skill has it")
        found[name] = text
    return found


def _followed(repo: Repository, name: str) -> tuple[SkillRun, list[Phase]]:
    found = load(repo, name)
    if found is None or found.stage not in (Stage.WAITING, Stage.STOPPED):
        raise UsageError(f"{name} waits for nothing; `reviewloop skills run {name}` begins it")
    skill = named_skill(name)
    require_same(found, skill)
    return found, phases_of(skill.skill.body)


def _run_here(words: Sequence[str], *, aside: bool) -> int:
    """Run one of our commands in this process and return its exit code."""
    from reviewloop.cli.main import run as run_command

    with contextlib.redirect_stdout(sys.stderr) if aside else contextlib.nullcontext():
        return int(run_command(tuple(words)))


def _problem(line: str) -> str:
    """Return why a command of a skill cannot be run, "" where it can."""
    from reviewloop.cli.main import cli

    if found := problem_of(line):
        return found
    command: click.Command = cli
    words = line.split()[1:]
    while isinstance(command, click.Group) and words:
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            break
        command, words = below, words[1:]
    if command is cli and len(line.split()) > 1:
        return f"`{line}` is no command"
    return ""


def _print_gate(found: SkillRun, phases: Sequence[Phase]) -> None:
    phase = phases[found.phase]
    click.echo(f"== {one_line(phase.title)} ({found.phase + 1}/{len(phases)}) ==")
    click.echo(safe(phase.text))
    for number, step in enumerate(steps_of(phase), 1):
        needs = f"; needs {', '.join(step.values)}" if step.values else ""
        how = "runs at your yes" if step.reads and not step.values else f"--run {number}"
        click.echo(one_line(f"[{number}] reviewloop {step.command}  ({how}{needs})"))
    if not is_interactive():
        print_lines(_next(found))


def _next(found: SkillRun) -> str:
    if found.stage is Stage.DONE:
        return "it is done"
    if found.stage is Stage.REJECTED:
        return "it was given up"
    return f"reviewloop skills approve {found.name} [--run N] goes on, skills reject gives it up"


def _ask(repo: Repository, found: SkillRun, phases: Sequence[Phase]) -> ExitCode:
    """At a terminal, ask at each gate until the skill is done or the user leaves."""
    code = ExitCode.WAITING
    while code is ExitCode.WAITING and is_interactive():
        answer = read_line("numbers of commands to run, [y]es to go on, [q]uit > ")
        answer = answer.strip().casefold()
        if answer[:1] == "q":
            break
        numbers = [int(word) for word in answer.replace(",", " ").split() if word.isdigit()]
        if answer[:1] != "y" and not numbers:
            continue
        steps = chosen_steps(steps_of(phases[found.phase]), numbers)
        missing = dict.fromkeys(name for step in steps for name in step.values)
        given: Mapping[str, str] = found.values
        answers = [f"{name}={read_line(f'{name} > ')}" for name in missing if name not in given]
        code = approve_phase(repo, found.name, numbers, answers, as_json=False, stay=bool(numbers))
        found = load(repo, found.name) or found
    return code
