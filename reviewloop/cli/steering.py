"""`reviewloop steering`: which files there are, who gets them, and what is wrong with them."""

import click

from reviewloop.app.arch.project import architecture_at
from reviewloop.app.project import repository
from reviewloop.app.steering import steering_problems, steering_rows
from reviewloop.architecture.keys import Decision
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.render.json import json_report
from reviewloop.render.untrusted import one_line


@click.group(cls=Group)
def steering() -> None:
    """Show and check what agents are told of this repository."""


@steering.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_files(as_json: bool) -> ExitCode:
    """List the steering files in the order in which agents get them, and when they do.

    `reviewloop logs RUN` tells which a run's agents were given.
    """
    rows = steering_rows(repository())
    if as_json:
        click.echo(json_report("steering-list", {"files": [vars(row) for row in rows]}), nl=False)
        return ExitCode.CLEAN
    for row in rows:
        click.echo(one_line(f"{row.path} ({row.scope}): {row.given}"))
    if not rows:
        click.echo("there are none in .kiro/steering, .reviewloop/steering, ~/.kiro/steering")
    return ExitCode.CLEAN


@steering.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check(as_json: bool) -> ExitCode:
    """Say of each key whether a rule decides it, and what is wrong with the files.

    Wrong are references that lead nowhere, two files with the same text, patterns that no file
    matches, and files of your home that name files of this repository. The exit code is 1 for
    these, and where .reviewloop/architecture.toml says something else than a key.
    """
    user = repository()
    problems = steering_problems(user)
    found = architecture_at(user.root, user.project)
    decisions = found.decisions if found else ()
    wrong = bool(problems) or any(one.by == "file" for one in decisions)
    code = ExitCode.FINDINGS if wrong else ExitCode.CLEAN
    if as_json:
        body = {"keys": [_plain(one) for one in decisions], "exit_code": int(code)}
        body["problems"] = [vars(one) for one in problems]
        click.echo(json_report("steering-check", body), nl=False)
        return code
    for one in decisions:
        key = one.key
        click.echo(one_line(f"{key.path}:{key.line} {key.name}: {key.value} -> {_outcome(one)}"))
    for problem in problems:
        click.echo(one_line(f"{problem.path}: {problem.what}"))
    if not decisions:
        click.echo("no steering file has keys such as codingStyle")
    return code


def _outcome(one: Decision) -> str:
    if one.by == "rule":
        return f"rule {one.what}"
    if one.by == "words":
        return f"words, {one.what}"
    return f"left out, in architecture.toml {one.what}"


def _plain(one: Decision) -> dict[str, object]:
    key = one.key
    return {
        "path": key.path,
        "line": key.line,
        "name": key.name,
        "value": key.value,
        "by": one.by,
        "what": one.what,
    }
