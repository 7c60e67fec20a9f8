"""Implement: turns the task into a change; repair: gives a red gate's log back."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from reviewloop.domain.errors import ModelError
from reviewloop.domain.finding import Finding, Status
from reviewloop.domain.gate import GateResult
from reviewloop.llm.messages import ToolSpec, text_block, user_message
from reviewloop.loop.agent_tools import (
    scope_of_repair,
    why_nothing,
    with_resources,
    writing_toolbox,
)
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import read_findings, write_findings
from reviewloop.loop.protected import named_by_user
from reviewloop.loop.review_material import fit_diff
from reviewloop.loop.state import LoopState
from reviewloop.review.prompts import HOUSE_RULES
from reviewloop.store.journal import CallKey

_MOST_REPAIRS = 10  # above the maximum of the settings, so keys of later tries differ

FINISH = ToolSpec(
    name="finish",
    description="Say that your part is done. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["summary"],
        "properties": {
            "summary": {"type": "string", "description": "what you changed and why, 1-5 sentences"},
            "subject": {
                "type": "string",
                "description": "subject line for the commit, imperative, up to 60 characters",
            },
        },
    },
)


def implement(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Have the implementer do the task, or a requested modification.

    Returns the new tree; the guard step handles an empty change. A checkpoint needs no change: its
    checks run first, and the implementer is only asked to repair.
    """
    cycle = state.get("cycle", 0)
    tree = state.get("tree") or context.base_tree
    hook_output = ""
    if context.brief.hooks:
        from reviewloop.loop.hooks import fire_before_task

        begin = fire_before_task(state, context, tree)
        hook_output = begin.extra
        if begin.stopped_by:
            words = {"summary": "", "subject": context.brief.title}
            return {**_implemented(tree, cycle, words, context), "stopped_by": begin.stopped_by}
    if not cycle and context.brief.is_checkpoint:
        summary = {"summary": "", "subject": context.brief.title}
        return _implemented(tree, cycle, summary, context)
    request = _request(state, context) if cycle else None
    text = context.fence.wrap("task", context.brief.briefing) + hook_output + _rejections(context)
    if request:
        text += (
            "\n# A person looked at your change and asks for this\n\n"
            + context.fence.wrap("request", request.suggestion)
            + "\nThe change so far:\n\n"
            + context.fence.wrap(
                "diff", fit_diff(context.shown_change(context.base_tree, tree), context)
            )
        )
    text += (
        "\nImplement the task with the tools, run the gates, then call `finish`."
        if not request
        else "\nChange it as asked, run the gates, then call `finish`."
    )
    tries = context.record.options.get("tries", 0)
    key = CallKey(context.team.implementer.name, "implement", cycle=cycle, attempt=tries)
    named = named_by_user(state, context)
    new_tree, summary = _work(context, key, tree, named, text)
    if request:  # the commit is about the whole task, not its last modification
        before = context.blobs.get_json(state["summary"])
        summary["subject"] = before["subject"] or summary["subject"]
        summary["summary"] = joined_paragraphs(before["summary"], summary["summary"])
    update = _implemented(new_tree, cycle, summary, context)
    if request:
        done = new_tree != tree
        nothing = "" if done else why_nothing(context.journal, cycle)
        note = nothing or "implemented; judge it in the diff"
        status = Status.FIXED if done else Status.UNRESOLVED
        answered = request.with_note(note, status=status)
        update["findings"] = write_findings([answered], context.blobs)
    return update


def joined_paragraphs(*texts: str) -> str:
    """Return the paragraphs of all texts in order, each once whatever its line breaks."""
    found: dict[str, str] = {}
    for text in texts:
        for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
            found.setdefault(" ".join(part.split()).casefold(), part)  # some are repeated
    return "\n\n".join(part for part in found.values() if part.strip())


def _rejections(context: RunContext) -> str:
    """Return the reasons with which users rejected earlier runs of this task."""
    if not context.brief.rejected:
        return ""
    requests = "".join(context.fence.wrap("request", why) for _, why in context.brief.rejected)
    return (
        "\n# A person rejected earlier changes for this task, the oldest first, and said why\n\n"
        f"{requests}\nNothing of those changes is there any more. Do the task so that "
        "this is heeded.\n"
    )


def _implemented(
    tree: str, cycle: int, summary: Mapping[str, str], context: RunContext
) -> dict[str, Any]:
    name = f"implement-{cycle}"
    context.keep(tree, name)
    return {
        "tree": tree,
        "trees": {name: tree},
        "phase": "implement",
        "repairs": 0,
        "round": 0,
        "survived": 0,
        "stopped_by": "",
        "fixed": [],
        "summary": context.blobs.put_json(summary),
    }


def repair(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Give the log of the red gates back to the implementer."""
    number = state.get("repairs", 0) + 1
    gates = [GateResult.from_plain(r) for r in context.blobs.get_json(state["gates"])]
    red = [gate for gate in gates if gate.status.stops]
    change = context.shown_change(context.base_tree, state["tree"])
    text = (
        "# The task\n\n"
        + context.fence.wrap("task", context.brief.task)
        + "\n# The change so far\n\n"
        + context.fence.wrap("diff", fit_diff(change, context))
        + "\n# The checks that failed\n\n"
    )
    for gate in red:
        head = f"{gate.name}: {gate.summary}\ncommand: {' '.join(gate.command)}\n"
        text += context.fence.wrap(gate.name, head + gate.excerpt) + "\n"
    text += "\nMend the change so that these checks pass, then call `finish`."
    key = CallKey(
        context.team.implementer.name,
        "repair",
        cycle=state.get("cycle", 0),
        round=state.get("round", 0),
        attempt=number + _MOST_REPAIRS * context.record.options.get("tries", 0),
    )
    named = named_by_user(state, context)
    refuse = scope_of_repair(state, context)
    new_tree, _ = _work(context, key, state["tree"], named, text, refuse)
    name = f"repair-{key.cycle}-{key.round}-{number}"
    context.keep(new_tree, name)
    return {"tree": new_tree, "trees": {name: new_tree}, "repairs": number}


def _work(
    context: RunContext,
    key: CallKey,
    tree: str,
    named: frozenset[str],
    text: str,
    refuse: Callable[[str], str] | None = None,
) -> tuple[str, dict[str, str]]:
    implementer = context.team.implementer
    toolbox = writing_toolbox(context, tree, key, implementer, named, refuse)
    try:
        answer = context.talk(
            context.team.implementer,
            key,
            toolbox,
            system=f"{HOUSE_RULES}\n\n{context.team.implementer.prompt}",
            opening=[with_resources(user_message(text_block(text)), implementer, context)],
            ending=FINISH,
            check=needs_summary,
        )
    except ModelError:
        context.keep(toolbox.tree, f"{key.step}-unfinished")  # `checkout` can still save it
        raise
    summary = {name: str(answer.arguments.get(name) or "") for name in ("summary", "subject")}
    return answer.tree, summary


def needs_summary(arguments: Mapping[str, Any], _last_chance: bool) -> str:
    """Return what is wrong with the arguments of `finish`, or ""."""
    return "" if str(arguments.get("summary") or "").strip() else "`summary` is missing"


def _request(state: LoopState, context: RunContext) -> Finding:
    return read_findings(state, context.blobs)[state["modification"]]
