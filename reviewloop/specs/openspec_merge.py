"""Writes an OpenSpec change and merges it into its specs, requirement by requirement.

The order is always RENAMED, REMOVED, MODIFIED, ADDED. A requirement that differs from the one the
change was written for is a conflict and is never overwritten; every other byte stays unchanged.
"""

import re
from collections.abc import Iterator, Mapping

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.specs.dialect import (
    DESIGN_FORM,
    CheckedAs,
    Dialect,
    MergedSpec,
    Merging,
    TaskSyntax,
    Writing,
)
from reviewloop.specs.drift.wording import same_meaning
from reviewloop.specs.files import Files, decode
from reviewloop.specs.lines import Section, read_document, sections
from reviewloop.specs.openspec import (
    FOLDER,
    KIND,
    RENAMED,
    REQUIREMENT,
    find_archived,
    find_openspec,
    openspec_ref,
    read_openspec,
)

LIVING = "openspec/specs"
_REQUIREMENTS = regex(r"^requirements$", re.IGNORECASE)


@dataclass(frozen=True)
class _Block:
    """A requirement in a file: the bytes from its heading to the next one."""

    name: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class _Step:
    """One step of a delta; `name` is the requirement's name before it."""

    kind: str  # RENAMED, REMOVED, MODIFIED, ADDED
    name: str
    line: int
    text: str = ""  # of the requirement, its heading included
    new_name: str = ""


def merge_delta(
    path: str, living: bytes | None, base: bytes | None, delta_path: str, delta: bytes
) -> MergedSpec:
    """Return the spec at `path` with a delta merged; `base` is the spec that it was written for.

    A step that is done already is skipped, so merging twice equals merging once.
    """
    capability = path.removeprefix(f"{LIVING}/").removesuffix("/spec.md")
    merged = MergedSpec(path, living)
    before = _texts(base)
    steps = sorted(_steps(delta), key=lambda one: _ORDER.index(one.kind))
    for step in steps:
        if step.kind == "RENAMED" and _key(step.name) in before:
            before[_key(step.new_name)] = before[_key(step.name)]
    for step in steps:
        at = f"{delta_path}:{step.line}"
        problem = _apply(merged, step, before, capability)
        if problem:
            merged.conflicts.append(f"{at}: {step.kind} '{step.name}': {problem}")
    return merged


_ORDER = ("RENAMED", "REMOVED", "MODIFIED", "ADDED")


def _apply(merged: MergedSpec, step: _Step, before: Mapping[str, str], capability: str) -> str:
    """Apply one step; return why it fails, "" if it succeeds or is done already."""
    data = merged.data or b""
    there = _blocks(data)
    block = there.get(_key(step.name))
    was = before.get(_key(step.name))
    now = "" if block is None else decode(data[block.start : block.end])
    changed = was is not None and block is not None and not same_meaning(_body(was), _body(now))
    if step.kind == "RENAMED":
        taken = _key(step.new_name) in there
        if block is None:
            return "" if taken else f"{merged.path} has no such requirement"
        if taken:
            return f"{merged.path} has a requirement '{step.new_name}' already"
        head_end = data.find(b"\n", block.start)
        head = data[block.start : head_end if head_end >= 0 else block.end]
        end = block.start + len(head)
        new = head.replace(block.name.encode(), step.new_name.encode(), 1)
        merged.data = data[: block.start] + new + data[end:]
        merged.steps.append(f"renamed '{step.name}' to '{step.new_name}'")
    elif step.kind == "REMOVED":
        if block is None:
            return ""
        if changed:
            return f"{merged.path}:{block.line} changed since this change was written"
        merged.data = data[: block.start] + data[block.end :]
        merged.steps.append(f"removed '{step.name}'")
    elif block is not None and now.split() == step.text.split():
        return ""
    elif step.kind == "MODIFIED":
        if block is None:
            return f"{merged.path} has no such requirement"
        if changed:
            return f"{merged.path}:{block.line} changed since this change was written"
        kept = data[block.start : block.end]
        space = kept[len(kept.rstrip()) :]
        new = _encoded(step.text, data) + (space or b"\n")
        merged.data = data[: block.start] + new + data[block.end :]
        merged.steps.append(f"modified '{step.name}'")
    elif block is not None:
        return f"{merged.path}:{block.line} has it with other words"
    else:
        merged.data = _added(data, step.text, capability)
        merged.steps.append(f"added '{step.name}'")
    return ""


def _added(data: bytes, text: str, capability: str) -> bytes:
    """Return a spec with one more requirement at the end of its list."""
    if not data.strip():
        data = f"# {capability}\n\n## Requirements\n".encode()
    blocks = _blocks(data)
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    at = max((block.end for block in blocks.values()), default=-1)
    if at < 0:
        heads = [
            part for part in sections(read_document(data).lines) if _REQUIREMENTS.match(part.title)
        ]
        at = _end(data, heads[0]) if heads else len(data)
    above, below = data[:at].rstrip(), data[at:]
    new = newline * 2 + _encoded(text, data)
    return above + new + newline + (newline + below if below.strip() else b"")


def _encoded(text: str, data: bytes) -> bytes:
    """Encode text for a file, with the line ends of the file."""
    plain = text.replace("\r\n", "\n").strip("\n").encode("utf-8", "surrogateescape")
    return plain.replace(b"\n", b"\r\n") if b"\r\n" in data else plain


def _body(text: str) -> str:
    """Return a requirement without its heading, which may have been renamed."""
    return text.partition("\n")[2]


def _key(name: str) -> str:
    return " ".join(name.split())


def _texts(data: bytes | None) -> dict[str, str]:
    if data is None:
        return {}
    return {key: decode(data[one.start : one.end]) for key, one in _blocks(data).items()}


def _blocks(data: bytes) -> dict[str, _Block]:
    """Return the requirements of a spec by name; the first of two with the same name."""
    found: dict[str, _Block] = {}
    for part in sections(read_document(data).lines):
        if named := REQUIREMENT.match(part.title):
            head = part.lines[0]
            block = _Block(named["name"], head.number, head.offset, _end(data, part))
            found.setdefault(_key(named["name"]), block)
    return found


def _end(data: bytes, part: Section) -> int:
    """Return the end of a section in its file, line end included."""
    end = data.find(b"\n", part.lines[-1].offset)
    return end + 1 if end >= 0 else len(data)


def _steps(delta: bytes) -> Iterator[_Step]:
    for part in sections(read_document(delta).lines):
        kind = KIND.match(part.title)
        if kind is None:
            continue
        name = kind["kind"].upper()
        if name == "RENAMED":
            for one in RENAMED.finditer(part.text):
                line = part.lines[0].number + part.text.count("\n", 0, one.start())
                yield _Step(name, one["old"], line, new_name=one["new"])
            continue
        for inner in sections(part.lines):
            if head := REQUIREMENT.match(inner.title):
                yield _Step(name, head["name"], inner.lines[0].number, inner.text.strip("\n"))


def deltas_of(files: Files, change: str) -> dict[str, str]:
    """Return {path of a delta: path of its spec} of a change's folder."""
    if FOLDER not in change:
        return {}  # only the place of a change tells where its specs are
    root = f"{change}/specs/"
    project = change.removesuffix(change[change.index(FOLDER) :])
    return {
        path: f"{project}{LIVING}/{path.removeprefix(root)}"
        for path in files.paths(root.rstrip("/"))
        if path.endswith(".md")
    }


def _touched(delta: bytes) -> Iterator[tuple[str, int]]:
    """Yield the requirements that a delta changes, both names of a renamed one."""
    for step in _steps(delta):
        for name in filter(None, (step.name, step.new_name)):
            yield _key(name), step.line


_FORMS: Mapping[str, str] = {
    "requirements": """\
This project writes specs as OpenSpec does, so in the place of the headings that you know:
`# TITLE`, `## Why`, `## What Changes`, `## Decisions`, `## Assumptions`, `## Out of Scope`,
`## Impact`; then for each capability a line `# specs/CAPABILITY/spec.md` (a word in kebab-case) and
below it `## ADDED Requirements` (or MODIFIED, REMOVED), `### Requirement: Name`, a sentence with
SHALL, and for each case `#### Scenario: Name` with `- **WHEN** ...` and `- **THEN** ...`. What has
to hold as a whole, such as times and amounts, is a requirement with scenarios, too.
""",
    "high_level": f"Requirements are named by their names. {DESIGN_FORM}",
    "tasks": """\
This project writes tasks as OpenSpec does: `## 1. Group` and below it `- [ ] 1.1 Title`. There are
no lines `_Requirements:_`; the title or a line below it names the requirement by its name.
""",
}
_CHANGES = regex(r"(?:added|modified|removed|renamed) requirements$", re.IGNORECASE)
_DELTA = regex(r"specs/(?P<capability>[a-z0-9][a-z0-9-]*)/spec\.md$")


def _delta_files(files: Files, path: str) -> list[str]:
    found = files.paths(f"{path}/specs")
    return [one for one in found if _DELTA.match(one.removeprefix(f"{path}/"))]


def _split(name: str, text: str) -> dict[str, str]:
    """Return the texts of a proposal and its deltas by file name."""
    parts: dict[str, list[str]] = {}
    own = name.replace(".", "-").replace("_", "-")
    current = ""
    for line in read_document(text.encode("utf-8", "surrogateescape")).lines:
        delta = _DELTA.match(line.title.strip("`")) if line.level == 1 else None
        if delta:
            current = f"specs/{delta['capability']}/spec.md"
            parts.setdefault(current, [])
            continue
        if line.level == 2 and _CHANGES.match(line.title) and not current:
            current = f"specs/{own}/spec.md"
        parts.setdefault(current, []).append(line.text)
    return {one: "\n".join(lines).strip() + "\n" for one, lines in parts.items()}


OPENSPEC = Dialect(
    "openspec",
    find_openspec,
    read_openspec,
    "openspec/changes/<id>/tasks.md",
    at=lambda path, names: openspec_ref(path, names) if "proposal.md" in names else None,
    tasks=TaskSyntax(indented=True),
    checks=CheckedAs(is_change=True, names_requirements=False),
    writing=Writing(
        lambda files, name: f"{FOLDER}/{name}",
        ("proposal.md", "design.md", "design.md", "tasks.md"),
        set_up="openspec",
        forms=_FORMS,
        more=_delta_files,
        split=_split,
    ),
    merging=Merging(
        deltas_of,
        merge_delta,
        _touched,
        is_living=lambda path: f"{LIVING}/" in path and path.endswith(".md"),
        archived=find_archived,
    ),
)
