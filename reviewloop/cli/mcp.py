"""`mcp`: our commands as tools of an assistant, and the MCP servers of our agents."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reviewloop import __version__
from reviewloop.cli.help import Command, Group
from reviewloop.domain.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from reviewloop.agents import AgentDefinition
    from reviewloop.git.repository import UserRepo
    from reviewloop.settings import Settings

_PROGRAMS = ("kiro", "claude", "cursor", "codex")


@click.group(cls=Group)
def mcp() -> None:
    """Let an assistant use reviewloop, and see MCP servers."""


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
    sys.stdout = sys.stderr  # output of other code must not mix with the protocol
    serve_on(
        source,
        target,
        tools_for(allowed),
        commands.call,
        commands.cancel,
        version=__version__,
    )
    return ExitCode.CLEAN


@mcp.command("list", cls=Command)
@click.argument("names", nargs=-1, metavar="[SERVER]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_servers(names: tuple[str, ...], as_json: bool) -> ExitCode:
    """List the MCP servers of Kiro's files and of agents, with their tools.

    Those that you trust are started for this, in their cage. The exit code is 5 where one of them
    cannot be used.
    """
    from reviewloop.app.servers import (
        server_states,
        servers_for_user,
        trusted_by_name,
        unknown_server,
    )
    from reviewloop.cli.consoles import print_json, print_lines
    from reviewloop.render.untrusted import one_line

    repo, settings, agents = _here()
    named = {name.removeprefix("@") for name in names}
    states = server_states(repo, agents)
    known = {server.name: server for server, _ in states}
    for name in sorted(named - set(known)):
        raise UsageError(unknown_server(name, known))
    rows: list[dict[str, Any]] = []
    code = ExitCode.CLEAN
    for server, why in states:
        if named and server.name not in named:
            continue
        tools: list[dict[str, Any]] = []
        if not why:
            trusted = trusted_by_name(repo, settings, agents, (server.name,))
            with servers_for_user(repo, settings, trusted) as (servers, notes):
                found = servers.tools((f"@{server.name}",), reading=False)
                tools = [
                    {"name": one.called, "reads": one.reads, "description": one.description}
                    for one in found
                ]
            why = "; ".join(notes)
            code = ExitCode.INCOMPLETE if why else code
        about = {"name": server.name, "source": server.source, "does": server.does}
        rows.append({**about, "why_not": why, "tools": tools})
    if as_json:
        print_json("mcp-list", {"servers": rows, "exit_code": int(code)})
        return code
    for row in rows:
        click.echo(one_line(f"{row['name']} ({row['source']}): {row['does']}"))
        if row["why_not"]:
            click.echo(f"  {one_line(row['why_not'])}")
        for tool in row["tools"]:
            who = "reviewers and writers" if tool["reads"] else "writers only"
            click.echo("  " + one_line(f"{tool['name']} ({who}): {tool['description'][:100]}"))
    if not rows:
        print_lines("no MCP server is named in .kiro/settings/mcp.json, that file of your home, "
                    "or an agent's mcpServers")  # fmt: skip
    return code


@mcp.command("call", cls=Command)
@click.argument("tool", metavar="SERVER/TOOL")
@click.argument("arguments", default="{}", metavar="[JSON]")
def call(tool: str, arguments: str) -> ExitCode:
    """Call a tool of a server that you trust, as an agent would, and print its answer.

    JSON is an object with the tool's arguments. The exit code is 5 where the call fails.
    """
    from reviewloop.app.redactors import redactor_here
    from reviewloop.app.servers import servers_for_user, trusted_by_name
    from reviewloop.render.untrusted import one_line, safe
    from reviewloop.servers.definitions import ServerError

    name, _, called = tool.removeprefix("@").partition("/")
    if not called:
        raise UsageError(f"{one_line(tool)!r} is no SERVER/TOOL; `reviewloop mcp list` shows them")
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the arguments are not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise UsageError('the arguments are one JSON object, such as {"query": "limits"}')
    repo, settings, agents = _here()
    trusted = trusted_by_name(repo, settings, agents, (name,))
    with servers_for_user(repo, settings, trusted) as (servers, notes):
        tools = {one.called: one for one in servers.tools((f"@{name}",), reading=False)}
        if notes:
            raise ServerError(notes[0])
        if called not in tools:
            names = ", ".join(map(one_line, tools)) or "none"
            raise UsageError(f"{name} has no tool {one_line(called)!r}; it has: {names}")
        text, failed = servers.call(tools[called], given)
    click.echo(safe(redactor_here().for_people(text)))
    return ExitCode.INCOMPLETE if failed else ExitCode.CLEAN


@mcp.command("trust", cls=Command)
@click.argument("name", metavar="SERVER")
@click.option("--yes", is_flag=True, help="Agree without being asked.")
def trust_server(name: str, yes: bool) -> ExitCode:
    """Allow one MCP server to be started, and nothing else of the repository.

    `reviewloop trust` asks for everything at once; its --revoke takes this back, too.
    """
    from reviewloop.app.servers import server_states, unknown_server
    from reviewloop.cli.consoles import confirm, is_interactive, print_lines
    from reviewloop.store.folders import state_root
    from reviewloop.store.trust import TrustStore

    repo, _, agents = _here()
    known = {server.name: server for server, _ in server_states(repo, agents)}
    server = known.get(name.removeprefix("@"))
    if server is None:
        raise UsageError(unknown_server(name.removeprefix("@"), known))
    store = TrustStore(state_root())
    print_lines(f"MCP server {server.name} ({server.source}): {server.does}")
    if store.is_trusted(repo.key, server.digest):
        print_lines("you have agreed to this already")
        return ExitCode.CLEAN
    if not yes and not is_interactive():
        raise UsageError("there is no terminal to ask on; look at it, then add --yes")
    if not yes and not confirm("Allow this in this repository?", default=False):
        print_lines("nothing was agreed to; it will not be started")
        return ExitCode.SKIPPED
    store.trust(repo.key, server.digest, {f"MCP server {server.name}": (server.does,)})
    print_lines("agreed; `reviewloop trust --revoke` takes it back")
    return ExitCode.CLEAN


def _here() -> tuple["UserRepo", "Settings", Sequence["AgentDefinition"]]:
    """Return the repository, its settings and its agents."""
    from reviewloop.app.project import read_settings, repository, team_of

    repo = repository()
    settings = read_settings(repo.root, project=repo.project).settings
    return repo, settings, team_of(repo.root, repo.project).for_criteria.members


def _settings(program: str, allowed: tuple[str, ...]) -> str:
    """Return the settings with which a program starts the server, and their file."""
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
