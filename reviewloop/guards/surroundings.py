"""What detection may look at: a tree's files, installed packages and the programs on PATH."""

import configparser
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewloop.workspace.git import find_program


@dataclass(frozen=True)
class Surroundings:
    """Reads only; a file that cannot be parsed counts as saying nothing."""

    read: Callable[[str], bytes | None]
    paths: frozenset[str]
    checkout: Path
    sites: tuple[Path, ...]
    search_path: str

    def has(self, *names: str) -> str | None:
        """Return the first of these files that the tree holds, or None."""
        return next((name for name in names if name in self.paths), None)

    def installed(self, package: str) -> bool:
        """Whether the project's Python environment has this package; nothing is imported."""
        return any((site / package / "__init__.py").is_file() for site in self.sites)

    def missing(self, program: str) -> str:
        """Return a sentence when the program is not on the gates' PATH, else nothing."""
        if program == "python" or find_program(program, self.search_path) is not None:
            return ""
        return f"{program} is not installed (not on the gates' PATH)"

    def in_node_modules(self, program: str) -> bool:
        """Whether the checkout's node_modules brings this program."""
        return (self.checkout / "node_modules" / ".bin" / program).exists()

    def text(self, path: str) -> str:
        """Return a file's text, empty when the tree does not hold it."""
        data = self.read(path) if path in self.paths else None
        return (data or b"").decode("utf-8", "replace")

    def toml(self, path: str) -> dict[str, Any]:
        """Return a TOML file's tables, none when it is missing or malformed."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}

    def json(self, path: str) -> dict[str, Any]:
        """Return a JSON file's object, an empty one when it is missing or malformed."""
        try:
            value = json.loads(self.text(path) or "{}")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def ini_sections(self, path: str) -> frozenset[str]:
        """Return the names of an ini file's sections."""
        return frozenset(self.ini(path))

    def ini(self, path: str) -> dict[str, dict[str, str | None]]:
        """Return an ini file's sections, none when it is missing or malformed."""
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(path))
        except configparser.Error:
            return {}
        return {name: dict(parser.items(name)) for name in parser.sections()}


def table(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return a nested table, an empty one where a key is missing or holds something else."""
    for key in keys:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return {}
        value = inner
    return value
