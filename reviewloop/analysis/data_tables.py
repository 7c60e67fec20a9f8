"""Reads the TOML tables of the package: programs, policies, vendors' secrets, sources and sinks.

Parsing them takes 25 ms of every review, so the values are cached as JSON in `__pycache__` beside
the table until the table changes.
"""

import tomllib
import zlib
from pathlib import Path
from typing import Any

from reviewloop.analysis.rule_files import read_cache, write_cache


def read_table(path: Path) -> Any:
    """Return the values of a table of this package; the caller knows the types of its rows.

    Raise `tomllib.TOMLDecodeError` if it is not TOML.
    """
    status = path.stat()
    stamp = [status.st_mtime_ns, status.st_size]
    kept = path.parent / "__pycache__" / f"{path.name}.json.zlib"
    try:
        read = read_cache(kept)
        if read["stamp"] == stamp:
            return read["table"]
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        pass  # no cache yet, or a damaged one
    table = tomllib.loads(path.read_text("utf-8"))
    write_cache(kept, {"stamp": stamp, "table": table})
    return table
