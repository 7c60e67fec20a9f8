"""JSON of a tool, which may be anything: values of the wrong kind are told apart from none."""

import json
from typing import Any

from reviewloop.analysis.tools.tool import UnusableOutput


def parsed(raw: bytes) -> Any:
    """Return the JSON value a tool wrote; raise UnusableOutput when it is none."""
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise UnusableOutput("its output is not JSON") from error


def records(value: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the list of objects under `keys`; raise UnusableOutput when there is no list."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise UnusableOutput("its output has another form than expected")
    return [one for one in value if isinstance(one, dict)]


def optional_records(value: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the list of objects under `keys`, none when there is no list."""
    try:
        return records(value, *keys)
    except UnusableOutput:
        return []


def text_at(value: Any, *keys: str) -> str:
    """Return the string under `keys`, "" when there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def number_at(value: Any, *keys: str, otherwise: int = 0) -> int:
    """Return the whole number under `keys`."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
