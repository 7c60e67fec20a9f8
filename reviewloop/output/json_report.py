"""The one object that `--json` prints: versioned and plain."""

import json
from collections.abc import Mapping
from typing import Any

VERSION = 1
"""Raise it when a key goes away or changes its meaning; new keys do not raise it."""


def json_report(kind: str, body: Mapping[str, Any]) -> str:
    """Return the text of the object; `kind` says what it is: tasks, doctor, config, run, ...

    Raises `TypeError` when `body` holds what JSON cannot.
    """
    record = {"version": VERSION, "kind": kind, **body}
    # ASCII keeps control characters of a repository out of the reader's terminal.
    return json.dumps(record, ensure_ascii=True, indent=2, allow_nan=False)
