"""The manifests of a change with what is new in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from reviewloop.analysis.contract import ChangeView, SourceFile
from reviewloop.rules.dependencies.formats import Format, format_of, lock_of
from reviewloop.rules.dependencies.manifest import Ecosystem, Entry, Index, Manifest, Script


@dataclass(frozen=True)
class ChangedManifest:
    """One manifest of the change beside its base version."""

    file: SourceFile
    format: Format
    new: Manifest
    base: Manifest
    lock: str  # path of the lock file that pins it, "" when none does
    lock_changed: bool  # or it may have: a part of the change does not tell
    old_names: frozenset[tuple[Ecosystem, str]] = field(default=frozenset())

    def entries(self) -> Iterator[Entry]:
        """Yield the dependencies that the change adds or changes, not those it moves about."""
        before = {_content(entry) for entry in self.base.entries}
        for entry in self.new.entries:
            if self.file.touched(entry.line, entry.end_line) and _content(entry) not in before:
                yield entry

    def indexes(self) -> Iterator[Index]:
        """Yield the package indexes that the change adds."""
        before = {(index.address, index.extra) for index in self.base.indexes}
        for index in self.new.indexes:
            known = (index.address, index.extra) in before
            if self.file.touched(index.line, index.line) and not known:
                yield index

    def scripts(self) -> Iterator[Script]:
        """Yield the install scripts that the change adds or changes."""
        before = {(script.name, script.command) for script in self.base.scripts}
        for script in self.new.scripts:
            known = (script.name, script.command) in before
            if self.file.touched(script.line, script.line) and not known:
                yield script

    def is_new(self, entry: Entry) -> bool:
        """Whether the base version did not ask for the package at all."""
        return (entry.ecosystem, entry.name) not in self.old_names


def _content(entry: Entry) -> tuple[object, ...]:
    return (entry.name, entry.requirement, entry.origin, entry.address, entry.revision)


def changed_manifests(view: ChangeView) -> Iterator[ChangedManifest]:
    """Yield the manifests among the files under review."""
    found = [(file, known) for file in view.files if (known := format_of(file.path))]
    if not found:
        return
    paths, changed = frozenset(view.list_new()), frozenset(view.changed_paths)
    for file, known in found:
        base = known.read(view.read_base(file.path) or "")
        lock = lock_of(file.path, known, paths, view.read_new) if known.locks else ""
        names = frozenset((entry.ecosystem, entry.name) for entry in base.entries)
        yield ChangedManifest(
            file, known, known.read(file.text), base, lock, view.partial or lock in changed, names
        )
