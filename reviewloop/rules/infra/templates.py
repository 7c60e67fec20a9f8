"""Parses infrastructure code into resources: Terraform and CloudFormation here, CDK in cdk.py."""

from dataclasses import replace
from typing import Any

from reviewloop.analysis.contract import SourceFile
from reviewloop.regex import regex
from reviewloop.rules.infra.cdk import read_cdk
from reviewloop.rules.infra.hcl import Block, read_blocks, read_json
from reviewloop.rules.infra.kinds import is_cdk, is_template, is_terraform
from reviewloop.rules.infra.tables import read_table
from reviewloop.rules.infra.values import DEEPEST, UNKNOWN, Node, Resource, Template

LARGEST = 20_000_000  # characters; longer templates are generated
_LABELLED = {"resource", "data", "ephemeral"}
_ALIAS_BUDGET = 50_000  # nodes that aliases may add: "billion laughs" ends here
_RAW = 300
_BRACKETS = regex(r"[\[\]{}]")
_DEEPEST_FLOW = 2_000  # the parser's cost grows with the square of the nesting of brackets
_TRUE, _FALSE = {"true", "True", "TRUE", "yes", "on"}, {"false", "False", "FALSE", "no", "off"}
_KEPT = ("DeletionPolicy", "UpdateReplacePolicy")


def read_template(file: SourceFile) -> Template | None:
    """Return the resources of a file, None if it is no infrastructure code."""
    if len(file.text) > LARGEST:
        return None
    if is_terraform(file):
        return read_terraform(file.path, file.text)
    if is_template(file):
        return read_cloudformation(file.path, file.text)
    if is_cdk(file):
        return read_cdk(file.text, file.language)
    return None


# Terraform


def read_terraform(path: str, text: str) -> Template:
    """Parse a .tf or .tf.json file; invalid parts are left out."""
    template = Template("terraform")
    if path.endswith(".json"):
        for resource in _from_json(read_json(text)):
            template.add(resource)
        return template
    for block in read_blocks(text):
        for resource in _from_block(block):
            template.add(resource)
    return template


def _from_block(block: Block) -> list[Resource]:
    labels = [*block.labels, "", ""]
    if block.type in _LABELLED:
        prefix = "" if block.type == "resource" else f"{block.type}."
        kind, name = prefix + labels[0], labels[1]
    elif block.type == "module":
        module = _module(labels[0], block.body, block.line, block.end_line)
        return [replace(module, cut_off=block.cut_off)]
    else:
        kind, name = block.type, labels[0]
    texts = read_table("dialects")["json_attributes"]
    if kind in texts and isinstance(block.body.value, dict):
        _unfold(block.body.value, texts[kind])
    lines = (block.line, block.end_line)
    return [Resource(kind, name, block.body, *lines, cut_off=block.cut_off)]


def _unfold(entries: dict[str, Node], key: str) -> None:
    node = entries.get(key)
    if node is not None and node.text.lstrip()[:1] in {"[", "{"}:
        inner = read_json(node.text, node.inner_line or node.line)
        entries[key] = inner if inner is not None else node


def _module(name: str, body: Node, line: int, end_line: int) -> Resource:
    source = body.get("source")
    parts = source.text.split("//")[0].split("/") if source is not None else []
    kind = "module"
    if len(parts) >= 3 and parts[-1] == "aws" and parts[-3] == "terraform-aws-modules":
        kind = read_table("dialects")["terraform_modules"].get(parts[-2], "module")
    return Resource(kind, name, body, line, end_line, partial=True)


def _from_json(root: Node | None) -> list[Resource]:
    found: list[Resource] = []
    if root is None or not isinstance(root.value, dict):
        return found
    for section, content in root.value.items():
        for part in content.items():
            if not isinstance(part.value, dict):
                continue
            if section in {"terraform", "locals"}:
                found.append(Resource(section, "", part, part.line, part.end_line))
                continue
            for label, inner in part.value.items():
                if section in _LABELLED and isinstance(inner.value, dict):
                    prefix = "" if section == "resource" else f"{section}."
                    found += [
                        Resource(prefix + label, name, body, node.line, node.end_line)
                        for name, node in inner.value.items()
                        for body in node.items()
                    ]
                elif section == "module":
                    found.append(_module(label, inner, inner.line, inner.end_line))
                elif section not in _LABELLED:
                    found += [
                        Resource(section, label, body, inner.line, inner.end_line)
                        for body in inner.items()
                    ]
    return found


# CloudFormation and SAM


def read_cloudformation(path: str, text: str) -> Template:
    """Return the resources of a template, and its outputs as kind "output"."""
    template = Template("cloudformation")
    root = read_json(text, templates=False) if text.lstrip()[:1] == "{" else _read_yaml(text)
    if root is None:
        return template
    root = _without_functions(root)
    resources = root.get("Resources")
    if resources is not None and isinstance(resources.value, dict):
        for name, node in resources.value.items():
            resource = _resource(name, node, root)
            if resource is not None:
                template.add(resource)
    for section, kind in (("Outputs", "output"), ("Parameters", "parameter")):
        entries = root.get(section)
        if entries is not None and isinstance(entries.value, dict):
            for name, node in entries.value.items():
                template.add(Resource(kind, name, node, node.line, node.end_line))
    return template


def _resource(name: str, node: Node, root: Node) -> Resource | None:
    kind = node.get("Type")
    if kind is None or not isinstance(kind.value, str):
        return None
    properties = node.get("Properties") or Node({}, node.line, node.line)
    if isinstance(properties.value, dict):
        entries = dict(properties.value)
        for key in _KEPT:
            attribute = node.get(key)
            if attribute is not None:
                entries[f"@{key}"] = attribute
        shared = root.get("Globals")
        shared = shared.get("Function") if shared is not None else None
        if kind.value == "AWS::Serverless::Function" and shared is not None:
            entries = {**(shared.value if isinstance(shared.value, dict) else {}), **entries}
        properties = Node(entries, properties.line, properties.end_line, open=properties.open)
    return Resource(kind.value, name, properties, node.line, node.end_line)


# Intrinsic functions


def _without_functions(node: Node, depth: int = 0) -> Node:
    """Replace functions that only the service can compute by unknowns that keep their text."""
    if depth > DEEPEST:
        return Node(UNKNOWN, node.line, node.end_line)
    if isinstance(node.value, list):
        node.value = [_without_functions(element, depth + 1) for element in node.value]
    elif isinstance(node.value, dict):
        entries = {key: _without_functions(one, depth + 1) for key, one in node.value.items()}
        node.value = entries
        if len(entries) == 1:
            (key, inner), *_ = entries.items()
            if key in {"Ref", "Condition"} and isinstance(inner.value, str):
                return Node(UNKNOWN, node.line, node.end_line, f"{key} {inner.value}")
            if key.startswith("Fn::"):
                return _function(key, inner, node)
        if "Fn::Transform" in entries:
            node.open = True
    return node


def _function(name: str, inner: Node, node: Node) -> Node:
    if name == "Fn::Sub" and isinstance(inner.value, str) and "${" not in inner.value:
        return Node(inner.value, node.line, node.end_line)
    return Node(UNKNOWN, node.line, node.end_line, f"{name} {_brief(inner)}"[:_RAW])


def _brief(node: Node) -> str:
    if isinstance(node.value, list):
        return " ".join(_brief(element)[:_RAW] for element in node.value[:10])
    if isinstance(node.value, dict):
        return " ".join(f"{k} {_brief(v)[:_RAW]}" for k, v in list(node.value.items())[:10])
    return str(node.value) if node.value is not UNKNOWN else node.raw


# YAML


def _read_yaml(text: str) -> Node | None:
    """Build values from parser events: without recursion, and keeping what comes before an
    error.
    """
    import yaml

    if _deepest(text) > _DEEPEST_FLOW:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.events.DocumentEndEvent):
                break
            builder.take(event, type(event).__name__)
    except (yaml.YAMLError, ValueError):
        pass  # a truncated template keeps the part before the cut
    return builder.finish()


def _deepest(text: str) -> int:
    """Return the nesting depth of brackets, those in strings and comments included."""
    depth = deepest = 0
    for sign in _BRACKETS.findall(text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Builder:
    def __init__(self) -> None:
        self.open: list[tuple[Node, str, list[Node]]] = []  # node, its short tag, pending keys
        self.root: Node | None = None
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.anchored: list[tuple[str, int]] = []  # anchor of each open collection, size before
        self.count = 0
        self.budget = _ALIAS_BUDGET
        self.last_line = 1

    def take(self, event: Any, name: str) -> None:
        if name == "ScalarEvent":
            self.count += 1
            line = event.start_mark.line + 1
            self.last_line = event.end_mark.line + (1 if event.end_mark.column else 0)
            node = _scalar(event, line, max(line, self.last_line))
            if event.anchor:
                self.anchors[event.anchor] = (node, 1)
            self._put(node)
        elif name in {"MappingStartEvent", "SequenceStartEvent"}:
            self.count += 1
            line = event.start_mark.line + 1
            node = Node({} if name[0] == "M" else [], line, line)
            self.open.append((node, _short_tag(event.tag), []))
            self.anchored.append((event.anchor or "", self.count))
        elif name in {"MappingEndEvent", "SequenceEndEvent"} and self.open:
            self._close()
        elif name == "AliasEvent":
            self.last_line = event.end_mark.line + 1
            self._put(self._alias(event.anchor, event.start_mark.line + 1))

    def _alias(self, anchor: str, line: int) -> Node:
        target, size = self.anchors.get(anchor, (None, 0))
        self.budget -= size
        if target is None or self.budget < 0:
            return Node(UNKNOWN, line, line, f"*{anchor}")
        self.count += size
        return Node(target.value, line, line, target.raw, target.open)

    def _close(self) -> None:
        node, tag, _ = self.open.pop()
        anchor, before = self.anchored.pop()
        node.end_line = max(node.line, self.last_line)
        if tag:
            name = f"Fn::{tag}" if tag not in {"Ref", "Condition"} else tag
            node = Node({name: node}, node.line, node.end_line)
        if len(self.open) > DEEPEST:
            node = Node(UNKNOWN, node.line, node.end_line)
        if anchor:
            self.anchors[anchor] = (node, self.count - before + 1)
        self._put(node)

    def _put(self, node: Node) -> None:
        if not self.open:
            self.root = self.root or node
            return
        parent, _, keys = self.open[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif isinstance(parent.value, dict):
            if not keys:
                keys.append(node)
                return
            key = keys.pop()
            if key.text == "<<":
                _merge(parent, node)
                return
            node.line = key.line
            parent.value[key.raw or key.text] = node

    def finish(self) -> Node | None:
        while self.open:
            self._close()
        return self.root


def _merge(parent: Node, merged: Node) -> None:
    for part in merged.items():
        if isinstance(part.value, dict) and isinstance(parent.value, dict):
            for key, value in part.value.items():
                parent.value.setdefault(key, value)
        else:
            parent.open = True


def _short_tag(tag: str | None) -> str:
    return tag[1:] if tag and tag.startswith("!") and len(tag) > 1 else ""


def _scalar(event: Any, line: int, end_line: int) -> Node:
    text: str = event.value
    tag = _short_tag(event.tag)
    if tag == "Sub" and "${" not in text:
        return Node(text, line, end_line, text)
    if tag:
        return Node(UNKNOWN, line, end_line, f"Fn::{tag} {text}" if tag != "Ref" else f"Ref {text}")
    value: str | int | bool | None = text
    if event.implicit[0]:  # plain, so its form decides
        if text in _TRUE or text in _FALSE:
            value = text in _TRUE
        elif text in {"", "~", "null", "Null", "NULL"}:
            value = None
        elif text.lstrip("-").isdecimal() and text.isascii() and len(text) < 16:
            value = int(text)
    inner = line + 1 if end_line > line else line
    return Node(value, line, end_line, text, inner_line=inner)
