"""The interface of rules and checks: rules, files and changes in; hits and reports out."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex

if TYPE_CHECKING:
    from reviewloop.sandbox.base import Sandbox

MUST, SHOULD, NIT = Severity.MUST_FIX, Severity.SHOULD_FIX, Severity.NIT

SECURITY = "review-security"
INFRASTRUCTURE = "review-infrastructure"
MAINTAINABILITY = "review-maintainability"
PERFORMANCE = "review-performance"
TEST_QUALITY = "review-test-quality"


@dataclass(frozen=True)
class Rule:
    """One rule. `why` is the risk, `fix` what to do, `source` the reference for the fact.

    A rule applies to product code; the flags extend that. Bad examples in its file must be found,
    good ones must not.
    """

    id: str  # "family/slug", lower case, as written in suppressions
    reviewer: str  # the responsible reviewer: one of the five names above
    severity: Severity
    title: str  # the problem in one sentence
    why: str = ""
    fix: str = ""
    category: str = ""  # "injection", "encryption", "complexity": groups findings for merging
    source: str = ""  # URL or standard, CWE-89 for example
    message: str = ""  # the sentence on one flow of data; "{source}" and "{sink}" are replaced
    in_tests: bool = False
    in_examples: bool = False
    in_fixtures: bool = False
    in_product: bool = True
    hard: bool = False  # no reviewer may move or reject it: secrets, hidden text
    caused: bool = False  # also reported outside the changed lines if the base does not have it
    only_new: bool = True  # not reported if the base has the same rule at the same line text
    page: str = ""  # path of the rule's file with its examples


@dataclass(frozen=True)
class Matcher:
    """How to find a rule's hits: where to search, and the condition; empty fields match everything.

    The condition is data, or `check`, a "module:function". As data it is `match`, in ast-grep's
    rule language; with `calls` each such call is looked at: `match`, `receiver`, `not_receiver` and
    `arguments` must all hold. With `nodes` or `calls` a function is called for each such node of a
    parsed file, without them once for the file; a pack may also run the functions of a family by
    an engine of its own. For a rule about specs, the function takes a `specs.checks.SpecView` and
    yields hits.
    """

    languages: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()  # kinds of node
    calls: tuple[str, ...] = ()  # last names of called functions, classes or commands
    hints: tuple[str, ...] = ()  # a file without any of these words is not searched
    match: Mapping[str, object] | None = None
    report: str = ""  # a variable of `match`, or "argument 1"; "": the whole match or call
    check: str = ""
    about: str = "code"  # or "spec"
    receiver: str = ""  # a regular expression for the text before a call's last dot
    not_receiver: str = ""
    arguments: Mapping[int, object] = field(default_factory=dict)  # from 1: a rule, or a word
    file_has: str = ""  # regular expressions for the text of the file, "^" begins a line
    file_lacks: str = ""
    not_paths: str = ""  # a regular expression for the paths of files that are not searched


@cache
def resolve(reference: str) -> Callable[..., Any]:
    """Return the function that "module:function" names; it is imported on first use."""
    module, _, name = reference.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


class RuleEntry(NamedTuple):
    """A rule with its matcher."""

    rule: Rule
    matcher: Matcher


class PathClass(StrEnum):
    """The purpose of a file; rules say to which classes they apply."""

    PRODUCT = "product"
    TEST = "test"
    EXAMPLE = "example"  # examples, documentation, benchmarks
    FIXTURE = "fixture"  # data that tests read, often broken on purpose


class Claim(StrEnum):
    """What a file shows to be by its name or content, so that no model reads it, in words."""

    LOCK = "lock file"
    VENDORED = "vendored"
    MINIFIED = "minified or bundled"
    GENERATED = "generated (says so in its first lines)"
    BINARY = "binary"
    LFS = "in Git LFS, content not read"


OF_OTHERS = frozenset((Claim.LOCK, Claim.VENDORED, Claim.MINIFIED))
"""Names of third-party files, which reviewers of this change skip."""


# An encoded file or a drawing in quotes; no character in it could end the literal or run.
_DATA = regex(r"([\"'`])([\w+/=.,:; -]{200})[\w+/=.,:; -]{1800,}\1", re.ASCII)


def _without_data(line: str) -> str:
    return _DATA.sub(r"\1\2\1", line)


@dataclass(frozen=True)
class SourceFile:
    """One version of one text file; lines are 1-based and separated by LF only.

    `added` holds the inclusive ranges of added or changed lines, none for a base version.
    """

    path: str
    text: str  # UTF-8, with replacement characters for other bytes; CR kept
    added: tuple[tuple[int, int], ...] = ()
    # See `languages.language_of`: "python", "terraform", "dockerfile", ... or "".
    language: str = ""
    path_class: PathClass = PathClass.PRODUCT
    status: str = "M"  # git's letter: A, M, R, T
    claim: str = ""  # the reason to skip it if the base had it, too
    new_folder: bool = False  # its purpose follows from a folder that the change itself adds

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their LF; `lines[n - 1]` is line n."""
        return self.text.split("\n")

    def touched(self, first: int, last: int) -> bool:
        """Whether any line in first..last was added or changed."""
        return any(a <= last and first <= b for a, b in self.added)

    def only(self, reads: Callable[[str], bool] | None) -> "tuple[SourceFile, tuple[int, ...]]":
        """Return the file with all other lines blank, and the numbers of the lines left out.

        A line that is too long because of data in a literal is kept with the data's beginning.
        """
        if reads is None or all(map(reads, self.lines)):
            return self, ()
        kept = [line if reads(line) else _without_data(line) for line in self.lines]
        gone = tuple(number for number, line in enumerate(kept, 1) if not reads(line))
        left = frozenset(gone)
        lines = ("" if number in left else line for number, line in enumerate(kept, 1))
        return replace(self, text="\n".join(lines)), gone

    @cached_property
    def added_numbers(self) -> frozenset[int]:
        """The numbers of all added or changed lines."""
        return frozenset(n for a, b in self.added for n in range(a, b + 1))


class Span(NamedTuple):
    """A range in a file: lines 1-based and inclusive; columns 1-based characters, end exclusive.

    Columns of 0 mean whole lines.
    """

    line: int
    end_line: int
    column: int = 0
    end_column: int = 0


class Edit(NamedTuple):
    """Replace the text of a span (columns always given) by other text."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """A fix that an analyser offers; `safe` means that it cannot change what the code does."""

    edits: tuple[Edit, ...]
    description: str = ""
    safe: bool = False


class Elsewhere(NamedTuple):
    """A related location in another file."""

    path: str
    span: Span
    message: str


@dataclass(frozen=True)
class Hit:
    """One hit of an analyser."""

    rule: str  # id of the rule: "taint/sql-injection", "ruff/S608"
    path: str
    span: Span | None  # None: the whole file
    message: str  # one sentence; the analyser redacts secrets in it
    severity: Severity | None = None  # None: that of the rule
    confidence: Literal["high", "medium", "low"] = "high"
    # Related locations in the same file: a taint's source.
    related: tuple[tuple[Span, str], ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()  # locations in other files: the sink in a helper module
    fix: Fix | None = None
    identity: str = ""  # keeps the finding's id when the quoted line changes: a resource's name


@dataclass(frozen=True)
class Tree:
    """One version of the repository, for checks that follow imports."""

    read: Callable[[str], str | None] = lambda path: None
    paths: Callable[[], Collection[str]] = tuple  # every path, perhaps some of the other version
    search: Callable[[Sequence[str]], list[tuple[str, int, str]]] = lambda strings: []
    """Fixed strings -> (path, line, text) of the new tree's lines of code that hold any of them."""
    note: Callable[[str], None] = lambda sentence: None  # parts that were skipped, for the report
    base: bool = False  # the version before the change


@dataclass(frozen=True)
class FileCheck:
    """A check of ours of one file at a time: a pure function of its text.

    The engine also runs it on the base version, to find what is new. A check with `across` reads
    other files of the same version, too: given these and the files under review it returns a
    replacement for `run`, which then is the result for a file alone.
    """

    name: str  # name in the list of analysers
    rules: tuple[Rule, ...]
    understands: Callable[[SourceFile], bool]
    run: Callable[[SourceFile], Iterable[Hit]]
    # Lines to read; others are skipped and listed; None: all.
    reads: Callable[[str], bool] | None = None
    across: Callable[[Tree, Sequence[SourceFile]], Callable[[SourceFile], Iterable[Hit]]] | None = (
        None
    )


@dataclass(frozen=True)
class ChangeView:
    """The whole change, for checks that need more than one file."""

    files: tuple[SourceFile, ...]  # text files under review, without skipped ones
    changed_paths: tuple[str, ...]  # of the whole change, deleted and skipped files included
    read_new: Callable[[str], str | None]
    read_base: Callable[[str], str | None]
    search_new: Callable[[Sequence[str]], list[tuple[str, int, str]]]
    """Fixed strings -> (path, line, text) of the new tree's lines of code that hold any of them."""
    list_new: Callable[[], Sequence[str]]  # every path of the new tree
    options: "Options" = field(default_factory=lambda: Options())
    partial: bool = False  # only some paths, or whole files: other changes are unknown


@dataclass(frozen=True)
class ChangeCheck:
    """A check of ours of the whole change; it reports only what the change introduces."""

    name: str
    rules: tuple[Rule, ...]
    run: Callable[[ChangeView], Iterable[Hit]]


@dataclass(frozen=True)
class RulePack:
    """A set of rules; one is built in, installed packages may add others."""

    rules: tuple[Rule, ...] = ()
    file_checks: tuple[FileCheck, ...] = ()
    change_checks: tuple[ChangeCheck, ...] = ()
    spec_rules: tuple[RuleEntry, ...] = ()  # about specs: reviews of code do not run them
    retired: Mapping[str, str] = field(default_factory=dict)
    """Retired rules, and the rule of a tool that replaces each."""
    reports: tuple[Callable[[ChangeView], "AnalyserReport | None"], ...] = ()
    """Each returns whether required data was usable; None: it was not needed."""


@dataclass(frozen=True)
class Options:
    """Settings that checks read."""

    required_tags: tuple[str, ...] = ()  # tags every taggable cloud resource must carry
    advisories: str = ""  # absolute path of a folder or zip with OSV records; "": not checked
    repository_configuration: bool = False  # let tools read the repository's own configuration
    checkout: str = ""  # absolute path of the user's checkout, for that configuration
    timeout_seconds: float = 60.0  # per program
    of_others: bool = False  # an untrusted change: none of its code runs
    # The architecture file to check against; None: that of the new version.
    architecture: str | None = None
    architecture_folder: str = ""  # of the project to which its paths are relative
    # (tool, path, text) -> whether the user trusts exactly this configuration.
    trusts: Callable[[str, str, str], bool] = lambda *_: False
    sandbox: "Callable[[], Sandbox] | None" = None  # sandbox for configuration that is code


class AnalyserStatus(StrEnum):
    """The result status of an analyser."""

    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"  # some files could not be analysed; the reason names them
    MISSING = "missing"  # not installed; only reported if it had files to read
    NOT_APPLICABLE = "not_applicable"  # no file in a supported language
    NOT_CHECKED = "not_checked"  # required data is not configured


@dataclass(frozen=True)
class AnalyserReport:
    """One line of the list of analysers."""

    name: str
    status: AnalyserStatus
    seconds: float = 0.0
    version: str = ""
    files: int = 0
    reason: str = ""
