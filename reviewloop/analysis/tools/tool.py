"""What a row of the tool table holds, and what running a tool gives."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, Hit, Options, SourceFile
from reviewloop.analysis.tools.policy import Policy, policy_of
from reviewloop.sandbox.analyser_process import Output

if TYPE_CHECKING:
    from reviewloop.analysis.tools.layout import Laid


class UnusableOutput(Exception):  # noqa: N818 - says what it is
    """What a tool wrote cannot be read; the text says what was wrong with it."""


@dataclass
class ToolReading:
    """What was understood of a tool's output, by the files it was given."""

    hits: list[Hit] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # repository path -> why

    def add(self, other: "ToolReading") -> None:
        """Take over what another reading holds."""
        self.hits += other.hits
        self.failed |= other.failed


Reader = Callable[[bytes, "Laid"], ToolReading]
"""Turns a tool's stdout into hits; raises UnusableOutput when it is not what was asked for."""


class ToolSession(Protocol):
    """What a tool that needs more than one start may ask of the run it is part of."""

    laid: "Laid"
    options: Options
    folder: Path
    program: Path
    version: str
    configuration: str
    stop: Callable[[], bool] | None

    def seconds_left(self) -> float:
        """Return how long it may still run; raise OutOfTimeError when its time is up."""

    def arguments(self, laid: "Laid") -> list[str]:
        """Return the row's arguments with what they stand for."""

    def start(self, arguments: Sequence[str], *, good_exits: Sequence[int] = ()) -> Output:
        """Start the tool; raise UnusableOutput when its output cannot be what was asked for."""

    def read_in_parts(
        self, laid: "Laid", read: "Callable[[Laid], ToolReading] | None" = None
    ) -> ToolReading:
        """Run over so many files at a time as one command line takes; halve what fails."""


NotRun = tuple[AnalyserStatus, str]
"""A status and its reason."""


@dataclass(frozen=True)
class Tool:
    """One row of the table: how a program is found, started and read."""

    name: str  # family of its rule ids, and the policy's
    program: str
    languages: frozenset[str]
    arguments: tuple[str, ...]  # {files}, {folder}, {configuration}, {own}, {report}: see running
    read: Reader
    get: str  # how a person gets it
    licence: str
    core: bool = False  # installed with reviewloop
    slow: bool = False  # reviewers do not wait for it: what it finds joins their word
    version: tuple[str, ...] = ("--version",)
    package: str = ""  # distribution whose metadata tells the version, when it is in ours
    file_names: frozenset[str] = frozenset()  # understood by name, whatever their language
    good_exits: Collection[int] = (0, 1)  # exit codes under which stdout is meant
    one_by_one: bool = False  # cannot tell several files apart
    silent_when_clean: bool = False  # writes nothing when it finds nothing
    environment: tuple[tuple[str, str], ...] = ()
    configuration: tuple[str, ...] = ()  # files of a repository it is pointed at where trusted
    configured: tuple[str, ...] = ()  # then these are {configuration}, with the file's path in it
    unconfigured: tuple[str, ...] = ()  # and these otherwise
    needs_configuration: str = ""  # why it says nothing without a configuration
    own_file: tuple[str, str] = ("", "")  # name and text of a file of ours, {own} in arguments
    run: Callable[[ToolSession], ToolReading] | None = (
        None  # for one that needs more than one start
    )
    configuration_is_code: bool = False  # or may name code: trust in its text is not enough
    # Whether the project around this file uses the tool; None: it needs no project.
    applies: "Callable[[SourceFile, Options], bool] | None" = None
    # Why it must not run over these files, asked before its program is looked for.
    not_run: "Callable[[Sequence[SourceFile], Options], NotRun | None] | None" = None
    own_policy: Policy | None = None  # in place of the table that has its name
    node: bool = False  # may come from the checkout's node_modules where trusted

    @property
    def policy(self) -> Policy:
        """What we make of its rules."""
        return self.own_policy or policy_of(self.name)

    def understands(self, file: SourceFile) -> bool:
        """Whether the tool reads this file."""
        return file.language in self.languages or file.path.rpartition("/")[2] in self.file_names


@dataclass(frozen=True)
class FoundTool:
    """Where a tool is; the version is "" when it does not tell."""

    program: Path
    version: str = ""


@dataclass(frozen=True)
class ToolRun:
    """What one tool said about some files, and how it fared."""

    report: AnalyserReport
    hits: tuple[Hit, ...] = ()
