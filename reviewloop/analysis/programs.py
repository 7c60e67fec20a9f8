"""Third-party tools as analysers."""

from collections.abc import Callable, Sequence

from reviewloop.analysis.contract import AnalyserReport, Hit, Options, SourceFile
from reviewloop.analysis.tools import TOOLS, Tool, run_tool
from reviewloop.dataclass import dataclass


@dataclass(frozen=True)
class Program:
    """One tool of the table with the options it runs under."""

    tool: Tool
    options: Options
    stopped: Callable[[], bool]  # checked while it runs

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.name

    def understands(self, file: SourceFile) -> bool:
        """Whether the tool reads this file."""
        applies = self.tool.applies
        return self.tool.understands(file) and (applies is None or applies(file, self.options))

    def run(self, files: Sequence[SourceFile]) -> tuple[list[Hit], AnalyserReport]:
        """Run the tool once over all files."""
        done = run_tool(self.tool, files, self.options, stop=self.stopped)
        return list(done.hits), done.report


def programs(options: Options, stopped: Callable[[], bool], *, slow: bool) -> list[Program]:
    """Return the slow tools of the table, or the others; the report of a missing one says so."""
    return [Program(tool, options, stopped) for tool in TOOLS if tool.slow == slow]
