"""Hooks that ask an agent: a prompt of the repository, with tools only where its edits count."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelAccessError, ModelError
from reviewloop.hooks.hook import EDITS_COUNT, Hook
from reviewloop.llm.messages import ToolSpec, text_block, user_message
from reviewloop.llm.retry import ModelUnavailableError
from reviewloop.loop.agent_tools import reading_toolbox, with_resources, writing_toolbox
from reviewloop.loop.context import RunContext
from reviewloop.loop.review_material import fit_diff
from reviewloop.review.prompts import HOUSE_RULES
from reviewloop.specs.files import TreeFiles
from reviewloop.specs.repomap import draw_map, focus_on
from reviewloop.specs.words import named_paths
from reviewloop.store.journal import CallKey

STEP = "hook"
_BLOCKED = 2  # the exit code that blocks, as in Kiro's formats
_MAP_TOKENS = 4_000
_WORKSPACE = "@workspace"

FINISH_HOOK = ToolSpec(
    name="finish_hook",
    description="Say what you did or found. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["summary", "blocks"],
        "properties": {
            "summary": {"type": "string", "description": "what you did or found, 1-5 sentences"},
            "blocks": {
                "type": "boolean",
                "description": "whether the change must not go on as it is, by what you were asked",
            },
        },
    },
)


@dataclass(frozen=True)
class AgentEnd:
    """The end of a hook's agent; `exit_code` is None where it gave no answer."""

    exit_code: int | None
    output: str
    tree: str


def ask_agent(context: RunContext, hook: Hook, prompt: str, key: CallKey, tree: str) -> AgentEnd:
    """Have the implementer follow a hook's prompt; its edits count only where hooks' edits do."""
    agent = context.team.implementer
    key = replace(conversation_of(hook.name, str(hook.event), key), agent=agent.name)
    writes = hook.event in EDITS_COUNT and not hook.queued and hook.scope != "nothing"
    toolbox = (
        writing_toolbox(context, tree, key, agent) if writes else reading_toolbox(context, tree)
    )
    change = context.shown_change(context.base_tree, tree)
    text = f"# A hook of this repository asks you\n\n{prompt}\n\n# The change so far\n\n"
    text += context.fence.wrap("diff", fit_diff(change, context))
    if _WORKSPACE in prompt:
        text += "\n# @workspace\n\n" + context.fence.wrap("map", _map(context, tree, prompt))
    text += "\nDo what the hook asks and no more, then call `finish_hook`."
    try:
        answer = context.talk(
            agent,
            key,
            toolbox,
            system=f"{HOUSE_RULES}\n\n{agent.prompt}",
            opening=[with_resources(user_message(text_block(text)), agent, context)],
            ending=FINISH_HOOK,
            check=_needs_both,
            seconds=hook.timeout,
        )
    except (ModelAccessError, ModelUnavailableError):
        raise  # asking again later can help, so the run pauses here
    except ModelError as error:
        return AgentEnd(None, str(error), tree)
    summary = str(answer.arguments["summary"]).strip()
    return AgentEnd(_BLOCKED if answer.arguments["blocks"] else 0, summary, answer.tree)


def conversation_of(name: str, event: str, key: CallKey) -> CallKey:
    """Return the key of a hook's conversation, without its agent."""
    about = f"{name} {event} {key.finding}".strip()
    return CallKey("", STEP, about, key.cycle, key.round, key.attempt * 10 + key.turn)


def _needs_both(arguments: Mapping[str, Any], _last_chance: bool) -> str:
    if not str(arguments.get("summary") or "").strip():
        return "`summary` is missing"
    return "" if isinstance(arguments.get("blocks"), bool) else "`blocks` has to be true or false"


def _map(context: RunContext, tree: str, prompt: str) -> str:
    reader = context.private.reader(context.shown_tree(tree))
    entries = [(entry.path, entry.size) for entry in reader.entries()]
    focus = focus_on(named_paths(prompt), {}, [path for path, _ in entries])
    return draw_map(entries, TreeFiles(reader), focus, _MAP_TOKENS).text
