"""`reviewloop steering`: the steering files, which agents get them, and their problems."""

import click

from reviewloop.app.arch.project import architecture_at
from reviewloop.app.project import open_repository, repository
from reviewloop.app.review.result import NEVER
from reviewloop.app.steering import steering_given, steering_problems, steering_rows
from reviewloop.architecture.keys import Decision
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Severity
from reviewloop.render.untrusted import one_line
from reviewloop.review.silencing import LEVELS


@click.group(cls=Group)
def steering() -> None:
    """Show and check the steering of this repository."""


@steering.command("list", cls=Command)
@click.option("--run", "run", metavar="RUN", default="", help="What this run's agents were given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_files(run: str, as_json: bool) -> ExitCode:
    """List the steering files in the order in which agents get them, and when they do.

    With --run: which of them reached which agent of a run, and why.
    """
    if run:
        return _list_given(run, as_json=as_json)
    rows = steering_rows(repository())
    if as_json:
        print_json("steering-list", {"files": [vars(row) for row in rows]})
        return ExitCode.CLEAN
    for row in rows:
        click.echo(one_line(f"{row.path} ({row.scope}): {row.given}"))
    if not rows:
        print_lines("there are none in .kiro/steering, .reviewloop/steering, ~/.kiro/steering")
    return ExitCode.CLEAN


def _list_given(run: str, *, as_json: bool) -> ExitCode:
    found = steering_given(open_repository(for_reading=True), run)
    if as_json:
        rows = [{"agent": one.agent, "files": [*one.lines]} for one in found]
        print_json("steering-given", {"run": run, "agents": rows})
        return ExitCode.CLEAN
    for one in found:
        for line in one.lines:
            click.echo(one_line(f"{one.agent}: {line}"))
    if not any(one.lines for one in found):
        print_lines(f"no agent of {run} was given steering")
    return ExitCode.CLEAN


@steering.command("check", cls=Command)
@click.option(
    "--fail-on",
    type=click.Choice((*LEVELS, NEVER)),
    default="nit",
    show_default=True,
    help="Least severity that ends with exit code 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check(fail_on: str, as_json: bool) -> ExitCode:
    """Say of each key whether a rule decides it, and what is wrong with the files.

    Must: references that lead nowhere, files of which nobody knows when to give them. Should: two
    files with the same text, files of your home that name paths, hosts or services of this
    repository, keys that .reviewloop/architecture.toml contradicts. Nit: patterns that no file
    matches.
    """
    user = repository()
    problems = steering_problems(user)
    found = architecture_at(user.root, user.project)
    decisions = found.decisions if found else ()
    severities = [one.severity for one in problems]
    severities += [Severity.SHOULD_FIX for one in decisions if one.by == "file"]
    worst = min((one.rank for one in severities), default=None)
    fails = worst is not None and fail_on != NEVER and worst <= LEVELS[fail_on].rank
    code = ExitCode.FINDINGS if fails else ExitCode.CLEAN
    if as_json:
        rows = [{**vars(one), "severity": str(one.severity)} for one in problems]
        keys = [_plain(one) for one in decisions]
        body = {"keys": keys, "problems": rows, "fail_on": fail_on, "exit_code": int(code)}
        print_json("steering-check", body)
        return code
    for decision in decisions:
        key = decision.key
        shown = f"{key.path}:{key.line} {key.name}: {key.value} -> {_outcome(decision)}"
        click.echo(one_line(shown))
    for problem in problems:
        click.echo(one_line(f"{problem.path}: {problem.what} ({problem.severity.label})"))
    if not decisions and not problems:
        print_lines("nothing is wrong, and no steering file has keys such as codingStyle")
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
