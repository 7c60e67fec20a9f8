"""Writes the files of a tree for an agent to read, without files that steer it."""

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from reviewloop.git.objects import FileEntry
from reviewloop.git.paths import UnsafePathError, checked_path, parents
from reviewloop.git.private import PrivateRepo

STEERING = frozenset(
    {
        *(".claude", ".mcp.json", ".codex", ".gemini", ".qwen", ".opencode", ".kiro", ".cursor"),
        *("opencode.json", "opencode.jsonc", ".env", ".git", ".vscode", ".idea"),
        *("claude.md", "claude.local.md", "agents.md", "agents.override.md", "gemini.md"),
        *("qwen.md", "node_modules", ".agents", ".agent", "agent.md", ".claude.json", ".windsurf"),
        *(".cursorrules", ".windsurfrules", ".clinerules", ".cline", ".roo", ".roorules", ".rules"),
        *(".continue", ".goosehints", ".amazonq", ".junie", ".crush", "crush.md", "mcp.json"),
        *(".opencode.json", "copilot-instructions.md", ".copilot", "skill.md", "warp.md"),
    }
)
"""Names that coding agents run or follow when they start in a folder; see the tests."""

_BELOW_GITHUB = frozenset({"instructions", "prompts", "agents", "chatmodes", "skills", "hooks"})

_SHOWN = 5  # names in a note


_NO_NAME_HERE = frozenset(
    {
        *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),  # a disk on which two names are the same
        *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
    }
)


def write_export(private: PrivateRepo, tree: str, folder: Path) -> Mapping[str, str]:
    """Write the files of a tree into an empty folder, without those of `left_out`.

    Return path -> reason for those that the disk cannot hold beside others.
    """
    refused: dict[str, str] = {}
    entries = private.entries(tree)
    absent = left_out(entries)
    for entry in entries:
        if entry.path in absent:
            continue
        data = private.read(tree, entry.path)
        if data is None:
            continue
        location = folder / checked_path(entry.path)
        try:
            location.parent.mkdir(parents=True, exist_ok=True)
            with location.open("xb") as file:
                file.write(data)
        except OSError as error:
            if error.errno not in _NO_NAME_HERE:
                raise
            refused[entry.path] = "a name that this disk does not take"
    return refused


def left_out(entries: Iterable[FileEntry]) -> Mapping[str, str]:
    """Return path -> reason, for the files of a tree that a read-only agent does not get.

    These are links, files that would steer or start an agent, and paths that no honest tree has:
    out of the folder, or through another file.
    """
    entries = tuple(entries)
    files = {entry.path for entry in entries}
    found: dict[str, str] = {}
    for entry in entries:
        if entry.kind not in {"file", "executable"}:
            found[entry.path] = f"a {'link' if entry.kind == 'symlink' else entry.kind}"
        elif steers_agents(PurePosixPath(entry.path)):
            found[entry.path] = "steers agents"
        elif not files.isdisjoint(parents(entry.path)):
            found[entry.path] = "below a file"
        else:
            try:
                checked_path(entry.path)
            except UnsafePathError:
                found[entry.path] = "an unsafe name"
    return found


def left_out_note(absent: Mapping[str, str]) -> str:
    """Return the files that an agent does not see, in one clause; "" where it sees all.

    A folder that steers agents is listed as a whole.
    """
    named = dict.fromkeys((_steering(path), why) for path, why in absent.items())
    shown = [f"{path} ({why})" for path, why in list(named)[:_SHOWN]]
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return f"{', '.join(shown)}{more}" if shown else ""


def _steering(path: str) -> str:
    """Return the part of a path down to the name that steers agents, else all of it."""
    parts = PurePosixPath(path).parts
    above = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    return next((one for one in above if steers_agents(PurePosixPath(one))), path)


def steers_agents(path: PurePosixPath) -> bool:
    """Return whether an agent that starts above a file may run or follow it."""
    parts = [part.casefold() for part in path.parts]
    if not STEERING.isdisjoint(parts):
        return True
    return parts[0] == ".github" and len(parts) > 1 and parts[1] in _BELOW_GITHUB
