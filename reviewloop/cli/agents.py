"""`reviewloop agents list`: the agents of a run, their files, and what they may use."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console

from reviewloop.agents import REVIEW_SPEC, AgentDefinition
from reviewloop.app.project import read_settings, repository_if_any, team_of
from reviewloop.app.servers import offered_tools, server_states, servers_of_agent
from reviewloop.cli.consoles import print_json, results
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.repository import UserRepo
from reviewloop.llm.found_providers import own_address
from reviewloop.llm.provider_table import KNOWN, OLLAMA, OPENAI
from reviewloop.llm.routing import route, split_model
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.untrusted import one_line
from reviewloop.settings import Settings
from reviewloop.settings.schema import AUTO

_SHELL = "execute_bash"
_NOT_ALWAYS = "reads only tasks whose spec has criteria, and in `review --spec`"
_OFF = " (off: tools.execute_bash)"


@click.group(cls=Group, default="list")
def agents() -> None:
    """Show the agents of this repository."""


@agents.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_agents(as_json: bool) -> ExitCode:
    """List the agents: the file each comes from, its model, tools, and what was dropped."""
    from pathlib import Path

    repo = repository_if_any()
    team = team_of(repo.root, repo.project) if repo else team_of(Path.cwd())
    project = repo.project if repo else ""
    settings = read_settings(repo.root if repo else None, project=project).settings
    members = [_agent(member, settings) for member in team.for_criteria.members]
    if repo and any(member.servers for member in team.for_criteria.members):
        _add_servers(members, repo, team.for_criteria.members, settings)
    body = {
        "agents": members,
        "shadowed": [
            {"name": one.name, "winner": one.winner, "loser": one.loser} for one in team.shadowed
        ],
    }
    if as_json:
        print_json("agents", body)
    else:
        _print(body, results())
    return ExitCode.CLEAN


def _agent(agent: AgentDefinition, settings: Settings) -> dict[str, Any]:

    rarely = [_NOT_ALWAYS] if agent.name == REVIEW_SPEC else []
    chosen = route(settings, agent.name, "reasoning", agent.model)
    unknown = settings.models.reasoning == AUTO and chosen.origin.startswith("models.")
    model = AUTO if unknown else chosen.model  # only a run uses a model server of the user
    return {
        "name": agent.name,
        "description": agent.description,
        "file": agent.origin,
        "model": model,
        "model_origin": chosen.origin,
        "server": _server(model, settings),
        "tools": list(agent.tools),
        "tools_off": [] if settings.tools.execute_bash else [t for t in agent.tools if t == _SHELL],
        "dropped_tools": list(agent.dropped_tools),
        "servers": [],
        "reviewer": agent.is_reviewer,
        "notes": [*agent.notes, *rarely, *([chosen.note] if chosen.note else [])],
    }


def _add_servers(
    rows: list[dict[str, Any]],
    repo: UserRepo,
    members: Sequence[AgentDefinition],
    settings: Settings,
) -> None:
    """Add to the rows of agents their tools of the MCP servers that their files name."""
    try:
        states, why = server_states(repo, members), ""
    except UsageError as error:
        states, why = [], str(error)
    offered = offered_tools(repo.key)
    for row, member in zip(rows, members, strict=True):
        for one in servers_of_agent(member, states, settings, offered):
            row["servers"].append(
                {"name": one.name, "why_not": why or one.why_not, "tools": list(one.gets)}
            )
            row["dropped_tools"] += one.dropped


def _of_servers(agent: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the lines about an agent's servers."""
    rows = []
    for one in agent["servers"]:
        tools = ", ".join("all its tools" if tool == "*" else tool for tool in one["tools"])
        listed = tools or f"none: mcp.{one['name']}.reads lists no tool that a reviewer may ask"
        rows.append(("server", f"@{one['name']}: {listed}"))
        if one["why_not"]:
            rows.append(("note", one["why_not"]))
    return rows


def _server(model: str, settings: Settings) -> str:
    """Return the host of the user's own model server, "" for none."""
    names = (OPENAI, OLLAMA) if model == AUTO else (split_model(model)[0],)
    for provider in (KNOWN[name] for name in names if name in KNOWN):
        if own := own_address(provider, settings.models, os.environ):
            return urlsplit(own).netloc.rpartition("@")[2]  # without user and password
    return ""


def _print(body: dict[str, Any], console: Console) -> None:
    from rich.text import Text

    for agent in body["agents"]:
        line = Text(one_line(agent["name"]), style="bold")
        line.append(f"  {one_line(agent['file'])}", style="cyan")
        console.print(line, soft_wrap=True)
        at = f" at {agent['server']}" if agent["server"] else ""
        model = f"{agent['model']}{at} ({agent['model_origin']})"
        given = [t + _OFF if t in agent["tools_off"] else t for t in agent["tools"]]
        rows = [("model", model), ("tools", ", ".join(given) or "none")]
        rows += _of_servers(agent)
        if agent["dropped_tools"]:
            rows.append(("dropped", ", ".join(agent["dropped_tools"])))
        rows += [("note", note) for note in agent["notes"]]
        for label, text in rows:
            style = "yellow" if label in {"dropped", "note"} else ""
            hanging(Text(f"  {label:<8}", style="dim"), Text(one_line(text), style=style), console)
    for one in body["shadowed"]:
        text = f"{one['name']}: {one['winner']} is used, {one['loser']} is not"
        hanging(Text("shadowed  ", style="dim"), Text(one_line(text)), console)
