"""Finds violations of an architecture: imports, locations of files, missing layers."""

from collections.abc import Iterable, Iterator

from reviewloop.analysis.contract import Hit, Span
from reviewloop.analysis.languages import language_of
from reviewloop.architecture.imports import (
    FAMILY,
    Import,
    Modules,
    Read,
    is_examined,
    is_generated,
    read_imports,
)
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture
from reviewloop.architecture.style import style_hits
from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import fits

LAYER = "arch/layer"
SLICE = "arch/slice"
FORBIDDEN = "arch/forbidden-import"
LOCATION = "arch/file-location"
REQUIRED = "arch/required-layer"


@dataclass(frozen=True)
class Project:
    """A tree with its architecture; the rules' paths are relative to `folder`, the project's."""

    architecture: Architecture
    modules: Modules
    folder: str = ""

    @classmethod
    def of(
        cls, architecture: Architecture, paths: Iterable[str], read: Read, folder: str = ""
    ) -> "Project":
        """Return the project of a tree."""
        return cls(architecture, Modules.of(paths, read), folder)

    def inner(self, path: str) -> str | None:
        """Return a path relative to the project, None for a file outside of it."""
        if not self.folder:
            return path
        prefix = f"{self.folder}/"
        return path.removeprefix(prefix) if path.startswith(prefix) else None

    def layer_of(self, path: str) -> str:
        """Return the layer of a file, "" for none."""
        inner = self.inner(path)
        return self.architecture.layer_of(inner) if inner else ""

    def files(self) -> list[str]:
        """The files that rules apply to, sorted."""
        return sorted(p for p in self.modules.paths if self.inner(p) and is_examined(p))

    def imports(self, path: str, text: str) -> list[Import]:
        """Return the imports of a file."""
        return read_imports(path, text, self.modules)


def file_hits(project: Project, path: str, text: str) -> Iterator[Hit]:
    """Yield the violations in one file: its imports, its location, its style."""
    inner = project.inner(path)
    if inner is None or not is_examined(path) or is_generated(text):
        return
    yield from _location_hits(project, path, inner)
    if project.architecture.layers or project.architecture.slices:
        found = (_import_hits(project, path, one) for one in project.imports(path, text))
        yield from dict.fromkeys(hit for hits in found for hit in hits)  # `import a, b` is one
    family = FAMILY[language_of(path, text)]
    yield from style_hits(project.architecture.style_of(family), path, text)


def tree_hits(project: Project) -> Iterator[Hit]:
    """Yield the violations in a whole tree."""
    for path in project.files():
        text = project.modules.read(path)
        if text is not None:
            yield from file_hits(project, path, text)
    yield from missing_layers(project)


def missing_layers(project: Project) -> Iterator[Hit]:
    """Yield each required layer that has no file."""
    required = set(project.architecture.required)
    if required:
        required -= {project.layer_of(path) for path in project.files()}
    for name in sorted(required):
        file = f"{project.folder}/{ARCHITECTURE_FILE}" if project.folder else ARCHITECTURE_FILE
        message = f"the required layer {name} has no file in {_paths_of(project, name)}"
        yield Hit(REQUIRED, file, None, message, identity=name)


def _paths_of(project: Project, name: str) -> str:
    return ", ".join(project.architecture.by_name[name].paths)


def _import_hits(project: Project, path: str, one: Import) -> Iterator[Hit]:
    architecture = project.architecture
    layer = architecture.by_name.get(project.layer_of(path))
    if not one.target:
        if layer is None:
            return
        for package in layer.forbidden:
            if one.name == package or one.name.startswith((f"{package}/", f"{package}.")):
                message = f"imports {one.name}, which is forbidden in the layer {layer.name}"
                yield Hit(FORBIDDEN, path, one.span, message, identity=package)
        return
    target = project.layer_of(one.target)
    if layer and target and target != layer.name and target not in layer.may_import:
        allowed = ", ".join(layer.may_import) or "no other layer"
        message = f"imports {one.target} of the layer {target}; {layer.name} may import {allowed}"
        yield Hit(LAYER, path, one.span, message, identity=one.target)
    yield from _slice_hits(project, path, one)


def _slice_hits(project: Project, path: str, one: Import) -> Iterator[Hit]:
    own = project.architecture.slice_of(project.inner(path) or "")
    other = project.architecture.slice_of(project.inner(one.target) or "")
    if own is None or other is None or own[0] != other[0] or own[1] == other[1]:
        return
    if other[1].rpartition("/")[2] not in own[0].may_import:
        message = f"imports {one.target} of the slice {other[1]}; {own[0].name} stay apart"
        yield Hit(SLICE, path, one.span, message, identity=one.target)


def _location_hits(project: Project, path: str, inner: str) -> Iterator[Hit]:
    for kind in project.architecture.kinds:
        if not any(fits(pattern, case=True, rooted=True)(inner) for pattern in kind.files):
            continue
        folders = kind.folders
        if not any(fits(p, case=True, rooted=True, folders="all")(inner) for p in folders):
            message = f"is a {kind.name}; such files live in {', '.join(folders)}"
            yield Hit(LOCATION, path, Span(1, 1), message, identity=kind.name)
