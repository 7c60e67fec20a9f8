"""Go: errors that are lost, and ends that come too early."""

import re
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import (
    argument,
    call_name,
    declaration_around,
    receiver,
    statements,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_EFFECTIVE = "https://go.dev/doc/effective_go#errors"
_MATTER = frozenset(
    {
        ("json", "Unmarshal"),
        ("xml", "Unmarshal"),
        ("yaml", "Unmarshal"),
        ("os", "WriteFile"),
        ("os", "MkdirAll"),
        ("os", "Rename"),
        ("ioutil", "WriteFile"),
        ("io", "ReadFull"),
    }
)
_row = partial(row, reviewer=MAINTAINABILITY, source=_EFFECTIVE)


def _dropped(node: "SgNode", source: Source) -> "SgNode | None":
    call = node.named_children()[:1]
    if not call or call[0].kind() != "call_expression":
        return None
    name, of = call_name(call[0]), receiver(call[0])
    if (of, name) in _MATTER:
        return node
    if name == "Commit" and re.search(r"(?i)tx$|transaction$", of):
        return node
    return node if name == "Decode" and "NewDecoder(" in of else None


def _ignored(node: "SgNode", source: Source) -> "SgNode | None":
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or not left.text().endswith(", _"):
        return None
    called = right.named_children()[:1]
    if not called or called[0].kind() != "call_expression":
        return None
    pair = receiver(called[0]), call_name(called[0])
    return node if pair in _GIVING else None


_GIVING = frozenset(
    {
        ("strconv", "Atoi"),
        ("strconv", "ParseInt"),
        ("strconv", "ParseFloat"),
        ("os", "Open"),
        ("os", "Create"),
        ("os", "ReadFile"),
        ("io", "ReadAll"),
        ("ioutil", "ReadAll"),
        ("http", "Get"),
        ("http", "NewRequest"),
        ("time", "Parse"),
        ("url", "Parse"),
    }
)


def _empty_branch(node: "SgNode", source: Source) -> "SgNode | None":
    condition, body = node.field("condition"), node.field("consequence")
    if condition is None or body is None or body.named_children():
        return None
    return node if re.fullmatch(r"\w*[eE]rr\w* != nil", condition.text()) else None


def _panics(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) or source.says(r"^package main\b"):
        return None
    around = declaration_around(node, source)
    name = around.field("name") if around is not None else None
    if name is None or re.match(r"[mM]ust|init$", name.text()):
        return None
    first = argument(node, 0)
    broken = first is not None and re.match(
        r"err\b|fmt\.(?:Sprint|Errorf)|errors\.New", first.text()
    )
    return node if broken and not source.says(r"recover\(\)") else None


def _ends(node: "SgNode", source: Source) -> "SgNode | None":
    of, name = receiver(node), call_name(node)
    if (of, name) != ("os", "Exit") and not (of == "log" and name.startswith("Fatal")):
        return None
    in_main = source.says(r"^package main\b")
    around = declaration_around(node, source)
    title = around.field("name") if around is not None else None
    told = title is not None and re.match(
        r"main|init|TestMain|[eE]xit|[fF]atal|[mM]ust", title.text()
    )
    return None if in_main or told else node


def _background(node: "SgNode", source: Source) -> Found | None:
    around = declaration_around(node, source)
    given = around.field("parameters") if around is not None else None
    if receiver(node) != "context" or given is None:
        return None
    text = given.text()
    if "*http.Request" in text:
        return Found(node)
    return Found(node, severity=NIT) if re.search(r"\bctx context\.Context", text) else None


def _not_wrapped(node: "SgNode", source: Source) -> "SgNode | None":
    pattern = text_of(argument(node, 0))
    if receiver(node) != "fmt" or "%w" in pattern or not re.search(r"%[vs]", pattern):
        return None
    last = argument(node, pattern.count("%") - 2 * pattern.count("%%"))
    return node if last is not None and last.text() == "err" else None


def _by_words(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    called = first is not None and re.fullmatch(r"\w*err\.Error\(\)", first.text())
    return node if receiver(node) == "strings" and called else None


def _unreachable(node: "SgNode", source: Source) -> "SgNode | None":
    parts = statements(node)
    for index, part in enumerate(parts[:-1]):
        jumps = part.kind() in {"return_statement", "break_statement", "continue_statement"}
        fatal = part.kind() == "expression_statement" and part.text().startswith("panic(")
        if jumps or fatal:
            after = parts[index + 1]
            return None if after.kind() in {"labeled_statement", "empty_statement"} else after
    return None


PATTERNS = (
    Pattern(
        _row(
            "error-dropped",
            severity=SHOULD,
            title="The error of this call is dropped.",
            why="When it fails, the program goes on with data that is missing or half written.",
            fix="Return or handle it.",
            bad="json.Unmarshal(b, &v)\n---\ntx.Commit()",
            good="if err := json.Unmarshal(b, &v); err != nil { return }\n---\n_ = tx.Rollback()",
        ),
        _dropped,
        kinds=("expression_statement",),
        hints=("Unmarshal", "Decode", "Commit", "WriteFile", "MkdirAll", "Rename", "ReadFull"),
    ),
    Pattern(
        _row(
            "error-ignored",
            severity=NIT,
            title="The error is thrown away.",
            why="A zero value then looks like a real one.",
            fix="Handle it, or say why it cannot happen.",
            bad="n, _ := strconv.Atoi(s)",
            good="n, err := strconv.Atoi(s)\n---\nv, _ := m[k]",
        ),
        _ignored,
        kinds=("short_var_declaration", "assignment_statement"),
        hints=(", _",),
    ),
    Pattern(
        _row(
            "empty-error-branch",
            severity=SHOULD,
            title="An error is looked at and nothing is done.",
            why="The program goes on as if it had not happened.",
            fix="Handle it, or say in a comment why it may be ignored.",
            bad="if err != nil {\n}",
            good="if err != nil {\n// the cache is optional\n}\n---\nif err != nil { return }",
        ),
        _empty_branch,
        kinds=("if_statement",),
    ),
    Pattern(
        _row(
            "panic-for-error",
            severity=NIT,
            title="A library panics where it could return an error.",
            why="The program around it ends, and cannot do anything about it.",
            fix="Return the error.",
            bad="panic(err)",
            good='return err\n---\npackage p\n\nfunc MustLoad() { panic(err) }\n---\npanic("bug")',
        ),
        _panics,
        calls=("panic",),
    ),
    Pattern(
        _row(
            "exit-in-library",
            severity=NIT,
            title="A library ends the whole program.",
            why="Deferred calls do not run, and callers cannot react.",
            fix="Return the error, and exit in main.",
            bad='log.Fatalf("no: %v", err)',
            good='package main\n\nfunc run() { log.Fatal("no") }\n---\nlog.Print("no")',
        ),
        _ends,
        calls=("Fatal", "Fatalf", "Fatalln", "Exit"),
    ),
    Pattern(
        _row(
            "request-without-context",
            severity=SHOULD,
            title="A new context is made where one was given.",
            why="The work goes on after the client has gone, and time limits do not reach it.",
            fix="Use r.Context(), or the ctx that was passed.",
            bad="ctx := context.Background()",
            good="ctx := r.Context()\n---\npackage p\n\nfunc f() { g(context.Background()) }\n",
        ),
        _background,
        calls=("Background", "TODO"),
        hints=("context.",),
    ),
    Pattern(
        _row(
            "error-not-wrapped",
            severity=NIT,
            title="The error is turned into text.",
            why="Callers can no longer tell with errors.Is what happened.",
            fix="Use %w.",
            bad='return fmt.Errorf("load: %v", err)',
            good='return fmt.Errorf("load: %w", err)\n---\nreturn fmt.Errorf("no %v", name)',
        ),
        _not_wrapped,
        calls=("Errorf",),
    ),
    Pattern(
        _row(
            "error-told-by-words",
            severity=NIT,
            title="An error is told by its words.",
            why="The words may change with any version.",
            fix="Use errors.Is or errors.As.",
            bad='if strings.Contains(err.Error(), "not found") { return }',
            good="if errors.Is(err, ErrNotFound) { return }",
        ),
        _by_words,
        calls=("Contains", "HasPrefix", "HasSuffix"),
        hints=("rr.Error()",),
    ),
    Pattern(
        _row(
            "unreachable",
            severity=SHOULD,
            title="This is never reached.",
            why="Whoever wrote it expects it to happen.",
            fix="Remove it, or move it up.",
            bad="return\nsave()",
            good="save()\nreturn",
        ),
        _unreachable,
        kinds=("block",),
    ),
)
