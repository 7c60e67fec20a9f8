"""The tools as models see them: name, what it does, and the schema of its arguments."""

from collections.abc import Sequence
from typing import Any

from reviewloop.models.messages import ToolSpec

_STRING = {"type": "string"}
_LINE = {"type": "integer"}


def _spec(name: str, description: str, required: list[str], /, **properties: Any) -> ToolSpec:
    return ToolSpec(
        name, description, {"type": "object", "required": required, "properties": properties}
    )


def _about(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {**schema, "description": description}


FS_READ = _spec(
    "fs_read",
    "Read a file with line numbers, or list a folder. Long files come in pages.",
    ["path"],
    path=_about(_STRING, "relative to the repository's root"),
    start_line=_LINE,
    end_line=_LINE,
)

CODE = _spec(
    "code",
    "The outline of a file or folder (path), where a function, class, method or constant is "
    "defined (symbols: name), or every place that mentions it (references: name).",
    ["operation"],
    operation={"type": "string", "enum": ["outline", "symbols", "references"]},
    path=_STRING,
    name=_STRING,
)

GREP = _spec(
    "grep",
    "Search the text of all files for a regular expression.",
    ["pattern"],
    pattern=_about(_STRING, "Perl-compatible"),
    path=_about(_STRING, "file or folder"),
    include=_about(_STRING, "only such files: *.py"),
    ignore_case={"type": "boolean"},
    max=_about(_LINE, "lines to return (100)"),
)

GLOB = _spec(
    "glob",
    "Find files by a path pattern such as src/**/*.ts or test_*.py.",
    ["pattern"],
    pattern=_STRING,
    path=_about(_STRING, "folder"),
)

FS_WRITE = _spec(
    "fs_write",
    "Change one file. create writes a whole file; str_replace replaces old_str, which must stand "
    "in the file exactly once (copied without line numbers), by new_str; insert puts content "
    "after insert_line (0: at the top); append adds content at the end; delete removes the file. "
    "Text is written as given: never abbreviate.",
    ["command", "path"],
    command={"type": "string", "enum": ["create", "str_replace", "insert", "append", "delete"]},
    path=_about(_STRING, "relative to the repository's root"),
    content=_about(_STRING, "for create, insert and append"),
    old_str=_about(_STRING, "for str_replace"),
    new_str=_about(_STRING, "for str_replace"),
    insert_line=_about({"type": "integer", "minimum": 0}, "for insert"),
    replace_all=_about({"type": "boolean"}, "for str_replace: every occurrence"),
)

EXECUTE_BASH = _spec(
    "execute_bash",
    "Run one program with arguments on the files as they stand, in a sandbox. There is no shell: "
    "no pipes, redirections or variables.",
    ["command"],
    command=_about(
        {"type": "array", "items": _STRING}, 'program and arguments: ["python", "-m", "x"]'
    ),
)


def run_gate_spec(gates: Sequence[str]) -> ToolSpec:
    """Return the spec of run_gate for the checks this project has."""
    return _spec(
        "run_gate",
        "Run one of the project's named checks on the files as they stand.",
        ["name"],
        name={"type": "string", "enum": list(gates)},
        paths=_about(
            {"type": "array", "items": _STRING},
            "only these test files or folders, where the check can be limited",
        ),
    )
