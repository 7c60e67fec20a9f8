"""Cyclomatic complexity of one file, counted on its syntax tree."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_BYTES = 2_000_000  # generated files of this size are nobody's complexity


@dataclass(frozen=True)
class _Language:
    """What opens a path in one language: kinds of nodes, and `&&` or `||` between conditions."""

    name: str
    functions: str
    branches: str
    conditions: str = "binary_expression"


_C_LIKE = "if_statement for_statement while_statement do_statement case_statement "
_SCRIPT = _Language(
    "javascript",
    "function_declaration function_expression arrow_function method_definition "
    "generator_function_declaration",
    "if_statement for_statement for_in_statement while_statement do_statement switch_case "
    "catch_clause ternary_expression",
)
_TYPED = _Language("typescript", _SCRIPT.functions, _SCRIPT.branches)
_CPP = _Language(
    "cpp",
    "function_definition lambda_expression",
    _C_LIKE + "for_range_loop catch_clause conditional_expression",
)
_KOTLIN = _Language(
    "kotlin",
    "function_declaration",
    "if_expression for_statement while_statement do_while_statement when_entry catch_block "
    "conjunction_expression disjunction_expression",
    "",
)
_SWIFT = _Language(
    "swift",
    "function_declaration init_declaration",
    "if_statement guard_statement for_statement while_statement switch_entry catch_block "
    "ternary_expression conjunction_expression disjunction_expression",
    "",
)
_BY_ENDING = {
    "py": _Language(
        "python",
        "function_definition lambda",
        "if_statement elif_clause for_statement while_statement except_clause case_clause "
        "conditional_expression for_in_clause if_clause boolean_operator",
        "",
    ),
    "js": _SCRIPT,
    "jsx": _SCRIPT,
    "mjs": _SCRIPT,
    "cjs": _SCRIPT,
    "ts": _TYPED,
    "mts": _TYPED,
    "cts": _TYPED,
    "tsx": _Language("tsx", _SCRIPT.functions, _SCRIPT.branches),
    "java": _Language(
        "java",
        "method_declaration constructor_declaration lambda_expression",
        "if_statement for_statement enhanced_for_statement while_statement do_statement "
        "switch_label catch_clause ternary_expression",
    ),
    "go": _Language(
        "go",
        "function_declaration method_declaration func_literal",
        "if_statement for_statement expression_case type_case communication_case",
    ),
    "rs": _Language(
        "rust",
        "function_item closure_expression",
        "if_expression for_expression while_expression loop_expression match_arm try_expression",
    ),
    "c": _Language("c", "function_definition", _C_LIKE + "conditional_expression"),
    "h": _CPP,
    "cc": _CPP,
    "cpp": _CPP,
    "hpp": _CPP,
    "cs": _Language(
        "csharp",
        "method_declaration constructor_declaration local_function_statement lambda_expression",
        "if_statement for_statement foreach_statement while_statement do_statement "
        "switch_section catch_clause conditional_expression",
    ),
    "kt": _KOTLIN,
    "kts": _KOTLIN,
    "rb": _Language(
        "ruby",
        "method singleton_method",
        "if elsif unless while until for when rescue conditional if_modifier unless_modifier "
        "while_modifier",
        "binary",
    ),
    "php": _Language(
        "php",
        "function_definition method_declaration arrow_function",
        _C_LIKE + "else_if_clause foreach_statement catch_clause conditional_expression",
    ),
    "swift": _SWIFT,
    "scala": _Language(
        "scala",
        "function_definition",
        "if_expression for_expression while_expression case_clause catch_clause",
        "infix_expression",
    ),
}


def complexity(path: str, data: bytes) -> int | None:
    """Return the sum over the file's functions, None for a language that is not measured.

    One for each function and one for each branch, loop, case, handler and `and`/`or`; code outside
    functions counts by its branches. Files of data and prose (nothing to branch) are 0.
    """
    ending = path.rsplit(".", 1)[-1].lower() if "." in path.rsplit("/", 1)[-1] else ""
    if ending in _NO_CODE:
        return 0
    language = _BY_ENDING.get(ending)
    if language is None or len(data) > _BYTES:
        return None
    if not data.strip():
        return 0
    from ast_grep_py import SgRoot

    root = SgRoot(data.decode("utf-8", "replace"), language.name).root()
    return len(root.find_all(_rule(language)))


_NO_CODE = frozenset(
    (
        *("md", "rst", "txt", "json", "yaml", "yml", "toml", "ini", "cfg", "lock", "csv", "xml"),
        *("html", "css", "svg", "gitignore", "env", "example"),
    )
)


@lru_cache(maxsize=64)
def _rule(language: _Language) -> Any:
    kinds: list[dict[str, Any]] = [
        {"kind": kind} for kind in (language.functions + " " + language.branches).split()
    ]
    if language.conditions:
        operator = {"regex": r"^(&&|\|\||\?\?|and|or)$"}
        kinds.append({"kind": language.conditions, "has": {"field": "operator", **operator}})
    return {"rule": {"any": kinds}}
