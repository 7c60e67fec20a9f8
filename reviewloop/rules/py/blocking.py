"""Python rules on calls that block the event loop, and on clients created too often."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.patterns import Source
from reviewloop.rules.py.syntax import (
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
