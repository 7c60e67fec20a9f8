"""The rules of a review as the base commit has them: settings, agents, steering, what is ignored.

A pull request may change all of these files. They are diffed and reviewed like any other, but the
review that reads them follows the ones that were there before.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewloop.runs.project import PYPROJECT, SETTINGS_FILE
from reviewloop.workspace.paths import UnsafePathError, checked_path
from reviewloop.workspace.private import PrivateRepo

_FOLDERS = (".reviewloop/", ".kiro/agents/", ".kiro/steering/")
_ENDS = tuple(f"/{name}" for name in (SETTINGS_FILE, PYPROJECT, "AGENTS.md", ".kiroignore"))
_REFERENCE = re.compile(rb"#\[\[file:([^\]\n]+)\]\]|file://([^\s\"']+)")
_MOST_BYTES = 1024 * 1024  # of one file; rules are prose
_MOST_REFERENCES = 200


@contextmanager
def rules_of(private: PrivateRepo, tree: str) -> Iterator[Path]:
    """Lend a folder with a tree's files that say how to review, laid out as in the repository.

    Plain files only: a link of the tree leads nowhere here, and a path of a forged tree that is
    none is passed over.
    """
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
        root = Path(name)
        plain = {e.path for e in private.entries(tree) if e.mode.startswith("100")}
        rules = [path for path in sorted(plain) if _is_rule(path)]
        named: dict[str, None] = {}
        for path in rules:
            text = _write(private, tree, path, root)
            for inside in (match[1] or match[2] for match in _REFERENCE.finditer(text)):
                named |= dict.fromkeys(_places(inside.decode("utf-8", "replace").strip(), path))
        for path in list(named)[:_MOST_REFERENCES]:
            if path in plain:
                _write(private, tree, path, root)
        yield root


def _is_rule(path: str) -> bool:
    # A folder below may be a project of its own, with rules of its own.
    inner = f"/{path}"
    return inner.endswith(_ENDS) or any(f"/{folder}" in inner for folder in _FOLDERS)


def _places(reference: str, of: str) -> Iterator[str]:
    """Yield the paths a reference may mean: from the root, or from the file that makes it."""
    for start in (Path(), Path(of).parent):
        parts: list[str] = []
        for part in (start / reference).parts:
            if part == "..":
                parts = parts[:-1]
            elif part not in {"/", "."}:
                parts.append(part)
        yield "/".join(parts)


def _write(private: PrivateRepo, tree: str, path: str, root: Path) -> bytes:
    data = private.read(tree, path)
    if data is None or len(data) > _MOST_BYTES:
        return b""
    try:
        target = root / checked_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (UnsafePathError, OSError):  # `..`, or a name that is a file and a folder
        return b""
    return data
