"""Read import statements."""

from typing import TYPE_CHECKING

from reviewloop.rules.taint.blocks import Forget, Import, Stmt
from reviewloop.rules.taint.reader import Reader

if TYPE_CHECKING:
    from tree_sitter import Node


def read_import(reader: Reader, node: "Node") -> Stmt:
    """Return the names an import statement binds."""
    base = node.child_by_field_name("module_name")
    module = reader.text(base) if base is not None else ""
    if node.type == "future_import_statement":
        return Forget(node.start_byte, node.end_byte, [])
    pairs: list[tuple[str, str]] = []
    for name in node.children_by_field_name("name"):
        real = name.child_by_field_name("name")
        alias = name.child_by_field_name("alias")
        dotted = reader.text(real if real is not None else name)
        whole = f"{module}.{dotted}" if base is not None else dotted
        if alias is not None:
            pairs.append((reader.text(alias), whole))
        elif base is not None:
            pairs.append((dotted, whole))
        else:
            top = dotted.split(".")[0]
            pairs.append((top, top))
            pairs.append(("", dotted))
    if any(child.type == "wildcard_import" for child in node.named_children):
        pairs.append(("*", module))
    return Import(node.start_byte, node.end_byte, pairs)
