"""Values of infrastructure code in one form for all dialects: literals, lists, maps, unknowns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

DEEPEST = 60  # most levels of nesting; deeper values count as unknown


class Unknown(Enum):
    """A value that is unknown before a run: variables, references, functions, conditions."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN
Scalar = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A value with its lines; `raw` is the source text unless it is a literal.

    A map that is `open` may hold keys that the text does not show (spread, merge, dynamic).
    `inner_line` is the first line of a multi-line string's content.
    """

    value: "Scalar | list[Node] | dict[str, Node] | Unknown"
    line: int
    end_line: int
    raw: str = ""
    open: bool = False
    inner_line: int = 0

    def get(self, key: str) -> "Node | None":
        """Return a map's entry, None if it is missing or this is no map."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> "list[Node]":
        """Return a list's elements; [] for null, and any other value as the only element."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is None else [self]

    def texts(self) -> list[str]:
        """Return the literal strings of a list, or of a single string."""
        return [item.value for item in self.items() if isinstance(item.value, str)]

    @property
    def text(self) -> str:
        """The literal string, or the source text of an unknown value."""
        return self.value if isinstance(self.value, str) else self.raw


@dataclass(slots=True)
class Resource:
    """One declared resource; `body` is always a map or unknown.

    `kind` is "aws_s3_bucket", "data.aws_iam_policy_document", "AWS::S3::Bucket", "aws_s3.Bucket".
    Lines: `line` is the header's, `end_line` the last one's.
    """

    kind: str
    name: str
    body: Node
    line: int
    end_line: int
    partial: bool = False  # attributes have other defaults here: a registry module
    cut_off: bool = False  # the text ends inside it: attributes may be cut off

    @property
    def address(self) -> str:
        """The usual name of the resource."""
        return f"{self.kind}.{self.name}" if self.name else self.kind


@dataclass(slots=True)
class Template:
    """All resources of one file."""

    dialect: str  # "terraform", "cloudformation", "cdk"
    resources: list[Resource] = field(default_factory=list)
    by_kind: dict[str, list[Resource]] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        """Add a resource."""
        self.resources.append(resource)
        self.by_kind.setdefault(resource.kind, []).append(resource)


def find(node: Node, path: tuple[str, ...]) -> "list[Node | None]":
    """Return the values at a path in all elements of lists, None for a missing value.

    "*" selects every element of a list or map. Null counts as missing.
    """
    if node.value is UNKNOWN:
        return [node]
    if not path:
        return [None if node.value is None else node]
    value, head = node.value, path[0]
    if isinstance(value, list):
        rest = path[1:] if head == "*" else path
        found = [one for element in value for one in find(element, rest)]
        return found or ([] if head == "*" else [None])
    if isinstance(value, dict):
        if head == "*":
            return [one for element in value.values() for one in find(element, path[1:])]
        if head in value:
            return find(value[head], path[1:])
        if node.open:
            return [Node(UNKNOWN, node.line, node.line)]
    return find(node, path[1:]) if head == "*" and value is not None else [None]


def parts(node: Node, path: tuple[str, ...]) -> list[Node]:
    """Return the blocks at a path, one by one, without unknown ones."""
    if not path:
        return [node]
    found = [item for one in find(node, path) if one is not None for item in one.items()]
    return [item for item in found if isinstance(item.value, dict)]


def walk(node: Node, key: str = "", depth: int = 0) -> Iterator[tuple[str, Node]]:
    """Yield a node and every node below it, each with the nearest key above it."""
    yield key, node
    if depth > DEEPEST:
        return
    if isinstance(node.value, list):
        for element in node.value:
            yield from walk(element, key, depth + 1)
    elif isinstance(node.value, dict):
        for name, element in node.value.items():
            yield from walk(element, name, depth + 1)
