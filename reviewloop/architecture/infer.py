"""Infers an architecture from existing imports, such that the current code has no violations."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import dirname
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.parsing import parse
from reviewloop.architecture.checks import Project
from reviewloop.architecture.imports import FAMILY, LARGEST, is_generated
from reviewloop.architecture.model import (
    CASES,
    LANGUAGES,
    TAB,
    Architecture,
    Kind,
    Layer,
    Slices,
    Style,
)
from reviewloop.architecture.style import (
    declared,
    fits_case,
    indent_hits,
    is_of_several_words,
    stem_of,
    variable_hits,
)
from reviewloop.domain.errors import UsageError

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SMALL = 10  # files; a larger project is not examined
_MOST = 0.8  # share of the files in a folder that makes it the project's main folder
_GROUPS = frozenset(("internal", "pkg", "packages", "apps", "libs", "cmd", "crates"))
_SLICED = frozenset(("features", "modules", "slices", "domains", "plugins"))
_ROLES = (
    *("controller", "service", "repository", "model", "view", "handler", "middleware", "router"),
    *("schema", "dto", "entity", "adapter", "resolver", "serializer", "guard", "usecase", "module"),
)
_LEAST_FILES = 3  # files that show a kind, or names that show a case
_LEAST_NAMES = 20
_IN_A_NAME = 3  # units in the name of a layer of several

PATTERNS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "mvc": (
        ("controllers", ("controllers", "controller", "handlers", "routes")),
        ("views", ("views", "view", "templates", "components", "pages")),
        ("models", ("models", "model", "entities")),
    ),
    "layered": (
        ("controllers", ("controllers", "controller", "handlers", "routes", "routers", "api")),
        ("services", ("services", "service", "usecases")),
        ("repositories", ("repositories", "repository", "repos", "dao", "stores", "persistence")),
        ("models", ("models", "model", "entities", "domain")),
    ),
    "hexagonal": (
        ("adapters", ("adapters", "adapter", "infrastructure", "infra")),
        ("application", ("application", "usecases", "use_cases", "use-cases", "services")),
        ("ports", ("ports", "port")),
        ("domain", ("domain", "core", "model")),
    ),
    "clean": (
        ("frameworks", ("frameworks", "infrastructure", "infra", "drivers")),
        ("adapters", ("adapters", "interfaces", "interface", "presentation", "controllers")),
        ("usecases", ("usecases", "use_cases", "use-cases", "application", "interactors")),
        ("entities", ("entities", "domain", "core")),
    ),
}
"""Known patterns, top first, with the usual folder names of a layer."""


def infer_architecture(project: Project) -> Architecture:
    """Return layers, slices, kinds and style of a project's current files."""
    files = _product_files(project)
    texts = {path: text for path in files if (text := project.modules.read(path)) is not None}
    texts = {path: text for path, text in texts.items() if not is_generated(text)}
    inner = {path: project.inner(path) or path for path in texts}
    every = {
        path: {one.target for one in project.imports(path, text)} for path, text in texts.items()
    }
    by_inner = {inner[path]: {inner[to] for to in every[path] if to in texts} for path in texts}
    unit = units_of(inner.values(), by_inner)
    beside = {to: project.inner(to) or "" for found in every.values() for to in found - set(texts)}
    unit |= {path: one for path in beside.values() if (one := _unit_with(path, unit))}
    ties = {inner[path]: {inner.get(to) or beside[to] for to in every[path]} for path in texts}
    layers, levels = _layers(unit, ties)
    return Architecture(
        layers,
        levels,
        tuple(_slices(by_inner)),
        tuple(_kinds(inner.values())),
        dict(_styles(texts)),
    )


def preset(project: Project, pattern: str) -> Architecture:
    """Return the rules of a known pattern for the folders of a project with matching names."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in _product_files(project):
        parts = (project.inner(path) or path).split("/")[:-1]
        for depth, part in enumerate(parts):
            folders[part.lower()].append("/".join(parts[: depth + 1]))
    found: dict[str, list[str]] = {}
    for layer, synonyms in PATTERNS[pattern]:
        taken = {path for paths in found.values() for path in paths}
        named = {path for one in synonyms for path in folders.get(one, ())} - taken
        if named:
            found[layer] = sorted(named)
    if len(found) < 2:
        looked_for = ", ".join(name for name, _ in PATTERNS[pattern])
        raise UsageError(f"no folders for {pattern} are here; it looks for {looked_for}")
    names = list(found)
    layers = tuple(
        Layer(name, tuple(map(_pattern, found[name])), tuple(names[at + 1 :]))
        for at, name in enumerate(names)
    )
    return Architecture(layers, tuple((name,) for name in names))


def _product_files(project: Project) -> list[str]:
    return [
        path for path in project.files() if path_class(_as_product(path)) is not PathClass.EXAMPLE
    ]


def _as_product(path: str) -> str:
    """Return a path with only its first folder and its name: folders in between are no examples."""
    return "/".join(path.split("/")[:1] + path.split("/")[-1:]) if "/" in path else path


def units_of(paths: Iterable[str], edges: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return for each file its unit of the structure, a folder or a file.

    The folder with most files is entered, and so are folders that only group others and projects
    without imports from or to their neighbours.
    """
    units = _units_in(sorted(paths), "")
    for unit in sorted(set(units.values())):
        owned = [path for path, one in units.items() if one == unit]
        if owned != [unit] and len(owned) > _SMALL and not _is_tied(owned, edges):
            units |= _units_in(owned, unit)
    tied = {one for path in units for one in _across(units, path, edges)}
    alone = {unit for path, unit in units.items() if path == unit and unit not in tied}
    return {path: unit for path, unit in units.items() if unit not in alone}


def _unit_with(path: str, units: Mapping[str, str]) -> str:
    """Return the unit folder of a file that rules do not apply to, or ""."""
    known = set(units.values())
    while path := dirname(path):
        if path in known:
            return path
    return ""


def _units_in(files: Sequence[str], folder: str) -> dict[str, str]:
    units: dict[str, str] = {}
    while True:
        children = _children(files, folder)
        largest = max(children, key=lambda one: (len(children[one]), one), default="")
        inside = children.get(largest, [])
        entered = bool(largest) and inside != [largest] and len(inside) >= _MOST * len(files)
        for child, members in children.items():
            if child == largest and entered:
                continue
            if entered and members == [child]:
                continue  # a script beside the project
            for unit, owned in _opened(child, members):
                units |= dict.fromkeys(owned, unit)
        if not entered:
            return units
        folder, files = largest, inside


def _is_tied(owned: Sequence[str], edges: Mapping[str, Iterable[str]]) -> bool:
    """Whether one of these files imports another file, or is imported by one."""
    own = set(owned)
    return any((path in own) != (other in own) for path in edges for other in edges[path])


def _across(
    units: Mapping[str, str], path: str, edges: Mapping[str, Iterable[str]]
) -> Iterator[str]:
    for other in edges.get(path, ()):
        if other in units and units[other] != units[path]:
            yield from (units[path], units[other])


def _opened(child: str, members: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield a unit with its files: a folder, each folder in one that only groups, a Go package."""
    inside = _children(members, child)
    folders = [one for one in inside if inside[one] != [one]]
    if child.endswith(".go"):
        yield f"{dirname(child)}/*.go".lstrip("/"), members  # the files of a folder are one package
    elif child.rpartition("/")[2] in _GROUPS and len(folders) > 1:
        yield from inside.items()
    else:
        yield child, members


def _children(files: Sequence[str], folder: str) -> dict[str, list[str]]:
    start = f"{folder}/" if folder else ""
    found: dict[str, list[str]] = defaultdict(list)
    for path in files:
        if path.startswith(start):
            found[start + path[len(start) :].partition("/")[0]].append(path)
    return dict(found)


def _pattern(unit: str) -> str:
    return unit if "/" in unit else f"/{unit}"


def _layers(
    unit: Mapping[str, str], edges: Mapping[str, Iterable[str]]
) -> tuple[tuple[Layer, ...], tuple[tuple[str, ...], ...]]:
    """Return a layer for each unit, one for all units of an import cycle; top first."""
    size = Counter(unit.values())
    graph: dict[str, set[str]] = {one: set() for one in size}
    for path, targets in edges.items():
        if path in unit:
            graph[unit[path]] |= {unit[other] for other in targets if other in unit}
    groups = circles(graph)
    group_of = {one: number for number, members in enumerate(groups) for one in members}
    below = [
        {group_of[other] for one in members for other in graph[one]} - {number}
        for number, members in enumerate(groups)
    ]
    depth: list[int] = []  # groups come after all that they import
    for number in range(len(groups)):
        depth.append(1 + max((depth[other] for other in below[number]), default=0))
    names = _names(groups, size)
    rows: dict[int, list[int]] = defaultdict(list)
    for number, level in enumerate(depth):
        rows[level].append(number)
    levels = tuple(
        tuple(sorted(names[number] for number in rows[level]))
        for level in sorted(rows, reverse=True)
    )
    ordered = [name for level in levels for name in level]
    at = {name: number for number, level in enumerate(levels) for name in level}
    paths = {names[n]: tuple(sorted(map(_pattern, members))) for n, members in enumerate(groups)}
    layers = tuple(
        Layer(name, paths[name], tuple(other for other in ordered if at[other] > at[name]))
        for name in ordered
    )
    return layers, levels


def circles(graph: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected components of a graph, each after its successors (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[tuple[str, ...]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            found.append(tuple(sorted(stack[at:])))
            del stack[at:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def _names(groups: Sequence[Sequence[str]], size: Mapping[str, int]) -> list[str]:
    """Return a short, unique name for each group."""
    names: list[str] = []
    for members in groups:
        largest = sorted(members, key=lambda one: (-size[one], one))
        words = [_word(one) for one in largest[:_IN_A_NAME]]
        name = "-and-".join(words) if len(members) <= _IN_A_NAME else "core"
        if name in names:
            name = _word("-".join(largest[0].split("/")[-2:]))
        while name in names:
            name += "-2"
        names.append(name)
    return names


def _word(unit: str) -> str:
    unit = unit.removesuffix("/*.go")
    stem = unit.rpartition("/")[2].partition(".")[0].strip("_*") or "root"
    return "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in stem)


def _slices(edges: Mapping[str, Iterable[str]]) -> Iterator[Slices]:
    """Yield folders of features without imports between them."""
    sliced: dict[str, set[str]] = defaultdict(set)
    for path in edges:
        parts = path.split("/")
        for depth, part in enumerate(parts[:-2]):
            if part in _SLICED:
                sliced["/".join(parts[: depth + 1])].add(parts[depth + 1])
                break
    for folder, names in sorted(sliced.items()):
        if len(names) < 2:
            continue
        shared = set()
        for path, targets in edges.items():
            own = _slice(path, folder)
            shared |= {_slice(one, folder) for one in targets if own} - {own, ""}
        if len(shared) * 2 < len(names):
            yield Slices(folder.rpartition("/")[2], (f"{folder}/*",), tuple(sorted(shared)))


def _slice(path: str, folder: str) -> str:
    inner = path.removeprefix(f"{folder}/")
    return inner.partition("/")[0] if inner != path and "/" in inner else ""


def _kinds(paths: Iterable[str]) -> Iterator[Kind]:
    """Yield kinds of files, by their names, that are all in folders of one name."""
    files = sorted(paths)
    for role in _ROLES:
        for joint in ("_", ".", "-"):
            by_ending: dict[str, list[str]] = defaultdict(list)
            for path in files:
                stem, dot, ending = path.rpartition("/")[2].rpartition(".")
                if stem.endswith(f"{joint}{role}"):
                    by_ending[dot + ending].append(path)
            for ending, found in by_ending.items():
                folders = {dirname(path).rpartition("/")[2] for path in found}
                if len(found) >= _LEAST_FILES and len(folders) == 1 and (name := folders.pop()):
                    pattern = f"*{joint}{role}{ending}"
                    yield Kind(f"{role}{joint if joint != '.' else '-'}file".replace("--", "-"),
                               (pattern,), (f"**/{name}/",))  # fmt: skip


@dataclass
class _Seen:
    """What all files of one language have in common so far."""

    cases: set[str] = field(default_factory=lambda: set(CASES))
    variables: set[str] = field(default_factory=lambda: set(CASES))
    indents: set[int | str] = field(default_factory=lambda: {2, 4, TAB})
    stems: int = 0  # names that show a case
    names: int = 0
    blocks: bool = False


def _styles(texts: Mapping[str, str]) -> Iterator[tuple[str, Style]]:
    """Yield the style of each language in which every file agrees."""
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for path, text in texts.items():
        language = language_of(path, text)
        one = seen[FAMILY[language]]
        stem = stem_of(path)
        one.cases = {case for case in one.cases if not stem or fits_case(stem, case)}
        one.stems += is_of_several_words(stem)
        if len(text) > LARGEST or not (one.variables or one.indents):
            continue
        root = parse(text.encode("utf-8", "replace").decode(), language)
        _look(one, language, path, text, root)
    for language in LANGUAGES:
        one = seen[language]
        style = Style(
            next((c for c in CASES if c in one.cases), "") if one.stems >= _LEAST_FILES else "",
            next((c for c in CASES if c in one.variables), "") if one.names >= _LEAST_NAMES else "",
            next(iter(one.indents)) if len(one.indents) == 1 else 0,
        )
        if style != Style():
            yield language, style


def _look(one: _Seen, language: str, path: str, text: str, root: "SgNode") -> None:
    one.names += sum(is_of_several_words(node.text()) for node in declared(language, root))
    one.variables = {
        case
        for case in one.variables
        if next(variable_hits(case, language, path, root), None) is None
    }
    one.indents = {
        indent
        for indent in one.indents
        if next(indent_hits(indent, language, path, text, root), None) is None
    }
