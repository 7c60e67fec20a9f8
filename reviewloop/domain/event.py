"""The events that a run emits while it works, and the callbacks that take them.

Events are stored as one JSON line each, and `logs` also reads those of earlier releases, so a key
keeps its meaning. Every key except `at` and `kind` may be missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Required, TypedDict, Unpack

from reviewloop.domain.usage import TokenUsage


class EventFacts(TypedDict, total=False):
    """The keys of events of all kinds, with their types; checked where an event is emitted."""

    # Who or what it is about.
    agent: str
    step: str
    finding: str  # the id of one, "" for none
    gate: str  # a gate's `name` in events of earlier releases
    name: str  # of a gate, a tool, a hook, an analyser
    task: str
    title: str
    turn: int

    # How it went.
    status: str
    result: str
    reason: str
    summary: str
    text: str
    seconds: float
    from_journal: bool  # it was done, and paid, before

    # A tool that an agent calls, and what a coding agent asks permission for.
    about: str  # the subject of a call: a path, a pattern, a command
    how: str  # the kind of an edit or of a search, "" for other calls
    error: bool
    added: int
    removed: int
    said: str  # the first line of its result
    argv: Sequence[str]
    log: str  # file of a program's output
    agent_program: str
    answer: str

    # A model.
    model: str
    to: str  # the model that is asked instead
    why: str | Sequence[str]  # of a fallback; of a round, by finding
    attempt: int
    attempts: int
    trouble: str
    wait: float | None
    possibly_paid: bool
    stop_reason: str
    usage: TokenUsage
    estimate: int
    counted: Mapping[str, object]
    names: Sequence[str]  # of secrets

    # A finding, and how many there are.
    id: str
    severity: str
    path: str
    line: int
    findings: int
    resolved: int
    left: Mapping[str, int]  # by severity
    failed: Sequence[str]  # reviewers
    fields: Sequence[str]  # of an answer that nobody reads
    number: int  # of a fix round
    must_fix: int
    should_fix: int
    nits: int
    fixed: int
    dismissed: int

    # A run.
    base: str
    files: Sequence[str]  # of steering
    digests: Mapping[str, str]
    event: str  # that a hook waits for
    phases: Mapping[str, str]  # of a spec, with the file of each
    commit: str
    branch: str
    blocked: str
    choice: str
    by: str


class RunEvent(EventFacts, total=False):
    """One event; `kind` says which of the facts are there."""

    at: Required[float]  # seconds since the epoch
    kind: Required[str]


Listener = Callable[[RunEvent], None]


class Emit(Protocol):
    """Emits an event, as `Events.emit` does."""

    def __call__(self, kind: str, /, **what: Unpack[EventFacts]) -> None:
        """Emit an event of a kind."""


def silent(kind: str, /, **what: Unpack[EventFacts]) -> None:
    """Emit nothing."""
