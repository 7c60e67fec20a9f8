"""`reviewloop config show`: every setting with its value and origin."""

from typing import Any

import click

from reviewloop.app.project import checkout_if_any, read_settings, repository_if_any
from reviewloop.cli.consoles import print_json, results
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.llm.found_providers import own_address
from reviewloop.llm.provider_table import KNOWN, OPENAI
from reviewloop.llm.routing import SKILL_AGENTS, SPEC_AGENTS, STEP_KINDS, route
from reviewloop.render.untrusted import one_line
from reviewloop.settings import Loaded
from reviewloop.settings.keys import all_fields, flatten
from reviewloop.settings.schema import AUTO


@click.group(cls=Group, default="show")
def config() -> None:
    """Show the settings in force."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def show(as_json: bool) -> ExitCode:
    """Show each setting with its origin, and the model of each step."""

    repo = repository_if_any()
    # A repository without a commit cannot run anything, but its settings apply.
    root, project = (repo.root, repo.project) if repo else (checkout_if_any(), "")
    loaded = read_settings(root, project=project)
    values, models = _values(loaded), _models(loaded)
    if as_json:
        print_json("config", {"settings": values, "models": models})
        return ExitCode.CLEAN
    console = results()
    _print_values(values, console)
    _print_models(models, console)
    return ExitCode.CLEAN


def _values(loaded: Loaded) -> list[dict[str, Any]]:
    """Return name, value, origin and description of every setting."""

    flat = flatten(loaded.settings.model_dump(mode="json"), "settings")
    fields = all_fields()
    shown = []
    for name in sorted(flat, key=_section_order(list(fields))):
        field = fields.get(name) or fields[name.rpartition(".")[0]]
        origin = loaded.origins.get(name, "default")
        about = field.description or ""
        value = _without_path(str(flat[name])) if name == "notify.webhook" else flat[name]
        shown.append({"name": name, "value": value, "origin": origin, "description": about})
    return shown


def _without_path(url: str) -> str:
    """Return a URL without its path, as whoever knows a webhook's path can post there."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…" if url else ""


def _section_order(names: list[str]) -> Any:
    positions = {name: index for index, name in enumerate(names)}
    return lambda name: positions.get(name, positions.get(name.rpartition(".")[0], 0))


def _models(loaded: Loaded) -> list[dict[str, str]]:
    """Return the model that each kind of step uses when its agent does not name one."""
    import os

    is_automatic = loaded.settings.models.reasoning == AUTO
    own = own_address(KNOWN[OPENAI], loaded.settings.models, os.environ)
    nothing = f"what {own} lists (run and doctor ask it)" if own else "none found"
    chosen = []
    for step, kind in STEP_KINDS.items():
        answer = route(loaded.settings, {**SPEC_AGENTS, **SKILL_AGENTS}.get(step, step), kind)
        model = nothing if is_automatic and answer.origin == "models.reasoning" else answer.model
        chosen.append({"step": step, "use": kind, "model": model, "origin": answer.origin})
    return chosen


def _print_values(values: list[dict[str, Any]], console: Any) -> None:
    import json

    from rich.text import Text

    width = max(len(value["name"]) for value in values)
    section = ""
    for value in values:
        head = value["name"].partition(".")[0]
        if section and head != section:
            console.print()
        section = head
        line = Text(f"{one_line(value['name']):<{width}}  ")
        line.append(one_line(json.dumps(value["value"], ensure_ascii=False)), style="bold")
        style = "dim" if value["origin"] == "default" else "cyan"
        line.append(f"  ({one_line(value['origin'])})", style=style)
        line.append(f"  {one_line(value['description'])}", style="dim")
        console.print(line, soft_wrap=True)


def _print_models(models: list[dict[str, str]], console: Any) -> None:
    from rich.text import Text

    console.print()
    console.print(Text("Models by step (an agent's own file may name another)", style="bold"))
    width = max(len(entry["step"]) for entry in models)
    for entry in models:
        line = Text(f"{entry['step']:<{width}}  {entry['use']:<10}  ")
        line.append(one_line(entry["model"]), style="bold")
        line.append(f"  ({one_line(entry['origin'])})", style="dim")
        console.print(line, soft_wrap=True)
