"""A row of the tool table, and the result of running a tool."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, Hit, Options, SourceFile
from reviewloop.analysis.tools.policy import Policy, policy_of
from reviewloop.dataclass import dataclass
from reviewloop.sandbox.analyser_process import Output

if TYPE_CHECKING:
    from reviewloop.analysis.tools.layout import Laid


class UnusableOutput(Exception):  # noqa: N818 - names the output, not the failure
    """The output of a tool cannot be parsed; the message says why."""


@dataclass
class ToolReading:
    """The parsed output of a tool, by its input files."""

    hits: list[Hit] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # repository path -> why

    def add(self, other: "ToolReading") -> None:
        """Add the content of another reading."""
        self.hits += other.hits
        self.failed |= other.failed


Reader = Callable[[bytes, "Laid"], ToolReading]
"""Parses a tool's stdout into hits; raises UnusableOutput if it is invalid."""


class ToolSession(Protocol):
    """The interface of a run for tools that need more than one start."""

    laid: "Laid"
    options: Options
    folder: Path
    program: Path
    version: str
    configuration: str
    stop: Callable[[], bool] | None

    def seconds_left(self) -> float:
        """Return how long it may still run; raise OutOfTimeError after the limit."""

    def arguments(self, laid: "Laid") -> list[str]:
        """Return the row's arguments with placeholders replaced."""

    def start(self, arguments: Sequence[str], *, good_exits: Sequence[int] = ()) -> Output:
        """Start the tool; raise UnusableOutput if its output cannot be valid."""

    def read_in_parts(
        self, laid: "Laid", read: "Callable[[Laid], ToolReading] | None" = None
    ) -> ToolReading:
        """Run on as many files at a time as a command line allows; halve them after a failure."""


NotRun = tuple[AnalyserStatus, str]
"""A status and its reason."""


@dataclass(frozen=True)
class Tool:
    """One row of the table: how a program is found, started and parsed."""

    name: str  # prefix of its rule ids, and name of the policy
    program: str
    languages: frozenset[str]
    arguments: tuple[str, ...]  # {files}, {folder}, {configuration}, {own}, {report}: see running
    read: Reader
    get: str  # how a user installs it
    licence: str
    core: bool = False  # installed with reviewloop
    slow: bool = False  # reviewers do not wait for it: its hits are added later
    version: tuple[str, ...] = ("--version",)
    package: str = ""  # distribution with the version in its metadata, if it is in ours
    file_names: frozenset[str] = frozenset()  # supported by name, whatever their language
    good_exits: Collection[int] = (0, 1)  # exit codes with valid output on stdout
    one_by_one: bool = False  # cannot distinguish several files
    silent_when_clean: bool = False  # writes nothing if it finds nothing
    environment: tuple[tuple[str, str], ...] = ()
    configuration: tuple[str, ...] = ()  # configuration files of a repository, used if trusted
    configured: tuple[str, ...] = ()  # arguments with {configuration} for its path
    unconfigured: tuple[str, ...] = ()  # and the arguments without one
    needs_configuration: str = ""  # why it has no hits without a configuration
    own_file: tuple[str, str] = ("", "")  # name and text of a file of ours, {own} in arguments
    run: Callable[[ToolSession], ToolReading] | None = (
        None  # for a tool that needs more than one start
    )
    configuration_is_code: bool = False  # or can name code: trust in its text is not enough
    # Whether the project around this file uses the tool; None: it needs no project.
    applies: "Callable[[SourceFile, Options], bool] | None" = None
    # Why it must not run on these files, checked before its program is searched.
    not_run: "Callable[[Sequence[SourceFile], Options], NotRun | None] | None" = None
    own_policy: Policy | None = None  # in place of the table that has its name
    node: bool = False  # may come from the checkout's node_modules if trusted

    @property
    def policy(self) -> Policy:
        """Our policy for its rules."""
        return self.own_policy or policy_of(self.name)

    def understands(self, file: SourceFile) -> bool:
        """Whether the tool supports this file."""
        return file.language in self.languages or file.path.rpartition("/")[2] in self.file_names


@dataclass(frozen=True)
class FoundTool:
    """The location of a tool; the version is "" if unknown."""

    program: Path
    version: str = ""


@dataclass(frozen=True)
class ToolRun:
    """The hits of one tool on files, and its report."""

    report: AnalyserReport
    hits: tuple[Hit, ...] = ()
