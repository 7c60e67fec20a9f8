"""Says which of a project's Kiro files reviewloop passes over: hooks, skills and MCP servers."""

import json
from collections.abc import Iterator
from typing import Any

from reviewloop.specs.files import Files, decode

_NAMES_SHOWN = 3


def unused_kiro_files(files: Files) -> tuple[str, ...]:
    """Return one sentence for each kind of thing that is there and switched on, but not used.

    A file that cannot be read as JSON counts as one hook: Kiro may read it all the same.
    """
    hooks = [*_hooks(files), *_hooks_of_agents(files)]
    skills = [
        path.split("/")[2]
        for path in files.paths(".kiro/skills")
        if path.count("/") == 3 and path.rpartition("/")[2].lower() == "skill.md"
    ]
    servers = _table(_json(files, ".kiro/settings/mcp.json")).get("mcpServers")
    on = [name for name, one in _table(servers).items() if not _table(one).get("disabled")]
    return (
        *_sentence(hooks, "Kiro hook is", "Kiro hooks are", "not run"),
        *_sentence(skills, "Kiro skill is", "Kiro skills are", "not used"),
        *_sentence(on, "MCP server of Kiro is", "MCP servers of Kiro are", "not started"),
    )


def _sentence(names: list[str], one: str, many: str, what: str) -> Iterator[str]:
    if not names:
        return
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    listed = ", ".join(names[:_NAMES_SHOWN]) + more
    yield f"{len(names)} {one if len(names) == 1 else many} {what}: {listed}"


def _hooks(files: Files) -> Iterator[str]:
    for path in files.paths(".kiro/hooks"):
        name = path.rpartition("/")[2]
        if not name.endswith((".json", ".kiro.hook")):
            continue
        read = _json(files, path)
        if not isinstance(read, dict):
            yield name
        elif isinstance(read.get("hooks"), list):
            yield from _named(read["hooks"], name)
        else:
            yield from _named([read], name)


def _hooks_of_agents(files: Files) -> Iterator[str]:
    for path in files.paths(".kiro/agents"):
        if not path.endswith(".json"):
            continue
        agent = path.rpartition("/")[2].removesuffix(".json")
        hooks = _table(_json(files, path)).get("hooks")
        if isinstance(hooks, list):
            yield from _named(hooks, agent)
        for event, found in _table(hooks).items():
            if isinstance(found, list):
                yield from [f"{agent} {event}"] * len(found)


def _named(hooks: list[Any], fallback: str) -> Iterator[str]:
    for hook in hooks:
        if _table(hook).get("enabled") is not False:
            yield str(_table(hook).get("name") or fallback)


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _json(files: Files, path: str) -> Any:
    try:
        return json.loads(decode(files.read(path) or b""))
    except (ValueError, RecursionError):
        return None
