"""Helpers of the rules on Go syntax trees, and detection of request data."""

from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Grammar, Source, key, nodes_of
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

FUNCTIONS = frozenset({"function_declaration", "method_declaration", "func_literal"})


def is_conditional(node: "SgNode", source: Source) -> bool:
    """Whether an `if` or a `case` of the declared function controls a node."""
    for outer in source.ancestors(node):
        if outer.kind() in {"function_declaration", "method_declaration"}:
            return False
        if outer.kind() in {"if_statement", "expression_case"}:
            return True
    return False


_LITERALS = frozenset(
    {
        "interpreted_string_literal",
        "raw_string_literal",
        "int_literal",
        "float_literal",
        "rune_literal",
        "true",
        "false",
        "nil",
    }
)
_REQUEST = regex(
    r"\b(?:r|req|request|c\.Request|ctx\.Request)\.(?:URL\.(?:Query\(\)|Path|RawQuery|RawPath|Fragment)"
    r"|FormValue\(|PostFormValue\(|Form\b|PostForm\b|Header\.Get\(|PathValue\(|Host\b|RequestURI"
    r"|MultipartForm|Body\b)"
    r"|\bmux\.Vars\(|\bchi\.URLParam\("
    r"|\b(?:c|ctx|gc)\.(?:Param|Query|PostForm|DefaultQuery|QueryParam|FormValue|Params|GetHeader"
    r"|GetQuery)\("
)
_CLEAN = regex(
    r"\b(?:strconv\.\w+|filepath\.Base|path\.Base|url\.(?:Path|Query)Escape|html\.EscapeString"
    r"|template\.\w*Escape\w*|uuid\.\w+|len|securejoin\.\w+|regexp\.QuoteMeta)\("
)
_CARRY = regex(
    r"(?:fmt\.Sprint\w*|strings\.\w+|filepath\.(?:Join|Clean)|path\.(?:Join|Clean)|string"
    r"|url\.(?:Parse|QueryUnescape|PathUnescape)|\[\]byte|io\.ReadAll|ioutil\.ReadAll|append)$"
)
VERB = regex(r"%[-+# 0]*\d*(?:\.\d+)?([a-zA-Z])")
_QUOTED = regex(r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`")
_NAME = regex(r"(?<![\w.])[A-Za-z_]\w*")
_ASSIGNMENTS = ("short_var_declaration", "assignment_statement", "var_spec")


def call_name(node: "SgNode") -> str:
    """Return the last name of a called expression: `Query` for `s.db.Query(...)`."""
    called = node.field("function")
    if called is None:
        return ""
    if called.kind() == "selector_expression":
        called = called.field("field")
    return called.text() if called is not None and called.kind().endswith("identifier") else ""


def receiver(node: "SgNode") -> str:
    """Return the text before the last dot of a call: a value or a package."""
    called = node.field("function")
    of = called.field("operand") if called is not None else None
    return of.text()[-200:] if of is not None else ""


def arguments(node: "SgNode") -> "list[SgNode]":
    """Return a call's arguments."""
    given = node.field("arguments")
    if given is None:
        return []
    return [child for child in given.named_children() if child.kind() != "comment"]


def argument(node: "SgNode", index: int) -> "SgNode | None":
    """Return one argument of a call, None if it has fewer."""
    given = arguments(node)
    return given[index] if index < len(given) else None


def text_of(node: "SgNode | None") -> str:
    """Return the content of a string literal, "" for every other node."""
    if node is None or not node.kind().endswith("string_literal"):
        return ""
    return node.text()[1:-1]


def literal(node: "SgNode") -> bool:
    """Whether a value is a literal, a number, or joined from such values."""
    kind = node.kind()
    if kind in _LITERALS:
        return True
    if kind == "call_expression":  # digits cannot break out of their position
        return node.text().startswith(("strconv.Itoa(", "strconv.FormatInt("))
    if kind == "binary_expression":
        return all(literal(part) for part in operands(node))
    return False


def operands(node: "SgNode", most: int = 40) -> "list[SgNode]":
    """Return the parts of a chain of binary operators, left to right."""
    parts: list[SgNode] = []
    while node.kind() == "binary_expression" and len(parts) < most:
        left, right = node.field("left"), node.field("right")
        if left is None or right is None:
            break
        parts.append(right)
        node = left
    return [node, *reversed(parts)]


def glued(node: "SgNode") -> str | None:
    """Return the fixed text of a string joined from fixed and variable parts, else None."""
    if node.kind() == "binary_expression":
        parts = operands(node)
        fixed = [text_of(part) for part in parts if part.kind().endswith("string_literal")]
        return "".join(fixed) if fixed and not literal(node) else None
    if node.kind() == "call_expression" and call_name(node) == "Sprintf":
        pattern = argument(node, 0)
        text = text_of(pattern)
        changing = [a for a in arguments(node)[1:] if not literal(a)]
        return (
            text if text and changing and ("%s" in text or "%v" in text or "%q" in text) else None
        )
    return None


def constants(source: Source) -> "dict[str, list[SgNode]]":
    """Return the constants and package variables of a file that are assigned once, by name."""
    known: dict[str, list[SgNode]] | None = source.memo.get("go constants")
    if known is None:
        known = {}
        for spec in nodes_of(source.root, ("const_spec", "var_spec")):
            name, value = spec.field("name"), spec.field("value")
            if name is not None and value is not None and declaration_around(spec, source) is None:
                values = value.named_children() or [value]
                known.setdefault(name.text(), []).append(values[0])
        source.memo["go constants"] = known
    return known


def fields(node: "SgNode") -> "dict[str, SgNode]":
    """Return the named values of a composite literal."""
    body = node.field("body")
    found = {}
    for child in body.named_children() if body is not None else []:
        parts = child.named_children() if child.kind() == "keyed_element" else []
        if len(parts) == 2:
            found[parts[0].text()] = parts[1]
    return found


def declaration_around(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the function or method declaration a node is in."""
    kinds = {"function_declaration", "method_declaration"}
    return next((n for n in source.ancestors(node) if n.kind() in kinds), None)


def loop_around(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the innermost loop whose body repeats a node, inside the node's own function."""
    for outer in source.ancestors(node):
        if outer.kind() in FUNCTIONS:
            return None
        if outer.kind() == "for_statement":
            body = outer.field("body")
            inside = body is not None and body.range().start.index <= node.range().start.index
            return outer if inside else None
    return None


def statements(block: "SgNode") -> "list[SgNode]":
    """Return the statements of a block."""
    inner = [child for child in block.named_children() if child.kind() == "statement_list"]
    whole = inner[0].named_children() if inner else block.named_children()
    return [child for child in whole if child.kind() != "comment"]


def tainted(node: "SgNode", source: Source) -> bool:
    """Whether a value holds data of a client: directly, or through local variables."""
    if not source.mentions(_REQUEST.pattern):
        return False
    if not _carries(node):
        return False  # results of functions belong to the check that follows calls
    function = declaration_around(node, source)
    names = _dirty_names(function, source) if function is not None else frozenset()
    return _dirty(node.text(), names)


def _dirty(text: str, names: frozenset[str]) -> bool:
    text = text[:3_000]
    if _CLEAN.search(text):
        return False
    if _REQUEST.search(text):
        return True
    return bool(names) and any(word in names for word in _words(text))


def _words(text: str) -> list[str]:
    return _NAME.findall(_QUOTED.sub("", text))


def _dirty_names(function: "SgNode", source: Source) -> frozenset[str]:
    memo_key = ("go names", key(function))
    known: frozenset[str] | None = source.memo.get(memo_key)
    if known is None:
        names: set[str] = set()
        for name, value in bindings(function, source):
            if _carries(value) and _dirty(value.text(), frozenset(names)):
                names.add(name)
            else:
                names.discard(name)
        source.memo[memo_key] = known = frozenset(names)
    return known


def _carries(value: "SgNode") -> bool:
    if value.kind() != "call_expression":
        return True
    called = value.field("function")
    text = called.text() if called is not None else ""
    return bool(_CARRY.match(text) or _REQUEST.match(text + "("))


def bindings(function: "SgNode", source: Source) -> "list[tuple[str, SgNode]]":
    """Return the names a function assigns, each with its value, in order."""
    memo_key = ("go bindings", key(function))
    known: list[tuple[str, SgNode]] | None = source.memo.get(memo_key)
    if known is None:
        found: list[tuple[str, SgNode]] = []
        for node in nodes_of(function, _ASSIGNMENTS):
            left = node.field("left") or node.field("name")
            right = node.field("right") or node.field("value")
            if left is None or right is None:
                continue
            values = right.named_children() if right.kind() == "expression_list" else [right]
            names = left.named_children() or [left]
            for index, name in enumerate(names):
                if name.kind() == "identifier" and values:
                    found.append((name.text(), values[min(index, len(values) - 1)]))
        source.memo[memo_key] = known = found
    return known


def value_of(node: "SgNode", source: Source) -> "SgNode":
    """Return the last value assigned to a local variable before a node, else the node itself."""
    if node.kind() != "identifier":
        return node
    function = declaration_around(node, source)
    found, name = node, node.text()
    if function is not None:
        for bound, value in bindings(function, source):
            if value.range().start.index >= node.range().start.index:
                break
            if bound == name:
                found = value
    return found


GO = Grammar(
    ("call_expression",), call_name, receiver=receiver, arguments=arguments, literal=literal
)
