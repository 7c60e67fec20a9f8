"""The structure of a tree: its layers and their imports, and the differences of two trees."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reviewloop.analysis.contract import Hit
from reviewloop.architecture.checks import Project, tree_hits
from reviewloop.dataclass import dataclass

Edge = tuple[str, str]


@dataclass(frozen=True)
class Structure:
    """The layers and imports of a tree, named as in its architecture."""

    layers: Mapping[str, int]  # name -> files
    edges: frozenset[Edge]  # (layer, layer that it imports)
    hits: tuple[Hit, ...]
    allowed: frozenset[Edge]


def structure_of(project: Project) -> Structure:
    """Return the structure of a tree."""
    layers: Counter[str] = Counter()
    edges: set[Edge] = set()
    for path in project.files():
        layer = project.layer_of(path)
        text = project.modules.read(path)
        if not layer or text is None:
            continue
        layers[layer] += 1
        for one in project.imports(path, text):
            other = project.layer_of(one.target) if one.target else ""
            if other and other != layer:
                edges.add((layer, other))
    allowed = {
        (layer.name, other) for layer in project.architecture.layers for other in layer.may_import
    }
    return Structure(layers, frozenset(edges), tuple(tree_hits(project)), frozenset(allowed))


@dataclass(frozen=True)
class Difference:
    """One difference between two trees; `side` is `A` or `B`, the only one that has it."""

    kind: str  # layer | import | rule | finding
    side: str
    text: str


def differences(one: Structure, other: Structure) -> Iterator[Difference]:
    """Yield the differences of two structures, layers first."""
    pairs = (("A", one, other), ("B", other, one))
    for side, mine, theirs in pairs:
        for name in sorted(mine.layers.keys() - theirs.layers.keys()):
            yield Difference("layer", side, f"{name} ({mine.layers[name]} files)")
    for side, mine, theirs in pairs:
        for layer, imported in sorted(mine.edges - theirs.edges):
            yield Difference("import", side, f"{layer} -> {imported}")
    for side, mine, theirs in pairs:
        for layer, imported in sorted(mine.allowed - theirs.allowed):
            if {layer, imported} <= mine.layers.keys() & theirs.layers.keys():
                yield Difference("rule", side, f"{layer} may import {imported}")
    for side, mine, theirs in pairs:
        known = {(hit.rule, hit.path, hit.identity) for hit in theirs.hits}
        for hit in mine.hits:
            if (hit.rule, hit.path, hit.identity) not in known:
                line = f":{hit.span.line}" if hit.span else ""
                yield Difference("finding", side, f"{hit.path}{line} {hit.message} [{hit.rule}]")
