"""Finds the program of a tool, and its version at no more cost than needed."""

import sys
from pathlib import Path

from reviewloop.analysers.base import Options
from reviewloop.analysers.tools.tool import FoundTool, Tool
from reviewloop.workspace.git import find_program


def find_tool(tool: Tool, options: Options | None = None) -> FoundTool | None:
    """Return where a tool is: in our own environment, then on the trusted PATH; None: nowhere.

    Tools of node are looked for in the checkout too, where the person trusts it.
    """
    own = Path(sys.executable).parent / tool.program
    if own.is_file():
        return FoundTool(own, _installed_version(tool))
    if tool.node and options and options.repository_configuration and options.checkout:
        local = Path(options.checkout) / "node_modules" / ".bin" / tool.program
        if local.is_file():
            return FoundTool(local)
    program = find_program(tool.program)
    return FoundTool(program) if program else None


def _installed_version(tool: Tool) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(tool.package or tool.name)
    except PackageNotFoundError:
        return ""
