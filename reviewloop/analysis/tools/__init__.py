"""Third-party analysers: a table of programs, parsers of their output, and our policy."""

from reviewloop.analysis.tools.found import find_tool
from reviewloop.analysis.tools.running import run_tool
from reviewloop.analysis.tools.table import TOOLS, tool_rule
from reviewloop.analysis.tools.tool import FoundTool, Tool, ToolRun

__all__ = ["TOOLS", "FoundTool", "Tool", "ToolRun", "find_tool", "run_tool", "tool_rule"]
