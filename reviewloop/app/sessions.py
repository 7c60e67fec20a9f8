"""Sessions: runs of other graphs, which go from gate to gate.

The record, journal, blobs and checkpoints of a session are stored like a run's, in a folder of
their own, so that `status` and `clean` do not list it as a run.
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from reviewloop.app.interrupts import interruptible
from reviewloop.app.project import Repository
from reviewloop.app.state_check import CHECKPOINTS, JOURNAL, is_damaged, unusable_disk
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ExitCode,
    NoAnswerError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
    by_command,
)
from reviewloop.domain.reason import NO_REASON
from reviewloop.git.commits import create_on
from reviewloop.git.repository import UserRepo
from reviewloop.llm.budget import Spent, spent_on
from reviewloop.loop.context import RunContext
from reviewloop.store.folders import private_folder
from reviewloop.store.journal import CallRecord, Journal, stored_usages
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

_SMALL = "a an the and or of to for with in on by from build create make add"
_SMALL_WORDS = frozenset(_SMALL.split())
_LEADING = (
    "about after against all among any are as at be before between but can each every has have if "
    "into is it its less more my no not onto our over per so some than that their them then these "
    "they this those through under until up via was when where which while who whose will within "
    "without your"
)
_LEADING_WORDS = frozenset(_LEADING.split())  # dropped at the end of a short name
_RECURSION_LIMIT = 400  # supersteps; every gate waits for a user


@dataclass(frozen=True)
class SessionKind:
    """Where one kind of session is stored, and its names for people."""

    folder: str
    noun: str  # "the spec"
    command: str  # its `resume` and `reject` continue: "reviewloop spec"
    begins: str = ""  # the command that starts one

    def sessions_of(self, repository: Repository) -> Repository:
        """Return the repository with sessions in place of its runs."""
        folder = private_folder(repository.folder / self.folder)
        return replace(repository, folder=folder, runs=RunStore(folder))

    def spent(self, repository: Repository, record: RunRecord) -> Spent:
        """Return the usage of a session."""
        stored = self.sessions_of(repository).stored(record.run_id)
        return spent_on(stored_usages(stored / JOURNAL))


@dataclass(frozen=True)
class Reopened:
    """A question to ask again: the node before it, the state of that node, and the answer."""

    after: str
    values: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Flow:
    """The graph of a session: how it is built and started, and what an approval requires."""

    build: Callable[[Any], Any]  # takes the checkpointer
    start: Callable[[], dict[str, Any]]
    require: Callable[[Mapping[str, Any]], None]  # raises where an approval cannot be carried out
    next_step: Callable[[], str]
    reopen: Callable[[Any, Mapping[str, Any]], Reopened | None] = lambda *_: None
    """(state of the graph, answer) -> how to ask an answered question again."""
    other_ways: str = ""
    """The end of a sentence: what a user can do where asking again does not help."""


def carry_out(
    kind: SessionKind, context: RunContext, flow: Flow, answer: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Run a session from its last checkpoint; return its state and its question.

    An error that stops it is recorded and raised.
    """
    record = context.record
    record.status, record.exit_code = RunStatus.RUNNING, 0
    record.explain(NO_REASON, "")
    context.runs.save(record)
    started = time.monotonic()
    try:
        with interruptible(context, f"{kind.command} resume {record.run_id}"):
            return _invoke(kind, context, flow, answer)
    except ReviewLoopError as error:
        if isinstance(error, NoAnswerError):
            error.resuming(f"{error}; ", f" asks anew{flow.other_ways}")
        error.resumed_by(by_command(f"{kind.command} resume {record.run_id}"))
        record.status = RunStatus.PAUSED
        record.exit_code = int(error.exit_code)
        if answer is not None and isinstance(error, UsageError):  # it was not applied
            record.status, record.exit_code = RunStatus.WAITING, int(ExitCode.WAITING)
        record.explain(error.because, context.redactor.for_people(str(error)))
        if isinstance(error, NoAnswerError):
            record.options["tries"] = record.options.get("tries", 0) + 1
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        record.status = RunStatus.PAUSED
        name = record.run_id
        if not is_damaged(error):
            resume = f"{kind.command} resume {name}"
            raise unusable_disk(error, f"{kind.noun} {name}", resume) from error
        raise WorkspaceError(
            f"the state of {kind.noun} {name} cannot be used ({error}); `{kind.command} reject "
            f"{name}` gives it up, and what was approved stays"
        ) from error
    finally:
        record.active_seconds += time.monotonic() - started
        context.runs.save(record)


def _invoke(
    kind: SessionKind, context: RunContext, flow: Flow, answer: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Run the graph from its last checkpoint; return its state and its question."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read at import
    from langgraph.types import Command

    from reviewloop.app.run.checkpoints import number_after, open_checkpoints

    record = context.record
    with open_checkpoints(context.folder / CHECKPOINTS) as checkpoints:
        graph = flow.build(checkpoints)
        config: Any = {
            "configurable": {"thread_id": record.run_id},
            "recursion_limit": _RECURSION_LIMIT,
        }
        before = graph.get_state(config)
        if last := before.config["configurable"].get("checkpoint_id"):
            number_after(last)
        given: Any = None
        if answer is not None and not before.interrupts and (back := flow.reopen(before, answer)):
            graph.update_state(config, dict(back.values), as_node=back.after)
            graph.invoke(None, config, context=context, durability="sync")
            before, answer = graph.get_state(config), back.answer
        if answer is not None:
            if len(before.interrupts) != 1:
                raise UsageError(
                    f"{kind.noun} {record.run_id} asks nothing now: {flow.next_step()}"
                )
            if answer.get("choice") == "approve":
                # Before the graph takes the answer, which would be repeated from then on.
                flow.require(before.values)
            given = Command(resume={before.interrupts[0].id: _redacted(context, answer)})
        elif before.interrupts:
            return before.values, before.interrupts[0].value
        elif not before.values:
            given = flow.start()
        graph.invoke(given, config, context=context, durability="sync")
        after = graph.get_state(config)
        asks = after.interrupts[0].value if after.interrupts else {}
        return after.values, asks


def _redacted(context: RunContext, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer redacted for storage: checkpoints hold the input of the graph."""
    show = context.redactor.for_people

    def shown(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shown(one) for key, one in value.items()}
        return show(value) if isinstance(value, str) else value

    return {key: shown(value) for key, value in answer.items()}


def prepare(folder: Path, user: UserRepo, earlier: Sequence[CallRecord] = ()) -> str:
    """Empty the folder of a session, whose lock the caller holds; return its base commit.

    `earlier` replies are stored: equal requests cost nothing.
    """
    clear(folder)
    for part in ("logs", "blobs"):
        (folder / part).mkdir(mode=0o700)
    keep_earlier(folder, earlier)
    private = create_on(folder / "git", user, None)
    private.close()
    head: str = private.head
    return head


def named_session(
    kind: SessionKind, listed: Sequence[RunRecord], name: str | None, in_work: Sequence[RunRecord]
) -> RunRecord:
    """Return the named session, or the only one that is `in_work`.

    Raises `UsageError` where there is none, or several.
    """
    noun = kind.noun.removeprefix("the ")
    if name is None:
        if len(in_work) == 1:
            return in_work[0]
        names = ", ".join(one.run_id for one in in_work)
        if in_work:
            raise UsageError(f"several {noun}s are in work ({names}); name one")
        raise UsageError(f"no {noun} is in work; `{kind.begins}` begins one")
    found = [one for one in listed if one.run_id == name]
    if not found:
        raise UsageError(f"no {noun} {name!r} is in work; `{kind.command} list` shows all")
    return found[0]


def is_given_up(sessions: Repository, record: RunRecord, answer: Mapping[str, Any] | None) -> bool:
    """End a session that stopped, or waits with its questions, if that is the answer."""
    if answer is None or answer.get("choice") != "reject":
        return False
    asks = record.options.get("asks") if record.status is RunStatus.WAITING else ""
    if record.status.over or asks not in ("", "questions"):
        return False
    record.status, record.exit_code = RunStatus.SKIPPED, int(ExitCode.SKIPPED)
    record.proposal, record.options["asks"] = "", ""
    sessions.runs.save(record)
    return True


def earlier_replies(folder: Path) -> list[CallRecord]:
    """Return the replies of an earlier session of this name: equal requests cost nothing."""
    if not (folder / JOURNAL).is_file():
        return []
    with closing(Journal(folder / JOURNAL)) as journal:
        return [call for call in journal.calls() if "lost" not in call.reply]


def keep_earlier(folder: Path, earlier: Sequence[CallRecord]) -> None:
    """Write earlier replies into a new journal; their cost counts for no cap."""
    if not earlier:
        return
    with closing(Journal(folder / JOURNAL)) as journal:
        for call in earlier:
            journal.record(
                call.key,
                call.request_hash,
                "earlier",
                request=call.request,
                reply=call.reply,
                usage={},
                seconds=0.0,
            )


def clear(folder: Path) -> None:
    """Delete the files of an earlier session of this name; the caller holds its lock."""
    from reviewloop.checkout.files import remove_tree

    for part in folder.iterdir():
        if part.name == "lock":
            continue
        if part.is_dir() and not part.is_symlink():
            remove_tree(part)
        else:
            part.unlink()


def name_from(idea: str) -> str:
    """Return a name from the first words of an idea, "" where it has none."""
    words = re.findall(r"[a-z0-9]+", idea.casefold())
    chosen = [word for word in words if word not in _SMALL_WORDS][:4]
    while len(chosen) > 1 and chosen[-1] in _LEADING_WORDS:
        chosen.pop()
    return "-".join(chosen)[:60]
