"""`mcp serve`: our commands as tools of an assistant, by the Model Context Protocol."""

import json
import sys

import click

from reviewloop import __version__
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode

_PROGRAMS = ("kiro", "claude", "cursor", "codex")


@click.group(cls=Group)
def mcp() -> None:
    """Let an assistant use reviewloop as tools."""


@mcp.command("serve", cls=Command)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=click.Choice(("approve", "modify", "reject")),
    help="Offer this answer to runs as well; repeatable.",
)
@click.option(
    "--print",
    "program",
    type=click.Choice(_PROGRAMS),
    help="Only print the settings by which this program starts it.",
)
def serve(allowed: tuple[str, ...], program: str | None) -> ExitCode:
    """Serve on stdin and stdout until the assistant ends.

    It offers what reads, and `run_task`. Nothing is approved through it unless you say so with
    --allow.
    """
    if program:
        click.echo(_settings(program, allowed))
        return ExitCode.CLEAN
    from reviewloop.cli.mcp_tools import OwnCommands, tools_for
    from reviewloop.mcp.stdio import serve as serve_on

    commands = OwnCommands()
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not speak in the protocol's place
    serve_on(
        source,
        target,
        tools_for(allowed),
        commands.call,
        commands.cancel,
        version=__version__,
    )
    return ExitCode.CLEAN


def _settings(program: str, allowed: tuple[str, ...]) -> str:
    """Return the settings by which a program starts the server, and where they belong."""
    words = ["mcp", "serve", *(word for one in allowed for word in ("--allow", one))]
    if program == "codex":
        listed = ", ".join(json.dumps(word) for word in words)
        return (
            "# ~/.codex/config.toml\n[mcp_servers.reviewloop]\n"
            f'command = "reviewloop"\nargs = [{listed}]\ntool_timeout_sec = 600'
        )
    server: dict[str, object] = {"command": "reviewloop", "args": words}
    if program == "kiro":
        server |= {"timeout": 600_000, "disabled": False}
    return json.dumps({"mcpServers": {"reviewloop": server}}, indent=2)
