"""Python: requests, programs, connections and files that are opened once per element."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.py.syntax import (
    argument,
    call_name,
    fixed_text,
    loop_names,
    receiver,
    repeated,
    row,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def _web(node: "SgNode", source: Source) -> Found | None:
    if receiver(node) not in {"requests", "httpx"}:
        return None
    loop = repeated(node, source)
    first = argument(node, 0)
    if loop is None or first is None:
        return None
    part = first.kind() == "string" and not fixed_text(first) and uses(first, loop_names(loop))
    return Found(node, severity=SHOULD if part else NIT)


def _program(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) != "subprocess" and (receiver(node), call_name(node)) != ("os", "system"):
        return None
    return node if repeated(node, source) is not None else None


def _connected(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) not in {"sqlite3", "psycopg2", "psycopg", "pymysql", "MySQLdb", "boto3"}:
        return None
    loop = repeated(node, source)
    return node if loop is not None and not uses(node, loop_names(loop)) else None


def _read_again(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if receiver(node) or first is None or not fixed_text(first):
        return None
    mode = argument(node, 1)
    if mode is not None and re.search(r"[wax+]", mode.text()):
        return None
    return node if repeated(node, source) is not None else None


PATTERNS = (
    Pattern(
        row(
            "request-in-loop",
            NIT,
            source="https://requests.readthedocs.io/en/latest/user/advanced/#session-objects",
            title="A request is made for every element, each with a connection of its own.",
            why="The waiting adds up; a service with many elements is asked too often.",
            fix="Ask for all of them at once, or use a session and several at a time.",
            bad='for i in ids:\n    out.append(requests.get(f"{base}/users/{i}", timeout=5))',
            good='out = requests.get(f"{base}/users", params={"ids": ids}, timeout=5)',
        ),
        _web,
        calls=("get", "post", "put", "patch", "delete", "request", "head"),
        hints=("requests.", "httpx."),
    ),
    Pattern(
        row(
            "program-in-loop",
            NIT,
            source="https://docs.python.org/3/library/subprocess.html",
            title="A program is started for every element.",
            why="Starting it often takes longer than its work.",
            fix="Give it all elements at once where it takes several.",
            bad='for f in files:\n    subprocess.run(["git", "add", f], check=True)',
            good='subprocess.run(["git", "add", *files], check=True)',
        ),
        _program,
        calls=("run", "call", "check_call", "check_output", "system"),
        hints=("subprocess", "os.system"),
    ),
    Pattern(
        row(
            "connect-in-loop",
            SHOULD,
            source="https://docs.python.org/3/library/sqlite3.html#sqlite3.connect",
            title="A connection or client is made for every element.",
            why="Making it takes longer than using it.",
            fix="Make it once, ahead of the loop.",
            bad='for k in keys:\n    boto3.client("s3").delete_object(Bucket=b, Key=k)',
            good='s3 = boto3.client("s3")\nfor k in keys:\n    s3.delete_object(Bucket=b, Key=k)',
        ),
        _connected,
        calls=("connect", "client", "resource"),
        hints=("connect", "boto3"),
    ),
    Pattern(
        row(
            "same-file-in-loop",
            SHOULD,
            source="https://docs.python.org/3/library/functions.html#open",
            title="The same file is opened in every round.",
            why="It is read as often as there are elements.",
            fix="Read it once, ahead of the loop.",
            bad='for n in names:\n    with open("known.txt") as f:\n        check(n, f.read())',
            good='known = open("known.txt").read()\nfor n in names:\n    open(n)',
        ),
        _read_again,
        calls=("open",),
    ),
)
