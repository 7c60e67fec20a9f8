"""Classifies a change by its content; one file per kind of change."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from reviewloop.git.patches import Hunk
from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.change_types import (
    ci_pipeline,
    contracts,
    database_schema,
    dependencies,
    environment_variables,
    public_interface,
    security_config,
)
from reviewloop.guards.change_types.changed import ChangedFile, Evidence

Finder = Callable[[Sequence[ChangedFile]], Iterator[Evidence]]

KINDS: Mapping[str, Finder] = {
    "database_schema": database_schema.find,
    "security_config": security_config.find,
    "ci_pipeline": ci_pipeline.find,
    "environment_variables": environment_variables.find,
    "dependencies": dependencies.find,
    "public_interface": public_interface.find,
}
"""Every kind by its name in the settings."""

_LARGEST = 500_000  # most bytes of a file to read
_LARGEST_READ = 10_000_000  # ... of a lock file or a contract, which have parsers of their own
_ASIDE = ("docs", "doc", "examples", "example", "vendor", "node_modules", "fixtures", "testdata")
_LISTED = 3  # most lines in a reason


def change_kinds(change: GuardInput, kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each of these kinds that matches the change, with the lines of evidence."""
    files = list(changed_files(change)) if kinds else []
    for kind in kinds:
        found = [str(one) for one in KINDS[kind](files)]
        if found:
            more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            yield kind, f"{'; '.join(found[:_LISTED])}{more}"


def changed_files(change: GuardInput) -> Iterator[ChangedFile]:
    """Yield the changed text files of the product, without tests, examples and prose."""
    for file in change.change.files:
        if file.binary or file.submodule or is_test_file(file.path) or _is_aside(file.path):
            continue
        before = b"" if file.status == "A" else change.read_base(file.old_path) or b""
        after = b"" if file.status == "D" else change.read_new(file.path) or b""
        added, removed = _lines(file.hunks)
        most = _LARGEST_READ if _is_read(file.path) else _LARGEST
        if max(len(before), len(after)) > most:  # its lines are enough
            before, after = b"", b""
        old, new = (text.decode("utf-8", "replace") for text in (before, after))
        yield ChangedFile(file.path, old, new, added, removed)


def _is_read(path: str) -> bool:
    return path.rpartition("/")[2] in dependencies.LOCKS or bool(contracts.FILES.search(path))


def _is_aside(path: str) -> bool:
    folders = path.lower().split("/")[:-1]
    return bool(set(folders) & set(_ASIDE)) or path.endswith((".md", ".rst", ".txt.license"))


def _lines(hunks: Sequence[Hunk]) -> tuple[dict[int, str], dict[int, str]]:
    added: dict[int, str] = {}
    removed: dict[int, str] = {}
    for hunk in hunks:
        old, new = hunk.old_start, hunk.new_start
        for line in hunk.lines:
            if line.sign == "+":
                added[new] = line.text
            elif line.sign == "-":
                removed[old] = line.text
            old += line.sign in " -"
            new += line.sign in " +"
    return added, removed
