"""Commit: promote exactly the approved commit into the user's repository, then tick."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reviewloop.checkout.promote import promote, resume_promotion
from reviewloop.domain.errors import (
    ApproversError,
    GuardRailError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.finding import Finding
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.domain.task import Task
from reviewloop.guards.branch import check_branch
from reviewloop.guards.governance import approvers_needed
from reviewloop.loop.approval_act import Act, record_act_signed
from reviewloop.loop.approvers import approvals_of, approve_by
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import LoopState, explained
from reviewloop.loop.task_mark import show_free, show_in_work, tick_beside, why_no_tick
from reviewloop.render.reasons import sentence
from reviewloop.review.silencing import is_user_dismissal, reason_of
from reviewloop.specs.tasks import UNTICKED
from reviewloop.store.locks import hold


def commit(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Move the approved commit to the branch; repeated after a crash, finish what was started.

    When the user's branch moved meanwhile nothing is changed, and the question is asked again.
    Raises `WorkspaceError` when it stopped half-way: resuming finishes it.
    """
    intent = context.folder / "promotion.json"
    try:
        return _commit(state, context, intent)
    except (WorkspaceError, GuardRailError, ApproversError) as error:
        if intent.exists():
            raise
        if marked := _marked_task(context):
            show_in_work(context.user, marked)
        run = context.record.run_id
        why = reason(
            ReasonKind.COMMIT_REFUSED,
            obstacle=str(error.kind),
            why=str(error),
            problem=error.brief,
            run=run,
            says_untouched=isinstance(error, WorkspaceError) and error.says_untouched,
            try_again=isinstance(error, WorkspaceError) and error.try_again,
        )
        context.events.emit("refused", reason=sentence(why))
        return {"refused": int(error.exit_code), "outcome": "", **explained(why)}


def _commit(state: LoopState, context: RunContext, intent: Path) -> dict[str, Any]:
    record = context.record
    proposal = context.blobs.get_json(state["proposal"])
    if not proposal["commit"]:
        raise UsageError(f"run {record.run_id} is blocked, so there is nothing to approve")
    repository_lock = context.folder.parent.parent / "lock"
    with hold(repository_lock, f"the repository {record.repository}"):
        why = why_no_tick(proposal)
        warning = f"the task was not ticked: {why}" if why else ""
        if intent.exists():
            promotion = resume_promotion(intent)
        else:
            _require_branch(context)
            _require_approvers(state, context, proposal)
            approved = _approved(state, context, proposal["commit"])
            if context.shared is not None:  # first: a remote may refuse it
                context.shared.publish(record, approved)
            if marked := _marked_task(context):
                show_free(context.user, marked)  # the tick replaces the earlier mark
            beside: dict[str, tuple[bytes, bytes]] = {}
            if proposal["tick_on_disk"]:
                beside, failed = tick_beside(context)
                warning = warning or failed
            promotion = promote(
                context.user,
                context.private,
                approved,
                branch=record.branch,
                expected_head=record.base_commit,
                intent=intent,
                extra=beside,
                new_branch=record.new_branch,
            )
    record.approved_by = state["approval"]["by"]
    record.evidence |= {**_evidence(state, proposal), "promotion": promotion.plain()}
    record.evidence |= {"approvals": approvals_of(record, proposal["commit"])}
    record.evidence |= {UNTICKED: warning} if warning else {}
    context.runs.save(record)  # before the checkpoint: an undo needs it in any case
    if context.brief.hooks:
        from reviewloop.loop.hooks import ends_in, fire_on_commit

        fire_on_commit(state, context, promotion.commit)
        record.evidence |= {"hooks": ends_in(context.journal)}
        context.runs.save(record)
    context.events.emit("committed", commit=promotion.commit, branch=record.branch)
    left = (*promotion.left, *([warning] if warning else []))
    notes = reason(ReasonKind.COMMIT_NOTES, moved=promotion.moved, notes=left)
    return {
        "commit": promotion.commit,
        "outcome": "committed",
        "refused": 0,
        **explained(notes if promotion.moved or left else NO_REASON),
    }


def _require_approvers(state: LoopState, context: RunContext, proposal: Mapping[str, Any]) -> None:
    """Raise `ApproversError` until as many users approved this commit as governance requires."""
    paths = [path for file in proposal["files"] for path in (file["path"], file["old_path"])]
    needed = approvers_needed(context.settings.governance, paths)
    if needed > 1:
        try:
            act = Act.of(state["approval"]) or Act("terminal", state["approval"]["by"])
            approve_by(context.record, proposal["commit"], act, needed)
        finally:
            context.runs.save(context.record)


def _approved(state: LoopState, context: RunContext, commit: str) -> str:
    """Return the commit to promote; an approval given elsewhere is recorded in it."""
    act = Act.of(state["approval"])
    return record_act_signed(context.private, commit, act) if act else commit


def _marked_task(context: RunContext) -> Task | None:
    """Return the task if the settings ask for `[-]` in the user's spec."""
    return context.brief.spec_task if context.settings.spec.mark_in_progress else None


def _require_branch(context: RunContext) -> None:
    """Check the branch again: it may have become protected since the run started."""
    branch_check = check_branch(context.record.branch, context.settings)
    if branch_check.status.stops:
        raise GuardRailError(f"{branch_check.summary}, so nothing was committed")


def _evidence(state: LoopState, proposal: dict[str, Any]) -> dict[str, Any]:
    """Return the evidence that the run's record keeps: approver, agents and models, gates."""
    return {
        "approved_by": state["approval"]["by"],
        "act": act.plain() if (act := Act.of(state["approval"])) else {},
        "proposal": state["proposal"],
        "edited": proposal.get("person_edited", {}),
        "agents": proposal["agents"],
        "reviewers": proposal["reviewers"],
        "protected": proposal.get("protected", []),
        "dismissed": _dismissed(proposal),
        "gates": [
            {key: gate[key] for key in ("name", "status", "summary", "command", "exit_code")}
            for gate in proposal["gates"]
        ],
    }


def _dismissed(proposal: dict[str, Any]) -> list[dict[str, str]]:
    """Return the user's dismissals in the change, with reasons."""
    findings = (Finding.model_validate(one) for one in proposal["findings"])
    return [
        {"id": one.id, "title": one.title, "where": one.where, "reason": reason_of(one)}
        for one in findings
        if is_user_dismissal(one)
    ]
