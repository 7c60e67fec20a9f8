"""JavaScript: code that the next reader will stumble over."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MAINTAINABILITY, NIT, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import row, ts
from reviewloop.rules.js.syntax import receiver, text_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ESLINT = "https://eslint.org/docs/latest/rules/"
_LOOSE = Regex(r"[^=!<>][=!]=(?!=)(?!\s*(?:null|undefined)\b)")
_STRICT = Regex(r"[=!]==")
_HABIT = 4
PROGRAMS = Regex(
    r"(?:^|/)(?:bin|cli|scripts?|tools?|build|examples?|bench\w*)/|cli\.\w+$|\.config\.\w+$|logger"
    r"|(?:example|bench\w*)\.\w+$"
)


def _swallowed(node: "SgNode", source: Source) -> Found | None:
    body = node.field("body")
    if body is None or body.named_children():
        return None
    attempt = node.parent()
    tried = attempt.field("body") if attempt is not None else None
    small = tried is not None and len(tried.named_children()) < 2 and "await" not in tried.text()
    return Found(node, severity=NIT if small else SHOULD)


def _loose(node: "SgNode", source: Source) -> Found | None:
    sign = node.field("operator")
    if sign is None or sign.text() not in {"==", "!="}:
        return None
    sides = [node.field("left"), node.field("right")]
    for side in sides:
        if side is None or side.kind() in {"null", "undefined"} or side.text()[:6] == "typeof":
            return None
        if side.text() == "undefined":
            return None
    return None if _loose_throughout(source) else Found(node)


def _loose_throughout(source: Source) -> bool:
    """Whether == is how the file compares: one more of them is no slip."""
    known = source.memo.get("js loose")
    if known is None:
        loose, strict = len(_LOOSE.findall(source.text)), len(_STRICT.findall(source.text))
        source.memo["js loose"] = known = loose >= _HABIT and loose >= _HABIT * strict
    return bool(known)


def _var(node: "SgNode", source: Source) -> "SgNode | None":
    return node if source.says(r"^\s*(?:const|let|import|export)\s") else None


def _logged(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) != "console" or source.text.startswith("#!"):
        return None
    return None if PROGRAMS.search(source.file.path) else node


def _debugger(node: "SgNode", source: Source) -> "SgNode | None":
    return node


def _any(node: "SgNode", source: Source) -> "SgNode | None":
    if source.file.language == "javascript" or node.text() != "any":
        return None
    parent = node.parent()
    return (
        node
        if parent is not None and parent.kind() in {"type_annotation", "as_expression"}
        else None
    )


def _silenced(node: "SgNode", source: Source) -> "SgNode | None":
    found = re.match(r"(?://|/\*)\s*@ts-(?:ignore|nocheck)\b(.*)", node.text())
    if not found or len(found.group(1).strip(" :-*/")) >= 3:
        return None
    return node


def _thrown(node: "SgNode", source: Source) -> "SgNode | None":
    value = node.named_children()[:1]
    return node if value and (text_of(value[0]) or value[0].kind() == "template_string") else None


PATTERNS = (
    Pattern(
        row(
            "empty-catch",
            MAINTAINABILITY,
            SHOULD,
            _ESLINT,
            title=("An error is caught and nothing is said about it."),
            why=("When it happens, nobody will know why the result is wrong."),
            fix=("Handle it, or say in a comment why it may be ignored."),
            bad=("try { load(); } catch (e) {}"),
            good=(
                "try { load(); } catch { /* the cache is optional */ }\n---\n"
                "try { f(); } catch (e) { log(e); }"
            ),
        ),
        _swallowed,
        kinds=("catch_clause",),
        hints=("catch",),
    ),
    Pattern(
        row(
            "loose-equality",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("== converts its sides before it compares them."),
            why=("'' == 0 and '1' == 1 hold, which is rarely meant."),
            fix=("Use ===."),
            bad=(
                "if (a == 'x') f();\n---\n"
                "if (a == 'x') f();\nif (a == 'y') f();\nif (b != 1) f();\nif (c == d) f();\n"
                "if (a === 'z') f();\nif (b !== 'z') f();"
            ),
            good=(
                "if (a === 'x') f();\n---\nif (a == null) f();\n---\n"
                "if (a == 'x') f();\nif (a == 'y') f();\nif (b != 1) f();\nif (c == d) f();"
            ),
        ),
        _loose,
        kinds=("binary_expression",),
        hints=("==", "!="),
    ),
    Pattern(
        row(
            "var",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("var in a file that knows const and let."),
            why=("It is seen in the whole function and before its line."),
            fix=("Use const or let."),
            bad=("const a = 1;\nvar b = 2;"),
            good=("const a = 1;\nlet b = 2;\n---\nvar old = 1;"),
        ),
        _var,
        kinds=("variable_declaration",),
        hints=("var",),
    ),
    Pattern(
        row(
            "console-log",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("console.log is left in the code."),
            why=("It was probably there to find an error."),
            fix=("Remove it, or use the logger."),
            bad=("function f(a) { console.log(a); return a; }"),
            good=(
                "function f(a) { console.error(a); return a; }\n---\n"
                "#!/usr/bin/env node\nconsole.log(1);"
            ),
        ),
        _logged,
        calls=("log",),
        hints=("console.log",),
    ),
    Pattern(
        row(
            "debugger",
            MAINTAINABILITY,
            SHOULD,
            _ESLINT,
            title=("A debugger statement is left in the code."),
            why=("It stops the program wherever a debugger is attached."),
            fix=("Remove it."),
            bad=("function f(a) { debugger; return a; }"),
            good=("function f(a) { return a; }"),
        ),
        _debugger,
        kinds=("debugger_statement",),
        hints=("debugger",),
    ),
    Pattern(
        row(
            "any",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("The type any turns type checking off."),
            why=("Mistakes with this value show only when the code runs."),
            fix=("Write the type, or unknown and a check."),
            bad=("function f(a: any) { return a; }"),
            good=("function f(a: unknown) { return a; }"),
            make=ts,
        ),
        _any,
        kinds=("predefined_type",),
        hints=("any",),
    ),
    Pattern(
        row(
            "ts-ignore",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("A type error is silenced without a reason."),
            why=("The next reader cannot tell whether it still has to be."),
            fix=("Use @ts-expect-error and say why."),
            bad=("// @ts-ignore\nf(1);"),
            good=(
                "// @ts-ignore: the types lack the second form\nf(1);\n---\n"
                "// @ts-expect-error\nf(1);"
            ),
            make=ts,
        ),
        _silenced,
        kinds=("comment",),
        hints=("@ts-ignore", "@ts-nocheck"),
    ),
    Pattern(
        row(
            "thrown-text",
            MAINTAINABILITY,
            NIT,
            _ESLINT,
            title=("A text is thrown, not an error."),
            why=("It has no stack, and handlers that look for an Error miss it."),
            fix=("Throw new Error(...)."),
            bad=("throw 'not found';"),
            good=("throw new Error('not found');"),
        ),
        _thrown,
        kinds=("throw_statement",),
    ),
)
