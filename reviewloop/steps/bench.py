"""What agents work with: their tools on a tree, and what they may write."""

import re
from collections.abc import Callable, Iterable
from functools import partial

from reviewloop.agents import READ_ONLY, AgentDefinition
from reviewloop.context import RunContext
from reviewloop.models.messages import Message, text_block
from reviewloop.reviewing.anchoring import ChangedLines
from reviewloop.reviewing.withheld import withheld_by_name
from reviewloop.specs.frontmatter import read_front_matter
from reviewloop.steps.judging import judge_by_name, offered_gates
from reviewloop.steps.shell import shell_of
from reviewloop.store.journal import CallKey
from reviewloop.tools.answers import shown_name
from reviewloop.tools.policy import WritePolicy, protected_files_named_in
from reviewloop.tools.toolbox import Toolbox
from reviewloop.workspace.diff import Change

_OWN_FOLDER = re.compile(r"(?:^|(?<=/))\.(?:kiro|reviewloop)/agents/")


def reading_toolbox(context: RunContext, tree: str, allowed: Iterable[str] = READ_ONLY) -> Toolbox:
    """Return the tools of a reviewer: they read git objects, and nothing can be written."""
    return Toolbox(
        context.private,
        tree,
        allowed=allowed,
        mask=context.masking.for_models,
        shown=context.shown_tree,
        fence=context.fence.wrap,
    )


def writing_toolbox(
    context: RunContext,
    tree: str,
    key: CallKey,
    agent: AgentDefinition,
    named: frozenset[str] = frozenset(),
    refuse: Callable[[str], str] | None = None,
) -> Toolbox:
    """Return the tools of an agent that changes code, as far as its file grants them.

    `named` are protected files a person asked for beyond those that the task names; `refuse`
    says why a path is not this agent's to change (see `WritePolicy`).
    """
    guard, brief = context.settings.guard, context.brief
    policy = WritePolicy(
        secret_files=guard.secret_files,
        secret_files_allowed=guard.secret_files_allowed,
        off_limits=tuple(path for path in (brief.tasks_path,) if path),
        named=protected_files_named_in(brief.task) | named,
        refuse=partial(_refusal, context, tree, refuse),
    )
    return Toolbox(
        context.private,
        tree,
        allowed=agent.tools,
        run_gate=partial(judge_by_name, context, key),
        gates=offered_gates(context),
        shell=shell_of(context, key),
        policy=policy,
        mask=context.masking.for_models,
        restore=context.masking.restored,
        shown=context.shown_tree,
        fence=context.fence.wrap,
    )


def _refusal(context: RunContext, tree: str, refuse: Callable[[str], str] | None, path: str) -> str:
    """Return why this agent may not write a file, or an empty string."""
    spec = context.brief.spec_path
    named = path in context.brief.task
    if spec and path.startswith(f"{spec}/") and path.endswith(".md") and not named:
        return f"{shown_name(path)} is part of the spec that this task comes from; leave it"
    if withheld_by_name(path) or path in context.withheld(tree):
        return f"{shown_name(path)} is withheld from agents, so it cannot be written; leave it"
    return refuse(path) if refuse else ""


def changed_lines(change: Change) -> ChangedLines:
    """Return which lines a change touched, for anchoring."""
    return ChangedLines({file.path: file.added_ranges for file in change.files})


def resources_of(agent: AgentDefinition, context: RunContext) -> str:
    """Return what an agent's definition lists, read from the base commit, with the files' names.

    Patterns count from the folder that holds the agent's own. Of a skill that says by its front
    matter when it fits, that is given; the agent reads the rest when it does.
    """
    reader = context.private.reader(context.shown_tree(context.base_tree))
    above = _OWN_FOLDER.split(agent.origin, maxsplit=1)
    start = above[0] if len(above) == 2 and not above[0].startswith(("~", "/")) else ""
    found: dict[str, str] = {}
    for resource in agent.resources:
        scheme, _, pattern = resource.rpartition("://")
        for path in reader.glob(start + pattern.removeprefix("./")):
            text = context.shown_text(context.base_tree, path)
            if text is None or path in found:
                continue
            found[path] = _skill(text) if scheme == "skill" else text
    return "\n\n".join(f"## {path}\n\n{text}" for path, text in found.items())


def with_resources(message: Message, agent: AgentDefinition, context: RunContext) -> Message:
    """Return the message to an agent that changes code, with its resources above it."""
    resources = resources_of(agent, context)
    if not resources:
        return message
    text = f"# Your resources\n\n{context.fence.wrap('resources', resources)}"
    return {**message, "content": [text_block(text), *message["content"]]}


def _skill(text: str) -> str:
    """Return the front matter of a skill, all of one that has none."""
    body = read_front_matter(text).body
    head = text.replace("\r\n", "\n").removesuffix(body).strip()
    return f"{head}\n\nRead this file with fs_read when it fits." if head else text
