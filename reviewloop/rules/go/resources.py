"""Go: what is never closed, done again and again, or shared in the wrong way."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT, PERFORMANCE, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import (
    FUNCTIONS,
    arguments,
    call_name,
    declaration_around,
    fields,
    literal,
    loop_around,
    receiver,
)
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_GUIDE = "https://go.dev/doc/effective_go"
_DATA = Regex(r"(?i)(?:^|\.)(?:\w*db|\w*conn|\w*pool|tx|\w*repo|\w*store|\w*queries|client)$")
_fast = partial(row, reviewer=PERFORMANCE, source=_GUIDE)
_kept = partial(row, reviewer=MAINTAINABILITY, source=_GUIDE)


def _deferred(node: "SgNode", source: Source) -> "SgNode | None":
    loop = loop_around(node, source)
    return node if loop is not None and "return" not in _tail(loop, node) else None


def _tail(loop: "SgNode", node: "SgNode") -> str:
    """Return the last statement of a loop that surely ends its function, else ""."""
    body = loop.field("body")
    lines = body.text().rstrip("} \n\t").rsplit("\n", 1) if body is not None else [""]
    return lines[-1].strip() if lines[-1].strip().startswith("return") else ""


def _not_closed(node: "SgNode", source: Source) -> Found | None:
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
    alone = rf"{name}(?:\.Body)?"
    handed = rf"[(,&=:{{][ \t]*&?{alone}\s*[,)}}\n]|return [^\n]*\b{name}\b(?!\.)|<-\s*{name}\b"
    return None if re.search(handed, text) else Found(node, f"`{name}` ({what}) is never closed.")


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


def _added_inside(node: "SgNode", source: Source) -> "SgNode | None":
    if not re.search(r"(?i)wg$|waitgroup$|\.wait$", receiver(node)):
        return None
    for outer in source.ancestors(node)[:8]:
        if outer.kind() == "func_literal":
            call = outer.parent()
            around = call.parent() if call is not None else None
            return node if around is not None and around.kind() == "go_statement" else None
    return None


def _compiled(node: "SgNode", source: Source) -> Found | None:
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


def _query(node: "SgNode", source: Source) -> Found | None:
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


def _joined(node: "SgNode", source: Source) -> "SgNode | None":
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


def _timer(node: "SgNode", source: Source) -> "SgNode | None":
    return node if receiver(node) == "time" and loop_around(node, source) is not None else None


def _client(node: "SgNode", source: Source) -> "SgNode | None":
    kind = node.field("type")
    if kind is None or kind.text() != "http.Client" or "Timeout" in fields(node):
        return None
    return None if source.says(r"\.Timeout\s*=|WithTimeout|WithDeadline") else node


PATTERNS = (
    Pattern(
        _kept(
            "defer-in-loop",
            severity=SHOULD,
            title="defer inside a loop waits for the end of the function.",
            why="Files and locks of all rounds stay open until then.",
            fix="Put the body of the loop into a function of its own.",
            bad="for _, n := range names {\nf, _ := os.Open(n)\ndefer f.Close()\nread(f)\n}",
            good="for _, n := range names {\nfunc() { f := open(n); defer f.Close() }()\n}",
        ),
        _deferred,
        kinds=("defer_statement",),
    ),
    Pattern(
        _kept(
            "never-closed",
            severity=SHOULD,
            title="What is opened here is never closed.",
            why="Connections and file handles run out.",
            fix="Defer its Close once the error has been looked at.",
            bad="resp, err := http.Get(u)\nif err != nil { return }\nuse(resp.Body.Read)",
            good="resp, err := http.Get(u)\ndefer resp.Body.Close()\n---\n"
            "f, err := os.Open(n)\nkeep(f)\n---\nf, err := os.Open(n)\nreturn f, err",
        ),
        _not_closed,
        kinds=("short_var_declaration",),
        hints=("http.", "os.", "Query", ".Do("),
    ),
    Pattern(
        _kept(
            "wait-group-added-inside",
            severity=SHOULD,
            title="Add is called inside the goroutine.",
            why="Wait may be reached first and not wait for it.",
            fix="Call Add ahead of the go statement.",
            bad="go func() { wg.Add(1); defer wg.Done(); work() }()",
            good="wg.Add(1)\ngo func() { defer wg.Done(); work() }()",
        ),
        _added_inside,
        calls=("Add",),
        hints=("go func",),
    ),
    Pattern(
        _fast(
            "regex-compiled-again",
            severity=SHOULD,
            title="The same regular expression is made in every round.",
            why="Making it costs much more than using it.",
            fix="Make it once, in a variable of the package.",
            bad='for _, l := range lines { regexp.MustCompile("^a").MatchString(l) }',
            good='package p\n\nvar a = regexp.MustCompile("^a")\n',
        ),
        _compiled,
        calls=("MustCompile", "Compile", "MatchString"),
        hints=("regexp.",),
    ),
    Pattern(
        _fast(
            "query-in-loop",
            severity=SHOULD,
            title="A query or request is made for every element.",
            why="A hundred elements take a hundred round trips.",
            fix="Ask once for all of them, with a list of ids for example.",
            bad="for _, id := range ids {\n"
            'row := db.QueryRow("SELECT a FROM t WHERE id=$1", id)\n}',
            good='rows, err := db.Query("SELECT a FROM t WHERE id = ANY($1)", ids)\nkeep(rows)',
        ),
        _query,
        calls=(
            *("Query", "QueryRow", "QueryContext", "QueryRowContext", "Exec", "ExecContext"),
            *("Get", "Post", "Head", "Find", "First", "Select"),
        ),
    ),
    Pattern(
        _fast(
            "text-joined-in-loop",
            severity=NIT,
            title="A text is extended in every round.",
            why="Each time all of it is copied.",
            fix="Use strings.Builder.",
            bad='for _, l := range lines { out += l + "\\n" }',
            good="for _, l := range lines { b.WriteString(l) }\n---\n"
            "for _, l := range lines { n += l }",
        ),
        _joined,
        kinds=("assignment_statement",),
        hints=("+=",),
    ),
    Pattern(
        _fast(
            "timer-in-loop",
            severity=NIT,
            title="Every round makes a new timer.",
            why="Before Go 1.23 each stays in memory until it fires.",
            fix="Use time.NewTimer and Reset.",
            bad="for { select { case <-ch: case <-time.After(d): return } }",
            good="t := time.NewTimer(d)\nfor { select { case <-ch: case <-t.C: return } }",
        ),
        _timer,
        calls=("After", "Tick"),
        hints=("time.After", "time.Tick"),
    ),
    Pattern(
        _fast(
            "client-without-timeout",
            severity=NIT,
            title="The client waits without end.",
            why="One server that does not answer holds its caller for ever.",
            fix="Set Timeout, or give every request a context with a limit.",
            bad="c := &http.Client{}",
            good="c := &http.Client{Timeout: time.Minute}",
        ),
        _client,
        kinds=("composite_literal",),
        hints=("http.Client",),
    ),
)
