"""The repository's own configuration of a tool, for people who trust it."""

import json
import tomllib
from pathlib import Path

from reviewloop.analysis.contract import Options
from reviewloop.analysis.tools.tool import Tool


def configuration_of(tool: Tool, options: Options) -> str:
    """Return the configuration file a tool is to be pointed at, "" for none.

    Only where the person trusts it: all of them by a setting of theirs, or this very text by
    `reviewloop trust`. A link that leads out of the checkout is not followed.
    """
    if not options.checkout:
        return ""
    place = found_configuration(tool, Path(options.checkout).resolve())
    if place is None or not (options.repository_configuration or _is_trusted(tool, place, options)):
        return ""
    return str(place)


def _is_trusted(tool: Tool, place: Path, options: Options) -> bool:
    """Whether the person agreed to this very text; never for what may name code."""
    if tool.configuration_is_code or options.of_others:
        return False
    text = configuration_text(tool, place)
    name = place.relative_to(Path(options.checkout).resolve()).as_posix()
    return text is not None and options.trusts(tool.name, name, text)


def configuration_text(tool: Tool, place: Path) -> str | None:
    """Return what a configuration file says of a tool, None when it cannot be read.

    Of a pyproject.toml that is the tool's own part: a new version of the project changes nothing.
    """
    try:
        text = place.read_text("utf-8", "replace")
        if place.name != "pyproject.toml":
            return text
        part = tomllib.loads(text).get("tool", {}).get(tool.name)
        return json.dumps(part, sort_keys=True, default=str)
    except (OSError, ValueError):
        return None


def found_configuration(tool: Tool, root: Path) -> Path | None:
    """Return the configuration of a tool in a checkout, None where there is none."""
    for name in tool.configuration:
        place = (root / name).resolve()
        if place.is_file() and place.is_relative_to(root) and _is_meant(tool, place):
            return place
    return None


def _is_meant(tool: Tool, place: Path) -> bool:
    """Whether a file that serves many tools holds a part for this one."""
    if place.name != "pyproject.toml":
        return True
    try:
        return f"[tool.{tool.name}" in place.read_text("utf-8", "replace")
    except OSError:
        return False
