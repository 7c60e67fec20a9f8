"""The tools' schemas and arguments, parsed leniently where the meaning is certain, and outputs."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.llm.messages import ToolSpec


@dataclass(frozen=True)
class Output:
    """The output of a tool: `note` is our text, `data` is untrusted text of files, logs or
    names.
    """

    note: str
    data: str = ""
    label: str = "data"
    refused: str = ""  # why an edit was refused, for the user
    brief: str = ""  # a shorter form, "" for none
    lines: tuple[int, int] = (0, 0)  # lines that an edit added and removed


class CallRefusedError(ReviewLoopError):
    """The call cannot be executed as given; the note says what would be right."""

    def __init__(self, note: str, data: str = "", *, refused: str = "", brief: str = "") -> None:
        super().__init__(note)
        self.output = Output(note, data, refused=refused, brief=brief)


class BadCallError(CallRefusedError):
    """The call itself is invalid: unknown tool, wrong arguments, not allowed."""


def shown_name(path: str) -> str:
    """Return a path on one line for a note, whatever it contains."""
    return show_hidden(path).replace("\n", "⟦U+000A⟧")


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
    """Return the spec of run_gate for the gates of this project."""
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


_A = TypeVar("_A", bound=BaseModel)

_FREE_TEXT = {"content", "file_text", "text", "new_str", "newStr", "old_str", "oldStr"}


def _parsed(value: Any) -> Any:
    """Return the value in a string of JSON: models quote lists that should not be quoted."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value, strict=False)
        except ValueError:
            return value
    return value


def _as_list(value: Any) -> Any:
    value = _parsed(value)
    if value is None:
        return []
    return [value] if isinstance(value, str | Mapping) else value


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_or_empty)]
Texts = Annotated[list[str], BeforeValidator(_as_list)]


def _names(*names: str) -> Any:
    return AliasChoices(*names)


class Arguments(BaseModel):
    """The arguments of a call; unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadOperation(Arguments):
    """One read operation, in Kiro's nested form."""

    path: Text = Field(default="", validation_alias=_names("path", "file_path", "filePath"))
    start_line: int | None = Field(default=None, validation_alias=_names("start_line", "startLine"))
    end_line: int | None = Field(default=None, validation_alias=_names("end_line", "endLine"))


class Read(ReadOperation):
    """fs_read."""

    operations: Annotated[list[ReadOperation], BeforeValidator(_as_list)] = Field(
        default_factory=list, max_length=10
    )


class Grep(Arguments):
    """grep."""

    pattern: str = Field(min_length=1, validation_alias=_names("pattern", "query", "regex"))
    path: Text = Field(default="", validation_alias=_names("path", "file_path"))
    include: Text = Field(default="", validation_alias=_names("include", "glob", "includePattern"))
    ignore_case: bool = False
    max: int = Field(default=100, ge=1, validation_alias=_names("max", "limit", "max_results"))


class Glob(Arguments):
    """glob."""

    pattern: str = Field(min_length=1, validation_alias=_names("pattern", "query"))
    path: Text = ""


_OPERATIONS = {
    "get_document_symbols": "outline",
    "document_symbols": "outline",
    "search_symbols": "symbols",
    "lookup_symbols": "symbols",
    "symbol": "symbols",
    "goto_definition": "symbols",
    "definition": "symbols",
    "find_references": "references",
}


def _operation(value: Any) -> Any:
    return _OPERATIONS.get(value, value) if isinstance(value, str) else value


class Code(Arguments):
    """code."""

    operation: Annotated[Literal["outline", "symbols", "references"], BeforeValidator(_operation)]
    path: Text = Field(default="", validation_alias=_names("path", "file_path", "filePath"))
    name: Text = Field(
        default="", validation_alias=_names("name", "symbol_name", "symbol", "query")
    )


_COMMANDS = {"strReplace": "str_replace", "replace": "str_replace", "write": "create"}


def _command(value: Any) -> Any:
    return _COMMANDS.get(value, value) if isinstance(value, str) else value


class Write(Arguments):
    """fs_write."""

    command: Annotated[
        Literal["create", "str_replace", "insert", "append", "delete"], BeforeValidator(_command)
    ]
    path: str = Field(min_length=1, validation_alias=_names("path", "file_path", "filePath"))
    content: str | None = Field(
        default=None, validation_alias=_names("content", "file_text", "text")
    )
    old_str: str | None = Field(default=None, validation_alias=_names("old_str", "oldStr"))
    new_str: str | None = Field(default=None, validation_alias=_names("new_str", "newStr"))
    insert_line: int | None = Field(
        default=None, validation_alias=_names("insert_line", "insertLine")
    )
    replace_all: bool = Field(default=False, validation_alias=_names("replace_all", "replaceAll"))

    @property
    def new_text(self) -> str | None:
        """The text to write, under either of its two names."""
        return self.content if self.content is not None else self.new_str


class RunGate(Arguments):
    """run_gate."""

    name: str = Field(min_length=1, validation_alias=_names("name", "gate"))
    paths: Texts = Field(default_factory=list)


class ExecuteBash(Arguments):
    """execute_bash."""

    command: Annotated[str | list[str], BeforeValidator(_parsed)]


def read_arguments(model: type[_A], args: Mapping[str, Any], usage: str) -> _A:
    """Return the arguments; raise BadCallError with the problem and the correct usage."""
    for name, value in args.items():
        if isinstance(value, str) and "\0" in value and name not in _FREE_TEXT:
            raise BadCallError(f"{name} holds a NUL character; {usage}")
    try:
        return model.model_validate(dict(args))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
            for item in error.errors()[:3]
        )
        raise BadCallError(f"wrong arguments ({problems}); {usage}") from None
