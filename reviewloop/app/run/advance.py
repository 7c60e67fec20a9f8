"""Advances a run: `advance` is the only way in which a run moves."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from reviewloop.app.audit import keep_trail
from reviewloop.app.interrupts import interruptible
from reviewloop.app.project import Repository, settings_of, stored_settings
from reviewloop.app.run.answers import require_question
from reviewloop.app.run.opening import note_other_models, open_context
from reviewloop.app.state_check import (
    CHECKPOINTS,
    other_release,
    require_sound_state,
    unusable_state,
)
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
from reviewloop.domain.event import Listener
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
from reviewloop.store.folders import DISK_ERRORS
from reviewloop.store.locks import hold
from reviewloop.store.reasons import read_reason
from reviewloop.store.runs import ANSWERED, SCHEMA_VERSION, RunRecord, RunStatus


def findings_first(findings: Sequence[Finding], subject: str, summary: str) -> dict[str, Any]:
    """Return the start state of a run that fixes these findings first, as JSON-plain values.

    `subject` and `summary` make the message of its commit.
    """
    found = [finding.model_dump(mode="json") for finding in findings]
    return {"findings": found, "summary": {"subject": subject, "summary": summary}}


def first_state(context: RunContext) -> LoopState:
    """Return the initial state; a run that was given findings starts at the fix step."""
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
        gates=blobs.put_json([]),  # no gate ran yet
        findings=write_findings(findings, blobs),
        summary=blobs.put_json(first["summary"]),
    )


_SCHEMA = "state_version"  # a key in the metadata of every checkpoint
_MADE_BY_HAND = ("edit", "reword")  # answers that nobody should have to repeat
_NOT_APPLIED = (
    "unheard"  # the option of a run that holds such an answer until the graph has applied it
)
_RECURSION_LIMIT = 400  # supersteps; the loop's own caps end it much earlier (3 rounds a cycle)


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
    """Advance a run until it waits for the user, ends, or stops; return its record.

    `answer` is the user's answer to a waiting run (see `loop.nodes.approve.apply_answer`).
    `overrides` are raised caps and other models, kept in the run's record. `for_now` are settings
    for this call only. `opened` is called with the context, through which another thread can stop
    the run. Raises `UsageError`, and changes nothing, for an answer to another question than the
    run asks. Raises `ReviewLoopError` when the run stopped on the way; it is then paused and can be
    advanced again.
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
        # Saved, so that what the user raised holds for the rest of the run.
        settings = settings_of(record, overrides)
        other = note_other_models(record, settings, repository.run_folder(run_id))
        record.settings = stored_settings(settings)
        with open_context(repository, record, listener, for_now) as context:
            if other:
                context.events.emit("note", text=other)
            if opened is not None:
                opened(context)
            if answer is None:  # an answer of the user may need no gate
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
            record.options[_NOT_APPLIED] = dict(answer)
    context.runs.save(record)
    fault("advance.begin")
    if answer is None or answer["choice"] != "approve":  # an approval rarely asks a model
        members = context.team.members
        context.models.warm_up({context.agent_model(agent, "review") for agent in members})
    try:
        with interruptible(context, f"reviewloop resume {record.run_id}"):
            if answer is None:  # an answer of the user may need no gate
                base_tests(context)  # before anything is paid for
            state = _invoke(context, answer)
    except ReviewLoopError as error:
        if context.shared is not None:  # read by all users of the queue
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
    """Run the graph from its last checkpoint; return its state when it pauses or ends."""
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
        if onto := before.values.get("onto"):  # it was rebased, which the record may not hold yet
            follow(context, onto, before.values["base"])
        not_applied = record.options.get(_NOT_APPLIED)
        if (
            answer is None and before.interrupts and not_applied
        ):  # killed before the answer was applied
            answer = not_applied if not_applied["proposal"] == before.values["proposal"] else None
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
            # Although `next` may be empty: the writes of a step that ended before the kill may not
            # be in the state yet. When the graph has ended, this does nothing.
            given = None
        else:
            given = first_state(context)
        graph.invoke(given, config, context=context, durability="sync")
        return cast(LoopState, graph.get_state(config).values)


def _settle(record: RunRecord, state: LoopState) -> None:
    """Write the outcome of the graph's state into the record."""
    outcome = state.get("outcome", "")
    record.options.pop(ANSWERED, None)
    record.options.pop(_NOT_APPLIED, None)
    record.proposal = state.get("proposal", "")
    reason = state.get("reason", "")
    record.explain(read_reason(state.get("because"), reason), reason)
    record.incomplete = sorted(
        name for name, r in state.get("reviewers", {}).items() if r["status"] == "failed"
    )
    # A user who approves what not all reviewers read has decided: the commit is a success.
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
    """Save the record; an error of the run is not replaced by one of saving, like a full disk."""
    stopping = sys.exc_info()[0] is not None
    try:
        context.runs.save(context.record)
    except (sqlite3.DatabaseError, OSError, StoreError):
        if not stopping:
            raise


def _export(context: RunContext) -> None:
    """Write the recording that `--record` asked for; an error there does not fail the run."""
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
        # The journal would replay the same useless replies: the next try asks the model again.
        record.options["tries"] = record.options.get("tries", 0) + 1
    record.exit_code = int(error.exit_code)
