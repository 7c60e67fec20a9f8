"""The message of the proposed commit: what was done, for which task, and how it was reviewed."""

from reviewloop.context import RunContext
from reviewloop.findings import Finding, Status
from reviewloop.output.commit_text import commit_line, commit_paragraphs
from reviewloop.output.counts import PERSON, count
from reviewloop.output.proposal import ProtectedFile
from reviewloop.reviewing.silencing import is_persons_dismissal, reason_of
from reviewloop.state import GateResult, LoopState
from reviewloop.steps.edited import edit_line, edited_in, words_of

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
        edits = edit_line(edited_in(state, context))
        if not words["ours"]:
            ours = edits if edits and edits not in words["text"] else ""
        return "\n\n".join(filter(None, (words["text"], ours))).rstrip() + "\n"
    said = context.blobs.get_json(state["summary"]) if state.get("summary") else {}
    subject = commit_line(said.get("subject", "")) or commit_line(context.brief.title)
    subject = subject[:_SUBJECT_LIMIT].rstrip() or "Change"
    lines = [subject, ""]
    if summary := commit_paragraphs(said.get("summary", "")):
        lines += [summary, ""]
    return "\n".join([*lines, ours]).rstrip() + "\n"


def own_lines(
    state: LoopState,
    context: RunContext,
    findings: list[Finding],
    gates: list[GateResult],
    protected: list[ProtectedFile],
) -> str:
    """Return the lines below what was done: for which task, and how it was reviewed."""
    lines = []
    if context.brief.task_id:
        brief = context.brief
        lines.append(commit_line(f"Task: {brief.task_id} {brief.title} ({brief.spec})"))
    lines.append(f"Review: {review_line(state, findings)}")
    lines += [f"Tests: {commit_line(gate.summary)}" for gate in gates if gate.name == "test"]
    covered = next((gate.coverage for gate in gates if gate.coverage is not None), None)
    if covered is not None:
        lines.append(f"Coverage of new lines: {covered:.0%}")
    lines += [f"Protected file: {commit_line(file['path'])} ({file['kind']})" for file in protected]
    left = [f for f in findings if f.severity.actionable and _left_to_person(f)]
    lines += [f"Left open: {_named(f)}" for f in left if PERSON not in f.agents]
    wishes = [commit_line(f.title) for f in left if PERSON in f.agents]
    lines += [f"Asked for and not done: {wish}" for wish in wishes]
    lines += [
        f"Dismissed: {_named(f)}, by a person: {commit_line(reason_of(f))}"
        for f in findings
        if is_persons_dismissal(f)
    ]
    if edits := edit_line(edited_in(state, context)):
        lines.append(commit_line(edits))
    return "\n".join(lines)


def review_line(state: LoopState, findings: list[Finding]) -> str:
    """Return the review statistics in one line."""
    if state.get("verdict") == "checked":
        return "no change, so there was nothing to review"
    reviewers = [n for n, r in state.get("reviewers", {}).items() if n.startswith("review-")]
    done = [n for n in reviewers if state["reviewers"][n]["status"] == "done"]
    wishes = [f for f in findings if PERSON in f.agents and _left_to_person(f)]
    counts = count(findings)
    who = f"{len(done)} of {len(reviewers)}" if len(done) < len(reviewers) else str(len(done))
    who = "re-review of the fixes" if only_fixes(state) else f"{who} reviewers"
    return (
        f"{who}, {_counted(state.get('round', 0), 'fix round')}; "
        f"{_counted(counts.found, 'finding')}, {counts.fixed} fixed, {counts.left} left open, "
        + (f"{counts.dismissed} dismissed, " if counts.dismissed else "")
        + f"{_counted(counts.nits, 'nit')}"
        + (f"; {_counted(len(wishes), 'request', 'requests')} not done" if wishes else "")
    )


def only_fixes(state: LoopState) -> bool:
    """Whether the change is fixes of known findings: a re-review reads them, no reviewer does."""
    return state.get("mode") == "fix" and not state.get("cycle", 0)


def _named(finding: Finding) -> str:
    where = commit_line(finding.where) if finding.path else "whole change"
    return f"{finding.severity.mark} {commit_line(finding.title)} ({where})"


def _counted(number: int, thing: str, things: str = "") -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {things or f'{thing}s'}"


def _left_to_person(finding: Finding) -> bool:
    return finding.status in {Status.OPEN, Status.UNRESOLVED}
