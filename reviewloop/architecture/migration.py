"""Turns "controllers -> services -> repositories" into new rules, and finds violations of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from posixpath import dirname

from reviewloop.analysis.contract import Hit
from reviewloop.architecture.checks import Project, tree_hits
from reviewloop.architecture.model import Architecture, Layer
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

ARROW = regex(r"\s*(?:->|→|=>|⟶)\s*")
_WORD = regex(r"[A-Za-z][\w-]*")


@dataclass(frozen=True)
class Module:
    """A folder whose files violate the new rules."""

    path: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Migration:
    """New rules, and the modules that have to change, the lowest layer first."""

    chain: tuple[str, ...]
    architecture: Architecture
    modules: tuple[Module, ...]


def chain_in(sentence: str) -> tuple[str, ...]:
    """Return the layers in a sentence between arrows, top first.

    Raise `UsageError` for fewer than two.
    """
    parts = ARROW.split(sentence.strip())
    if len(parts) > 1:
        words = [_WORD.findall(parts[0])[-1:], *(_WORD.findall(one)[:1] for one in parts[1:])]
        names = tuple(word.lower() for found in words for word in found)
        if len(names) == len(parts) and len(set(names)) == len(names):
            return names
    raise UsageError(
        "say the layers with arrows between them, top first: "
        '-m "controllers -> services -> repositories"'
    )


def migrate(project: Project, sentence: str) -> Migration:
    """Return the rules in which each named layer may import the next, and the violations.

    `project` has the current rules. Other layers keep theirs: those that import a named one stay
    above, the others below. Raise `UsageError` if no name is known.
    """
    chain = chain_in(sentence)
    architecture = _rules(project, chain)
    under_rules = replace(project, architecture=architecture)
    modules: dict[str, list[Hit]] = defaultdict(list)
    for hit in tree_hits(under_rules):
        if hit.rule.startswith("arch/") and hit.span is not None:
            modules[dirname(hit.path) or hit.path].append(hit)
    depth = {layer.name: number for number, layer in enumerate(architecture.layers)}

    def order(path: str) -> tuple[int, str]:
        return -depth.get(under_rules.layer_of(modules[path][0].path), -1), path

    found = tuple(Module(path, tuple(modules[path])) for path in sorted(modules, key=order))
    return Migration(chain, architecture, found)


def _rules(project: Project, chain: Sequence[str]) -> Architecture:
    given = project.architecture
    paths = _paths(given, chain)
    if not paths:
        known = ", ".join(layer.name for layer in given.layers) or "none"
        raise UsageError(f"no layer or folder is called {' or '.join(chain)}; layers: {known}")
    beside = dirname(next(iter(paths.values()))[0].rstrip("/"))
    for name in chain:
        paths.setdefault(name, (f"{beside}/{name}".replace("//", "/") if beside else f"/{name}",))
    taken = {path for found in paths.values() for path in found}
    rest = [
        replace(one, paths=tuple(p for p in one.paths if p not in taken)) for one in given.layers
    ]
    rest = [one for one in rest if one.paths and one.name not in chain]
    above = _above(project, replace(given, layers=tuple(rest)), chain, paths)
    upper = [one for one in rest if one.name in above]
    lower = [one for one in rest if one.name not in above]
    under = tuple(one.name for one in lower)
    named = [
        Layer(name, paths[name], (*chain[at + 1 : at + 2], *under), _forbidden(given, name), False)
        for at, name in enumerate(chain)
    ]
    layers = (*upper, *named, *lower)
    names = [layer.name for layer in layers]
    kept = tuple(
        layer
        if layer.name in chain
        else replace(layer, may_import=tuple(names[number + 1 :]), by_order=True)
        if layer.by_order
        else replace(layer, may_import=_still(layer, names[number + 1 :]))
        for number, layer in enumerate(layers)
    )
    return replace(given, layers=kept, levels=tuple((name,) for name in names))


def _still(layer: Layer, below: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in layer.may_import if name in below)


def _forbidden(given: Architecture, name: str) -> tuple[str, ...]:
    return given.by_name[name].forbidden if name in given.by_name else ()


def _paths(given: Architecture, chain: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the paths of the named layers that exist, as layers or as folders of others."""
    found: dict[str, tuple[str, ...]] = {}
    for name in chain:
        if name in given.by_name:
            found[name] = given.by_name[name].paths
            continue
        folders = [
            path
            for layer in given.layers
            for path in layer.paths
            if path.rstrip("/").rpartition("/")[2].lower() in {name, name.removesuffix("s")}
        ]
        if folders:
            found[name] = tuple(folders)
    return found


def _above(
    project: Project,
    rest: Architecture,
    chain: Sequence[str],
    paths: Mapping[str, tuple[str, ...]],
) -> set[str]:
    """Return the layers whose files import a named layer, and all that import these."""
    named = tuple(Layer(name, paths[name], ()) for name in chain)
    under_rules = replace(project, architecture=replace(rest, layers=(*rest.layers, *named)))
    edges: dict[str, set[str]] = defaultdict(set)
    for path in under_rules.files():
        text, layer = under_rules.modules.read(path), under_rules.layer_of(path)
        for one in under_rules.imports(path, text or "") if layer else ():
            if one.target and (other := under_rules.layer_of(one.target)):
                edges[layer].add(other)
    above = {layer for layer in edges if layer not in chain and edges[layer] & set(chain)}
    while more := {one for one in edges if edges[one] & above} - above - set(chain):
        above |= more
    return above
