"""`skills capture`: a skill drafted from material, in the structure of the project's own skills."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.skills.stored import Draft, Material, SkillAnswer
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.domain.errors import UsageError
from reviewloop.llm.messages import ToolSpec
from reviewloop.loop.context import RunContext
from reviewloop.render.word_diff import word_diff
from reviewloop.skills import FILE, find_skills, skeleton
from reviewloop.skills.parts import compose_skill, draft_problem

_MODELS = 3  # skills of the project shown to the writer
_LONGEST = 12_000  # characters of one of them
ENDING = ToolSpec(
    name="write_skill",
    description="Hand in the whole skill. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["description", "body"],
        "properties": {
            "description": {
                "type": "string",
                "description": "one or two sentences: what it does, and when to use it",
            },
            "body": {
                "type": "string",
                "description": "Markdown without front matter: # Title, ## Input, ## Process with "
                "### phases of numbered steps, ## Output, ## Errors, ## Rules",
            },
        },
    },
)


def ask(context: RunContext, material: Material, draft: Draft) -> str:
    """Return the prompt of the writer: the material, example skills, and the request."""
    wrap = context.fence.wrap
    parts = [f"# The material\n\n{wrap('material', str(material['source']))}"]
    models: Sequence[str] = material["models"]
    shown = "\n".join(wrap("skill", text) for text in models)
    whose = "Skills of this project" if material["own"] else "The structure of a skill"
    parts.append(f"# {whose}: write as they are written\n\n{shown}")
    if draft:
        parts.append(f"# The draft so far\n\n{wrap('skill', str(draft['text']))}")
        wrapped = wrap("request", str(material["request"]))
        parts.append(f"# The user wants this changed, and nothing else\n\n{wrapped}")
    parts.append(f"Write the skill {material['name']}, then call `write_skill`.")
    return "\n\n".join(parts)


def problem(context: RunContext, material: Material, answer: Mapping[str, object]) -> str:
    """Return what is wrong with a draft, or ""."""
    return draft_problem(str(material["name"]), _text(material, answer))


def draft_of(context: RunContext, material: Material, answer: Mapping[str, Any]) -> Draft:
    """Return the draft that waits for a user."""
    return {"text": context.redactor.for_people(_text(material, answer))}


def diff(before: Draft, draft: Draft) -> str:
    """Return a draft as it is shown: whole, or as a diff."""
    return word_diff(before["text"], draft["text"]) if before else str(draft["text"])


def save(
    repository: Repository,
    material: Material,
    draft: Draft,
    answer: SkillAnswer,
) -> list[str]:
    """Write the skill to its file and return the path, alone in a list."""
    name, before = str(answer.get("name") or material["name"]), str(material["name"])
    text = str(draft["text"]).replace(f"\nname: {before}\n", f"\nname: {name}\n", 1)
    path = f"{material['folder']}/{name}/{FILE}"
    disk = Disk(repository.user.root)
    if disk.read(path).data != text.encode():  # else a kill came after an earlier write
        require_free(repository.user.root, path)
        disk.write(path, Content(Kind.FILE, text.encode()), f".{FILE}.new")
    return [path]


def require_free(root: Path, path: str) -> None:
    """Raise `UsageError` where a skill exists already, or cannot be written."""
    there = Disk(root).read(path)
    if there.kind is not Kind.ABSENT or there.blocker:
        name = path.split("/")[-2]
        raise UsageError(
            f"{path} is there already; `reviewloop skills improve {name}` changes it, or choose "
            "another name"
        )


def models_of(root: Path, home: Path) -> tuple[list[str], bool]:
    """Return example skills, and whether they are the project's newest or our skeleton."""
    own = [
        one
        for one in find_skills(root, home)
        if one.shown != "shipped" and not one.unread and not one.shown.startswith("~")
    ]
    newest = sorted(own, key=lambda one: (-one.path.stat().st_mtime, one.name))[:_MODELS]
    texts = [one.text[:_LONGEST] for one in newest]
    return (texts, True) if texts else ([skeleton("example", "Says what it does and when.")], False)


def _text(material: Material, answer: Mapping[str, object]) -> str:
    description, body = str(answer.get("description") or ""), str(answer.get("body") or "")
    return compose_skill(str(material["name"]), description, body)
