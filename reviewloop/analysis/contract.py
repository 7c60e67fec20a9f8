"""What a rule is, and what a check is given and gives back, be it a program or ours."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from reviewloop.domain.finding import Severity

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
    """One rule of the book. `why` is the risk, `fix` what to do, `source` where the fact is from.

    A rule speaks about product code; the flags widen that. The examples in its file must be found,
    or left alone.
    """

    id: str  # "family/slug", lower case: what people write into suppressions
    reviewer: str  # whose concern it is: one of the five names above
    severity: Severity
    title: str  # one sentence: what is wrong
    why: str = ""
    fix: str = ""
    category: str = ""  # "injection", "encryption", "complexity": groups findings for merging
    source: str = ""  # URL or standard, CWE-89 for example
    message: str = ""  # the sentence about one flow of data; "{source}" and "{sink}" are filled in
    in_tests: bool = False
    in_examples: bool = False
    in_fixtures: bool = False
    in_product: bool = True
    hard: bool = False  # no reviewer may move or reject it: secrets, hidden text
    caused: bool = False  # also reported outside the changed lines when the base did not have it
    only_new: bool = True  # not reported when the base has the same rule at the same line text
    page: str = ""  # the path of the rule's file, which holds its examples


@dataclass(frozen=True)
class Matcher:
    """How a rule is found: where to look, and what tells; what is empty narrows nothing.

    A rule is told by `match`, in ast-grep's rule language, or by `check`, a "module:function".
    With `nodes` or `calls` the function is asked about each such node of a parsed file, without
    them about the file; a pack may also run the functions of a family by an engine of its own.
    Where the rule is about specs, the function takes a `specs.checks.SpecView` and yields hits.
    """

    languages: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()  # kinds of node
    calls: tuple[str, ...] = ()  # last names of called functions, classes or commands
    hints: tuple[str, ...] = ()  # a file without any of these is not searched
    match: Mapping[str, object] | None = None
    report: str = ""  # the variable of `match` whose node is shown; "": all that matches
    check: str = ""
    about: str = "code"  # or "spec"


@cache
def resolve(reference: str) -> Callable[..., Any]:
    """Return the function that "module:function" names; it is imported when first asked for."""
    module, _, name = reference.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


class RuleEntry(NamedTuple):
    """A rule as its file gives it."""

    rule: Rule
    matcher: Matcher


class PathClass(StrEnum):
    """What a file is for; rules say in which classes they speak."""

    PRODUCT = "product"
    TEST = "test"
    EXAMPLE = "example"  # examples, documentation, benchmarks
    FIXTURE = "fixture"  # data that tests read, often broken on purpose


LOCK, VENDORED, MINIFIED = "lock file", "vendored", "minified or bundled"
OF_OTHERS = frozenset((LOCK, VENDORED, MINIFIED))
"""What names make a file: written elsewhere, for which this change's reviewers do not care."""


@dataclass(frozen=True)
class SourceFile:
    """One version of one text file; lines are 1-based and separated by LF only.

    `added` holds the inclusive ranges of added or changed lines, none for a base version.
    """

    path: str
    text: str  # UTF-8, replacement characters for bytes that are not; CR kept
    added: tuple[tuple[int, int], ...] = ()
    language: str = ""  # see `paths.language_of`: "python", "terraform", "dockerfile", ... or ""
    path_class: PathClass = PathClass.PRODUCT
    status: str = "M"  # git's letter: A, M, R, T
    claim: str = ""  # what would keep it out of the review, had the base said so, too
    new_folder: bool = False  # what it is for is told by a folder that the change itself adds

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their LF; `lines[n - 1]` is line n."""
        return self.text.split("\n")

    def touched(self, first: int, last: int) -> bool:
        """Whether any line in first..last was added or changed."""
        return any(a <= last and first <= b for a, b in self.added)

    def only(self, reads: Callable[[str], bool] | None) -> "tuple[SourceFile, tuple[int, ...]]":
        """Return the file with other lines blank, and the numbers of those."""
        if reads is None:
            return self, ()
        gone = tuple(number for number, line in enumerate(self.lines, 1) if not reads(line))
        if not gone:
            return self, ()
        left = frozenset(gone)
        kept = ("" if number in left else line for number, line in enumerate(self.lines, 1))
        return replace(self, text="\n".join(kept)), gone

    @cached_property
    def added_numbers(self) -> frozenset[int]:
        """The numbers of all added or changed lines."""
        return frozenset(n for a, b in self.added for n in range(a, b + 1))


class Span(NamedTuple):
    """A place in a file: lines 1-based and inclusive; columns 1-based characters, end exclusive.

    Columns of 0 mean the whole lines.
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
    """A change an analyser offers; `safe` means that it cannot alter what the code does."""

    edits: tuple[Edit, ...]
    description: str = ""
    safe: bool = False


class Elsewhere(NamedTuple):
    """A place in another file that a hit is about, too."""

    path: str
    span: Span
    message: str


@dataclass(frozen=True)
class Hit:
    """One thing an analyser says about one place."""

    rule: str  # id in the rule book: "taint/sql-injection", "ruff/S608"
    path: str
    span: Span | None  # None: about the file as a whole
    message: str  # one sentence about this place; secrets in it are masked by who made it
    severity: Severity | None = None  # None: what the rule says
    confidence: Literal["high", "medium", "low"] = "high"
    related: tuple[tuple[Span, str], ...] = ()  # other places of the same file: a taint's source
    elsewhere: tuple[Elsewhere, ...] = ()  # places of other files: the sink in a helper module
    fix: Fix | None = None
    identity: str = ""  # keeps the finding's id when the quoted line changes: a resource's name


@dataclass(frozen=True)
class Tree:
    """One version of the repository, for checks that follow what a file imports."""

    read: Callable[[str], str | None] = lambda path: None
    paths: Callable[[], Collection[str]] = tuple  # every path, perhaps some more of the other one
    search: Callable[[Sequence[str]], list[tuple[str, int, str]]] = lambda strings: []
    """Fixed strings -> (path, line, text) of the lines of the new tree that hold any of them."""
    note: Callable[[str], None] = lambda sentence: None  # what was not looked at, for the report
    base: bool = False  # the version before the change


@dataclass(frozen=True)
class FileCheck:
    """A check of ours that looks at one file at a time: a pure function of its text.

    The engine also runs it on the base version, to tell what is new. A check with `across` reads
    other files of the same version, too: given these and the files under review it returns what
    takes the place of `run`, which then is what the check says of a file by itself.
    """

    name: str  # as the list of analysers shows it
    rules: tuple[Rule, ...]
    understands: Callable[[SourceFile], bool]
    run: Callable[[SourceFile], Iterable[Hit]]
    reads: Callable[[str], bool] | None = None  # lines; others are left out and named; None: all
    across: Callable[[Tree, Sequence[SourceFile]], Callable[[SourceFile], Iterable[Hit]]] | None = (
        None
    )


@dataclass(frozen=True)
class ChangeView:
    """The whole change, for checks that must see more than one file."""

    files: tuple[SourceFile, ...]  # text files under review; skipped ones are not here
    changed_paths: tuple[str, ...]  # of the whole change, deleted and skipped files included
    read_new: Callable[[str], str | None]
    read_base: Callable[[str], str | None]
    search_new: Callable[[Sequence[str]], list[tuple[str, int, str]]]
    """Fixed strings -> (path, line, text) of the lines of the new tree that hold any of them."""
    list_new: Callable[[], Sequence[str]]  # every path of the new tree
    options: "Options" = field(default_factory=lambda: Options())
    partial: bool = False  # only some paths, or whole files: what else changed is not known


@dataclass(frozen=True)
class ChangeCheck:
    """A check of ours that needs the whole change; it reports only what the change brings."""

    name: str
    rules: tuple[Rule, ...]
    run: Callable[[ChangeView], Iterable[Hit]]


@dataclass(frozen=True)
class RulePack:
    """Rules that come together; ours are one pack, an installed package may bring another."""

    rules: tuple[Rule, ...] = ()
    file_checks: tuple[FileCheck, ...] = ()
    change_checks: tuple[ChangeCheck, ...] = ()
    spec_rules: tuple[RuleEntry, ...] = ()  # about specs: no review of code asks them
    retired: Mapping[str, str] = field(default_factory=dict)
    """Rules of earlier versions, and the rule of a tool that says the same."""
    reports: tuple[Callable[[ChangeView], "AnalyserReport | None"], ...] = ()
    """Each says whether data could be used that no hit tells of; None: it was not needed."""


@dataclass(frozen=True)
class Options:
    """Settings that checks obey."""

    required_tags: tuple[str, ...] = ()  # tags every taggable cloud resource must carry
    advisories: str = ""  # absolute path of a folder or zip with OSV records; "": not checked
    repository_configuration: bool = False  # let tools read the repository's own configuration
    checkout: str = ""  # absolute path of the person's checkout, for that configuration
    timeout_seconds: float = 60.0  # per program
    of_others: bool = False  # others may have written the change: none of its code runs
    architecture: str | None = None  # the file that judges; None: as the new version has it
    architecture_folder: str = ""  # of the project whose paths it names
    # (tool, path, text) -> whether the person trusts exactly this configuration.
    trusts: Callable[[str, str, str], bool] = lambda *_: False
    sandbox: "Callable[[], Sandbox] | None" = None  # where configuration that is code runs


class AnalyserStatus(StrEnum):
    """How an analyser fared."""

    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"  # some files could not be analysed; the reason names them
    MISSING = "missing"  # not installed; only said where it would have had something to read
    NOT_APPLICABLE = "not_applicable"  # no file it understands
    NOT_CHECKED = "not_checked"  # the data it needs is not configured


@dataclass(frozen=True)
class AnalyserReport:
    """One line of the list of analysers."""

    name: str
    status: AnalyserStatus
    seconds: float = 0.0
    version: str = ""
    files: int = 0
    reason: str = ""
