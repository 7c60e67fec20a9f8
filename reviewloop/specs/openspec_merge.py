"""Merges a change of OpenSpec into the specs it is of, requirement by requirement.

The order is always RENAMED, REMOVED, MODIFIED, ADDED. A requirement that is another one than when
the change was written is a conflict and is never overwritten; every other byte stays as it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reviewloop.domain.drift import Overlap
from reviewloop.specs.drift.wording import same_meaning
from reviewloop.specs.files import Files, decode
from reviewloop.specs.lines import Section, read_document, sections
from reviewloop.specs.openspec import FOLDER, KIND, RENAMED, REQUIREMENT

LIVING = "openspec/specs"
_REQUIREMENTS = re.compile(r"^requirements$", re.IGNORECASE)


@dataclass(frozen=True)
class _Block:
    """A requirement in a file: the bytes from its heading to the next one."""

    name: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class _Step:
    """One thing that a delta asks for; `name` is the requirement as it is called before."""

    kind: str  # RENAMED, REMOVED, MODIFIED, ADDED
    name: str
    line: int
    text: str = ""  # of the requirement, its heading included
    new_name: str = ""


@dataclass
class MergedSpec:
    """What a delta makes of the spec of one capability; `data` is None where nothing is left."""

    path: str
    data: bytes | None
    steps: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merge_delta(
    path: str, living: bytes | None, base: bytes | None, delta_path: str, delta: bytes
) -> MergedSpec:
    """Return the spec at `path` with a delta in it; `base` is the spec that the delta was of.

    What is there already is left alone, so that merging twice is merging once.
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
    """Do one step; return why it cannot be done, "" where it can or is done already."""
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
    """Return text as it goes into a file, with the line ends that the file has."""
    plain = text.replace("\r\n", "\n").strip("\n").encode("utf-8", "surrogateescape")
    return plain.replace(b"\n", b"\r\n") if b"\r\n" in data else plain


def _body(text: str) -> str:
    """Return a requirement without its heading, which may be another one by now."""
    return text.partition("\n")[2]


def _key(name: str) -> str:
    return " ".join(name.split())


def _texts(data: bytes | None) -> dict[str, str]:
    if data is None:
        return {}
    return {key: decode(data[one.start : one.end]) for key, one in _blocks(data).items()}


def _blocks(data: bytes) -> dict[str, _Block]:
    """Return the requirements of a spec by name; of two with one name the first counts."""
    found: dict[str, _Block] = {}
    for part in sections(read_document(data).lines):
        if named := REQUIREMENT.match(part.title):
            head = part.lines[0]
            block = _Block(named["name"], head.number, head.offset, _end(data, part))
            found.setdefault(_key(named["name"]), block)
    return found


def _end(data: bytes, part: Section) -> int:
    """Return where a section ends in its file, line end included."""
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
    """Return {path of a delta: path of the spec that it is of} of a change's folder."""
    root = f"{change}/specs/"
    project = change.removesuffix(change[change.index(FOLDER) :])
    return {
        path: f"{project}{LIVING}/{path.removeprefix(root)}"
        for path in files.paths(root.rstrip("/"))
        if path.endswith(".md")
    }


def overlaps(files: Files, changes: Sequence[str]) -> list[Overlap]:
    """Return the requirements that two or more open changes are about, each with its locations."""
    touched: dict[tuple[str, str], dict[str, str]] = {}
    for change in changes:
        for path, living in deltas_of(files, change).items():
            for step in _steps(files.read(path) or b""):
                for name in filter(None, (step.name, step.new_name)):
                    about = touched.setdefault((living, _key(name)), {})
                    about.setdefault(change, f"{path}:{step.line}")
    return [
        Overlap(living, name, tuple(sorted(locations.values())))
        for (living, name), locations in sorted(touched.items())
        if len(locations) > 1
    ]
