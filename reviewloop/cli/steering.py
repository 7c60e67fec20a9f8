"""`reviewloop steering`: what becomes of the keys in steering files."""

import click

from reviewloop.app.arch.project import architecture_at
from reviewloop.app.project import repository
from reviewloop.architecture.keys import Decision
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.render.json import json_report
from reviewloop.render.untrusted import one_line


@click.group(cls=Group)
def steering() -> None:
    """Show which steering keys rules decide."""


@steering.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def check(as_json: bool) -> ExitCode:
    """Say of each key in steering files whether a rule decides it, or agents get it in words.

    The exit code is 1 where .reviewloop/architecture.toml says something else.
    """
    user = repository()
    found = architecture_at(user.root, user.project)
    decisions = found.decisions if found else ()
    code = ExitCode.FINDINGS if any(one.by == "file" for one in decisions) else ExitCode.CLEAN
    if as_json:
        body = {"keys": [_plain(one) for one in decisions], "exit_code": int(code)}
        click.echo(json_report("steering-check", body), nl=False)
        return code
    for one in decisions:
        key = one.key
        click.echo(one_line(f"{key.path}:{key.line} {key.name}: {key.value} -> {_outcome(one)}"))
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
