"""What a trusted configuration of ruff leaves out, as our own selection would override it."""

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from reviewloop.analysis.contract import Hit


class RuffSettings(NamedTuple):
    """The rules a configuration ignores: everywhere, and by pattern of path."""

    ignored: tuple[str, ...] = ()
    by_pattern: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def leaves_out(self, hit: Hit) -> bool:
        """Whether the rule of a hit is ignored in its file."""
        code = hit.rule.partition("/")[2]
        return code.startswith(self.ignored) or any(
            code.startswith(codes) or "ALL" in codes
            for pattern, codes in self.by_pattern
            if _fits(hit.path, pattern)
        )


def ruff_settings(configuration: str) -> RuffSettings:
    """Return what a ruff.toml or pyproject.toml ignores; nothing for none or an unreadable one."""
    if not configuration:
        return RuffSettings()
    try:
        value: Any = tomllib.loads(Path(configuration).read_text("utf-8"))
    except (OSError, ValueError):
        return RuffSettings()
    if Path(configuration).name == "pyproject.toml":
        value = _table(_table(value, "tool"), "ruff")
    tables = (value, _table(value, "lint"))
    ignored = [
        code for t in tables for key in ("ignore", "extend-ignore") for code in _codes(t, key)
    ]
    patterns = [
        (pattern, tuple(_codes(by_file, pattern)))
        for table in tables
        for key in ("per-file-ignores", "extend-per-file-ignores")
        for by_file in [_table(table, key)]
        for pattern in by_file
    ]
    return RuffSettings(tuple(ignored), tuple(patterns))


def _table(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _codes(table: dict[str, Any], key: str) -> Iterator[str]:
    found = table.get(key)
    if isinstance(found, list):
        yield from (code for code in found if isinstance(code, str) and code.isalnum())


def _fits(path: str, pattern: str) -> bool:
    wanted = not pattern.startswith("!")
    pattern = pattern.removeprefix("!").removeprefix("./")
    name = path.rpartition("/")[2]
    forms = (path, f"/{path}", name)
    return any(fnmatchcase(form, pattern) for form in forms) == wanted
