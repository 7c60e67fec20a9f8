"""Go rules on resources that are never closed, created repeatedly, or shared wrongly."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.go.syntax import (
    FUNCTIONS,
    arguments,
    call_name,
    declaration_around,
    literal,
    loop_around,
    receiver,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_DATA = regex(r"(?i)(?:^|\.)(?:\w*db|\w*conn|\w*pool|tx|\w*repo|\w*store|\w*queries|client)$")


def find_defer_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `defer` in a loop, None where the last line of the loop is a `return`."""
    loop = loop_around(node, source)
    return node if loop is not None and "return" not in _tail(loop, node) else None


def _tail(loop: "SgNode", node: "SgNode") -> str:
    """Return the last statement of a loop that certainly ends its function, else ""."""
    body = loop.field("body")
    lines = body.text().rstrip("} \n\t").rsplit("\n", 1) if body is not None else [""]
    return lines[-1].strip() if lines[-1].strip().startswith("return") else ""


# They read a body to its end and leave it open.
_READS_ALL = r"\b(?:io|ioutil|json|xml|bufio)\.\w{1,30}\((?:[\w.]{1,60},[ \t]*)?"


def find_never_closed(node: "SgNode", source: Source) -> Found | None:
    """Return a variable set to a new file, response or rows.

    None where its function closes it, passes it on, stores it or returns it.
    """
    left, right = node.field("left"), node.field("right")
    called = right.named_children()[:1] if right is not None else []
    if left is None or not called or called[0].kind() != "call_expression":
        return None
    name = left.text().split(",")[0].strip()
    what = _opened(called[0])
    around = next((n for n in source.ancestors(node) if n.kind() in FUNCTIONS), None)
    if not what or around is None or name == "_" or not name.isidentifier():
        return None
    text = around.text()[:60_000]
    if re.search(rf"\b{name}(?:\.Body)?\.Close\b", text):
        return None
    text = re.sub(_READS_ALL + rf"{name}\.Body\b", "", text)
    alone = rf"{name}(?:\.Body)?"
    passed = rf"[(,&=:{{][ \t]*&?{alone}\s*[,)}}\n]|return [^\n]*\b{name}\b(?!\.)|<-\s*{name}\b"
    return None if re.search(passed, text) else Found(node, f"`{name}` ({what}) is never closed.")


def _opened(call: "SgNode") -> str:
    name, of = call_name(call), receiver(call)
    if of == "http" and name in {"Get", "Post", "Head", "PostForm"}:
        return "a response"
    if name == "Do" and re.search(r"(?i)client$", of):
        return "a response"
    if name in {"Query", "QueryContext"} and _DATA.search(of):
        return "rows"
    if of == "os" and name in {"Open", "Create", "OpenFile"}:
        return "a file"
    return ""


def find_regex_compiled_again(node: "SgNode", source: Source) -> Found | None:
    """Return a fixed pattern that is compiled in a loop, or, as a nit, in a handler of requests."""
    given = arguments(node)
    if receiver(node) != "regexp" or not given or not literal(given[0]):
        return None
    if loop_around(node, source) is not None:
        return Found(node)
    around = declaration_around(node, source)
    taken = around.field("parameters") if around is not None else None
    if taken is None or not re.search(r"\*http\.Request|\*gin\.|echo\.Context", taken.text()):
        return None
    return Found(node, "The regular expression is made for every request.", NIT)


def find_query_in_loop(node: "SgNode", source: Source) -> Found | None:
    """Return a database or HTTP call in a `range` loop that neither breaks nor batches."""
    of, name = receiver(node), call_name(node)
    asks = of == "http" and name in {"Get", "Post", "Head"}
    if not asks and not _DATA.search(of):
        return None
    common = name in {"Get", "Find", "First", "Select", "Exec", "ExecContext"}
    if common and not asks and not re.search(r"(?i)db$|tx$|conn$|pool$", of):
        return None
    loop = loop_around(node, source)
    if loop is None or not re.search(r"\brange\b", loop.text()[:200].split("{")[0]):
        return None
    if re.search(r"\b(?:break|attempt|retr\w+|batch\w*|chunk\w*)\b", loop.text()[:5_000]):
        return None
    return Found(node, severity=NIT if name.startswith("Exec") else SHOULD)


def find_text_joined_in_loop(node: "SgNode", source: Source) -> "SgNode | None":
    """Return a `+=` of text in a loop; None for a variable that the loop itself declares."""
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or "+=" not in node.text()[: len(left.text()) + 4]:
        return None
    if '"' not in right.text() and "fmt.Sprint" not in right.text():
        return None
    loop = loop_around(node, source)
    name = left.text()
    if loop is None or not name.isidentifier():
        return None
    fresh = re.search(rf"\b{name}\b[^\n{{]*:=|var {name}\b", loop.text()[:20_000])
    return None if fresh else node
