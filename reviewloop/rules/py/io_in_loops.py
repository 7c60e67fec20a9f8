"""Python rules on requests, programs, connections and files in loops."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.rules.py.syntax import (
    argument,
    call_name,
    fixed_text,
    loop_names,
    receiver,
    repeated,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def find_request_in_loop(node: "SgNode", source: Source) -> Found | None:
    """Return a request per element; a nit unless its URL is a text with a loop variable."""
    if receiver(node) not in {"requests", "httpx"}:
        return None
    loop = repeated(node, source)
    first = argument(node, 0)
    if loop is None or first is None:
        return None
    part = first.kind() == "string" and not fixed_text(first) and uses(first, loop_names(loop))
    return Found(node, severity=SHOULD if part else NIT)


def find_program_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a program that is started once per element of a loop, else None."""
    if receiver(node) != "subprocess" and (receiver(node), call_name(node)) != ("os", "system"):
        return None
    return node if repeated(node, source) is not None else None


def find_connect_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a connection or client made per element without a variable of the loop."""
    if receiver(node) not in {"sqlite3", "psycopg2", "psycopg", "pymysql", "MySQLdb", "boto3"}:
        return None
    loop = repeated(node, source)
    return node if loop is not None and not uses(node, loop_names(loop)) else None


def find_same_file_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return an `open` for reading of a fixed path that runs once per element, else None."""
    first = argument(node, 0)
    if receiver(node) or first is None or not fixed_text(first):
        return None
    mode = argument(node, 1)
    if mode is not None and re.search(r"[wax+]", mode.text()):
        return None
    return node if repeated(node, source) is not None else None
