"""The dotted names of all settings, and errors for unknown names."""

import difflib
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reviewloop.domain.errors import UsageError
from reviewloop.settings.schema import Settings


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model behind a field that is a table, None for a plain value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def is_open_table(field: FieldInfo) -> bool:
    """Whether a field is a table whose keys the user chooses (`models.per_agent`)."""
    return typing.get_origin(field.annotation) is dict


@cache
def all_fields() -> Mapping[str, FieldInfo]:
    """Return every setting by dotted name, in the order of the schema."""
    return _fields(Settings, "")


def _fields(model: type[BaseModel], prefix: str) -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            found[prefix + name] = field
        else:
            found.update(_fields(section, f"{prefix}{name}."))
    return found


def flatten(table: Mapping[str, object], location: str) -> dict[str, object]:
    """Return a nested table as {dotted name: value}.

    Raise `UsageError` for an unknown setting, with `location` and the nearest name.
    """
    return dict(_flatten(table, Settings, "", location))


def _flatten(
    table: Mapping[str, object], model: type[BaseModel], prefix: str, location: str
) -> Iterator[tuple[str, object]]:
    kinds = _kinds(model)
    for name, value in table.items():
        dotted = prefix + name
        if name not in kinds:
            raise unknown_key(dotted, location)
        section, is_open = kinds[name]
        if section is None and not is_open:
            yield dotted, value
            continue
        if not isinstance(value, Mapping):
            raise UsageError(f"{location}: {dotted} is {shorten_value(value)}, expected a table")
        if section is not None:
            yield from _flatten(value, section, f"{dotted}.", location)
        else:
            yield from ((f"{dotted}.{key}", item) for key, item in value.items())


@cache
def _kinds(model: type[BaseModel]) -> dict[str, tuple[type[BaseModel] | None, bool]]:
    """Return for each field its model, if any, and whether it is an open table."""
    fields = model.model_fields.items()
    return {name: (section_of(field), is_open_table(field)) for name, field in fields}


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested table; the inverse of `flatten`. The keys of an open table may hold dots."""
    tables = {name for name, field in all_fields().items() if is_open_table(field)}
    nested: dict[str, Any] = {}
    for dotted, value in values.items():
        parent = next((name for name in tables if dotted.startswith(f"{name}.")), None)
        if parent:
            parts = [*parent.split("."), dotted.removeprefix(f"{parent}.")]
        else:
            parts = dotted.split(".")
        table = nested
        for part in parts[:-1]:
            table = table.setdefault(part, {})
        table[parts[-1]] = value
    return nested


def unknown_key(dotted: str, location: str) -> UsageError:
    """Return the error for an unknown setting, with the nearest known name."""
    near = nearest(dotted)
    hint = f"; did you mean {near}?" if near else "; `reviewloop config show` lists all settings"
    return UsageError(f"{location}: there is no setting {printable(dotted)}{hint}")


def nearest(dotted: str) -> str | None:
    """Return the setting or section with the most similar name."""
    names = list(all_fields())
    sections = {name.rpartition(".")[0] for name in names}
    candidates = [*names, *sorted(sections)]
    last = dotted.rpartition(".")[2]
    elsewhere = [name for name in names if name.rpartition(".")[2] == last]
    if len(elsewhere) == 1:
        return elsewhere[0]
    head = dotted.rpartition(".")[0]
    siblings = [name for name in candidates if name.rpartition(".")[0] == head]
    close = difflib.get_close_matches(dotted, siblings, n=1, cutoff=0.6)
    return next(iter(close or difflib.get_close_matches(dotted, candidates, n=1, cutoff=0.6)), None)


def shorten_value(value: object) -> str:
    """Return a value for an error message: one line and not too long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def printable(name: str) -> str:
    """Return a name in printable form for a message."""
    return name if name.isprintable() else repr(name)
