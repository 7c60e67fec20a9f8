"""Fix: the open findings one by one, most severe first; each is proven by tests or undone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelAccessError, ModelError
from reviewloop.domain.finding import Finding, Status, by_severity
from reviewloop.faults import fault
from reviewloop.llm.retry import ModelUnavailableError
from reviewloop.loop.agent_tools import only_a_user, scope_of, with_resources, writing_toolbox
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import changed_by_dismissal, read_findings, write_dismissals
from reviewloop.loop.gates import failure_of
from reviewloop.loop.nodes.implement import FINISH, needs_summary
from reviewloop.loop.review_material import reviewed_change
from reviewloop.loop.state import LoopState
from reviewloop.render.untrusted import one_line
from reviewloop.review.prompts import HOUSE_RULES, fix_message
from reviewloop.store.journal import CallKey

_MOST_IDLE = 2  # tries without an edit before it counts as final
_LONGEST_REASON = 300
_MOST_REASONS = 3  # of findings that an earlier round left open
_LOG_LINES = 3  # of a red check, quoted in the note on a fix
_LARGEST_FILE = 40_000  # characters of a file shown; a longer one is read with fs_read


@dataclass(frozen=True)
class _Fixed:
    """The result of one finding: the next tree, and the finding's new state."""

    tree: str
    finding: Finding
    survived: bool


def fix(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Use one round on the open findings.

    A fix that keeps the tests red after its retries is undone (its tree is dropped) and its finding
    becomes unresolved: left to the user. Surviving fixes still need the re-review.
    """
    cycle = state.get("cycle", 0)
    tree = state["tree"]
    known = read_findings(state, context.blobs)
    dismissed = changed_by_dismissal(known.values(), state, context)
    known |= dismissed  # a user may have dismissed something while the run was stopped
    todo = by_severity([f for f in known.values() if f.open_and_actionable])
    number = state.get("round", 0) + bool(todo)
    done: dict[str, _Fixed] = {}
    trees: dict[str, str] = {}
    if todo:
        why = [f"{f.title}: {f.note}" for f in todo if f.note][:_MOST_REASONS]
        context.events.emit("round", number=number, findings=len(todo), why=why)
    for finding in todo:
        key = CallKey(context.team.fixer.name, "fix", finding.id, cycle, number)
        result = _fix_one(finding, tree, key, state, context)
        if result.survived and (seen := _begun_at(result.tree, state, trees, context)) is not None:
            tree = _give_up_both(result, tree, seen, known, done, context)
            continue
        if result.survived:
            name = f"fix-{cycle}-{number}-{finding.id}"
            trees |= {f"{name}-before": tree, name: result.tree}
            context.keep(result.tree, name)
            fault("fix.kept")
        tree = result.tree
        done[finding.id] = result
    survivors = [ident for ident, result in done.items() if result.survived]
    return {
        "tree": tree,
        "trees": trees,
        "phase": "fix",
        "round": number,
        "repairs": 0,
        "survived": len(survivors),
        "fixed": survivors,
        "fix_from": state["tree"],
        "findings": write_dismissals((dismissed | _findings(done)).values(), state, context),
    }


def _fix_one(
    finding: Finding, before: str, key: CallKey, state: LoopState, context: RunContext
) -> _Fixed:
    tree, failure, attempts, idle, summary = before, "", finding.attempts, 0, ""
    if reason := only_a_user(finding, context):
        return _given_up(finding, before, attempts, reason, context)
    # Retries are the finding's, over all rounds; every round may still try once.
    tries = max(1, context.settings.limits.fix_retries + 1 - finding.attempts)
    if (red := _red_before(key, state, context)) and finding.path not in red:
        reason = f"no fix was tried, because the checks are red without one ({_shown(red)})"
        return _given_up(finding, before, attempts, reason, context)
    for attempt in range(tries):
        key = replace(key, attempt=attempt)
        attempts += 1
        try:
            tree, summary = _attempt(finding, before, tree, failure, key, context)
        except (ModelAccessError, ModelUnavailableError):
            raise  # asking again later can help, so the run pauses here
        except ModelError as error:
            return _given_up(finding, before, attempts, f"the fixer failed: {error}", context)
        if tree == before:
            idle += 1
            if idle == _MOST_IDLE:
                break
            failure = "You changed nothing. Edit the code so that the finding no longer holds."
            continue
        failure = failure_of(tree, state, key, context)
        fault("fix.checked")
        if not failure:
            fixed = finding.with_note("", attempts=attempts)
            context.events.emit("fix", finding=finding.id, title=finding.title, result="fixed")
            return _Fixed(tree, fixed, survived=True)
        context.events.emit("fix", finding=finding.id, title=finding.title, result="red")
    if tree != before:
        reason = f"its fix kept the checks red after {attempts} attempts and was taken back"
        reason += f" ({_shown(failure)})" if failure else ""
        reason += "; the checks are red without it, too" if red else ""
    elif finding.note:  # an earlier fix is in the tree, and was not accepted
        reason = f"its fix stands, no further edit was made; {finding.note}"
    else:
        reason = f"no edit was made: {summary}"
    return _given_up(finding, before, attempts, reason, context)


def _red_before(key: CallKey, state: LoopState, context: RunContext) -> str:
    """Return the log of checks that are red before any fix, where no guard-rail ran.

    A fix is not judged by these, unless they are about its own file.
    """
    if state.get("mode") != "fix" or state.get("cycle", 0):
        return ""
    of_all = replace(key, finding="", round=0, attempt=0)  # run once for all fixes
    begun: LoopState = {**state, "tree": context.base_tree}
    return failure_of(context.base_tree, begun, of_all, context)


def _shown(failure: str) -> str:
    """Return which check failed and the end of its log, on one line."""
    check, *log = [line.strip() for line in failure.split("\n") if line.strip()]
    return one_line(" | ".join([check, *log[-_LOG_LINES:]]))[:_LONGEST_REASON]


def _attempt(
    finding: Finding, before: str, tree: str, failure: str, key: CallKey, context: RunContext
) -> tuple[str, str]:
    """Return the tree after one try, and the fixer's summary."""
    code = (finding.path and context.shown_text(tree, finding.path)) or ""
    message = fix_message(
        finding,
        code if len(code) <= _LARGEST_FILE else "",
        failure,
        context.brief.task,
        context.fence,
        attempt=key.attempt,
        background=reviewed_change(context),
    )
    answer = context.talk(
        context.team.fixer,
        key,
        writing_toolbox(
            context, tree, key, context.team.fixer, refuse=scope_of(finding, before, context)
        ),
        system=f"{HOUSE_RULES}\n\n{context.team.fixer.prompt}",
        opening=[with_resources(message, context.team.fixer, context)],
        ending=FINISH,
        check=needs_summary,
    )
    summary = one_line(str(answer.arguments["summary"]))[:_LONGEST_REASON]
    refused = [f"; refused: {one_line(reason)[:_LONGEST_REASON]}" for reason in answer.refused]
    return answer.tree, "".join((summary, *refused))


def _given_up(
    finding: Finding, before: str, attempts: int, reason: str, context: RunContext
) -> _Fixed:
    context.events.emit(
        "fix", finding=finding.id, title=finding.title, result="unresolved", reason=reason
    )
    left = finding.with_note(reason, status=Status.UNRESOLVED, attempts=attempts)
    return _Fixed(before, left, survived=False)


def _findings(done: Mapping[str, _Fixed]) -> dict[str, Finding]:
    return {ident: result.finding for ident, result in done.items()}


def _begun_at(
    tree: str, state: LoopState, trees: Mapping[str, str], context: RunContext
) -> str | None:
    """Return the finding whose fix started at this tree ("": none), None if no step did."""
    known = {"base": context.base_tree, **state.get("trees", {}), **trees}
    names = [name for name, seen in known.items() if seen == tree]
    began = [name for name in names if name.startswith("fix-") and name.endswith("-before")]
    return began[-1].split("-")[3] if began else "" if names else None


def _give_up_both(
    result: _Fixed,
    before: str,
    other: str,
    known: Mapping[str, Finding],
    done: dict[str, _Fixed],
    context: RunContext,
) -> str:
    """Leave two findings whose fixes undo each other to the user; return the next tree.

    A fix that a re-review has read stays. One of this same round is not read yet, so the tree
    before it is restored, which the later fix has produced anyway.
    """
    this = result.finding
    partner = done[other].finding if other in done else known.get(other)
    name = f"that of “{partner.title}”" if partner else "an earlier edit"
    reason = f"needs a person: its fix and {name} undo each other"
    done[this.id] = _given_up(this, before, this.attempts, reason, context)
    if partner is None:
        return before
    same_round = other in done and done[other].survived
    reason = f"needs a person: its fix and that of “{this.title}” undo each other"
    done[other] = _given_up(partner, before, partner.attempts, reason, context)
    if not same_round:
        return before
    for ident in list(done)[list(done).index(other) :]:
        done[ident] = replace(done[ident], survived=False)
    return result.tree
