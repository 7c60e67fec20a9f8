"""`advance` is the only way a run moves: from the command line now, from a worker elsewhere."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from reviewloop.app.audit import keep_trail
from reviewloop.app.interrupts import interruptible
from reviewloop.app.project import Repository, kept, settings_of
from reviewloop.app.resumable import CHECKPOINTS, other_release, require_sound_state, unusable_state
from reviewloop.app.run.answers import require_question
from reviewloop.app.run.opening import asks_others, open_context
from reviewloop.app.stats import remember
from reviewloop.domain.errors import (
    ExitCode,
    NoAnswerError,
    ReviewLoopError,
    StoreError,
    UsageError,
    by_command,
    first_that_applies,
)
from reviewloop.domain.finding import Finding
from reviewloop.domain.reason import NO_REASON
from reviewloop.faults import fault
from reviewloop.installed import require_all
from reviewloop.llm.replay import export_journal
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import write_findings
from reviewloop.loop.gates import base_tests
from reviewloop.loop.nodes.approve import follow
from reviewloop.loop.state import LoopState
from reviewloop.loop.task_mark import show_free
from reviewloop.store.events import Listener
from reviewloop.store.folders import DISK_ERRORS
from reviewloop.store.locks import hold
from reviewloop.store.reasons import read_reason
from reviewloop.store.runs import ANSWERED, SCHEMA_VERSION, RunRecord, RunStatus


def findings_first(findings: Sequence[Finding], subject: str, summary: str) -> dict[str, Any]:
    """Return what a run that begins by fixing these findings is given, as JSON-plain values.

    `subject` and `summary` are the words of its commit.
    """
    found = [finding.model_dump(mode="json") for finding in findings]
    return {"findings": found, "summary": {"subject": subject, "summary": summary}}


def first_state(context: RunContext) -> LoopState:
    """Return the state to begin with; a run that was given findings begins at the fix step."""
    tree, run = context.base_tree, context.record.run_id
    given = context.record.options.get("first")
    if not given:
        return LoopState(run=run, mode="run", base=tree, tree=tree)
    first, blobs = context.blobs.get_json(given), context.blobs
    findings = [Finding.model_validate(each) for each in first["findings"]]
    return LoopState(
        run=run,
        mode="fix",
        base=tree,
        tree=tree,
        phase="fix",
        gates=blobs.put_json([]),  # nothing was judged yet
        findings=write_findings(findings, blobs),
        summary=blobs.put_json(first["summary"]),
    )


_SCHEMA = "state_version"  # stands in the metadata of every checkpoint
_MADE_BY_HAND = ("edit", "reword")  # answers that nobody shall have to give twice
_UNHEARD = "unheard"  # the option of a run that holds such an answer until the run has moved on it
_RECURSION_LIMIT = 400  # supersteps; the loop's own caps end it long before (3 rounds a cycle)


def advance(
    repository: Repository,
    run_id: str,
    *,
    answer: Mapping[str, str] | None = None,
    listener: Listener | None = None,
    overrides: Mapping[str, object] | None = None,
    for_now: Mapping[str, object] | None = None,
    opened: Callable[[RunContext], None] | None = None,
) -> RunRecord:
    """Move a run until it waits for a person, is over, or cannot go on; return its record.

    `answer` is a person's word for a waiting run (see `steps.approve.hear`), `overrides` are caps
    to raise and models to ask from here on, `for_now` are settings for this stretch only: the run's
    record does not keep them.
    `opened` is handed what can be told to stop from another thread. Raises `UsageError`
    for an answer to another question than the run asks; it is left as it was. Raises
    `ReviewLoopError` when it stopped on the way; the run is then paused and can be advanced again.
    """
    require_all("going on with a run")
    record = repository.runs.find(run_id)
    if record.schema_version != SCHEMA_VERSION:
        raise other_release(record, record.schema_version)
    with hold(repository.run_lock(run_id), f"run {run_id}"):
        record = repository.runs.find(run_id)
        require_sound_state(repository.run_folder(run_id), run_id)
        if answer is not None:
            require_question(record, answer)
        # Kept, so that what a person raised holds for the rest of the run.
        settings = settings_of(record, overrides)
        other = asks_others(record, settings, repository.run_folder(run_id))
        record.settings = kept(settings)
        with open_context(repository, record, listener, for_now) as context:
            if other:
                context.events.emit("note", text=other)
            if opened is not None:
                opened(context)
            if answer is None:  # a person's word may need no gate any more
                _ = context.environment  # before anything is paid for
            record = _move(context, answer)
            if record.status is RunStatus.COMMITTED and (lost := keep_trail(repository, [record])):
                context.events.emit("note", text=lost)
            return record


def _move(context: RunContext, answer: Mapping[str, str] | None) -> RunRecord:
    record = context.record
    started = time.monotonic()
    record.status, record.exit_code = RunStatus.RUNNING, 0
    record.explain(NO_REASON, "")
    if answer is not None:
        record.options[ANSWERED] = answer["choice"]
        if answer["choice"] in _MADE_BY_HAND:
            record.options[_UNHEARD] = dict(answer)
    context.runs.save(record)
    fault("advance.begin")
    if answer is None or answer["choice"] != "approve":  # which rarely asks a model
        members = context.team.members
        context.models.warm_up({context.agent_model(agent, "review") for agent in members})
    try:
        with interruptible(context, f"reviewloop resume {record.run_id}"):
            if answer is None:  # a person's word may need no gate any more
                base_tests(context)  # before anything is paid for
            state = _invoke(context, answer)
    except ReviewLoopError as error:
        if context.shared is not None:  # whoever reads it has runs of many people before them
            error.resumed_by(by_command(f"reviewloop resume {record.run_id}"))
        _stopped(context, error)
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in DISK_ERRORS:
            raise
        trouble = unusable_state(error, record.run_id)
        _stopped(context, trouble)
        raise trouble from error
    finally:
        record.active_seconds += time.monotonic() - started
        _save_at_the_end(context)
        _export(context)
    _settle(record, state)
    redact = context.redactor.for_people
    record.explain(record.because.changed(redact), redact(record.reason))
    context.runs.save(record)
    fault("advance.settled")
    task = context.brief.spec_task
    if record.status is RunStatus.SKIPPED and task and context.settings.spec.mark_in_progress:
        show_free(context.user, task)
    if not_kept := remember(context.folder.parent.parent, record):
        context.events.emit("note", text=not_kept)
    context.events.emit("run.end", status=str(record.status), reason=record.reason)
    return record


def _invoke(context: RunContext, answer: Mapping[str, str] | None) -> LoopState:
    """Run the graph from where it stands; return its state when it pauses or ends."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read at import; `checkpoints` is stricter
    from langgraph.types import Command

    from reviewloop.app.run.checkpoints import number_after, open_checkpoints
    from reviewloop.loop.graph import build_graph

    record, limits = context.record, context.settings.limits
    path = context.folder / CHECKPOINTS
    with open_checkpoints(path, context.shared, record.run_id) as checkpoints:
        graph = build_graph(
            [agent.name for agent in context.team.reviewers],
            rounds=limits.rounds,
            repairs=limits.repairs,
            checkpointer=checkpoints,
        )
        config: Any = {
            "configurable": {"thread_id": record.run_id},
            "metadata": {_SCHEMA: SCHEMA_VERSION},
            "recursion_limit": _RECURSION_LIMIT,
            "max_concurrency": max(
                context.settings.models.concurrency, len(context.team.reviewers)
            ),
        }
        before = graph.get_state(config)
        begun = bool(before.values)
        if last := before.config["configurable"].get("checkpoint_id"):
            number_after(last)
        written_by = cast(dict[str, Any], before.metadata or {}).get(_SCHEMA, SCHEMA_VERSION)
        if begun and written_by != SCHEMA_VERSION:
            raise other_release(record, written_by)
        if onto := before.values.get("onto"):  # it was rebased: the record may not know it yet
            follow(context, onto, before.values["base"])
        unheard = record.options.get(_UNHEARD)
        if answer is None and before.interrupts and unheard:  # killed before it was heard
            answer = unheard if unheard["proposal"] == before.values["proposal"] else None
        given: Any
        if answer is not None:
            if len(before.interrupts) != 1:
                raise UsageError(
                    f"run {record.run_id} does not wait for an answer (it is {record.status})"
                )
            given = Command(resume={before.interrupts[0].id: dict(answer)})
        elif begun:
            if before.interrupts:
                return cast(LoopState, before.values)
            # Although `next` may be empty: a step that ended before the kill may wait for being
            # taken into the state. When the graph is at its end, this does nothing.
            given = None
        else:
            given = first_state(context)
        graph.invoke(given, config, context=context, durability="sync")
        return cast(LoopState, graph.get_state(config).values)


def _settle(record: RunRecord, state: LoopState) -> None:
    """Write into the record where the run stands now."""
    outcome = state.get("outcome", "")
    record.options.pop(ANSWERED, None)
    record.options.pop(_UNHEARD, None)
    record.proposal = state.get("proposal", "")
    reason = state.get("reason", "")
    record.explain(read_reason(state.get("because"), reason), reason)
    record.incomplete = sorted(
        name for name, r in state.get("reviewers", {}).items() if r["status"] == "failed"
    )
    # A person who approves what not all reviewers read has decided: the commit is a success.
    codes = [ExitCode.INCOMPLETE] if record.incomplete and outcome != "committed" else []
    if outcome == "committed":
        record.status, record.commit = RunStatus.COMMITTED, state["commit"]
        codes.append(ExitCode.CLEAN)
    elif outcome == "skipped":
        record.status = RunStatus.SKIPPED
        codes.append(ExitCode.SKIPPED)
    elif outcome == "blocked":
        record.status = RunStatus.BLOCKED
        codes.append(ExitCode.GUARD_FAILED)
    else:
        record.status = RunStatus.WAITING
        codes += [ExitCode.WAITING, ExitCode(state.get("refused", 0))]
    record.exit_code = int(first_that_applies(*codes))


def _save_at_the_end(context: RunContext) -> None:
    """Save the record; when the run stops anyway, a full disk must not hide why it does."""
    stopping = sys.exc_info()[0] is not None
    try:
        context.runs.save(context.record)
    except (sqlite3.DatabaseError, OSError, StoreError):
        if not stopping:
            raise


def _export(context: RunContext) -> None:
    """Write the recording that `--record` asked for; that it fails must not cost the run."""
    target = context.record.options.get("record_to")
    if not target:
        return
    try:
        export_journal(context.journal, Path(target))
    except ReviewLoopError as error:
        context.events.emit("note", text=str(error))


def _stopped(context: RunContext, error: ReviewLoopError) -> None:
    record = context.record
    record.status, redact = RunStatus.PAUSED, context.redactor.for_people
    record.explain(error.because.changed(redact), redact(str(error)))
    if isinstance(error, NoAnswerError):
        # The journal would give the same useless answers again: the next try asks anew.
        record.options["tries"] = record.options.get("tries", 0) + 1
    record.exit_code = int(error.exit_code)
