"""Checks what a command printed with `--json` against the schema that docs/schemas publishes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

FOLDER = Path(__file__).resolve().parents[2] / "docs/schemas"


def check_printed(arguments: tuple[str, ...], out: str) -> None:
    """Fail when a command printed another object than its schema tells of; it may print none."""
    if "--json" in arguments and out.strip():
        check(json.loads(out))


def check(printed: dict[str, Any]) -> None:
    """Fail when an object does not fit its schema, or holds a key that no schema tells of."""
    named = "review" if "schema" in printed else printed["kind"]
    validator = validator_of("handoff" if named in {"task", "fix"} else named)
    error = best_match(validator.iter_errors(printed))
    assert error is None, f"{named}: {error.json_path}: {error.message[:400]}"


@cache
def validator_of(name: str) -> Draft202012Validator:
    """Return the validator of a published schema that refuses keys which it does not tell of."""
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return Draft202012Validator(_closed(schema))


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    closed = {name: _closed(item) for name, item in value.items()}
    return closed | {"additionalProperties": False} if closed.get("additionalProperties") is True \
        else closed  # fmt: skip
