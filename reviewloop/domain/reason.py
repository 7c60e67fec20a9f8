"""`Reason`: a kind that decisions read, and parameters for its sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from reviewloop.dataclass import dataclass

Param = str | int | float | bool | tuple[str, ...]


class ReasonKind(StrEnum):
    """The kinds of reasons; each has its sentence in `render/reasons.py`.

    Kinds are stored: a released one keeps its value and the meaning of its params.
    """

    NONE = ""  # no reason
    LEGACY = "legacy"  # a sentence of a release that stored no kinds
    ERROR = "error"  # an expected failure without a kind of its own
    USER = "user"  # a user's text
    CAP_REACHED = "cap_reached"  # cap, and flag with value that would raise a cap of the run
    FILES_IN_THE_WAY = "files_in_the_way"  # edited by the user, so that nothing was written
    BUG = "bug"  # error (its class), place (a file with details)
    INTERRUPTED = "interrupted"
    NOT_CHOSEN = "not_chosen"  # a task: the command named others
    QUEUED = "queued"  # a task, for workers
    # The run's task has another title: run, status, title, task (its id then), by_hand (the tick),
    # where ("" where several tasks come into question). Earlier releases stored run, status, what.
    OTHER_RUN = "other_run"
    # done_by (a run, which is over), title, commit, task, where, earlier (how many tasks may have
    # had the title; 0: this one has it)
    NOT_TICKED = "not_ticked"
    TASK_CHANGED = "task_changed"  # task, where; its text, since its run began
    NEED_ADDED = "need_added"  # task, need (another task), since its run began
    NEED_OPEN = "need_open"  # need (a task), status ("" while it is not finished)
    NEEDS_APPROVAL = "needs_approval"  # needs (tasks)
    FAILURE_STOPS = "failure_stops"  # task; the session stops at the first failure
    STILL_BLOCKED = "still_blocked"  # task; the same, blocked before the session
    BATCH_CAP = "batch_cap"  # flags (of `batch`, that raise it)
    OTHERS_LEFT = "others_left"  # tasks that the command did not name
    NOT_COMMITTED = "not_committed"  # why, obstacle (a kind); of an approved run
    BUILDS_ON = "builds_on"  # run, which (its status)
    CHANGE_EMPTY = "change_empty"  # nothing (why), said (by the implementer, or "")
    NO_TEST_RAN = "no_test_ran"  # at a checkpoint
    NO_FIX_KEPT = "no_fix_kept"
    FIXES_UNREAD = "fixes_unread"  # failed: one line a reviewer
    CHANGE_UNREAD = "change_unread"  # by any reviewer
    GATES_RED = "gates_red"  # gates: one line a gate
    PROTECTED_FILES = "protected_files"  # paths
    HOOK_BLOCKED = "hook_blocked"  # text
    LFS_STOP = "lfs_stop"  # text
    # obstacle (a kind), why, problem (the part about what is wrong), run, says_untouched (of
    # `why`), try_again (once the problem is solved)
    COMMIT_REFUSED = "commit_refused"
    ANSWER_FIRST = "answer_first"  # run, how (needs | builds_on), which (its status)
    REBASED_THERE = "rebased_there"  # branch, run ("" where it is the branch itself)
    # moved (that only the branch did, or ""), notes: what else was not done to the checkout
    COMMIT_NOTES = "commit_notes"


@dataclass(frozen=True)
class Reason:
    """A kind with its parameters; one called `text` is a finished sentence, shown as is.

    `brief` is the part that says what is wrong, without what to do about it.
    """

    kind: ReasonKind = ReasonKind.NONE
    params: Mapping[str, Param] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is a reason."""
        return self.kind is not ReasonKind.NONE

    def text(self, name: str) -> str:
        """Return a parameter as a string, "" where it is not one or missing."""
        value = self.params.get(name, "")
        return value if isinstance(value, str) else ""

    def lines(self, name: str) -> Sequence[str]:
        """Return a list of strings, empty where the parameter is not one or missing."""
        value = self.params.get(name, ())
        return value if isinstance(value, tuple) else ()

    @property
    def runs(self) -> Sequence[str]:
        """The runs that it names beside the one that it is about."""
        return tuple(filter(None, (self.text("run"), *self.lines("runs"))))

    def changed(self, change: Callable[[str], str]) -> "Reason":
        """Return the reason with every string passed through `change`, such as a redactor."""

        def apply(value: Param) -> Param:
            if isinstance(value, tuple):
                return tuple(map(change, value))
            return change(value) if isinstance(value, str) else value

        return reason(self.kind, **{name: apply(value) for name, value in self.params.items()})


NO_REASON = Reason()


def naming(because: Reason, *runs: str) -> Reason:
    """Return the reason, which names these runs: it holds as long as none of them is over."""
    return reason(because.kind, **{**because.params, "runs": runs}) if runs else because


def resume_continues(because: Reason) -> bool:
    """Return whether `resume` continues a run that stopped for this, also one of a batch."""
    lifts_cap = because.kind is ReasonKind.CAP_REACHED and bool(because.text("flag"))
    return lifts_cap or bool(because.params.get("resumes"))


def reason(kind: ReasonKind, /, **params: Param) -> Reason:
    """Return a reason of a kind with its parameters."""
    return Reason(kind, params)
