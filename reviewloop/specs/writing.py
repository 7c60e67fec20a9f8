"""Writes the phases of a spec in each dialect, and reads them back.

One phase at a time: other text in a file stays unchanged, hand edits included.
"""

import re
from collections.abc import Mapping, Sequence

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import SpecRef
from reviewloop.specs.dialect import Writing, dialect_named, dialects
from reviewloop.specs.discover import find_specs, specs_named
from reviewloop.specs.files import Files, in_folder
from reviewloop.specs.lines import read_document
from reviewloop.specs.own_headings import Part, own_parts, text_of_phase, with_phase_replaced

PHASES = ("requirements", "high_level", "low_level", "tasks")
TITLES: Mapping[str, str] = {
    "requirements": "Requirements",
    "high_level": "High-Level Design",
    "low_level": "Low-Level Design",
    "tasks": "Task Plan",
}
_LOW = TITLES["low_level"].casefold()


def formats() -> tuple[str, ...]:
    """Return the dialects that specs can be written in, the usual one first."""
    return tuple(one.name for one in dialects().values() if one.writing)


def format_of(ref: SpecRef) -> str:
    """Return the dialect that a spec is written in.

    Raises `UsageError` where its dialect is read and not written.
    """
    form = dialect_named(ref.dialect).written_as or ref.dialect
    if form not in formats():
        raise UsageError(
            f"{ref.path} is a spec of {ref.dialect}, which is read here and not written; write it "
            f"by hand, or begin one with --format {formats()[0]} and another name"
        )
    return form


def usual_format(files: Files, project: str = "") -> str:
    """Return the form that most specs of a project have, else that of the tool that is set up."""
    known = dialects()
    found = [known[ref.dialect].written_as or ref.dialect for ref in find_specs(files, project)]
    written = [one for one in found if known[one].writing]
    if written:
        return max(dict.fromkeys(written), key=written.count)
    inner = in_folder(files, project)
    usual, *others = formats()
    for form in others:
        writing = known[form].writing
        if writing and writing.set_up and any(inner.paths(writing.set_up)):
            return form
    return usual


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
    path = _writing(form).new(in_folder(files, project), name)
    return f"{project}/{path}" if project else path


def archive_path(files: Files, path: str, form: str) -> str:
    """Return where an old spec is kept when one is written anew: `archive/` beside it."""
    folder, _, name = path.rpartition("/")
    stem, suffix = name, _writing(form).suffix
    if suffix and name.endswith(suffix):
        stem = name.removesuffix(suffix)
    else:
        suffix = ""
    for number in range(1, 1000):
        more = "" if number == 1 else f"-{number}"
        candidate = f"{folder}/archive/{stem}{more}{suffix}"
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
    def is_one_file(self) -> bool:
        """Whether each phase is a section of the one file."""
        return not self._files[0]

    @property
    def ref(self) -> SpecRef:
        """The spec as its dialect reads it."""
        tasks = self.file_of("tasks")
        return SpecRef(self._name, self.form, self.path, tasks if self.files.read(tasks) else "")

    @property
    def documents(self) -> list[str]:
        """The existing files with the phases."""
        named = dict.fromkeys(map(self.file_of, PHASES))
        found = [path for path in named if self.files.read(path) is not None]
        return [*found, *self._more()]

    def file_of(self, phase: str) -> str:
        """Return the file of a phase."""
        name = self._files[PHASES.index(phase)]
        if name and phase == PHASES[0]:
            name = _writing(self.form).requirements_file(self.files, self.path) or name
        return f"{self.path}/{name}" if name else self.path

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sections of a single file under headings of its own; none of any other spec."""
        return own_parts(self._read(self.path), TITLES) if self.is_one_file else ()

    def text_of(self, phase: str) -> str:
        """Return the text of a phase, "" if it is not written."""
        text = self._read(self.file_of(phase))
        if parts := self.parts:
            return text_of_phase(parts, phase)
        if self.is_one_file:
            return _raised(_inner(text, TITLES[phase]))
        if phase == "high_level":
            return _cut_low(text)[0]
        if phase == "low_level":
            return _cut_low(text)[1]
        more = self._more() if phase == "requirements" and text else ()
        if more:
            inner = [
                f"# {path.removeprefix(f'{self.path}/')}\n\n{self._read(path)}" for path in more
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
        if self.is_one_file:
            head = there or f"# {self._name}\n"
            return {file: _with_inner(head, TITLES[phase], _lowered(text, TITLES[phase]))}
        if phase == "high_level":
            low = _cut_low(there)[1]
            return {file: f"{text}\n{low}" if low else text}
        if phase == "low_level":
            high = _cut_low(there)[0].rstrip()
            if not _cut_low(text)[1]:
                text = f"## {TITLES[phase]}\n\n{text}"
            return {file: f"{high}\n\n{text}" if high else text}
        if phase == "requirements":
            made = _writing(self.form).split(self._name, text)
            return {f"{self.path}/{name}" if name else file: one for name, one in made.items()}
        return {file: text}

    @property
    def _files(self) -> tuple[str, str, str, str]:
        return _writing(self.form).files

    @property
    def _name(self) -> str:
        return self.path.rpartition("/")[2].removesuffix(_writing(self.form).suffix)

    def _more(self) -> Sequence[str]:
        return _writing(self.form).more(self.files, self.path)

    def _read(self, path: str) -> str:
        return (self.files.read(path) or b"").decode("utf-8", "surrogateescape")


def _writing(form: str) -> Writing:
    """Return how a dialect is written; raises `UsageError` where it is not."""
    writing = dialect_named(form).writing
    if writing is None:
        raise UsageError(f"specs of {form} are read here and not written; write them by hand")
    return writing


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
