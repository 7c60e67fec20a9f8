"""Asks the reviewers' models about a diff: the loop's own graph, entered at review."""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from reviewloop.agents import AgentDefinition, Team
from reviewloop.analysers.secrets.masking import Masking
from reviewloop.context import Brief, RunContext
from reviewloop.errors import (
    BudgetExhaustedError,
    ExitCode,
    InterruptedByUserError,
    ModelError,
)
from reviewloop.findings import Finding
from reviewloop.models.budget import Budget, count_warnings, spent_by
from reviewloop.models.routing import require_provider
from reviewloop.output.review_report import ReviewerReport, ReviewerStatus
from reviewloop.reviewing.evidence import EvidencePiece
from reviewloop.reviewing.fences import Fence, new_nonce
from reviewloop.reviewing.merging import merge
from reviewloop.reviewing.selection import Selection
from reviewloop.reviewing.verdicts import judged
from reviewloop.runs.answering import models_of
from reviewloop.runs.interrupts import interruptible
from reviewloop.runs.loading import loading
from reviewloop.runs.project import team_of
from reviewloop.runs.review_result import Standing
from reviewloop.runs.shown_trees import shown_trees
from reviewloop.settings import Loaded
from reviewloop.state import LoopState, ReviewerState
from reviewloop.steps.book import read_findings
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events, Listener
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.places import private_folder, repository_folder
from reviewloop.store.runs import RunRecord, RunStore
from reviewloop.workspace.checkout import Workspace
from reviewloop.workspace.compared import Compared
from reviewloop.workspace.diff import Change

_RECURSION_LIMIT = 20  # supersteps; a review takes two


@dataclass(frozen=True)
class ModelReview:
    """Everything the reviewers' models are asked about."""

    loaded: Loaded
    model: str
    reviewers: tuple[AgentDefinition, ...]
    two: Compared
    change: Change
    selection: Selection
    pieces: tuple[EvidencePiece, ...]
    masking: Masking = field(default_factory=Masking)
    again: bool = False
    rules: Path | None = None  # see RunContext
    untrusted: bool = False
    listener: Listener | None = None


def models_word(asked: ModelReview) -> Standing:
    """Return what the reviewers' models say of the change and of its evidence.

    Replies are journalled under the change's own name: the same review asked again, after a crash
    or a fixed budget, pays only for what is missing. An interruption or an empty budget gives
    what there is so far, and the exit code that says so.
    """
    with ExitStack() as stack:
        trees = shown_trees(asked.two, asked.selection)
        context = _open(asked, trees, stack)
        early, reason = ExitCode.CLEAN, ""
        state: LoopState = {}
        try:
            with interruptible(context, "the same `reviewloop review`"):
                state = _invoke(context, asked, trees)
        except (BudgetExhaustedError, InterruptedByUserError, ModelError) as error:
            early, reason = error.exit_code, _for_a_review(str(error))
        return _standing(asked, context, state, early, reason)


def _open(asked: ModelReview, trees: tuple[str, str], stack: ExitStack) -> RunContext:
    two, settings = asked.two, asked.loaded.settings
    name = _name_of(asked)
    folder = private_folder(repository_folder(two.user.key) / "reviews" / name)
    if asked.again:
        for path in folder.glob("journal.sqlite*"):
            path.unlink()
    journal = Journal(folder / "journal.sqlite")
    stack.callback(journal.close)
    runs = RunStore(folder)
    stack.callback(runs.close)
    masking = asked.masking
    blobs = Blobs(private_folder(folder / "blobs"), masking.held)
    events = Events(folder / "events.jsonl", asked.listener, masking.for_people)
    fence = _fence(journal)
    budget = Budget(settings.limits, spent=spent_by(journal), seconds_used=0.0)
    models = models_of(settings, journal, budget, fence, events, masking, folder)
    team = team_of(asked.rules or two.user.root)
    pieces = asked.pieces
    return RunContext(
        record=RunRecord(name, str(two.user.root), two.what, two.base_commit, ""),
        runs=runs,
        folder=folder,
        settings=settings,
        team=Team(team.implementer, team.fixer, team.quick_reviewer, asked.reviewers),
        brief=Brief(title=two.what, task="", briefing=""),
        user=two.user,
        private=two.private,
        workspace=Workspace(two.private, folder / "workspace"),
        gate_environment=None,
        blobs=blobs,
        journal=journal,
        events=events,
        models=models,
        fence=fence,
        base_tree=trees[0],
        masking=masking,
        rules=asked.rules,
        untrusted=asked.untrusted,
        analyse=lambda *_: pieces,
    )


def _fence(journal: Journal) -> Fence:
    """Return the fence of this review; kept, because results of tools in the journal carry it."""
    made = journal.once(CallKey("fence", "review"), {}, lambda: {"nonce": new_nonce()})
    return Fence(made["nonce"])


def _name_of(asked: ModelReview) -> str:
    agents = [(agent.name, agent.prompt, agent.model) for agent in asked.reviewers]
    text = json.dumps([asked.two.old, asked.two.new, asked.model, agents])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _invoke(context: RunContext, asked: ModelReview, trees: tuple[str, str]) -> LoopState:
    loading(asked.model).join()
    from reviewloop.graph import build_graph

    names = [agent.name for agent in asked.reviewers]
    models = {context.agent_model(agent, "review") for agent in asked.reviewers}
    for model in models:
        require_provider(model)
    context.models.warm_up(models)
    graph = build_graph(names, rounds=0, repairs=0)
    start: LoopState = {
        "run": context.record.run_id,
        "mode": "review",
        "base": trees[0],
        "tree": trees[1],
    }
    config: Any = {
        "recursion_limit": _RECURSION_LIMIT,
        "max_concurrency": max(context.settings.models.concurrency, len(names)),
    }
    return cast(LoopState, graph.invoke(start, config, context=context))


def _standing(
    asked: ModelReview, context: RunContext, state: LoopState, early: ExitCode, reason: str
) -> Standing:
    results: Mapping[str, ReviewerState] = state.get("reviewers", {})
    findings: list[Finding]
    if results:
        findings = list(read_findings(state, context.blobs).values())
    else:  # nobody finished: what the analysers found is still true
        findings = merge(judged(asked.pieces, {}))
    usage = _usage(context)
    reports = [
        _report(agent, results.get(agent.name), findings, context, usage)
        for agent in asked.reviewers
    ]
    early_end = (f"the review ended early: {reason}",) if reason else ()
    notes = (
        *early_end,
        *_unbounded(asked, context),
        *count_warnings(context.journal),
        *_estimated(asked.model, usage.get("", {})),
    )
    return Standing(tuple(findings), tuple(reports), asked.model, notes, usage.get("", {}), early)


_RESUME = re.compile(r"`reviewloop resume(?: --(budget-tokens|minutes) (\S+))?([^`]*)`")


def _for_a_review(text: str) -> str:
    """Return an error's text with what goes on with a review: asking for it again."""

    def instead(found: re.Match[str]) -> str:
        if found.group(1):
            return f"`limits.{found.group(1).removeprefix('budget-')} = {found.group(2)}`"
        return f"the same `reviewloop review{found.group(3)}`"

    return _RESUME.sub(instead, text)


def _unbounded(asked: ModelReview, context: RunContext) -> tuple[str, ...]:
    """Return a remark when a cap in money was asked for that could not be kept."""
    wanted = asked.loaded.origins.get("limits.usd", "default") != "default"
    if wanted and spent_by(context.journal).unpriced:
        return ("the price of the model is not known, so the cap in USD could not stop it",)
    return ()


def _estimated(model: str, usage: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a remark when some of the tokens are our estimate, nobody's count."""
    if not usage.get("estimated") or model.startswith(("script:", "replay:")):
        return ()
    count = sum(int(usage.get(k) or 0) for k in ("input", "output", "cache_read", "cache_write"))
    return (f"~{count:,} tokens: some replies broke off or came without a count, so it is a guess",)


def _report(
    agent: AgentDefinition,
    result: ReviewerState | None,
    findings: list[Finding],
    context: RunContext,
    usage: Mapping[str, Mapping[str, Any]],
) -> ReviewerReport:
    status: ReviewerStatus = "failed"
    if result is not None and result["status"] == "done":
        status = "done"
    spent = usage.get(agent.name, {})
    tokens = {k: int(spent.get(k, 0)) for k in ("input", "output", "cache_read", "cache_write")}
    return ReviewerReport(
        name=agent.name,
        status=status,
        seconds=result["seconds"] if result else 0.0,
        findings=sum(agent.name in finding.agents for finding in findings),
        model=context.agent_model(agent, "review"),
        tokens=tokens,
        cost_usd=spent.get("cost_usd"),
        reason=_for_a_review(result["reason"]) if result else "did not finish",
    )


def _usage(context: RunContext) -> dict[str, dict[str, Any]]:
    """Return tokens and cost by reviewer, and of the whole review under the empty name."""
    total: dict[str, dict[str, Any]] = {}
    for agent, _step, spent, _seconds in context.journal.usage_rows():
        for name in (agent, ""):
            sums = total.setdefault(name, {})
            for key in ("input", "output", "cache_read", "cache_write"):
                sums[key] = sums.get(key, 0) + int(spent.get(key) or 0)
            if spent.get("estimated"):
                sums["estimated"] = True
            cost = spent.get("cost_usd")
            if cost is not None:
                sums["cost_usd"] = round(sums.get("cost_usd", 0.0) + cost, 6)
    return total
