"""Reads values that were stored as JSON, each checked against its class."""

from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Value = TypeVar("Value")


def read_stored(kind: type[Value], stored: object) -> Value:
    """Return the dataclass or model that `stored` holds as JSON-plain values.

    Fields of other releases are ignored. Raises ValueError where a value is missing or of another
    type.
    """
    # A class is hashable, which mypy does not know of type[Value].
    adapter: TypeAdapter[Value] = _adapter(kind)  # type: ignore[arg-type]
    return adapter.validate_python(stored)


@cache
def _adapter(kind: type[Value]) -> "TypeAdapter[Value]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
