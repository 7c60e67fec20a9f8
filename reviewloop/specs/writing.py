"""Writes the phases of a spec in each dialect, and reads them back.

One phase at a time: other text in a file stays unchanged, hand edits included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import SpecRef
from reviewloop.specs.discover import find_specs, specs_named
from reviewloop.specs.files import Files
from reviewloop.specs.lines import read_document
from reviewloop.specs.own_headings import Part, own_parts, text_of_phase, with_phase_replaced

PHASES = ("requirements", "high_level", "low_level", "tasks")
TITLES: Mapping[str, str] = {
    "requirements": "Requirements",
    "high_level": "High-Level Design",
    "low_level": "Low-Level Design",
    "tasks": "Task Plan",
}
KIRO, SINGLE_FILE, SPEC_KIT, OPENSPEC = "kiro", "single-file", "spec-kit", "openspec"
FORMATS = (KIRO, SINGLE_FILE, SPEC_KIT, OPENSPEC)

_FILES: Mapping[str, tuple[str, str, str, str]] = {
    KIRO: ("requirements.md", "design.md", "design.md", "tasks.md"),
    SPEC_KIT: ("spec.md", "plan.md", "plan.md", "tasks.md"),
    OPENSPEC: ("proposal.md", "design.md", "design.md", "tasks.md"),
    SINGLE_FILE: ("", "", "", ""),
}
_LOW = TITLES["low_level"].casefold()
_CHANGES = re.compile(r"(?:added|modified|removed|renamed) requirements$", re.IGNORECASE)
_DELTA = re.compile(r"specs/(?P<capability>[a-z0-9][a-z0-9-]*)/spec\.md$")
_MARKS: Mapping[str, str] = {".specify/": SPEC_KIT, "openspec/": OPENSPEC, ".kiro/": KIRO}
"""Folders of tools; in a project without specs they decide the format."""


def usual_format(files: Files, project: str = "") -> str:
    """Return the format of most specs of a project, else that of the tool that is set up."""
    found = [ref.dialect.replace("cc-sdd", KIRO) for ref in find_specs(files, project)]
    ours = [one for one in found if one in FORMATS]
    if ours:
        return max(dict.fromkeys(ours), key=ours.count)
    prefix = f"{project}/" if project else ""
    for folder, form in _MARKS.items():
        if any(files.paths(f"{prefix}{folder}".rstrip("/"))):
            return form
    return KIRO


def existing_spec(files: Files, name: str, project: str = "") -> SpecRef | None:
    """Return the spec of a name, None without one.

    Raise `UsageError` if several have it.
    """
    found = specs_named(name, find_specs(files, project))
    if len(found) > 1:
        listed = ", ".join(f"{ref.path} ({ref.dialect})" for ref in found)
        raise UsageError(f"several specs have the name {name}: {listed}; rename one of them")
    return found[0] if found else None


def new_path(files: Files, name: str, form: str, project: str = "") -> str:
    """Return the path of a new spec.

    Raise `UsageError` for a name that is no plain word.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,60}", name):
        raise UsageError(
            f"{name!r} is no name for a spec; use lower-case letters, digits and hyphens, as in "
            "user-login"
        )
    if name == "archive":
        raise UsageError("archive is where old specs are kept; choose another name")
    prefix = f"{project}/" if project else ""
    if form == SPEC_KIT:
        folder = f"{prefix}specs"
        parts = [path.removeprefix(f"{folder}/").split("-")[0] for path in files.paths(folder)]
        numbers = [int(one) for one in parts if one.isdigit() and len(one) < 5]
        return f"{folder}/{max(numbers, default=0) + 1:03d}-{name}"
    return prefix + {
        KIRO: f".kiro/specs/{name}",
        OPENSPEC: f"openspec/changes/{name}",
        SINGLE_FILE: f"docs/{name}-spec.md",
    }.get(form, "")


def archive_path(files: Files, path: str) -> str:
    """Return the path that keeps an old spec when it is replaced: `archive/` beside it."""
    folder, _, name = path.rpartition("/")
    stem, dot, suffix = name.partition("-spec.md")
    for number in range(1, 1000):
        more = "" if number == 1 else f"-{number}"
        candidate = f"{folder}/archive/{stem}{more}{dot}{suffix}"
        if files.read(candidate) is None and not any(files.paths(candidate)):
            return candidate
    raise UsageError(f"{folder}/archive is full of {name}; move some of it away")


@dataclass(frozen=True)
class SpecFiles:
    """The files of one spec that hold its phases."""

    files: Files
    form: str
    path: str  # a folder, or the one file

    @property
    def ref(self) -> SpecRef:
        """The spec as its dialect reads it."""
        name = self.path.rpartition("/")[2].removesuffix("-spec.md")
        tasks = self.file_of("tasks")
        return SpecRef(name, self.form, self.path, tasks if self.files.read(tasks) else "")

    @property
    def documents(self) -> list[str]:
        """The existing files with the phases."""
        named = dict.fromkeys(map(self.file_of, PHASES))
        found = [path for path in named if self.files.read(path) is not None]
        return [*found, *self._deltas()]

    def file_of(self, phase: str) -> str:
        """Return the file of a phase."""
        name = _FILES[self.form][PHASES.index(phase)]
        if self.form == KIRO and phase == PHASES[0] and self._is_bugfix():
            name = "bugfix.md"
        return f"{self.path}/{name}" if name else self.path

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sections of a single file under headings of its own; none of any other spec."""
        return own_parts(self._read(self.path), TITLES) if self.form == SINGLE_FILE else ()

    def text_of(self, phase: str) -> str:
        """Return the text of a phase, "" if it is not written."""
        text = self._read(self.file_of(phase))
        if parts := self.parts:
            return text_of_phase(parts, phase)
        if self.form == SINGLE_FILE:
            return _raised(_inner(text, TITLES[phase]))
        if phase == "high_level":
            return _cut_low(text)[0]
        if phase == "low_level":
            return _cut_low(text)[1]
        if self.form == OPENSPEC and phase == "requirements" and text:
            inner = [
                f"# {path.removeprefix(f'{self.path}/')}\n\n{self._read(path)}"
                for path in self._deltas()
            ]
            return "\n\n".join(part.strip() for part in (text, *inner)) + "\n"
        return text

    def with_phase(self, phase: str, text: str) -> dict[str, str]:
        """Return the files that hold a phase, with this text as its content."""
        file = self.file_of(phase)
        there, text = self._read(file), text.strip() + "\n"
        if parts := self.parts:
            if not text_of_phase(parts, phase) and not text.startswith("## "):
                text = f"## {TITLES[phase]}\n\n{_lowered(text, TITLES[phase])}"
            return {file: with_phase_replaced(parts, phase, text, TITLES)}
        if self.form == SINGLE_FILE:
            head = there or f"# {self.path.rpartition('/')[2].removesuffix('-spec.md')}\n"
            return {file: _with_inner(head, TITLES[phase], _lowered(text, TITLES[phase]))}
        if phase == "high_level":
            low = _cut_low(there)[1]
            return {file: f"{text}\n{low}" if low else text}
        if phase == "low_level":
            high = _cut_low(there)[0].rstrip()
            if not _cut_low(text)[1]:
                text = f"## {TITLES[phase]}\n\n{text}"
            return {file: f"{high}\n\n{text}" if high else text}
        if self.form == OPENSPEC and phase == "requirements":
            return self._change(text)
        return {file: text}

    def _is_bugfix(self) -> bool:
        """Whether the requirements of a Kiro spec are in bugfix.md."""
        names = (f"{self.path}/requirements.md", f"{self.path}/bugfix.md")
        return [self.files.read(name) is not None for name in names] == [False, True]

    def _change(self, text: str) -> dict[str, str]:
        """Return an OpenSpec proposal and its deltas, which are separate files."""
        parts: dict[str, list[str]] = {}
        own = self.path.rpartition("/")[2].replace(".", "-").replace("_", "-")
        current = "proposal.md"
        for line in read_document(text.encode("utf-8", "surrogateescape")).lines:
            delta = _DELTA.match(line.title.strip("`")) if line.level == 1 else None
            if delta:
                current = f"specs/{delta['capability']}/spec.md"
                parts.setdefault(current, [])
                continue
            if line.level == 2 and _CHANGES.match(line.title) and current == "proposal.md":
                current = f"specs/{own}/spec.md"
            parts.setdefault(current, []).append(line.text)
        return {f"{self.path}/{name}": "\n".join(all_).strip() + "\n"
                for name, all_ in parts.items()}  # fmt: skip

    def _deltas(self) -> list[str]:
        if self.form != OPENSPEC:
            return []
        found = self.files.paths(f"{self.path}/specs")
        return [path for path in found if _DELTA.match(path.removeprefix(f"{self.path}/"))]

    def _read(self, path: str) -> str:
        return (self.files.read(path) or b"").decode("utf-8", "surrogateescape")


def _cut_low(text: str) -> tuple[str, str]:
    """Split a design document into its high-level and its low-level part."""
    for line in read_document(text.encode("utf-8", "surrogateescape")).lines:
        if line.level == 2 and line.title.casefold() == _LOW:
            lines = text.split("\n")
            at = line.number - 1
            return "\n".join(lines[:at]).rstrip() + "\n" if at else "", "\n".join(lines[at:])
    return text, ""


def _bounds(text: str, title: str) -> tuple[int, int] | None:
    """Return the lines of a phase in a single file, its heading included, from 0."""
    heads = [
        (line.number - 1, line.title)
        for line in read_document(text.encode("utf-8", "surrogateescape")).lines
        if line.level == 2 and line.title in TITLES.values()
    ]
    for position, (start, found) in enumerate(heads):
        if found == title:
            end = heads[position + 1][0] if position + 1 < len(heads) else len(text.split("\n"))
            return start, end
    return None


def _inner(text: str, title: str) -> str:
    """Return the text below the heading of a phase in a single file."""
    if bounds := _bounds(text, title):
        return "\n".join(text.split("\n")[bounds[0] + 1 : bounds[1]]).strip() + "\n"
    return ""


def _with_inner(text: str, title: str, inner: str) -> str:
    lines = text.rstrip("\n").split("\n")
    start, end = _bounds("\n".join(lines), title) or (len(lines), len(lines))
    before, after = "\n".join(lines[:start]).strip(), "\n".join(lines[end:]).strip()
    parts = (before, f"## {title}\n\n{inner.strip()}", after)
    return "\n\n".join(part for part in parts if part) + "\n"


def _raised(text: str) -> str:
    """Return the text below the heading of a phase as a document; the inverse of `_lowered`."""
    lines = read_document(text.encode("utf-8", "surrogateescape")).lines
    up = [line.text[1:] if line.level > 2 else line.text for line in lines]
    return "\n".join(up)


def _lowered(text: str, title: str) -> str:
    """Return a document for the place below `title`: without its own title, its headings one
    deeper.
    """
    lines = read_document(text.encode("utf-8", "surrogateescape")).lines
    levels = [line.level for line in lines if line.level and line.level > 1]
    down = "#" * max(0, 3 - min(levels, default=3))
    own = next((line for line in lines if line.text.strip()), None)
    kept = [
        f"{down}{line.text}" if line.level else line.text
        for line in lines
        if line.level != 1 and not (line is own and line.level and line.title == title)
    ]
    return "\n".join(kept)
