"""JavaScript: code that cannot do what it seems to do."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, MUST, SHOULD
from reviewloop.analysis.patterns import Pattern, Source
from reviewloop.rules.js.example import row
from reviewloop.rules.js.syntax import function_around, plain, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ast_grep_py import SgNode

_MDN = "https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference"
_JUMPS = frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"})
_TYPES = "undefined object boolean number bigint string symbol function unknown"
_SAME_IS_WRONG = frozenset({"&&", "||", "-", "/", "%", "<", ">", "<=", ">="})
_BINARY = ("binary_expression",)


def _statements(block: "SgNode") -> "list[SgNode]":
    return [child for child in block.named_children() if child.kind() != "comment"]


def _unreachable(node: "SgNode", source: Source) -> "SgNode | None":
    parts = _statements(node)
    for index, part in enumerate(parts[:-1]):
        if part.kind() in _JUMPS:
            after = parts[index + 1]
            kind = after.kind()
            hoisted = kind in {
                "function_declaration",
                "empty_statement",
                "ERROR",
                "break_statement",
            }
            typed = kind.endswith(("type_alias_declaration", "interface_declaration"))
            bare = kind == "variable_declaration" and "=" not in after.text()
            return None if hoisted or typed or bare else after
    return None


def _same_case(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    seen: set[str] = set()
    for case in node.named_children():
        value = case.field("value") if case.kind() == "switch_case" else None
        if value is None:
            continue
        text = value.text()
        if text in seen:
            yield value
        seen.add(text)


def _assigned_condition(node: "SgNode", source: Source) -> "SgNode | None":
    condition = node.field("condition")
    inner = condition.named_children() if condition is not None else []
    if len(inner) != 1 or inner[0].kind() != "assignment_expression":
        return None
    value = inner[0].field("right")
    calls = value is not None and plain(value).kind() in {"call_expression", "await_expression"}
    return None if calls else inner[0]  # `if (m = re.exec(...))` is a habit, not a slip


def _same_sides(node: "SgNode", source: Source) -> "SgNode | None":
    sign = node.field("operator")
    if sign is None or sign.text() not in _SAME_IS_WRONG:
        return None
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or left.kind() != right.kind():
        return None
    if left.kind() not in {"identifier", "member_expression", "subscript_expression"}:
        return None
    return node if left.text() == right.text() else None


def _not_a_number(node: "SgNode", source: Source) -> "SgNode | None":
    sides = [node.field("left"), node.field("right")]
    sign = node.field("operator")
    if sign is None or sign.text() not in {"==", "===", "!=", "!=="}:
        return None
    return node if any(s is not None and s.text() in {"NaN", "Number.NaN"} for s in sides) else None


def _type_name(node: "SgNode", source: Source) -> "SgNode | None":
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or left.kind() != "unary_expression":
        return None
    sign = left.field("operator")
    if sign is None or sign.text() != "typeof" or right.kind() != "string":
        return None
    return None if text_of(right) in _TYPES.split() else right


def _same_key(node: "SgNode", source: Source) -> "Iterator[SgNode]":
    seen: set[str] = set()
    for child in node.named_children():
        key = child.field("key") if child.kind() == "pair" else None
        if key is None or key.kind() == "computed_property_name":
            continue
        name = text_of(key) or key.text()
        if name in seen and name != "__proto__":
            yield key
        seen.add(name)


def _leaving_finally(node: "SgNode", source: Source) -> "SgNode | None":
    for jump in node.find_all(kind="return_statement"):
        around = function_around(jump, source)
        if around is None or around.range().start.index < node.range().start.index:
            return jump
    return None


def _fixed_condition(node: "SgNode", source: Source) -> "SgNode | None":
    condition = node.field("condition")
    if condition is None:
        return None
    inner = plain(condition)
    if inner.kind() in {"true", "false", "number", "string", "object", "array"}:
        return inner
    return None


PATTERNS = (
    Pattern(
        row(
            "unreachable",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("This is never reached."),
            why=("Whoever wrote it expects it to happen."),
            fix=("Remove it, or move it up."),
            bad=(
                "function f() {\n  return 1;\n  save();\n}\n---\n"
                "for (const a of b) { continue; c(); }"
            ),
            good=(
                "function f() {\n  return g();\n  function g() {}\n}\n---\n"
                "function f() { save(); return 1; }"
            ),
            in_tests=True,
        ),
        _unreachable,
        kinds=("statement_block", "switch_case", "switch_default"),
    ),
    Pattern(
        row(
            "same-case",
            MAINTAINABILITY,
            MUST,
            _MDN,
            title=("Two cases of a switch have the same value."),
            why=("The second one never happens."),
            fix=("Correct the value, or join them."),
            bad=("switch (x) { case 'a': f(); break; case 'a': g(); break; }"),
            good=("switch (x) { case 'a': f(); break; case 'b': g(); break; }"),
            in_tests=True,
        ),
        _same_case,
        kinds=("switch_body",),
    ),
    Pattern(
        row(
            "assignment-in-condition",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("The condition assigns instead of comparing."),
            why=("It changes the variable, and whether it holds depends on the new value."),
            fix=("Write ===, or a second pair of parentheses when it is meant."),
            bad=("if (user = admin) { allow(); }"),
            good=("if (user === admin) { allow(); }\n---\nwhile ((m = next())) { f(m); }"),
            in_tests=True,
        ),
        _assigned_condition,
        kinds=("if_statement", "while_statement", "do_statement"),
    ),
    Pattern(
        row(
            "same-sides",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("Both sides of the operator are the same."),
            why=("The result says nothing; a name was probably mistaken for another."),
            fix=("Compare with what was meant."),
            bad=("const ok = user.id && user.id;\n---\nif (start < start) f();"),
            good=("const ok = user.id === other.id;\n---\nconst nan = x !== x;"),
            in_tests=True,
        ),
        _same_sides,
        kinds=_BINARY,
    ),
    Pattern(
        row(
            "compared-with-nan",
            MAINTAINABILITY,
            MUST,
            _MDN,
            title=("Nothing is equal to NaN, not even NaN."),
            why=("The condition has the same result for every value."),
            fix=("Use Number.isNaN."),
            bad=("if (value === NaN) f();"),
            good=("if (Number.isNaN(value)) f();"),
            in_tests=True,
        ),
        _not_a_number,
        kinds=_BINARY,
        hints=("NaN",),
    ),
    Pattern(
        row(
            "no-such-type",
            MAINTAINABILITY,
            MUST,
            _MDN,
            title=("typeof never gives this text."),
            why=("The condition has the same result for every value."),
            fix=("Correct the spelling; arrays and null are told in other ways."),
            bad=("if (typeof x === 'strnig') f();"),
            good=("if (typeof x === 'string') f();"),
            in_tests=True,
        ),
        _type_name,
        kinds=_BINARY,
        hints=("typeof",),
    ),
    Pattern(
        row(
            "same-key",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("An object names a property twice."),
            why=("The first value is lost."),
            fix=("Remove or rename one."),
            bad=("const a = {one: 1, two: 2, one: 3};"),
            good=("const a = {one: 1, two: 2, [one]: 3};"),
            in_tests=True,
        ),
        _same_key,
        kinds=("object",),
    ),
    Pattern(
        row(
            "return-in-finally",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("finally returns."),
            why=("That hides every error and every earlier result."),
            fix=("Return after the try statement."),
            bad=("function f() { try { g(); } finally { return 1; } }"),
            good=("function f() { try { g(); } finally { close(() => { return 1; }); } }"),
            in_tests=True,
        ),
        _leaving_finally,
        kinds=("finally_clause",),
        hints=("finally",),
    ),
    Pattern(
        row(
            "fixed-condition",
            MAINTAINABILITY,
            SHOULD,
            _MDN,
            title=("The condition is always the same."),
            why=("One of the two ways is never taken."),
            fix=("Remove the condition, or write what was meant."),
            bad=("if (true) { f(); }"),
            good=("if (debug) { f(); }\n---\nwhile (true) { f(); }"),
            in_tests=True,
        ),
        _fixed_condition,
        kinds=("if_statement", "ternary_expression"),
    ),
)
