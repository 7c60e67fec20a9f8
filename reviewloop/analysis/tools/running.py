"""Runs one tool on files: private folder, neutral names, one time limit for all starts."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, Hit, Options, SourceFile
from reviewloop.analysis.tools.found import configuration_of, find_tool
from reviewloop.analysis.tools.layout import Laid, lay_out
from reviewloop.analysis.tools.tool import FoundTool, Tool, ToolReading, ToolRun, UnusableOutput
from reviewloop.sandbox.analyser_process import (
    OUTPUT_LIMIT,
    Output,
    clean_environment,
    run_analyser,
)

Stop = Callable[[], bool]
_ARGUMENT_BYTES = 100_000  # of file names in one start; every system allows that many
_MOST_STARTS = 60  # while searching for the files on which a tool fails
_NAMED = 3  # most files in a reason


def run_tool(
    tool: Tool, files: Sequence[SourceFile], options: Options, *, stop: Stop | None = None
) -> ToolRun:
    """Run a tool on the files that it supports; every failure is a report, never an error."""
    mine = [file for file in files if tool.understands(file)]
    if not mine:
        return ToolRun(AnalyserReport(tool.name, AnalyserStatus.NOT_APPLICABLE))
    started = time.monotonic()
    refused = tool.not_run(mine, options) if tool.not_run else None
    if refused is not None:
        return _without(tool, mine, *refused)
    configuration = configuration_of(tool, options)
    found = find_tool(tool, options)
    if found is None:
        return _without(tool, mine, AnalyserStatus.MISSING, f"not installed; {tool.get}")
    if tool.needs_configuration and not configuration:
        return _without(tool, mine, AnalyserStatus.NOT_CHECKED, tool.needs_configuration)
    try:
        with tempfile.TemporaryDirectory(prefix="reviewloop-", ignore_cleanup_errors=True) as name:
            session = Session(tool, found, mine, options, configuration, Path(name).resolve(), stop)
            reading = session.read_all()
            found = replace(found, version=session.version)
    except OSError as error:
        reason = f"its temporary folder cannot be used: {error.strerror or error}"
        return _without(tool, mine, AnalyserStatus.FAILED, reason, found)
    report = _report(tool, mine, reading.failed, found)
    hits = dict.fromkeys(kept for hit in reading.hits if (kept := _known(tool, hit)) is not None)
    seconds = round(time.monotonic() - started, 3)
    return ToolRun(replace(report, seconds=seconds), tuple(hits))


class Session:
    """One run of one tool: it may be started several times, within one time limit."""

    def __init__(
        self,
        tool: Tool,
        found: FoundTool,
        files: Sequence[SourceFile],
        options: Options,
        configuration: str,
        folder: Path,
        stop: Stop | None,
    ) -> None:
        self.tool = tool
        self.laid = lay_out(files, folder)
        self.configuration = configuration
        self.options = options
        self.folder = folder
        self.program = found.program
        self.version = found.version
        self.stop = stop
        self._deadline = time.monotonic() + options.timeout_seconds
        self._limit = options.timeout_seconds
        self._starts = 0
        self._cwd = folder / "empty"
        self._home = folder / "home"
        self._own = folder / "own" / (tool.own_file[0] or "none")
        self._report = self._home / "report"
        for value in (self._cwd, self._home, self._own.parent):
            value.mkdir()
        self._own.write_text(tool.own_file[1], encoding="utf-8")

    def seconds_left(self) -> float:
        """Return how long it may still run; raise OutOfTimeError after the limit."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(f"took longer than {self._limit:g} s")
        return left

    def read_all(self) -> ToolReading:
        """Run the tool on all files that are laid out."""
        if self.tool.run is not None:
            return self.tool.run(self)
        return self.read_in_parts(self.laid)

    def read_in_parts(
        self, laid: Laid, read: "Callable[[Laid], ToolReading] | None" = None
    ) -> ToolReading:
        """Run on as many files at a time as a command line allows; halve them after a failure."""
        read = read or self.read_once
        reading = ToolReading()
        for part in self._parts(laid):
            reading.add(self._read_or_halve(part, read))
        return reading

    def read_once(self, laid: Laid) -> ToolReading:
        """Start the tool once on these files and parse its output."""
        return self.tool.read(self.start(self.arguments(laid)).stdout, laid)

    def arguments(self, laid: Laid) -> list[str]:
        """Return the row's arguments with placeholders replaced.

        `{files}` and `{configuration}` become any number of arguments; `{folder}` of all files,
        `{own}` file of ours and `{report}` (read instead of stdout) are paths.
        """
        tool = self.tool
        chosen = tool.configured if self.configuration else tool.unconfigured
        lists = {"{files}": [str(one.path) for one in laid.files], "{configuration}": chosen}
        if "{selection}" in tool.arguments:
            lists["{selection}"] = tool.policy.selection
        values = {
            "{configuration}": self.configuration,
            "{folder}": str(laid.folder),
            "{own}": str(self._own),
            "{report}": str(self._report),
        }
        files = set(lists["{files}"])
        given = [one for argument in tool.arguments for one in lists.get(argument, (argument,))]
        return [one if one in files else _replaced(one, values) for one in given]

    def start(self, arguments: Sequence[str], *, good_exits: Sequence[int] = ()) -> Output:
        """Start the tool; raise UnusableOutput if its output cannot be valid."""
        left = self.seconds_left()
        self._starts += 1
        self._report.unlink(missing_ok=True)
        output = run_analyser(
            [str(self.program), *arguments],
            cwd=self._cwd,
            env=clean_environment(self._home, self.program, dict(self.tool.environment)),
            timeout_seconds=left,
            stop=self.stop,
        )
        if self._report.is_file():
            output = replace(output, stdout=_beginning(self._report))
        if output.ended == "too slow":
            raise OutOfTimeError(f"took longer than {self._limit:g} s")
        if output.ended == "stopped":
            raise OutOfTimeError("was stopped")
        if output.ended == "too much":
            raise UnusableOutput("wrote more than 64 MB")
        if output.ended == "not started":
            raise OutOfTimeError(f"could not be started: {_error_line(output, self.laid)}")
        if output.exit_code not in (good_exits or self.tool.good_exits):
            raise UnusableOutput(f"ended with code {output.exit_code}{_because(output, self.laid)}")
        if not output.stdout.strip() and not self.tool.silent_when_clean:
            raise UnusableOutput(f"wrote nothing{_because(output, self.laid)}")
        return output

    def _read_or_halve(self, laid: Laid, read: Callable[[Laid], ToolReading]) -> ToolReading:
        try:
            return read(laid)
        except OutOfTimeError as error:
            return ToolReading(failed={one.file.path: str(error) for one in laid.files})
        except UnusableOutput as error:
            whole = "{folder}" in "".join(self.tool.arguments)
            if whole or len(laid.files) == 1 or self._starts >= _MOST_STARTS:
                return ToolReading(failed={one.file.path: str(error) for one in laid.files})
        middle = len(laid.files) // 2
        reading = self._read_or_halve(laid.only(laid.files[:middle]), read)
        reading.add(self._read_or_halve(laid.only(laid.files[middle:]), read))
        return reading

    def _parts(self, laid: Laid) -> list[Laid]:
        each = 1 + len(str(laid.files[-1].path)) + 8
        count = len(laid.files)
        listed = "{files}" in self.tool.arguments
        most = max(1, _ARGUMENT_BYTES // each) if listed else count
        most = 1 if self.tool.one_by_one else most
        return [laid.only(laid.files[start : start + most]) for start in range(0, count, most)]


_LONGEST_ERROR = 2_000  # characters


class OutOfTimeError(UnusableOutput):
    """Starting the tool again is useless: its time is up, or it cannot be started at all."""


def _beginning(report: Path) -> bytes:
    with report.open("rb") as file:
        beginning = file.read(OUTPUT_LIMIT + 1)
    if len(beginning) > OUTPUT_LIMIT:
        raise UnusableOutput("wrote more than 64 MB")
    return beginning


def _replaced(argument: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(name, value)
    return argument


def _because(output: Output, laid: Laid) -> str:
    shown = _error_line(output, laid)
    return f": {shown}" if shown else ""


def _error_line(output: Output, laid: Laid) -> str:
    """Return the relevant line of stderr, short enough for one line of a report.

    The files that the tool read are named as in the repository, where a terminal can show that.
    """
    line = _most_relevant(output.stderr.decode("utf-8", "replace"))[:_LONGEST_ERROR]
    for one in laid.files:
        if one.file.path.isprintable():
            line = line.replace(f"file://{one.path}", str(one.path))
            line = line.replace(str(one.path), one.file.path)
    return line[:200]


def _most_relevant(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.endswith(":")]
    for word in ("failed to ", "cause: ", "error: ", "error", "fatal"):
        for line in lines:
            where = line.lower().find(word)
            if where >= 0:
                return line[where:]
    return (lines or [""])[-1]


def _without(
    tool: Tool,
    files: Sequence[SourceFile],
    status: AnalyserStatus,
    reason: str,
    found: FoundTool | None = None,
) -> ToolRun:
    version = found.version if found else ""
    return ToolRun(AnalyserReport(tool.name, status, 0.0, version, len(files), reason))


def _report(
    tool: Tool, files: Sequence[SourceFile], failed: dict[str, str], found: FoundTool
) -> AnalyserReport:
    status, reason = AnalyserStatus.DONE, ""
    if failed:
        partial = len(failed) < len({file.path for file in files})
        status = AnalyserStatus.PARTIAL if partial else AnalyserStatus.FAILED
        reason = _reason(failed, name_files=partial)
    return AnalyserReport(tool.name, status, 0.0, found.version, len(files), reason)


def _reason(failed: dict[str, str], *, name_files: bool) -> str:
    """Return why files failed: each reason once, with its first few files."""
    by_reason: dict[str, list[str]] = {}
    for path, why in sorted(failed.items()):
        by_reason.setdefault(why, []).append(path)
    parts = []
    for why, paths in by_reason.items():
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        names = ", ".join(paths[:_NAMED]) + more
        parts.append(f"{names}: {why}" if name_files or len(by_reason) > 1 else why)
    more = f"; and {len(parts) - _NAMED} other reasons" if len(parts) > _NAMED else ""
    return "; ".join(parts[:_NAMED]) + more


def _known(tool: Tool, hit: Hit) -> Hit | None:
    """Return a hit whose rule is on, with the policy's severity if the tool's is lower."""
    rule = tool.policy.rule(hit.rule.partition("/")[2])
    if rule is None:
        return None
    less = hit.severity is not None and hit.severity.rank > rule.severity.rank
    return hit if less else replace(hit, severity=None)
