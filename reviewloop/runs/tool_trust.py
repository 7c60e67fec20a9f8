"""Which configurations of tools a person trusts: by their text, like commands of the settings."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reviewloop.analysis.tools import TOOLS
from reviewloop.analysis.tools.configuration import configuration_text, found_configuration
from reviewloop.analysis.tools.eslint import CONFIGURATIONS, NAME
from reviewloop.store.journal import hash_of
from reviewloop.store.places import state_root
from reviewloop.store.trust import TrustStore

_DEEPEST = 6  # folders below the root in which a project is looked for


@dataclass(frozen=True)
class Configuration:
    """A configuration of a tool in a checkout."""

    tool: str
    path: str
    text: str
    is_code: bool

    @property
    def digest(self) -> str:
        """What a consent is kept under."""
        return _digest(self.tool, self.path, self.text)

    @property
    def told(self) -> str:
        """What agreeing to it means."""
        how = "is code and runs in the sandbox" if self.is_code else "replaces reviewloop's own"
        return f"in a review its configuration {how}"


def is_trusted(key: str, tool: str, path: str, text: str) -> bool:
    """Whether a person agreed to this very text in this repository."""
    return TrustStore(state_root()).is_trusted(key, _digest(tool, path, text))


def configurations(root: Path) -> list[Configuration]:
    """Return what of a checkout can be trusted: data of any tool, and ESLint's code."""
    root = root.resolve()
    found = []
    for tool in TOOLS:
        place = None if tool.configuration_is_code else found_configuration(tool, root)
        text = None if place is None else configuration_text(tool, place)
        if place is not None and text is not None:
            name = place.relative_to(root).as_posix()
            found.append(Configuration(tool.name, name, text, is_code=False))
    for place in _of_eslint(root):
        text = place.read_text("utf-8", "replace")
        found.append(Configuration(NAME, place.relative_to(root).as_posix(), text, is_code=True))
    return found


def _of_eslint(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(n for n in names if n != "node_modules" and not n.startswith("."))
        if len(here.relative_to(root).parts) >= _DEEPEST:
            names.clear()
        name = next((name for name in CONFIGURATIONS if name in files), "")
        place = here / name
        if name and place.is_file() and place.resolve().is_relative_to(root):
            yield place


def _digest(tool: str, path: str, text: str) -> str:
    return hash_of({"tool": tool, "path": path, "text": text})
