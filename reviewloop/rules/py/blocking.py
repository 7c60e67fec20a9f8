"""Python rules on calls that block the event loop or never run, and on clients created often."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source, nodes_of
from reviewloop.rules.py.syntax import (
    FUNCTIONS,
    arguments,
    call_name,
    function_around,
    in_async,
    loop_names,
    receiver,
    repeated,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_blocking_client_in_async(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a synchronous Redis or MongoDB client made in an async function, else None."""
    name, of = call_name(node), receiver(node)
    if name in {"Redis", "StrictRedis"} and (
        of not in {"redis", ""} or source.mentions(r"redis\.asyncio")
    ):
        return None
    if name == "MongoClient" and of not in {"pymongo", ""}:
        return None
    return node if in_async(node, source) else None


def find_await_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return the only `await` of a for loop, where it uses the loop's variables.

    None where the loop's text shows that its order or its pace matters.
    """
    loop = repeated(node, source)
    if loop is None or loop.kind() != "for_statement" or loop.text().startswith("async"):
        return None
    text = loop.text()[:8_000]
    if re.search(
        r"sleep|(?<!a)wait|\breturn\b|\bcontinue\b|lock|limit|stream|send|write|drain", text
    ):
        return None
    if text.count("await ") != 1 or not uses(node, loop_names(loop)):
        return None
    parent = node.parent()
    return (
        node
        if parent is not None
        and parent.kind() in {"expression_statement", "assignment", "argument_list"}
        else None
    )


def find_first_page_only(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a list call of boto3 without arguments whose function asks for no more pages."""
    of, around = receiver(node), function_around(node, source)
    if not re.search(r"(?i)(?:client|s3|ec2|iam|table|dynamo\w*)$", of) or not source.mentions(
        "boto3"
    ):
        return None
    if call_name(node) == "scan" and not re.search(r"(?i)table$|dynamo\w*$", of):
        return None
    text = around.text()[:30_000] if around is not None else source.text[:30_000]
    pages_on = re.search(
        r"Token|paginat|LastEvaluatedKey|IsTruncated|MaxKeys|Limit|Marker|InstanceIds", text
    )
    return None if pages_on or arguments(node) else node


def find_coroutine_not_awaited(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a statement that only calls an async function of the file, else None."""
    call = next(iter(node.named_children()), None)
    if call is None or call.kind() != "call":
        return None
    name, of = call_name(call), receiver(call)
    around = source.ancestors(node)
    if of == "self":
        owner = next((one for one in around if one.kind() == "class_definition"), None)
        given = owner.field("name") if owner is not None else None
        return call if given is not None and (given.text(), name) in _coroutines(source) else None
    if of or ("", name) not in _coroutines(source):
        return None
    taken = (one.field("parameters") for one in around if one.kind() in FUNCTIONS)
    shadowed = any(given is not None and uses(given, {name}) for given in taken)
    bound_again = re.search(rf"(?m)^[ \t]*(?:def\s+{name}\b|{name}\s*=[^=])", source.text)
    return None if shadowed or bound_again else call


def _coroutines(source: Source) -> frozenset[tuple[str, str]]:
    """Return the async functions of a file that nothing wraps, each with its class or ""."""
    known: frozenset[tuple[str, str]] | None = source.memo.get("py coroutines")
    if known is None:
        counted: dict[tuple[str, str], list[bool]] = {}
        for function in nodes_of(source.root, ("function_definition",)):
            around = function.ancestors()
            inner = [one for one in around if one.kind() in {"class_definition", *FUNCTIONS}]
            owner = inner[0] if inner else None
            name = function.field("name")
            if name is None or (owner is not None and owner.kind() in FUNCTIONS):
                continue
            given = owner.field("name") if owner is not None else None
            bare = around[0].kind() != "decorated_definition"
            runs_later = any(child.kind() == "async" for child in function.children()[:2])
            key = (given.text() if given is not None else "", name.text())
            counted.setdefault(key, []).append(bare and runs_later)
        known = frozenset(key for key, found in counted.items() if found == [True])
        source.memo["py coroutines"] = known
    return known
