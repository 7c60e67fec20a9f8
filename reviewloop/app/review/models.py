"""Asks the reviewers' models about a diff, with the loop's own graph from its review step."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, cast

from reviewloop.agents import AgentDefinition, Team
from reviewloop.app.interrupts import interruptible
from reviewloop.app.model_access import coding_agents, models_of, prices_of_agents
from reviewloop.app.project import team_of
from reviewloop.app.review.result import ReviewersResult, result_unchanged
from reviewloop.app.sandboxing import agents_cage, describe_cage
from reviewloop.app.servers import offered_file, open_servers, trusted_servers
from reviewloop.checkout.export import left_out, left_out_note
from reviewloop.checkout.workspace import Workspace
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    ExitCode,
    InterruptedByUserError,
    ModelError,
    by_reviewing_again,
    first_that_applies,
)
from reviewloop.domain.event import Listener
from reviewloop.domain.finding import Finding
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.domain.usage import TokenUsage
from reviewloop.git.attributes import has_kiroignore, kiroignored
from reviewloop.git.comparison import Comparison
from reviewloop.git.diff import Change
from reviewloop.llm.budget import (
    Budget,
    count_warnings,
    is_cap_of_run,
    outside_of,
    over_budget,
    spent_by,
)
from reviewloop.llm.routing import require_provider
from reviewloop.loop.context import Brief, RunContext
from reviewloop.loop.findings_log import read_findings
from reviewloop.loop.review_material import Part, Parts, parts_to_read
from reviewloop.loop.state import LoopState, ReviewerState
from reviewloop.render.reasons import sentence
from reviewloop.render.report import (
    FileRead,
    PartRead,
    Readership,
    ReviewerReport,
    ReviewerStatus,
    Share,
)
from reviewloop.render.text import all_tokens
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.merging import merge, with_late
from reviewloop.review.prompts import Fence, new_nonce
from reviewloop.review.push import Known, Push
from reviewloop.review.selection import Selection, Skipped, select
from reviewloop.review.verdicts import apply_verdicts
from reviewloop.sandbox import Acceptance
from reviewloop.secrets import Redactor
from reviewloop.servers.definitions import Trusted
from reviewloop.settings import Loaded, Settings
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events
from reviewloop.store.folders import private_folder, repository_folder
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.locks import hold, share
from reviewloop.store.reasons import read_reason
from reviewloop.store.runs import RunRecord, RunStore

_NO_ROOM = (
    "the model takes no prompt as long as limits.context_tokens says; "
    "lower limits.context_tokens, and the change is read in parts that fit"
)
Records = Mapping[str, Mapping[str, Any]]
"""Reviewer -> the record of its step, for those that started."""


def files_read(parts: Parts, records: Records, names: Sequence[str], why: str = "") -> Readership:
    """Return which reviewer read which file; `why` is the reason for reviewers without a record."""
    records_of = {name: _parts_of(records.get(name, {})) for name in names}
    files = [*_files(parts, records_of, why)]
    return Readership(tuple(files), tuple(_part(one, records_of, why) for one in parts.parts))


def _parts_of(record: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    return {part["number"]: part for part in record.get("parts", [])}


def _part(part: Part, record: Mapping[str, Mapping[int, Any]], why: str) -> PartRead:
    by = tuple(name for name, read in record.items() if read.get(part.number, {}).get("read"))
    missed = tuple(
        (name, str(read.get(part.number, {}).get("reason") or why or "did not finish"))
        for name, read in record.items()
        if name not in by
    )
    return PartRead(part.number, len(part.paths), by, missed)


def _files(
    parts: Parts, record: Mapping[str, Mapping[int, Mapping[str, Any]]], why: str
) -> Iterator[FileRead]:
    parts_at: dict[str, list[Part]] = {}
    for part in parts.parts:
        for path in part.paths:
            parts_at.setdefault(path, []).append(part)
    for path, holding in parts_at.items():
        numbers = tuple(part.number for part in holding)
        whole = all(piece.whole for part in holding for piece in part.pieces if piece.path == path)
        shown = {
            name: [n for n in numbers if _saw(read.get(n, {}), path)]
            for name, read in record.items()
        }
        by = tuple(name for name, seen in shown.items() if len(seen) == len(numbers))
        share: Share = "whole" if whole else "in parts"
        reason = ""
        if not by:
            share = "partly" if any(shown.values()) else "not"
        if len(by) < len(record):
            reason = _reason(path, numbers, record, why)
        yield FileRead(path, share, by, numbers, reason)
    for path, reason in parts.unread.items():
        yield FileRead(path, "not", reason=reason)


def _saw(part: Mapping[str, Any], path: str) -> bool:
    return bool(part.get("read")) and path not in part.get("unshown", ())


def _reason(
    path: str,
    numbers: Sequence[int],
    record: Mapping[str, Mapping[int, Mapping[str, Any]]],
    why: str,
) -> str:
    """Return why a reviewer did not see a file: the first reason found."""
    for read in record.values():
        for number in numbers:
            part = read.get(number, {})
            if part.get("read"):
                if path in part.get("unshown", ()):
                    return _NO_ROOM
            else:
                return str(part.get("reason") or why or "the reviewer did not finish")
    return why or "the reviewer did not finish"


def estimate_note(model: str, usage: TokenUsage) -> tuple[str, ...]:
    """Return a note when some of the tokens are our estimate."""
    if not usage.get("estimated") or model.startswith(("script:", "replay:")):
        return ()
    count = all_tokens(usage)
    return (f"~{count:,} tokens: some replies broke off or came without a count, so it is a guess",)


def report_of(
    agent: AgentDefinition,
    result: ReviewerState | None,
    findings: Sequence[Finding],
    context: RunContext,
    usage: Mapping[str, TokenUsage],
    early: str,
) -> ReviewerReport:
    """Return the report of one reviewer; `early` is why one without a result has none."""
    status: ReviewerStatus = "failed"
    if result is not None and result["status"] == "done":
        status = "done"
    spent = usage.get(agent.name, TokenUsage())
    tokens: TokenUsage = {
        "input": spent.get("input", 0),
        "output": spent.get("output", 0),
        "cache_read": spent.get("cache_read", 0),
        "cache_write": spent.get("cache_write", 0),
    }
    return ReviewerReport(
        name=agent.name,
        status=status,
        seconds=result["seconds"] if result else 0.0,
        findings=sum(agent.name in finding.agents for finding in findings),
        model=context.agent_model(agent, "review"),
        tokens=tokens,
        cost_usd=spent.get("cost_usd"),
        reason=result["reason"] if result else early or "did not finish",
        unnamed=result.get("unnamed", "") if result else "",
    )


def usage_by_reviewer(journal: Journal) -> dict[str, TokenUsage]:
    """Return tokens and cost by reviewer, and of the whole review under the name ""."""
    total: dict[str, TokenUsage] = {}
    for agent, _step, spent, _seconds in journal.usage_rows():
        for name in (agent, ""):
            sums = total.setdefault(name, {})
            sums["input"] = sums.get("input", 0) + spent.get("input", 0)
            sums["output"] = sums.get("output", 0) + spent.get("output", 0)
            sums["cache_read"] = sums.get("cache_read", 0) + spent.get("cache_read", 0)
            sums["cache_write"] = sums.get("cache_write", 0) + spent.get("cache_write", 0)
            if spent.get("estimated"):
                sums["estimated"] = True
            cost = spent.get("cost_usd")
            if cost is not None:
                sums["cost_usd"] = round((sums.get("cost_usd") or 0.0) + cost, 6)
    return total


def shown_trees(
    comparison: Comparison, skipped: Iterable[Skipped], reviewed: str = ""
) -> tuple[str, str, str]:
    """Return old and new tree without skipped files and without those in .kiroignore.

    A file that is not in a tree is neither in its diff nor readable with a tool. The third tree is
    `reviewed`, of an earlier review, treated alike; or "".
    """
    hidden = {path for one in skipped for path in (one.file.path, one.file.old_path)}
    trees = [comparison.old, comparison.new, *([reviewed] if reviewed else [])]
    if has_kiroignore(comparison.private, comparison.base):
        for tree in trees:
            paths = [entry.path for entry in comparison.private.entries(tree)]
            hidden |= kiroignored(comparison.private, comparison.base, paths).keys()
    hidden.discard("")
    gone = dict.fromkeys(hidden)
    old, new, *earlier = (comparison.private.edit(tree, gone) if gone else tree for tree in trees)
    return old, new, next(iter(earlier), "")


_GOES_ON = "the same `reviewloop review` goes on where a model gave no reply; nothing is paid twice"
_EARLY = "the review ended early"
_RECURSION_LIMIT = 20  # supersteps; a review takes two


@dataclass(frozen=True)
class ModelRequest:
    """The inputs of asking the reviewers' models."""

    loaded: Loaded
    model: str
    reviewers: tuple[AgentDefinition, ...]
    comparison: Comparison
    change: Change
    selection: Selection
    pieces: tuple[AnalyserFinding, ...]
    redactor: Redactor = field(default_factory=Redactor)
    again: bool = False
    rules: Path | None = None  # see RunContext
    untrusted: bool = False
    listener: Listener | None = None
    reviewed: str = ""  # tree of an earlier review: changes since are read in depth; "": all are
    since: str = ""  # its commit
    known: tuple[Known, ...] = ()  # findings open at that review
    late: Callable[[], tuple[AnalyserFinding, ...]] = tuple  # further evidence; waits for it
    acceptance: Acceptance = ""  # how coding agents may run
    purpose: str = ""  # from a spec that the change is also judged by
    spec: str = ""  # its name
    stop: Callable[[], None] = lambda: None  # stops the analysers

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The files that no model reads, in the whole change and since the earlier review."""
        if not self.reviewed:
            return self.selection.skipped
        private, comparison = self.comparison.private, self.comparison
        pushed = private.change(self.reviewed, comparison.new)
        settings = self.loaded.settings.review
        more = select(
            pushed,
            private,
            base=comparison.base,
            ignore=settings.ignore,
            unreadable=dict(comparison.unreadable),
            skip_new=settings.skip_new,
        )
        return (*self.selection.skipped, *more.skipped)


def ask_reviewers(request: ModelRequest) -> ReviewersResult:
    """Return the reviewers' results on the change and its evidence.

    Replies are stored in a journal under the change's name: the same review, asked again after a
    crash or a raised budget, pays only for the missing ones. An interruption or an empty budget
    returns the results so far, with the exit code for it.
    """
    with ExitStack() as stack:
        trees = shown_trees(request.comparison, request.skipped, request.reviewed)
        context = _open(request, trees, stack)
        if context.push and not context.shown_change(context.push.tree, trees[1]):
            names = [agent.name for agent in request.reviewers]
            return result_unchanged(
                request.pieces,
                request.late(),
                request.known,
                names,
                request.model,
                request.untrusted,
            )
        early, because = ExitCode.CLEAN, NO_REASON
        state: LoopState = {}
        try:
            with interruptible(context, "the same `reviewloop review`"):
                state = _invoke(context, request, trees)
        except (BudgetExhaustedError, InterruptedByUserError, ModelError) as error:
            early, because = error.exit_code, error.resumed_by(by_reviewing_again).because
        else:
            if context.stopped.is_set():  # while only slow analysers were left
                text = "stopped while slow analysers were at work"
                early, because = (
                    ExitCode.INTERRUPTED,
                    reason(ReasonKind.INTERRUPTED, text=text),
                )
        return _reviewers_result(request, context, trees[1], state, early, because)


def _open(request: ModelRequest, trees: tuple[str, str, str], stack: ExitStack) -> RunContext:
    comparison, settings = request.comparison, request.loaded.settings
    name = _name_of(request)
    folder = private_folder(repository_folder(comparison.user.key) / "reviews" / name)
    lock, what = folder / "lock", "the review of this very change"
    if request.again:  # no other process may read what is deleted
        with hold(lock, what):
            for path in folder.glob("journal.sqlite*"):
                path.unlink()
    stack.enter_context(share(lock, what))
    journal = Journal(folder / "journal.sqlite")
    stack.callback(journal.close)
    runs = RunStore(folder)
    stack.callback(runs.close)
    redactor = request.redactor
    blobs = Blobs(private_folder(folder / "blobs"), redactor.redact_held)
    events = Events(folder / "events.jsonl", request.listener, redactor.for_people)
    fence = _fence(journal)
    budget = Budget(settings.limits, spent=spent_by(journal), seconds_used=0.0)
    find_cage = partial(agents_cage, settings, request.acceptance)
    models = models_of(
        settings, journal, budget, fence, events, redactor, folder, find_cage=find_cage
    )
    team = team_of(request.rules or comparison.user.root, comparison.user.project)
    pieces, stopped = request.pieces, Event()
    trusted, reasons = _servers(request, settings)
    notes = list(reasons)

    def note(text: str) -> None:
        notes.append(text)
        events.emit("note", text=text)

    servers = open_servers(
        stack, trusted, folder, find_cage, stopped, note, offered_file(comparison.user.key)
    )
    return RunContext(
        record=RunRecord(
            name, str(comparison.user.root), comparison.what, comparison.base_commit, ""
        ),
        runs=runs,
        folder=folder,
        settings=settings,
        team=Team(team.implementer, team.fixer, team.quick_reviewer, request.reviewers),
        brief=Brief(title=comparison.what, task=request.purpose, briefing="", spec=request.spec),
        user=comparison.user,
        private=comparison.private,
        workspace=Workspace(comparison.private, folder / "workspace"),
        make_environment=None,
        blobs=blobs,
        journal=journal,
        events=events,
        models=models,
        fence=fence,
        base_tree=trees[0],
        redactor=redactor,
        rules=request.rules,
        untrusted=request.untrusted,
        push=Push(trees[2], request.known) if request.reviewed else None,
        analyse=lambda *_: pieces,
        analyse_late=lambda *_: request.late(),
        on_stop=request.stop,
        make_servers=lambda: servers,
        server_notes=notes,
        stopped=stopped,
        not_shown=tuple(
            f"{one.file.path} ({one.reason}; not shown)" for one in request.selection.chosen
        ),
    )


def _servers(
    request: ModelRequest, settings: Settings
) -> tuple[tuple[Trusted, ...], tuple[str, ...]]:
    """Return the servers that reviewers ask, none for a change by strangers; and why not."""
    if request.untrusted or request.rules is not None:
        return (), ()
    return trusted_servers(request.comparison.user, settings, request.reviewers)


def _fence(journal: Journal) -> Fence:
    """Return the fence of this review, stored because tool results in the journal carry it."""
    made = journal.once(CallKey("fence", "review"), {}, lambda: {"nonce": new_nonce()})
    return Fence(made["nonce"])


def _name_of(request: ModelRequest) -> str:
    agents = [(agent.name, agent.prompt, agent.model) for agent in request.reviewers]
    about: list[Any] = [request.comparison.old, request.comparison.new, request.model, agents]
    if request.reviewed:
        about += [request.reviewed, [one.id for one in request.known]]
    about += [request.purpose] if request.purpose else []
    text = json.dumps(about)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _invoke(context: RunContext, request: ModelRequest, trees: tuple[str, str, str]) -> LoopState:
    from reviewloop.loop.graph import build_graph

    names = [agent.name for agent in request.reviewers]
    models = {context.agent_model(agent, "review") for agent in request.reviewers}
    for model in models:
        require_provider(model)
    for price in prices_of_agents(request.loaded, request.reviewers):
        context.events.emit("note", text=price)
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


def _reviewers_result(
    request: ModelRequest,
    context: RunContext,
    tree: str,
    state: LoopState,
    early: ExitCode,
    because: Reason,
) -> ReviewersResult:
    results: Mapping[str, ReviewerState] = state.get("reviewers", {})
    findings: list[Finding]
    if results:
        findings = list(read_findings(state, context.blobs).values())
    else:  # no reviewer finished: the analysers' findings still hold
        findings = merge(
            with_late(apply_verdicts(request.pieces, {}), [p.finding for p in request.late()])
        )
    records = {n: context.blobs.get_json(r["blob"]) for n, r in results.items() if r["blob"]}
    caps = {
        ExitCode(r["ended"]): read_reason(r.get("because"), r["ended_by"])
        for r in records.values()
        if r["ended"]
    }
    if caps and not early:
        early = first_that_applies(*caps)
        because = caps[early]
    why = sentence(because)
    usage = usage_by_reviewer(context.journal)
    reports = [
        report_of(agent, results.get(agent.name), findings, context, usage, why)
        for agent in request.reviewers
    ]
    names = [agent.name for agent in request.reviewers]
    parts = parts_to_read({"tree": tree}, context)
    read = files_read(parts, records, names, over_budget(because, why))
    # Then a reviewer's own reason says it, and it is not repeated.
    is_reported = len(results) < len(reports) or (bool(caps) and not is_cap_of_run(because))
    early_end = (_EARLY if is_reported else f"{_EARLY}: {why}",) if why else ()
    unreached = any(record["unreached"] for record in records.values())
    notes = (
        *early_end,
        *((_GOES_ON,) if unreached and not why else ()),
        *_unbounded(request, context),
        *_caged(request, context, tree),
        *context.server_notes,
        *count_warnings(context.journal),
        *estimate_note(request.model, usage.get("", TokenUsage())),
    )
    return ReviewersResult(
        tuple(findings),
        tuple(reports),
        request.model,
        notes,
        usage.get("", TokenUsage()),
        early,
        readership=replace(read, since=request.since if request.reviewed else ""),
        confirmed=frozenset(name for r in records.values() for name in r["fixed"]),
    )


def _caged(request: ModelRequest, context: RunContext, tree: str) -> tuple[str, ...]:
    """Return a note on the cage of coding agents, if any worked, and the files absent there."""
    agents = coding_agents(request.loaded, request.reviewers)
    if not agents:
        return ()
    sandbox = agents_cage(request.loaded.settings, request.acceptance)
    names = ", ".join(agents)
    steering = left_out(context.private.entries(context.shown_tree(tree)))
    absent = left_out_note({**steering, **context.unexported})
    not_seen = (f"{names} did not see as a file: {absent}",) if absent else ()
    outside = outside_of(context.journal)
    return (f"{names} worked in a cage: {describe_cage(sandbox)}", *not_seen, *outside)


def _unbounded(request: ModelRequest, context: RunContext) -> tuple[str, ...]:
    """Return a note when a requested cap in money could not be kept."""
    is_explicit = request.loaded.origins.get("limits.usd", "default") != "default"
    if is_explicit and spent_by(context.journal).unpriced:
        return ("the price of the model is not known, so the cap in USD could not stop it",)
    return ()
