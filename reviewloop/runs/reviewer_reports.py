"""How each reviewer of a model review fared, and what all of them used, as reports tell it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.agents import AgentDefinition
from reviewloop.context import RunContext
from reviewloop.findings import Finding
from reviewloop.output.review_report import ReviewerReport, ReviewerStatus
from reviewloop.state import ReviewerState
from reviewloop.store.journal import Journal

_RESUME = re.compile(r"`reviewloop resume(?: --(budget-tokens|minutes) (\S+))?([^`]*)`")


def for_a_review(text: str) -> str:
    """Return an error's text with what goes on with a review: asking for it again."""

    def instead(found: re.Match[str]) -> str:
        if found.group(1):
            return f"`limits.{found.group(1).removeprefix('budget-')} = {found.group(2)}`"
        return f"the same `reviewloop review{found.group(3)}`"

    return _RESUME.sub(instead, text)


def estimated(model: str, usage: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a remark when some of the tokens are our estimate, nobody's count."""
    if not usage.get("estimated") or model.startswith(("script:", "replay:")):
        return ()
    count = sum(int(usage.get(k) or 0) for k in ("input", "output", "cache_read", "cache_write"))
    return (f"~{count:,} tokens: some replies broke off or came without a count, so it is a guess",)


def report_of(
    agent: AgentDefinition,
    result: ReviewerState | None,
    findings: Sequence[Finding],
    context: RunContext,
    usage: Mapping[str, Mapping[str, Any]],
    early: str,
) -> ReviewerReport:
    """Return how one reviewer fared; `early` is why one without a result has none."""
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
        reason=for_a_review(result["reason"]) if result else early or "did not finish",
    )


def usage_by_reviewer(journal: Journal) -> dict[str, dict[str, Any]]:
    """Return tokens and cost by reviewer, and of the whole review under the empty name."""
    total: dict[str, dict[str, Any]] = {}
    for agent, _step, spent, _seconds in journal.usage_rows():
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
