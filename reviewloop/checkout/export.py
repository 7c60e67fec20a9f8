"""Writes the files of a tree for an agent to read: no secrets, and nothing that steers it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from reviewloop.git.paths import UnsafePathError, checked_path
from reviewloop.git.private import PrivateRepo

STEERING = frozenset(
    {
        *(".claude", ".mcp.json", ".codex", ".gemini", ".qwen", ".opencode", ".kiro", ".cursor"),
        *("opencode.json", "opencode.jsonc", ".env", ".git", ".vscode", ".idea", ".github"),
        *("claude.md", "claude.local.md", "agents.md", "agents.override.md", "gemini.md"),
        *("qwen.md", "node_modules"),
    }
)
"""Names of what coding agents run or follow when they start in a folder; see the tests."""

_SNIFFED = 8000  # bytes; git's own measure of what is text


def write_export(
    private: PrivateRepo, tree: str, folder: Path, redact: Callable[[str], str]
) -> None:
    """Write the regular files of a tree into an empty folder, texts as `redact` leaves them.

    Left out are links, submodules, what would steer or start an agent, and what no honest tree
    holds: a path that leads out of the folder, or through another file.
    """
    for entry in private.entries(tree):
        path = PurePosixPath(entry.path)
        if entry.kind not in {"file", "executable"} or steers(path):
            continue
        data = private.read(tree, entry.path)
        if data is None:
            continue
        if b"\0" not in data[:_SNIFFED]:
            text = data.decode("utf-8", "surrogateescape")
            data = redact(text).encode("utf-8", "surrogateescape")
        with suppress(UnsafePathError, FileExistsError, NotADirectoryError, IsADirectoryError):
            location = folder / checked_path(entry.path)
            location.parent.mkdir(parents=True, exist_ok=True)
            location.write_bytes(data)


def steers(path: PurePosixPath) -> bool:
    """Whether an agent that starts above a file may run it or follow it."""
    return any(part.casefold() in STEERING for part in path.parts)
