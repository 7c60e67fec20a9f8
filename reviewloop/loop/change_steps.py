"""The steps of a change of a spec: impact, delta, approval, commit."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from reviewloop.checkout.promote import promote, resume_promotion
from reviewloop.domain.errors import GuardRailError, UsageError
from reviewloop.domain.impact import Impact
from reviewloop.domain.spec_delta import QuotedEdit, SpecDelta
from reviewloop.domain.task import Spec, SpecRef
from reviewloop.faults import fault
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo, discover
from reviewloop.guards.branch import check_branch
from reviewloop.llm.messages import ToolSpec
from reviewloop.loop.context import RunContext
from reviewloop.loop.spec_steps import agent_of, ask_agent
from reviewloop.render.untrusted import commit_line
from reviewloop.render.word_diff import word_diff
from reviewloop.secrets import WITHHELD_PATTERNS
from reviewloop.specs.delta import QuoteError, documents_of, read_delta
from reviewloop.specs.discover import read_spec
from reviewloop.specs.files import Files, Overlay, TreeFiles, decode
from reviewloop.specs.impact import (
    find_impact,
    names_of_delta,
    reasons_to_ask,
    subjects,
    with_tasks,
)
from reviewloop.store.journal import CallKey
from reviewloop.store.locks import hold

DELTA = "delta"
"""The phase in which a user is shown the delta, and its step."""
IMPACT = "impact"
"""The phase in which a user is asked before a model is."""

_MOST_LISTED = 60  # files of an impact listed for an agent
_MOST_UNDECIDED = 12  # files listed in a reply to the agent
_SUBJECT = 72


class ChangeState(TypedDict, total=False):
    """The state of the graph; blobs are referenced by id."""

    impact: str  # blob: the files that mention the subjects of the sentence
    reasons: list[str]  # why a user is asked before a model is
    delta: str  # blob
    reach: str  # blob: the impact of the delta
    tries: int
    request: str  # the change that a user requests
    choice: str
    outcome: str  # "", committed, rejected
    base: str  # the commit with the base version of the spec
    commit: str


def ref_of(context: RunContext) -> SpecRef:
    """Return the spec to change."""
    return SpecRef(**context.record.options["ref"])


def look_around(context: RunContext) -> dict[str, Any]:
    """Find the files that mention the sentence's subjects, and reasons to ask the user first."""
    files = _at(context.private, context.record.base_commit)
    spec = read_spec(files, ref_of(context))
    sentence = context.brief.task
    names = subjects(sentence, spec)
    impact = find_impact(_shown(context), names, spec, _never(context), context.record.project)
    reasons = reasons_to_ask(sentence, impact, context.settings.governance.files)
    return {"impact": context.blobs.put_json(impact.plain()), "reasons": list(reasons)}


def shown_first(state: ChangeState, context: RunContext) -> dict[str, Any]:
    """Return what a user is shown before anything is paid."""
    return {
        "phase": IMPACT,
        "reasons": state["reasons"],
        "impact": context.blobs.get_json(state["impact"]),
        "notes": notes_of(context),
    }


def write_delta(state: ChangeState, context: RunContext) -> dict[str, Any]:
    """Have the agent propose edits of the spec, and find their impact."""
    base = discover(context.user.root, for_reading=True).head or context.record.base_commit
    files, ref = _at(context.private, base), ref_of(context)
    spec = read_spec(files, ref)
    documents = [
        f"## {path}\n\n{context.fence.wrap('spec', decode(files.read(path) or b''))}"
        for path in documents_of(spec)
    ]
    impact = Impact.from_plain(context.blobs.get_json(state["impact"]))
    shared = ["# The spec\n\n" + "\n\n".join(documents), _listed(impact, context)]
    number = state.get("tries", 0)
    own = [_before(state, context), "Propose the change of the spec: call `propose_delta`."]
    answer = ask_agent(
        context,
        agent_of(context, DELTA),
        CallKey("spec-change", DELTA, cycle=number, attempt=context.record.options.get("tries", 0)),
        shared,
        "\n\n".join(filter(None, own)),
        ENDING,
        lambda arguments, last: _problem(arguments, files, context, last=last),
    )
    delta, changed = read_delta(files, ref, _edits_in(answer))
    after = read_spec(Overlay(files, changed), ref)
    reach = _reach(delta, after, _stays_in(answer), context)
    return {
        "delta": context.blobs.put_json(delta.plain()),
        "reach": context.blobs.put_json(reach.plain()),
        "base": base,
        "tries": number + 1,
        "request": "",
    }


def shown_at_gate(state: ChangeState, context: RunContext) -> dict[str, Any]:
    """Return what a user is shown: the edits, what they change, and their impact."""
    delta = SpecDelta.from_plain(context.blobs.get_json(state["delta"]))
    files = _at(context.private, state["base"])
    _, changed = read_delta(files, ref_of(context), delta.edits)
    words = {
        path: word_diff(decode(files.read(path) or b""), decode(data))
        for path, data in changed.items()
    }
    return {
        "phase": DELTA,
        "delta": delta.plain(),
        "words": words,
        "impact": context.blobs.get_json(state["reach"]),
        "notes": notes_of(context),
    }


def apply_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a user's decision; `commit_delta` carries out an approval."""
    choice = str(answer["choice"])
    if choice == "modify":
        return {"choice": choice, "request": str(answer["text"])}
    return {"choice": choice, "outcome": "rejected" if choice == "reject" else ""}


def commit_delta(state: ChangeState, context: RunContext) -> dict[str, Any]:
    """Commit the edits of the delta to the user's branch; repeated, finish what was started."""
    intent = context.folder / "promotion.json"
    with hold(context.folder.parents[2] / "lock", f"the repository {context.record.repository}"):
        if intent.exists():
            promotion = resume_promotion(intent)
        else:
            user = discover(context.user.root)
            delta, changed = _on_head(state, context, user)
            head = user.head or ""
            identity = user.identity or ("reviewloop", "reviewloop@localhost")
            commit = context.private.commit(
                context.private.edit(context.private.tree_of(head), changed),
                [head],
                message_of(delta, context),
                identity,
                identity,
                sign=context.settings.commit.sign,
                date=f"{int(context.record.created_at)} +0000",
            )
            fault("change.commit")
            promotion = promote(
                user,
                context.private,
                commit,
                branch=context.record.branch,
                expected_head=head,
                intent=intent,
            )
    fault("change.committed")
    context.record.evidence = {"promotion": promotion.plain()}
    return {"outcome": "committed", "commit": promotion.commit}


def require_appliable(state: ChangeState, context: RunContext) -> None:
    """Raise where an approval of the delta cannot be carried out now."""
    if context.record.options["asks"] != DELTA:
        return
    user = discover(context.user.root)
    if user.branch != context.record.branch:
        raise UsageError(
            f"the change is for {context.record.branch}, and {user.branch or 'no branch'} is "
            f"checked out; `git switch {context.record.branch}`, then approve again"
        )
    if check_branch(context.record.branch, context.settings).status.stops:
        raise GuardRailError(f"the branch {context.record.branch} is protected")
    _, changed = _on_head(state, context, user)
    if dirty := [path for path in changed if path in user.dirty]:
        raise UsageError(
            f"{dirty[0]} has edits that are not committed, and the change is of the committed "
            "text; commit or stash them, then approve again"
        )


def message_of(delta: SpecDelta, context: RunContext) -> str:
    """Return the message of the delta's commit: the sentence, and the changes."""
    subject = commit_line(f"Spec {ref_of(context).name}: {context.brief.task}")
    if len(subject) > _SUBJECT:
        subject = f"{subject[: _SUBJECT - 1].rstrip()}…"
    lines = [
        f"- {one.words}: {one.title}" if one.title else f"- {one.words}" for one in delta.changes
    ]
    return "\n".join([subject, "", *map(commit_line, lines)]) + "\n"


def notes_of(context: RunContext) -> list[str]:
    """Return notes for the user about the base of a change."""
    return list(context.record.options.get("notes", ()))


def _on_head(
    state: ChangeState, context: RunContext, user: UserRepo
) -> tuple[SpecDelta, Mapping[str, bytes]]:
    """Return the delta and its files applied to the current commit of the user."""
    delta = SpecDelta.from_plain(context.blobs.get_json(state["delta"]))
    files = _at(context.private, user.head or "")
    try:
        return read_delta(files, ref_of(context), delta.edits)
    except QuoteError as error:
        raise UsageError(
            f"{delta.spec} is another one since the change was proposed: {error}; "
            f"`reviewloop change modify {context.record.run_id} -m TEXT` proposes it anew"
        ) from None


def _at(private: PrivateRepo, commit: str) -> Files:
    return TreeFiles(private.reader(private.tree_of(commit)))


def _shown(context: RunContext) -> Files:
    """Return the files as a model may read them."""
    return TreeFiles(context.private.reader(context.shown_tree(context.base_tree)))


def _never(context: RunContext) -> tuple[str, ...]:
    return (*context.settings.guard.secret_files, *WITHHELD_PATTERNS)


def _reach(delta: SpecDelta, after: Spec, stays: Mapping[str, str], context: RunContext) -> Impact:
    files = _shown(context)
    names = names_of_delta(delta, context.brief.task, after)
    found = find_impact(files, names, after, _never(context), context.record.project)
    return with_tasks(found, files, after, delta.tasks, stays)


def _problem(arguments: Mapping[str, Any], files: Files, context: RunContext, *, last: bool) -> str:
    """Return what is wrong with a delta; undecided files are reported only once."""
    try:
        edits, stays, ref = _edits_in(arguments), _stays_in(arguments), ref_of(context)
        delta, changed = read_delta(files, ref, edits)
    except (QuoteError, KeyError, TypeError) as error:
        return str(error)
    reach = _reach(delta, read_spec(Overlay(files, changed), ref), stays, context)
    undecided = [one for one in reach.files if one.is_open]
    if last or not undecided:
        return ""
    named = ", ".join(f"{one.path} ({one.reason})" for one in undecided[:_MOST_UNDECIDED])
    more = len(undecided) - _MOST_UNDECIDED
    return (
        f"no task names these and `stays` does not say why they stay: {named}"
        f"{f' and {more} more' if more > 0 else ''}; call `propose_delta` again with all edits"
    )


def _edits_in(arguments: Mapping[str, Any]) -> list[QuotedEdit]:
    rows: Sequence[Mapping[str, Any]] = arguments["edits"]
    if not rows:
        raise QuoteError("`edits` is empty")
    return [
        QuotedEdit(
            str(one["path"]),
            str(one["quote"]),
            str(one["text"]),
            bool(one.get("below")),
            str(one.get("why") or ""),
        )
        for one in rows
    ]


def _stays_in(arguments: Mapping[str, Any]) -> dict[str, str]:
    rows: Sequence[Mapping[str, Any]] = arguments.get("stays") or ()
    return {str(one["path"]): " ".join(str(one["reason"]).split()) for one in rows}


def _listed(impact: Impact, context: RunContext) -> str:
    if not impact.files and not impact.common_files:
        return "# Files that mention it\n\nNone: nothing in the project speaks about this yet."
    lines = [
        f"{one.path}:{one.line} ({one.kind}) {one.reason}" for one in impact.files[:_MOST_LISTED]
    ]
    if (more := len(impact.files) - _MOST_LISTED) > 0:
        lines.append(f"and {more} more")
    if impact.common_files:
        lines.append(f"{impact.common_files} more mention only {', '.join(impact.common)}")
    return f"# Files that mention it\n\n{context.fence.wrap('files', chr(10).join(lines))}"


def _before(state: ChangeState, context: RunContext) -> str:
    """Return the delta that a user wants changed, "" for the first one."""
    request = state.get("request", "")
    if not request or not state.get("delta"):
        return ""
    delta = SpecDelta.from_plain(context.blobs.get_json(state["delta"]))
    edits = "\n\n".join(
        f"{one.path}{' below' if one.below else ''}\n<<<\n{one.quote}\n>>>\n{one.text}"
        for one in delta.edits
    )
    return (
        f"# What you proposed before\n\n{context.fence.wrap('spec', edits)}\n"
        f"# A person wants this otherwise\n\n{context.fence.wrap('request', request)}\n"
        "All edits are proposed anew, of the spec as it is above."
    )


ENDING = ToolSpec(
    name="propose_delta",
    description="Hand in all edits of the spec. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["edits"],
        "properties": {
            "edits": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["path", "quote", "text"],
                    "properties": {
                        "path": {"type": "string", "description": "a document of the spec"},
                        "quote": {
                            "type": "string",
                            "description": "what stands there exactly once, to the letter",
                        },
                        "text": {"type": "string", "description": "what takes its place"},
                        "below": {
                            "type": "boolean",
                            "description": "the text goes below the quote's line instead",
                        },
                        "why": {"type": "string", "description": "in half a sentence"},
                    },
                },
            },
            "stays": {
                "type": "array",
                "description": "files of the list that no task names",
                "items": {
                    "type": "object",
                    "required": ["path", "reason"],
                    "properties": {
                        "path": {"type": "string"},
                        "reason": {"type": "string", "description": "why it stays as it is"},
                    },
                },
            },
        },
    },
)
