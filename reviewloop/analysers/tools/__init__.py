"""Analysers that others maintain: a table of programs, readers of their output, and our policy."""

from reviewloop.analysers.tools.found import find_tool
from reviewloop.analysers.tools.running import run_tool
from reviewloop.analysers.tools.table import TOOLS, tool_rule
from reviewloop.analysers.tools.tool import FoundTool, Tool, ToolRun

__all__ = ["TOOLS", "FoundTool", "Tool", "ToolRun", "find_tool", "run_tool", "tool_rule"]
