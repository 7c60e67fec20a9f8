"""Parses CDK code, Python or TypeScript, into resources, one for each construct."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from reviewloop.regex import regex
from reviewloop.rules.infra.tables import read_table
from reviewloop.rules.infra.values import DEEPEST, UNKNOWN, Node, Resource, Template

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_RAW = 300
_ENUM = regex(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*\.[A-Z][A-Z0-9_]*$")
_POSITIONAL = 2  # scope and id come before a construct's properties

_PYTHON_FROM = regex(r"^[ \t]*from[ \t]+(aws_cdk[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.M)
_PYTHON_IMPORT = regex(r"^[ \t]*import[ \t]+(aws_cdk[\w.]*)(?:[ \t]+as[ \t]+(\w+))?", re.M)
_SCRIPT_IMPORT = regex(
    r"^[ \t]*import[ \t]+(?:type[ \t]+)?(?:\*[ \t]+as[ \t]+(\w+)|\{([^}]*)\}|(\w+))"
    r"[ \t]+from[ \t]+['\"](aws-cdk-lib|@aws-cdk|aws-cdk-lib/[\w-]+|@aws-cdk/[\w-]+)['\"]",
    re.M,
)
_REQUIRE = regex(
    r"(?:const|let|var)[ \t]+(?:(\w+)|\{([^}]*)\})[ \t]*=[ \t]*require\("
    r"['\"](aws-cdk-lib(?:/[\w-]+)?|@aws-cdk/[\w-]+)['\"]\)"
)


def read_cdk(text: str, language: str) -> Template:
    """Return the constructs of a program, as far as their properties are literal."""
    from ast_grep_py import SgRoot

    python = language == "python"
    names = imported_names(text)
    root = SgRoot(text, "python" if python else "tsx" if language == "tsx" else "typescript").root()
    template = Template("cdk")
    kinds = ("call",) if python else ("new_expression", "call_expression")
    for kind in kinds:
        for call in root.find_all(kind=kind):
            resource = _resource(call, names, python)
            if resource is not None:
                template.add(resource)
    template.resources.sort(key=lambda one: one.line)
    return template


def _resource(call: "SgNode", names: dict[str, str], python: bool) -> Resource | None:
    callee = call.field("constructor") or call.field("function")
    arguments = call.field("arguments")
    if callee is None or arguments is None:
        return None
    method = _method(callee)
    extent = arguments.range()
    line, end_line = call.range().start.line + 1, extent.end.line + 1
    head = extent.start.line + 1
    camel = _camel(method) if python else method
    calls = read_table("dialects")["cdk_calls"]
    if camel in calls and call.kind() != "new_expression":
        body = _arguments(arguments, python, calls[camel])
        return Resource(f"call.{camel}", "", body, head, end_line)
    if not camel[:1].isupper() or (not python and call.kind() != "new_expression"):
        return None
    kind = construct_kind(callee.text(), names)
    if not kind:
        return None
    body = _arguments(arguments, python, ())
    given = body.value.pop("@1", None) if isinstance(body.value, dict) else None
    name = given.value if given is not None and isinstance(given.value, str) else ""
    if template_kind(kind):
        kind, body = template_kind(kind), _as_template(body, 0)
    return Resource(kind, name, body, line, end_line)


def _method(callee: "SgNode") -> str:
    if callee.kind() in {"identifier", "type_identifier"}:
        return callee.text()
    last = callee.field("attribute") or callee.field("property")
    return last.text() if last is not None else ""


# Values


def _arguments(arguments: "SgNode", python: bool, positional: Sequence[str]) -> Node:
    """Return the properties of a call: keywords, the object after scope and id, or by position."""
    entries: dict[str, Node] = {}
    span = arguments.range()
    body = Node(entries, span.start.line + 1, span.end.line + 1)
    index = 0
    for child in arguments.children():
        kind = str(child.kind())
        if not child.is_named() or kind == "comment":
            continue
        if kind == "keyword_argument":
            _pair(entries, child, python, 0)
        elif kind in {"dictionary_splat", "list_splat", "spread_element"}:
            body.open = True
        elif positional:
            entries[positional[min(index, len(positional) - 1)]] = _value(child, python, 0)
            index += 1
        elif kind in {"object", "dictionary"}:
            inner = _value(child, python, 0)
            body.open = body.open or inner.open
            if isinstance(inner.value, dict):
                entries.update(inner.value)
        else:
            if index == 1:
                entries["@1"] = _value(child, python, 0)
            elif index >= _POSITIONAL:
                body.open = True
            index += 1
    return body


def _pair(entries: dict[str, Node], pair: "SgNode", python: bool, depth: int) -> None:
    key = pair.field("key") or pair.field("name")
    value = pair.field("value")
    if key is None or value is None:
        return
    name = key.text().strip("'\"")
    if python and pair.kind() == "keyword_argument":
        name = _camel(name)
    node = _value(value, python, depth + 1)
    node.line = pair.range().start.line + 1
    entries[name] = node


def _value(node: "SgNode", python: bool, depth: int) -> Node:
    kind, span = str(node.kind()), node.range()
    line, end_line = span.start.line + 1, span.end.line + 1
    if depth <= DEEPEST:
        if kind in {"array", "list", "tuple", "set"}:
            inner = [_value(one, python, depth + 1) for one in _named(node)]
            return Node(inner, line, end_line)
        if kind in {"object", "dictionary"} or _is_properties_call(node, kind, python):
            return _object(node, python, depth)
    text = node.text() if span.end.index - span.start.index <= _RAW else ""
    if kind in {"true", "false"}:
        return Node(kind == "true", line, end_line, text)
    if kind in {"null", "none", "undefined"}:
        return Node(None, line, end_line, text)
    if kind == "string" and all(one.kind() != "interpolation" for one in node.children()):
        return Node(_unquoted(text), line, end_line, text)
    if kind == "template_string" and "${" not in text:
        return Node(text.strip("`"), line, end_line, text)
    if kind in {"number", "integer", "float"} and text.isdecimal():
        return Node(int(text), line, end_line, text)
    if _ENUM.match(text):
        return Node(text, line, end_line)
    return Node(UNKNOWN, line, end_line, text)


def _unquoted(text: str) -> str:
    return text.lstrip("rbuRBU").strip("'\"")


def _named(node: "SgNode") -> "Iterator[SgNode]":
    return (one for one in node.children() if one.is_named() and one.kind() != "comment")


def _is_properties_call(node: "SgNode", kind: str, python: bool) -> bool:
    """Whether a Python call only creates a struct: `s3.LifecycleRule(enabled=True)`."""
    if not python or kind != "call":
        return False
    callee = node.field("function")
    name = _method(callee) if callee is not None else ""
    return name[:1].isupper() and not name.endswith(("Role", "Statement", "Document", "Principal"))


def _object(node: "SgNode", python: bool, depth: int) -> Node:
    entries: dict[str, Node] = {}
    span = node.range()
    result = Node(entries, span.start.line + 1, span.end.line + 1)
    inside = node.field("arguments") or node
    for child in _named(inside):
        if child.kind() in {"pair", "keyword_argument"}:
            _pair(entries, child, python, depth)
        elif child.kind() == "shorthand_property_identifier":
            entries[child.text()] = Node(UNKNOWN, child.range().start.line + 1, 0, child.text())
        else:
            result.open = True
    return result


def _as_template(node: Node, depth: int) -> Node:
    """Return the node with its keys as in templates: with a capital first letter."""
    if depth <= DEEPEST and isinstance(node.value, dict):
        node.value = {
            key[:1].upper() + key[1:]: _as_template(value, depth + 1)
            for key, value in node.value.items()
        }
    elif depth <= DEEPEST and isinstance(node.value, list):
        node.value = [_as_template(value, depth + 1) for value in node.value]
    return node


def _camel(name: str) -> str:
    head, *rest = name.strip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


# Names of constructs in a program: imports, aliases, and template types


def construct_kind(callee: str, names: dict[str, str]) -> str:
    """Return "aws_s3.Bucket" for the name in a program, "" for a name outside of the CDK."""
    first, _, rest = callee.partition(".")
    module = names.get(
        first, "" if first in names or not rest else "aws_" + first.removeprefix("aws_")
    )
    full = f"{module}.{rest}" if rest else module
    parts = [part for part in full.split(".") if part]
    parts = [part for part in parts if part not in {"aws_cdk", "cdk", "core"}] or parts
    return ".".join(parts[-2:])


def imported_names(text: str) -> dict[str, str]:
    """Return the target of each imported name: "aws_s3", "aws_s3.Bucket", "cdk"."""
    names: dict[str, str] = {}
    for module, imported in _PYTHON_FROM.findall(text):
        base = module.removeprefix("aws_cdk").strip(".")
        for name, alias in _aliases(imported, " as "):
            names[alias] = f"{base}.{name}".strip(".")
    for module, alias in _PYTHON_IMPORT.findall(text):
        names[alias or "aws_cdk"] = module.removeprefix("aws_cdk").strip(".") or "cdk"
    scripts = [(a or c, b, m) for a, b, c, m in _SCRIPT_IMPORT.findall(text)]
    for alias, imported, module in [*scripts, *_REQUIRE.findall(text)]:
        base = module.rpartition("/")[2] if "/" in module else ""
        base = base.replace("-", "_")
        if alias:
            names[alias] = base or "cdk"
        for name, short in _aliases(imported, " as ", ":"):
            names[short] = f"{base}.{name}".strip(".")
    return names


def _aliases(imported: str, *separators: str) -> Iterator[tuple[str, str]]:
    for part in imported.strip("() \t\r").split(","):
        text = part.split("#")[0].split("//")[0].strip()
        for separator in separators:
            if separator in text:
                name, _, alias = text.partition(separator)
                yield name.strip(), alias.strip()
                break
        else:
            if text.isidentifier():
                yield text, text


def template_kind(kind: str) -> str:
    """Return "AWS::S3::Bucket" for "aws_s3.CfnBucket", "" for a construct of a higher level."""
    module, _, construct = kind.partition(".")
    if not construct.startswith("Cfn") or module not in _services():
        return ""
    return f"AWS::{_services()[module]}::{construct[3:]}"


@cache
def _services() -> dict[str, str]:
    return {f"aws_{name.lower()}": name for name in read_table("dialects")["cdk_services"]["names"]}
