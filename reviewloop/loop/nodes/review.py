"""Review: one agent reads the change, in parts where it is long; all agents run in parallel."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from functools import partial
from typing import Any

from reviewloop.agents import AgentDefinition
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    ContextOverflowError,
    ExitCode,
    ModelAccessError,
    ModelError,
    NoAnswerError,
    by_reviewing_again,
)
from reviewloop.domain.finding import Finding, distinguish
from reviewloop.domain.reason import NO_REASON, Reason
from reviewloop.git.paths import shown
from reviewloop.llm.budget import over_budget
from reviewloop.llm.messages import ToolSpec
from reviewloop.loop.agent_tools import changed_lines, reading_toolbox, resources_of
from reviewloop.loop.base_moved import Moved, base_of, merge_readings, reads_what_moved, to_read_by
from reviewloop.loop.context import RunContext
from reviewloop.loop.conversation import AgentReply
from reviewloop.loop.evidence import evidence_of
from reviewloop.loop.review_material import (
    SHRINKS,
    Part,
    Parts,
    material_of,
    parts_to_read,
    read_change,
)
from reviewloop.loop.state import LoopState, ReviewerState
from reviewloop.render.reasons import sentence
from reviewloop.review.anchoring import anchor
from reviewloop.review.intake import (
    DEEP_SCHEMA,
    FINDINGS_SCHEMA,
    MAX_FINDINGS,
    REPORT_FINDINGS,
    Intake,
    read_findings,
)
from reviewloop.review.prompts import REVIEW_RULES, Material, review_messages, shared_text
from reviewloop.review.push import confirmed_fixes
from reviewloop.review.verdicts import Verdict, read_verdicts
from reviewloop.store.journal import CallKey
from reviewloop.store.reasons import stored_reason

REPORT = ToolSpec(
    name=REPORT_FINDINGS,
    description="Judge your evidence and report what else you found, once; no entry says: nothing.",
    schema=FINDINGS_SCHEMA,
)
_REPORT_ON_PUSH = replace(REPORT, schema=DEEP_SCHEMA)


@dataclass(frozen=True)
class PartReply:
    """A reviewer's answer about a part; `unshown` are files whose diff it did not see."""

    answer: AgentReply
    unshown: tuple[str, ...] = ()


def ask_about(
    part: Part,
    agent: AgentDefinition,
    key: CallKey,
    state: LoopState,
    context: RunContext,
    moved: Moved | None = None,
) -> PartReply:
    """Hold the conversation; where a part is too long for the model, retry with shorter material.

    The part is one of the change, or of what `moved` it since it was read. The answer's notes say
    what the reviewer was not shown.
    """
    model = context.agent_model(agent, "review")
    for shrunk in range(len(SHRINKS)):
        material = material_of(state, context, part, shrunk, moved)
        opening = review_messages(material, agent, context.fence, resources_of(agent, context))
        try:
            answer = context.talk(
                agent,
                replace(key, attempt=shrunk),
                reading_toolbox(context, state["tree"], servers=agent.servers),
                system=REVIEW_RULES,
                opening=opening,
                ending=_REPORT_ON_PUSH if context.push else REPORT,
                check=_check,
                hold=context.models.gates.gate(model, shared_text(material, context.fence)),
            )
        except ContextOverflowError as error:
            too_long = error
            continue
        unshown = tuple(path for path in material.left_out if path in part.paths)
        unshown += tuple(material.moved.without) if material.moved else ()
        notes = (*answer.notes, *([_shown_less(material)] if shrunk else []))
        return PartReply(replace(answer, notes=notes), unshown)
    raise too_long


def _shown_less(material: Material) -> str:
    less = "the change was too long for the model, so it was shown without lines of context"
    if not material.left_out:
        return less
    names = ", ".join(shown(path) for path in material.left_out[:5])
    more = len(material.left_out) - 5
    return f"{less} and without the diff of {names}" + (f" and {more} more" if more > 0 else "")


def _check(arguments: Mapping[str, Any], last_chance: bool) -> str:
    """Return what has to be repaired; at the last try the usable findings are taken."""
    intake = read_findings(arguments)
    if last_chance:
        return "" if intake.findings else "; ".join(intake.problems[:5])
    return "; ".join([*intake.problems, *intake.unclear][:5])


_OUTSIDE = "names a file outside of the repository"


@dataclass(frozen=True)
class PartRead:
    """The reading of one part by one reviewer; plain values, stored in its record."""

    number: int
    read: bool
    reason: str = ""  # why it was not read
    unshown: tuple[str, ...] = ()  # files that did not fit into the prompt
    unnamed: str = ""  # the reason with "it" for the reviewer, where that is named


@dataclass
class _Record:
    """The results of one reviewer so far."""

    findings: list[Finding] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    cut: int = 0
    turns: int = 0
    notes: list[str] = field(default_factory=list)
    parts: list[PartRead] = field(default_factory=list)
    ended: ExitCode = ExitCode.CLEAN  # a cap that ended a review's conversations early
    because: Reason = NO_REASON  # the cap
    unreached: bool = False  # the model gave no reply: the review may continue later

    @property
    def read(self) -> list[PartRead]:
        return [part for part in self.parts if part.read]

    def plain(self) -> dict[str, Any]:
        return {
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "verdicts": {ident: verdict.plain() for ident, verdict in self.verdicts.items()},
            "fixed": sorted(self.fixed),
            "dropped": self.dropped,
            "cut": self.cut,
            "turns": self.turns,
            "parts": [asdict(part) for part in self.parts],
            "ended": int(self.ended),
            "ended_by": sentence(self.because),
            "because": stored_reason(self.because),
            "unreached": self.unreached,
        }


def review_as(name: str) -> Callable[[LoopState, RunContext], dict[str, Any]]:
    """Return the step in which this reviewer reads the change."""

    def review(state: LoopState, context: RunContext) -> dict[str, Any]:
        agent = next(agent for agent in context.team.reviewers if agent.name == name)
        started = time.monotonic()
        context.events.emit("reviewer.start", agent=name)
        moved = to_read_by(name, state, context)
        result = _read(agent, state, context, moved)
        result["seconds"] = round(time.monotonic() - started, 3)
        context.events.emit(
            "reviewer.end",
            agent=name,
            status=result["status"],
            findings=len(result["findings"]),
            reason=result["reason"],
            seconds=result["seconds"],
        )
        earlier = state.get("reviewers", {}).get(name)
        return {
            "reviewers": {name: merge_readings(earlier, result) if moved and earlier else result}
        }

    review.__name__ = name
    return review


def _read(
    agent: AgentDefinition, state: LoopState, context: RunContext, moved: Moved | None
) -> ReviewerState:
    """Read all parts; one that fails costs neither the others nor other reviewers' findings.

    What is read is the change, or what `moved` it since it was read. A reached cap pauses a run. A
    review is not resumed half-way, so its findings so far are kept, and unread parts are reported.
    """
    parts, record = parts_to_read(state, context, moved), _Record()
    if moved:
        record.notes += [f"{path}: {why}" for path, why in parts.unread.items()]
    for part in parts.parts:
        try:
            record.parts.append(_read_part(part, parts, agent, state, context, record, moved))
        except ModelAccessError:
            raise  # wrong for all of them: the run pauses until access is there
        except (NoAnswerError, ContextOverflowError) as error:
            why = str(error)
            record.parts.append(PartRead(part.number, False, why, unnamed=error.unnamed))
        except (ModelError, BudgetExhaustedError) as error:
            if isinstance(error, BudgetExhaustedError):
                if state.get("mode") != "review":
                    raise
                error.resumed_by(by_reviewing_again)
                record.ended, record.because = error.exit_code, error.because
            record.unreached = isinstance(error, ModelError)
            why, left = over_budget(error.because, str(error)), parts.parts[part.number - 1 :]
            record.parts += [PartRead(one.number, read=False, reason=why) for one in left]
            break
    missed = _missed(record, parts)
    reason, unnamed = ("; ".join([*one, *dict.fromkeys(record.notes)]) for one in missed)
    state_of: ReviewerState = ReviewerState(
        status="done" if len(record.read) == len(record.parts) else "failed",
        tree=state["tree"],
        findings=list(dict.fromkeys(finding.id for finding in record.findings)),
        blob=context.blobs.put_json(record.plain()),
        reason=reason,
        seconds=0.0,
    )
    return {**state_of, "unnamed": unnamed} if unnamed != reason else state_of


def _missed(record: _Record, parts: Parts) -> tuple[list[str], list[str]]:
    """Return sentences on unread parts with the reason, as it is and with "it" for the reviewer."""
    missed = [part for part in record.parts if not part.read]
    if not missed:
        return [], []
    numbers = ", ".join(str(part.number) for part in missed)
    which = f"did not read part {numbers} of {len(parts.parts)}: " if parts.several else ""
    why = missed[0]
    return [f"{which}{why.reason}"], [f"{which}{why.unnamed or why.reason}"]


def _read_part(
    part: Part,
    parts: Parts,
    agent: AgentDefinition,
    state: LoopState,
    context: RunContext,
    record: _Record,
    moved: Moved | None,
) -> PartRead:
    tree = state["tree"]
    key = CallKey(agent.name, "review", cycle=state.get("cycle", 0), round=state.get("round", 0))
    about = [base_of(state)] if reads_what_moved(state) else []  # separate keys for each move
    about += [f"part {part.number}"] if parts.several else []
    key = replace(key, finding=", ".join(about))
    reply = ask_about(part, agent, key, state, context, moved)
    answer = reply.answer
    intake = read_findings(answer.arguments)
    for title in intake.outside:
        context.events.emit("note", text=f"{agent.name}: security: {_OUTSIDE}: {title}")
    if intake.unknown:
        context.events.emit("ignored", agent=agent.name, fields=intake.unknown)
    lines = changed_lines(context.change(context.base_tree, tree))
    read, exists = partial(context.shown_text, tree), partial(context.holds, tree)
    findings = distinguish(
        anchor(found, agent.name, changed=lines, read=read, round_=key.round, exists=exists)
        for found in intake.findings
    )
    for finding in findings:
        context.events.emit(
            "finding",
            agent=agent.name,
            id=finding.id,
            severity=str(finding.severity),
            title=finding.title,
        )
    evidence = evidence_of(context, tree)
    verdicts, problems = read_verdicts(answer.arguments, agent.name, evidence, part.evidence)
    record.findings += findings
    record.verdicts |= verdicts
    record.dropped += [*intake.problems, *problems, *_fixed(reply, record, tree, context)]
    record.cut += intake.cut
    record.turns += answer.turns
    record.notes += [*_left_out(intake), *answer.notes]
    if moved and reply.unshown and not answer.notes:
        record.notes.append(f"was not shown the diff of {', '.join(reply.unshown[:5])}")
    return PartRead(part.number, read=True, unshown=reply.unshown)


def _fixed(reply: PartReply, record: _Record, tree: str, context: RunContext) -> tuple[str, ...]:
    """Record the open findings that the push fixes; a stranger's change cannot claim that."""
    if context.push is None or context.untrusted:
        return ()
    fixed, problems = confirmed_fixes(
        reply.answer.arguments,
        context.push.known,
        read_change(context, tree),
        partial(context.shown_text, tree),
    )
    record.fixed |= fixed
    return problems


def _left_out(intake: Intake) -> list[str]:
    """Return the parts of the answer that could not be used, usually none."""
    parts = [f"could not be read: {'; '.join(intake.problems[:3])}"] if intake.problems else []
    parts += [f"dropped, {_OUTSIDE}: {'; '.join(intake.outside[:3])}"] if intake.outside else []
    parts += [f"{intake.cut} more than {MAX_FINDINGS} were cut"] if intake.cut else []
    return parts
