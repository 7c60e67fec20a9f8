"""`skills improve`: edits of skills after what went wrong, with evidence; gates come first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.skills.stored import (
    Draft,
    Material,
    ProposedEdit,
    ProposedGuard,
    SkillAnswer,
    SkillSource,
)
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.domain.errors import UsageError
from reviewloop.hooks.hook import CAN_BLOCK
from reviewloop.llm.messages import ToolSpec
from reviewloop.loop.context import RunContext
from reviewloop.settings.keys import all_fields
from reviewloop.skills import FILE, find_skills, problems_of, read_skill
from reviewloop.skills.edits import (
    GAPS,
    MOST_CHANGED,
    Edit,
    Gap,
    apply_edits,
    edit_problem,
    share_changed,
)

_GUARDS = ("gate", "hook", "setting")
ENDING = ToolSpec(
    name="propose_edits",
    description="Hand in guards and edits. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["guards", "edits"],
        "properties": {
            "guards": {
                "type": "array",
                "description": "what makes a mistake impossible, before any words",
                "items": {
                    "type": "object",
                    "required": ["kind", "key", "value", "evidence", "reason"],
                    "properties": {
                        "kind": {"enum": [*_GUARDS]},
                        "key": {
                            "type": "string",
                            "description": "a setting such as gates.lint.command, or the event of "
                            "a hook",
                        },
                        "value": {"type": "string", "description": "the value or the command"},
                        "evidence": {"type": "string"},
                        "reason": {"type": "string"},
                    },
                },
            },
            "no_guard": {"type": "string", "description": "why none fits, if `guards` is empty"},
            "edits": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["skill", "quote", "replacement", "gap", "evidence", "reason"],
                    "properties": {
                        "skill": {"type": "string"},
                        "quote": {"type": "string", "description": "exactly, and unique"},
                        "replacement": {"type": "string"},
                        "gap": {"enum": [str(gap) for gap in Gap]},
                        "evidence": {"type": "string", "description": "the id: E1"},
                        "reason": {"type": "string"},
                    },
                },
            },
        },
    },
)


def skills_to_improve(root: Path, home: Path, names: Sequence[str]) -> dict[str, SkillSource]:
    """Return name -> path and text of the named skills of the project, or of all.

    Raises `UsageError` for an unknown name, and for skills that are not the project's.
    """
    here = {
        one.name: one
        for one in find_skills(root, home)
        if one.path.is_relative_to(root) and not one.hidden_by
    }
    own = {name: one for name, one in here.items() if not one.unread}
    for name in names:
        if name in here and name not in own:
            raise UsageError(f"{here[name].shown} cannot be improved: {here[name].unread}")
        if name not in own:
            raise UsageError(
                f"this project has no skill {name!r} of its own; `reviewloop skills list` shows "
                f"all, `skills install {name}` brings one of ours"
            )
    return {
        name: {"path": str(one.path.relative_to(root)), "text": one.text}
        for name, one in sorted(own.items())
        if not names or name in names
    }


def ask(context: RunContext, material: Material, draft: Draft) -> str:
    """Return the prompt of the writer."""
    wrap = context.fence.wrap
    lines = "\n".join(material["evidence"])
    parts = [f"# What happened\n\n{wrap('evidence', lines)}"]
    for name, one in material["skills"].items():
        parts.append(f"# The skill {name}\n\n{wrap('skill', one['text'])}")
    gaps = "\n".join(f"- {gap}: {words}" for gap, words in GAPS.items())
    keys = ", ".join(key for key in all_fields() if key.startswith(("gates.", "review.", "tools.")))
    events = ", ".join(CAN_BLOCK)
    parts.append(f"# Gaps\n\n{gaps}")
    parts.append(f"# Guards that exist\n\nSettings and gates: {keys}\n\nEvents of hooks: {events}")
    if draft:
        parts.append(f"# What you proposed\n\n{wrap('edits', shown(draft))}")
        wrapped = wrap("request", str(material["request"]))
        parts.append(f"# The user wants this changed\n\n{wrapped}")
    parts.append(
        "Find the gaps that the evidence shows, guards first, then as few edits as can be. Call "
        "`propose_edits`; without a gap that the evidence shows, with an empty list."
    )
    return "\n\n".join(parts)


def problem(context: RunContext, material: Material, answer: Mapping[str, object]) -> str:
    """Return what is wrong with an answer, or ""."""
    known = {line.partition(" ")[0] for line in material["evidence"]}
    guards, edits = answer.get("guards"), answer.get("edits")
    if not isinstance(guards, list) or not isinstance(edits, list):
        return "`guards` and `edits` are lists"
    if edits and not guards and not str(answer.get("no_guard") or "").strip():
        return "say in `no_guard` why no gate, hook or setting fits"
    for one in (*guards, *edits):
        if not isinstance(one, Mapping) or one.get("evidence") not in known:
            return f"each names its evidence by id; there are {', '.join(sorted(known))}"
    for one in guards:
        if found := _guard_problem(one):
            return found
    texts = {name: str(one["text"]) for name, one in material["skills"].items()}
    for one in edits:
        if one.get("skill") not in texts:
            return f"{one.get('skill')!r} is none of the skills; there are {', '.join(texts)}"
        if one.get("gap") not in {str(gap) for gap in Gap}:
            return f"`gap` is one of {', '.join(Gap)}"
        edit = _edit(one)
        if found := edit_problem(texts[edit.skill], edit):
            return found
        texts[edit.skill] = apply_edits(texts[edit.skill], [edit])
    return ""


def _guard_problem(one: Mapping[str, Any]) -> str:
    kind, key = one.get("kind"), str(one.get("key") or "")
    if kind not in _GUARDS:
        return f"a guard is one of {', '.join(_GUARDS)}"
    if kind == "hook" and key not in CAN_BLOCK:
        return f"{key!r} is no event at which a hook can block; there are {', '.join(CAN_BLOCK)}"
    if kind == "gate" and not key.startswith("gates."):
        return f"{key!r} is no gate; settings of gates begin with gates."
    if kind != "hook" and key not in all_fields():
        return f"{key!r} is no setting"
    return ""


def _edit(one: Mapping[str, Any]) -> Edit:
    texts = {name: str(one.get(name) or "") for name in ("quote", "replacement", "reason")}
    return Edit(skill=one["skill"], gap=Gap(one["gap"]), evidence=one["evidence"], **texts)


def draft_of(context: RunContext, material: Material, answer: Mapping[str, Any]) -> Draft:
    """Return the edits that wait for a user; edits that change too much of a file are refused."""
    show = context.redactor.for_people
    edits = [_edit(one) for one in answer["edits"]]
    redacted = [
        Edit(e.skill, e.quote, show(e.replacement), e.gap, e.evidence, show(e.reason))
        for e in edits
    ]
    return draft_from(material, redacted, answer["guards"], show(str(answer.get("no_guard") or "")))


def draft_from(
    material: Material,
    edits: Sequence[Edit],
    guards: Sequence[Mapping[str, Any]] = (),
    no_guard: str = "",
) -> Draft:
    """Return edits with the resulting texts, and the refused skills with reasons."""
    texts, refused = {}, {}
    for name, one in material["skills"].items():
        own = [edit for edit in edits if edit.skill == name]
        if not own:
            continue
        text = apply_edits(one["text"], own)
        share = share_changed(one["text"], text)
        wrong = [*problems_of(read_skill(text), name)]
        if share > MOST_CHANGED:
            refused[name] = (
                f"the edits change {share:.0%} of its lines, at most {MOST_CHANGED:.0%} may be; "
                "improve it in smaller steps, or write it anew with `skills capture`"
            )
        elif wrong and not [*problems_of(read_skill(one["text"]), name)]:
            refused[name] = f"it would not be valid any more: {wrong[0].text}"
        else:
            texts[name] = text
    lines = {line.partition(" ")[0]: line for line in material["evidence"]}
    return {
        "guards": [_guard(one, lines) for one in guards],
        "no_guard": no_guard,
        "edits": [
            ProposedEdit(
                skill=edit.skill,
                quote=edit.quote,
                replacement=edit.replacement,
                gap=str(edit.gap),
                evidence=lines.get(edit.evidence, ""),
                reason=edit.reason,
            )
            for edit in edits
        ],
        "texts": texts,
        "refused": refused,
    }


def _guard(one: Mapping[str, object], lines: Mapping[str, str]) -> ProposedGuard:
    return {
        "kind": str(one["kind"]),
        "key": str(one.get("key") or ""),
        "value": str(one.get("value") or ""),
        "evidence": lines[str(one["evidence"])],
        "reason": str(one.get("reason") or ""),
    }


def shown(draft: Draft) -> str:
    """Return a proposal as it is shown: gates, then edits by skill, then refused ones."""
    parts = []
    for guard in draft["guards"]:
        sets = f"{guard['kind']}: {guard['key']} = {guard['value']}"
        parts.append(f"{sets}\n  {guard['reason']}\n  {guard['evidence']}")
    if draft["no_guard"]:
        parts.append(f"no gate, hook or setting fits: {draft['no_guard']}")
    for name in dict.fromkeys(one["skill"] for one in draft["edits"]):
        parts.append(f"== {name} ==")
        if name in draft["refused"]:
            parts.append(f"refused: {draft['refused'][name]}")
            continue
        for one in draft["edits"]:
            if one["skill"] == name:
                old = "\n".join(f"- {line}" for line in one["quote"].split("\n"))
                new = "\n".join(f"+ {line}" for line in one["replacement"].split("\n"))
                why = f"  {GAPS[Gap(one['gap'])]}: {one['reason']}\n  {one['evidence']}"
                parts.append(f"{old}\n{new}\n{why}")
    return "\n".join(parts)


def save(
    repository: Repository,
    material: Material,
    draft: Draft,
    answer: SkillAnswer,
) -> list[str]:
    """Write the edited skills, all or those chosen; return a line for each edit."""
    root = repository.user.root
    chosen = answer.get("only") or [*draft["texts"]]
    for name in chosen:
        if name not in draft["texts"]:
            raise UsageError(f"no edit of {name!r} waits; there are {', '.join(draft['texts'])}")
        one = material["skills"][name]
        there = Disk(root).read(one["path"])
        now = there.data.decode("utf-8", "replace") if there.kind is Kind.FILE else ""
        # The file holds the new text already where a kill came after an earlier write.
        if now not in (one["text"], draft["texts"][name]):
            raise UsageError(
                f"{one['path']} was changed since; `reviewloop skills reject` and improve it anew"
            )
    for name in chosen:
        content = Content(Kind.FILE, draft["texts"][name].encode())
        Disk(root).write(material["skills"][name]["path"], content, f".{FILE}.new")
    rows = [one for one in draft["edits"] if one["skill"] in chosen]
    return [f"{one['skill']}: {GAPS[Gap(one['gap'])]}, {one['reason']}" for one in rows]
