"""Finds the violations of the architecture that a change introduces."""

from collections import Counter
from collections.abc import Iterator

from reviewloop.analysis.contract import ChangeView, Hit
from reviewloop.architecture.checks import Project, file_hits, missing_layers
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture, parse_architecture
from reviewloop.architecture.style import INDENT, VARIABLE_CASE

_ON_LINES = frozenset((VARIABLE_CASE, INDENT))
"""Rules on lines that the change writes, without their surroundings."""


def find_new(view: ChangeView) -> Iterator[Hit]:
    """Yield violations in the files of a change that their base versions did not have."""
    given = view.options.architecture
    folder = view.options.architecture_folder
    text = view.read_new(ARCHITECTURE_FILE) if given is None else given
    if not text:
        return
    architecture = parse_architecture(text.encode("utf-8", "surrogateescape"))
    project = Project.of(
        architecture, [*view.list_new(), *view.changed_paths], view.read_new, folder
    )
    for file in view.files:
        known: Counter[tuple[str, str]] = Counter()
        if file.status not in {"A", "R"} and (before := view.read_base(file.path)) is not None:
            known = Counter(
                (hit.rule, hit.identity) for hit in file_hits(project, file.path, before)
            )
        for hit in file_hits(project, file.path, file.text):
            if hit.rule in _ON_LINES:
                if hit.span and file.touched(hit.span.line, hit.span.end_line):
                    yield hit
            elif known[hit.rule, hit.identity]:
                known[hit.rule, hit.identity] -= 1
            else:
                yield hit
    yield from _emptied(view, architecture, project)


def _emptied(view: ChangeView, architecture: Architecture, project: Project) -> Iterator[Hit]:
    """Yield each required layer whose last file the change deletes."""
    if architecture.required:
        gone = {project.layer_of(path) for path in view.changed_paths if not view.read_new(path)}
        there = Project.of(architecture, view.list_new(), view.read_new, project.folder)
        yield from (hit for hit in missing_layers(there) if hit.identity in gone)
