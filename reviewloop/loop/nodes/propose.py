"""Propose: builds the commit with its message, and the data of the approval question."""

from contextlib import suppress
from typing import Any

from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.finding import Finding, Status, by_severity
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.git.diff import Change
from reviewloop.git.interdiff import lfs_stop
from reviewloop.llm.budget import count_warnings, outside_of
from reviewloop.loop.agent_tools import refused_edits, why_nothing
from reviewloop.loop.base_moved import met_by, moved_text
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import (
    changed_by_dismissal,
    leaks,
    read_findings,
    write_dismissals,
)
from reviewloop.loop.gates import copy_base_tests
from reviewloop.loop.protected import touched_protected_files, why_blocked
from reviewloop.loop.state import LoopState, ReviewerState, explained
from reviewloop.loop.task_mark import TickedSpec, ticked_spec
from reviewloop.loop.usage import agent_figures, usage_figures
from reviewloop.loop.user_edits import edit_line, find_user_edits, words_of
from reviewloop.render.counts import BY_USER, count
from reviewloop.render.proposal import (
    CoverageFigures,
    Proposal,
    ProposedFile,
    ProtectedFile,
    ReviewerFigures,
)
from reviewloop.render.reasons import sentence
from reviewloop.render.untrusted import commit_line, commit_paragraphs, one_line
from reviewloop.review.silencing import is_user_dismissal, reason_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, is_read_from_disk

_SUBJECT_LIMIT = 72


def commit_message(
    state: LoopState,
    context: RunContext,
    findings: list[Finding],
    gates: list[GateResult],
    protected: list[ProtectedFile],
) -> str:
    """Return the commit message: what was done, for which task, and how it was reviewed."""
    words = words_of(state, context)
    ours = own_lines(state, context, findings, gates, protected)
    if words:
        edits = edit_line(find_user_edits(state, context))
        if not words["ours"]:
            ours = edits if edits and edits not in words["text"] else ""
        return "\n\n".join(filter(None, (words["text"], ours))).rstrip() + "\n"
    texts = context.blobs.get_json(state["summary"]) if state.get("summary") else {}
    subject = commit_line(texts.get("subject", "")) or commit_line(context.brief.title)
    subject = subject[:_SUBJECT_LIMIT].rstrip() or "Change"
    lines = [subject, ""]
    if summary := commit_paragraphs(texts.get("summary", "")):
        lines += [summary, ""]
    return "\n".join([*lines, ours]).rstrip() + "\n"


def own_lines(
    state: LoopState,
    context: RunContext,
    findings: list[Finding],
    gates: list[GateResult],
    protected: list[ProtectedFile],
) -> str:
    """Return the lines of the message on the task and the review."""
    lines = []
    if context.brief.task_id:
        brief = context.brief
        lines.append(commit_line(f"Task: {brief.task_id} {brief.title} ({brief.spec})"))
    lines += [f"Changed: {commit_line(one)}" for one in context.record.options.get("changes", ())]
    lines.append(f"Review: {review_line(state, findings)}")
    lines += [f"Tests: {commit_line(gate.summary)}" for gate in gates if gate.name == "test"]
    covered = next((gate.coverage for gate in gates if gate.coverage is not None), None)
    if covered is not None:
        lines.append(f"Coverage of new lines: {covered:.0%}")
    lines += [f"Protected file: {commit_line(file['path'])} ({file['kind']})" for file in protected]
    left = [f for f in findings if f.severity.actionable and _left_to_user(f)]
    lines += [f"Left open: {_named(f)}" for f in left if BY_USER not in f.agents]
    requests = [commit_line(f.title) for f in left if BY_USER in f.agents]
    lines += [f"Asked for and not done: {request}" for request in requests]
    lines += [
        f"Dismissed: {_named(f)}, by a person: {commit_line(reason_of(f))}"
        for f in findings
        if is_user_dismissal(f)
    ]
    if edits := edit_line(find_user_edits(state, context)):
        lines.append(commit_line(edits))
    return "\n".join(lines)


def review_line(state: LoopState, findings: list[Finding]) -> str:
    """Return the review statistics in one line."""
    if state.get("verdict") == "checked":
        return "no change, so there was nothing to review"
    reviewers = [n for n, r in state.get("reviewers", {}).items() if n.startswith("review-")]
    done = [n for n in reviewers if state["reviewers"][n]["status"] == "done"]
    requests = [f for f in findings if BY_USER in f.agents and _left_to_user(f)]
    counts = count(findings)
    who = f"{len(done)} of {len(reviewers)}" if len(done) < len(reviewers) else str(len(done))
    who = "re-review of the fixes" if only_fixes(state) else f"{who} reviewers"
    return (
        f"{who}, {_counted(state.get('round', 0), 'fix round')}; "
        f"{_counted(counts.found, 'finding')}, {counts.fixed} fixed, {counts.left} left open, "
        + (f"{counts.dismissed} dismissed, " if counts.dismissed else "")
        + f"{_counted(counts.nits, 'nit')}"
        + (f"; {_counted(len(requests), 'request', 'requests')} not done" if requests else "")
    )


def only_fixes(state: LoopState) -> bool:
    """Return whether the change only fixes known findings: a re-review reads it, no reviewer."""
    return state.get("mode") == "fix" and not state.get("cycle", 0)


def _named(finding: Finding) -> str:
    where = commit_line(finding.where) if finding.path else "whole change"
    return f"{finding.severity.mark} {commit_line(finding.title)} ({where})"


def _counted(number: int, thing: str, things: str = "") -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {things or f'{thing}s'}"


def _left_to_user(finding: Finding) -> bool:
    return finding.status in {Status.OPEN, Status.UNRESOLVED}


_LONGEST_SUMMARY = 500  # characters of an implementer's summary without a change


def propose(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Return the proposal's blob; its commit is in the private repository."""
    gates = gates_of(state, context)
    change = context.change(context.base_tree, state["tree"])
    known = read_findings(state, context.blobs)
    # A run blocked before its review has collected nothing, but these are shown all the same.
    listed = [*known.values(), *leaks(state, known, context)]
    dismissed = changed_by_dismissal(listed, state, context)
    findings = by_severity([dismissed.get(finding.id, finding) for finding in listed])
    protected = touched_protected_files(state, context, change)
    because = _blocked_by(state, gates, change, context) or why_blocked(protected)
    pointers = context.settings.workspace.lfs != "refuse"
    because = because or _lfs(lfs_stop(context.private, change, pointers=pointers))
    blocked = sentence(because)
    ticked = ticked_spec(context) if not blocked else TickedSpec()
    message = commit_message(state, context, findings, gates, protected)
    commit = "" if blocked else _build_commit(state, context, ticked, message)
    proposal = _proposal(state, context, change, gates, findings)
    proposal |= {
        "blocked": blocked,
        "protected": protected,
        "message": message,
        "message_ours": own_lines(state, context, findings, gates, protected),
        "person_edited": find_user_edits(state, context),
        "commit": commit,
        "spec_progress": ticked.progress,
        "warnings": [
            *proposal["warnings"],
            *_lost_in_reading(state),
            *refused_edits(context.journal),
            *count_warnings(context.journal),
            *outside_of(context.journal),
            *ticked.warnings,
        ],
        "tick_on_disk": ticked.on_disk,
        "unticked": ticked.unticked,
        "moved": moved_text(state, context),
        "met": met_by(state, context),
        "told": [{"run": run, "why": why} for run, why in context.brief.rejected],
    }
    if context.brief.hooks:
        from reviewloop.loop.hooks import fire_at_end

        fire_at_end(state, context)
    context.events.emit("counts", **count(findings).facts())
    context.events.emit("proposed", commit=commit, blocked=blocked)
    return {
        "proposal": context.blobs.put_json(proposal),
        "findings": write_dismissals(dismissed.values(), state, context),
        "outcome": "blocked" if blocked else "",
        **explained(because),
    }


def _lfs(stop: str) -> Reason:
    return reason(ReasonKind.LFS_STOP, text=stop) if stop else NO_REASON


def gates_of(state: LoopState, context: RunContext) -> list[GateResult]:
    """Return the latest guard-rail results."""
    ref = state.get("gates", "")
    return [GateResult.from_plain(r) for r in context.blobs.get_json(ref)] if ref else []


def _blocked_by(
    state: LoopState, gates: list[GateResult], change: Change, context: RunContext
) -> Reason:
    fixes = only_fixes(state)
    if stopped_by := state.get("stopped_by"):
        return reason(ReasonKind.HOOK_BLOCKED, text=stopped_by)
    if state.get("verdict") == "checked":  # a checkpoint needs no change
        return NO_REASON
    red = [f"{gate.name}: {gate.summary}" for gate in gates if gate.status.stops]
    if not change.files and not (red and not fixes):
        if gates and not fixes:
            return reason(ReasonKind.NO_TEST_RAN)
        if fixes:
            return reason(ReasonKind.NO_FIX_KEPT)
        nothing = why_nothing(context.journal, state.get("cycle", 0))
        summary = one_line(context.blobs.get_json(state["summary"])["summary"])[:_LONGEST_SUMMARY]
        return reason(ReasonKind.CHANGE_EMPTY, nothing=nothing, said=summary)
    if state["verdict"] == "ok":
        return _unread(state, fixes=fixes)
    return reason(ReasonKind.GATES_RED, gates=tuple(red))


def _unread(state: LoopState, *, fixes: bool) -> Reason:
    """Return the reason why the change counts as unread, or no reason."""
    results = state.get("reviewers", {}).items()
    if fixes:  # a successful re-review leaves no entry, a failed one does
        lost = [f"{name}: {r['reason']}" for name, r in results if r["status"] == "failed"]
        return reason(ReasonKind.FIXES_UNREAD, failed=tuple(lost)) if lost else NO_REASON
    if any(r["status"] == "done" for name, r in results if name.startswith("review-")):
        return NO_REASON
    return reason(ReasonKind.CHANGE_UNREAD)


def _build_commit(state: LoopState, context: RunContext, ticked: TickedSpec, message: str) -> str:
    """Make the commit on the run's base: the reviewed tree plus the task's tick, nothing else."""
    record = context.record
    tree = state["tree"]
    if ticked.in_commit:
        tree = context.private.edit(tree, ticked.in_commit)
        copy_base_tests(context, state["tree"], tree)
    identity = context.user.identity or ("reviewloop", "reviewloop@localhost")
    commit = context.private.commit(
        tree,
        [record.base_commit],
        message,
        identity,
        identity,
        sign=context.settings.commit.sign,
        date=f"{int(record.created_at)} +0000",
    )
    return commit


def _lost_in_reading(state: LoopState) -> list[str]:
    """Return the lost parts of the reviewers' answers, one sentence for each reviewer."""
    results = state.get("reviewers", {}).items()
    return [f"{n}: {r['reason']}" for n, r in results if r["status"] == "done" and r["reason"]]


def _proposal(
    state: LoopState,
    context: RunContext,
    change: Change,
    gates: list[GateResult],
    findings: list[Finding],
) -> Proposal:
    record, limits = context.record, context.settings.limits
    tests = next((gate.tests for gate in gates if gate.tests), None)
    reviewers = state.get("reviewers", {})
    left = context.not_analysed(context, state["tree"]) if reviewers else {}  # else no one read it
    return Proposal(
        run=record.run_id,
        title=context.brief.title,
        task=context.brief.task_id,
        spec=context.brief.spec_path,
        incomplete=sorted(name for name, r in reviewers.items() if r["status"] == "failed"),
        base_tree=context.base_tree,
        tree=state["tree"],
        base={
            "commit": record.base_commit,
            "branch": record.branch,
            "new_branch": record.new_branch,
            "dirty": _left_alone(context),
        },
        files=_files(change),
        tests=None
        if tests is None
        else {"passed": tests.passed, "failed": tests.failed, "skipped": tests.skipped},
        coverage=_coverage(gates, context.settings.gates.coverage.threshold),
        rounds={
            "used": state.get("round", 0),
            "limit": limits.rounds,
            "cycle": state.get("cycle", 0),
            "repairs": state.get("repairs", 0),
        },
        reviewers=[_reviewer(name, result) for name, result in sorted(reviewers.items())],
        gates=[gate.plain() for gate in gates],
        governance=[
            one
            for gate in gates
            if gate.status is GateStatus.NEEDS_USER
            for one in gate.details.get("reasons", [gate.summary])
        ],
        findings=[finding.model_dump(mode="json") for finding in findings],
        not_analysed=left.get("files", []),
        analysers_failed=[f"{one['name']}: {one['reason']}" for one in left.get("failed", ())],
        seconds=round(context.seconds, 1),
        usage=usage_figures(context.journal),
        agents=agent_figures(context.journal),
        sandbox=_sandboxes(context),
        warnings=[
            *context.record.options.get("hook_notes", ()),
            *context.environment.notes,
            *_other_sandboxes(context),
        ],
    )


def _left_alone(context: RunContext) -> list[str]:
    """Return the uncommitted files that the run does not use, not even from disk."""
    user, path, spec = context.user, context.brief.spec_path, None
    if user.dirty and path and not context.record.options.get("elsewhere"):
        with suppress(ReviewLoopError):  # ticking reports what is wrong with it
            spec = open_spec(DiskFiles(user.root), path)
    return [path for path in user.dirty if not is_read_from_disk(path, user.project, spec)]


def _sandboxes(context: RunContext) -> list[str]:
    """Return the sandbox levels of the run's commands, in order."""
    options = context.record.options
    first = [str(options["sandbox"])] if options.get("sandbox") else []
    return [*first, *options.get("later_sandboxes", ())]


def _other_sandboxes(context: RunContext) -> list[str]:
    levels = _sandboxes(context)
    if len(levels) < 2:
        return []
    sentence = ", then ".join(levels)
    return [f"The sandbox changed on the way: commands of this run ran at {sentence}."]


def _files(change: Change) -> list[ProposedFile]:
    return [
        {
            "path": file.path,
            "old_path": file.old_path,
            "status": file.status,
            "added": file.added,
            "removed": file.removed,
            "binary": file.binary,
        }
        for file in change.files
    ]


def _coverage(gates: list[GateResult], threshold: float) -> CoverageFigures | None:
    gate = next((gate for gate in gates if gate.name == "coverage"), None)
    if gate is None:
        return None
    reason = "" if gate.coverage is not None else gate.summary
    why = gate.details.get("unmeasured", reason)
    return {"covered": gate.coverage, "threshold": threshold, "reason": reason, "why": why}


def _reviewer(name: str, result: ReviewerState) -> ReviewerFigures:
    figures: ReviewerFigures = {
        "name": name,
        "status": result["status"],
        "findings": len(result["findings"]),
        "seconds": result["seconds"],
        "reason": result["reason"],
    }
    if "unnamed" in result:
        figures["unnamed"] = result["unnamed"]
    return figures
