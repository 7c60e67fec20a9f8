"""Why something is as it is: a kind that decisions read, and values that sentences are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Param = str | int | float | bool | tuple[str, ...]


class ReasonKind(StrEnum):
    """What kind of reason it is; each has its sentence in `render/reasons.py`.

    Kinds are stored: one that was released keeps its value and the meaning of its params.
    """

    NONE = ""  # there is nothing to say
    LEGACY = "legacy"  # a sentence of a release that stored no kinds
    ERROR = "error"  # an expected failure without a kind of its own
    USER = "user"  # what a user said
    CAP_REACHED = "cap_reached"  # cap, and flag with value that would lift a cap of the run's own
    FILES_IN_THE_WAY = "files_in_the_way"  # edited by the user, so that nothing was written
    BUG = "bug"  # error (its class), place (a file that tells more)
    INTERRUPTED = "interrupted"
    NOT_CHOSEN = "not_chosen"  # a task, by the command that named others
    QUEUED = "queued"  # a task, for workers
    OTHER_RUN = "other_run"  # run, status, what; the run is of a task that was called otherwise
    NEED_OPEN = "need_open"  # need (a task), status ("" while it is not finished)
    NEEDS_APPROVAL = "needs_approval"  # needs (tasks)
    FAILURE_STOPS = "failure_stops"  # task; the session was to end at the first failure
    STILL_BLOCKED = "still_blocked"  # task; the same, and it was blocked before the session
    BATCH_CAP = "batch_cap"  # flags (of `batch`, that raise it)
    OTHERS_LEFT = "others_left"  # tasks that the command did not name
    NOT_COMMITTED = "not_committed"  # why, obstacle (a kind); of an approved run
    BUILDS_ON = "builds_on"  # run, which (what is known of that)
    CHANGE_EMPTY = "change_empty"  # nothing (why), said (by the implementer, or "")
    NO_TEST_RAN = "no_test_ran"  # at a checkpoint
    NO_FIX_KEPT = "no_fix_kept"
    FIXES_UNREAD = "fixes_unread"  # failed: one line a reviewer
    CHANGE_UNREAD = "change_unread"  # by any reviewer
    GATES_RED = "gates_red"  # gates: one line a gate
    PROTECTED_FILES = "protected_files"  # paths
    HOOK_BLOCKED = "hook_blocked"  # text
    LFS_STOP = "lfs_stop"  # text
    # obstacle (a kind), why, problem (the part of it that says what is wrong), run,
    # says_untouched (of `why`), try_again (once the problem is out of the way)
    COMMIT_REFUSED = "commit_refused"
    COMMIT_NOTES = "commit_notes"  # notes: what did not happen to the checkout at the commit


@dataclass(frozen=True)
class Reason:
    """A kind with its values; `text` among them are words that others found: they stand as is.

    `brief` is the part of them that says what is wrong, without what to do about it.
    """

    kind: ReasonKind = ReasonKind.NONE
    params: Mapping[str, Param] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is a reason at all."""
        return self.kind is not ReasonKind.NONE

    def text(self, name: str) -> str:
        """Return a value as a string, "" where it is none or missing."""
        value = self.params.get(name, "")
        return value if isinstance(value, str) else ""

    def lines(self, name: str) -> Sequence[str]:
        """Return a list of strings, empty where the value is none or missing."""
        value = self.params.get(name, ())
        return value if isinstance(value, tuple) else ()

    def changed(self, change: Callable[[str], str]) -> "Reason":
        """Return the reason with every string that it holds changed, as by a redactor."""

        def apply(value: Param) -> Param:
            if isinstance(value, tuple):
                return tuple(map(change, value))
            return change(value) if isinstance(value, str) else value

        return reason(self.kind, **{name: apply(value) for name, value in self.params.items()})


NO_REASON = Reason()


def goes_on_alone(because: Reason) -> bool:
    """Return whether `resume` goes on with the run that stopped for this, also where a batch began
    it.
    """
    lifts_cap = because.kind is ReasonKind.CAP_REACHED and bool(because.text("flag"))
    return lifts_cap or bool(because.params.get("resumes"))


def reason(kind: ReasonKind, /, **params: Param) -> Reason:
    """Return a reason of a kind with its values."""
    return Reason(kind, params)
