"""JavaScript rules on sums and sorts that give another result than meant."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, nodes_of
from reviewloop.rules.js.syntax import FUNCTIONS, arguments, receiver

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_NUMBERS = r"(?:readonly\s+)?(?:number\[\](?!\[)|(?:Readonly)?Array<number>)"
_LONGEST = 20_000  # characters of a function


def find_sum_of_undefined(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the first `+=` to a variable that a function declares and never gives a value."""
    declared = [one for one in node.named_children() if one.kind() == "variable_declarator"]
    function = next((one for one in source.ancestors(node) if one.kind() in FUNCTIONS), None)
    if len(declared) != 1 or function is None or len(function.text()) > _LONGEST:
        return None
    name = declared[0].field("name")
    if name is None or name.kind() != "identifier" or declared[0].field("value") is not None:
        return None
    word = re.escape(name.text())
    if re.search(
        rf"(?<![\w$.]){word}\s*=(?!=|>)|[,{{\[]\s*{word}\s*[,}}\]]\s*[^;]*=", function.text()
    ):
        return None
    for change in nodes_of(function, ("augmented_assignment_expression",)):
        left, sign = change.field("left"), change.field("operator")
        if left is not None and left.text() == name.text() and sign is not None:
            return change if sign.text() in {"+=", "-=", "*="} else None
    return None


def find_numbers_sorted_as_text(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a sort without a comparison of a variable that its type calls a list of numbers.

    None where the result only becomes a text: there any fixed order will do.
    """
    of, outer = receiver(node), node.parent()
    if outer is not None and outer.text().endswith(".join"):
        return None
    if arguments(node) or not re.fullmatch(r"[\w$]{1,60}", of):
        return None
    typed = rf"(?<![\w$.]){re.escape(of)}\??\s*:\s*{_NUMBERS}"
    around = [one for one in source.ancestors(node) if one.kind() in FUNCTIONS]
    whole = around[0].text()[:_LONGEST] if around else source.text[:_LONGEST]
    return node if re.search(typed, whole) else None
