"""The arguments of each tool: read leniently where the meaning is sure, refused where it is not."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reviewloop.tools.answers import BadCallError

_A = TypeVar("_A", bound=BaseModel)

_FREE_TEXT = {"content", "file_text", "text", "new_str", "newStr", "old_str", "oldStr"}


def _parsed(value: Any) -> Any:
    """Return what a string of JSON holds: models quote lists that should stand as they are."""
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
    """What a tool was called with; keys it does not know are left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadOperation(Arguments):
    """One reading, as Kiro nests them."""

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
        """The text to write, under whichever of its two names it came."""
        return self.content if self.content is not None else self.new_str


class RunGate(Arguments):
    """run_gate."""

    name: str = Field(min_length=1, validation_alias=_names("name", "gate"))
    paths: Texts = Field(default_factory=list)


class ExecuteBash(Arguments):
    """execute_bash."""

    command: Annotated[str | list[str], BeforeValidator(_parsed)]


def read_arguments(model: type[_A], args: Mapping[str, Any], usage: str) -> _A:
    """Return the arguments, or raise BadCallError with what is wrong and how it is right."""
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
