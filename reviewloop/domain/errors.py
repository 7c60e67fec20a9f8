"""The expected ways to fail: each is one sentence for the user and one documented exit code.

Anything that is not a `ReviewLoopError` is our bug (exit code 70) and is handled in `cli/main.py`.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, Self

from reviewloop.domain.reason import Param, Reason, ReasonKind, reason


class ExitCode(IntEnum):
    """The exit codes of the process; when several apply, `first_that_applies` picks one."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    GUARD_FAILED = 3
    WAITING = 4
    INCOMPLETE = 5
    BUDGET = 6
    SKIPPED = 7
    BUG = 70
    INTERRUPTED = 130


_PRECEDENCE = (
    ExitCode.BUG,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.GUARD_FAILED,
    ExitCode.BUDGET,
    ExitCode.INCOMPLETE,
    ExitCode.WAITING,
    ExitCode.SKIPPED,
    ExitCode.FINDINGS,
    ExitCode.CLEAN,
)


def first_that_applies(*codes: ExitCode) -> ExitCode:
    """Return the most telling of several exit codes (README documents the order)."""
    return min(codes, key=_PRECEDENCE.index, default=ExitCode.CLEAN)


class Lift(NamedTuple):
    """How to raise the cap that stopped a run."""

    cap: str  # the setting of the cap
    flag: str  # of the command
    value: str


ResumeWords = Callable[[Lift | None], str]
"""Returns how to continue after an error; a command is quoted."""


def by_command(command: str) -> ResumeWords:
    """Return words that name a command, with the flag that raises a cap."""
    return lambda lift: f"`{command} {lift.flag} {lift.value}`" if lift else f"`{command}`"


def by_reviewing_again(lift: Lift | None) -> str:
    """Return how a review continues: by running it again, with a higher cap."""
    if lift is None:
        return "the same `reviewloop review`"
    if lift.cap in {"limits.tokens", "limits.minutes"}:  # `review` has no flags for these
        return f"`{lift.cap} = {lift.value}`"
    return f"the same `reviewloop review {lift.flag} {lift.value}`"


class _Resume(NamedTuple):
    """The text around the words on how to continue."""

    before: str
    after: str
    lift: Lift | None


class ReviewLoopError(Exception):
    """An expected failure; `str(error)` says what is wrong, where, and what to do.

    Decisions read its class, its `kind` or its other attributes, never that text.
    """

    exit_code: ExitCode = ExitCode.USAGE
    kind: ReasonKind = ReasonKind.ERROR
    brief: str = ""  # the problem alone, where the text says more
    _resume: _Resume | None = None

    @property
    def because(self) -> Reason:
        """Return it as the reason of what it stopped."""
        more: dict[str, Param] = {"brief": self.brief} if self.brief else {}
        more |= {"resumes": True} if self._resume else {}
        return reason(self.kind, text=str(self), **more, **self.params())

    def resuming(self, before: str, after: str = "", lift: Lift | None = None) -> Self:
        """Return the error with this text, between whose parts is how a run continues."""
        self._resume = _Resume(before, after, lift)
        return self.resumed_by(by_command("reviewloop resume"))

    def resumed_by(self, words: ResumeWords) -> Self:
        """Return the error with these words on how to continue, if its text has a place for
        them.
        """
        if self._resume:
            before, after, lift = self._resume
            self.args = (f"{before}{words(lift)}{after}",)
        return self

    def in_brief(self, text: str) -> Self:
        """Return the error with this text for the problem alone."""
        self.brief = text
        return self

    def params(self) -> dict[str, Param]:
        """Return the other parameters of its reason."""
        return {}


class UsageError(ReviewLoopError):
    """The command line, a settings file, a spec or an agent file has to be corrected by
    the user.
    """


class WorkspaceError(ReviewLoopError):
    """The repository, the disk or the private workspace is in a state we refuse to work on.

    `says_untouched`: its text already says that nothing was changed; `try_again`: its `brief` says
    what to do first, and its text to try again then.
    """

    try_again = False

    def __init__(self, message: str, *, says_untouched: bool = False) -> None:
        super().__init__(message)
        self.says_untouched = says_untouched

    @classmethod
    def until(cls, problem: str) -> Self:
        """Return the error of a step that is possible once a problem is solved."""
        error = cls(f"{problem}, then try again.").in_brief(problem)
        error.try_again = True
        return error


class FilesInTheWayError(WorkspaceError):
    """Files to be written were edited meanwhile; without these edits the step is possible."""

    kind = ReasonKind.FILES_IN_THE_WAY


class StoreError(ReviewLoopError):
    """The shared database cannot be used now; runs continue from their last step."""

    exit_code = ExitCode.INCOMPLETE


class GuardRailError(ReviewLoopError):
    """A hard guard-rail refuses.

    `offer` is the branch to use instead, if that helps, and `problem` the text without it.
    """

    exit_code = ExitCode.GUARD_FAILED

    def __init__(self, message: str, *, offer: str = "", problem: str = "") -> None:
        super().__init__(message)
        self.offer, self.problem = offer, problem or message


class ApproversError(ReviewLoopError):
    """A change needs the approval of more users; nothing was changed."""

    exit_code = ExitCode.WAITING


class ModelError(ReviewLoopError):
    """A model could not be reached or gave no usable answer.

    `unnamed` is the text with "it" for the agent, "" where the text names none.
    """

    exit_code = ExitCode.INCOMPLETE
    unnamed: str = ""


class NoTasksError(UsageError):
    """A spec has no task list yet; `path` is the spec, `problem` says only that."""

    def __init__(self, path: str, problem: str, how: str) -> None:
        super().__init__(f"{problem}; {how}")
        self.path, self.problem = path, problem


class NoAnswerError(ModelError):
    """An agent was reached but gave no usable answer within its caps; asking again may help."""

    @classmethod
    def by(cls, agent: str, problem: str) -> Self:
        """Return the error of this agent, such as "gave no answer within 60 s"."""
        error = cls(f"{agent} {problem}")
        error.unnamed = f"it {problem}"
        return error


class ModelAccessError(ModelError):
    """Credentials, permission or model id are wrong; asking again does not help."""


class ModelSetupError(ModelAccessError):
    """A key, a package or a model is missing, which the user has to provide; nothing was asked."""

    exit_code = ExitCode.USAGE


class ContextOverflowError(ModelError):
    """The request is longer than the model accepts; it has to shrink."""


class BudgetExhaustedError(ReviewLoopError):
    """The cap on tokens, money or minutes is reached; the run is kept and can be resumed.

    `cap` is its setting, "" when it is not a cap of one run; `flag` and `needed` of `reviewloop
    resume` raise it, if it is the run's own.
    """

    exit_code = ExitCode.BUDGET
    kind = ReasonKind.CAP_REACHED

    def __init__(self, message: str, *, cap: str = "", flag: str = "", needed: float = 0.0) -> None:
        super().__init__(message)
        self.cap, self.flag, self.needed = cap, flag, needed

    def params(self) -> dict[str, Param]:
        """Return the cap, and what raises it."""
        return {"cap": self.cap, "flag": self.flag, "needed": self.needed}


class InterruptedByUserError(ReviewLoopError):
    """The user pressed Ctrl-C; the run is kept and can be resumed."""

    exit_code = ExitCode.INTERRUPTED
    kind = ReasonKind.INTERRUPTED
