"""The repository's own configuration of a tool, for people who trust it."""

from pathlib import Path

from reviewloop.analysers.base import Options
from reviewloop.analysers.tools.tool import Tool


def configuration_of(tool: Tool, options: Options) -> str:
    """Return the configuration file a tool is to be pointed at, "" for none.

    Only where the person trusts the repository's configuration; a link that leads out of the
    checkout is not followed.
    """
    if not options.repository_configuration or not options.checkout:
        return ""
    root = Path(options.checkout).resolve()
    for name in tool.configuration:
        place = (root / name).resolve()
        if place.is_file() and place.is_relative_to(root) and _is_meant(tool, place):
            return str(place)
    return ""


def _is_meant(tool: Tool, place: Path) -> bool:
    """Whether a file that serves many tools holds a part for this one."""
    if place.name != "pyproject.toml":
        return True
    try:
        return f"[tool.{tool.name}" in place.read_text("utf-8", "replace")
    except OSError:
        return False
