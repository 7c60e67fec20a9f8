"""Where a command stands: the repository around it, the settings and the agents in force there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from reviewloop.agents import Team
    from reviewloop.settings import Loaded
    from reviewloop.workspace.userrepo import UserRepo

SETTINGS_FILE = "reviewloop.toml"
PYPROJECT = "pyproject.toml"


def repository(*, for_reading: bool = True) -> "UserRepo":
    """Return the repository around the current folder; raise `WorkspaceError` without one."""
    from reviewloop.workspace.userrepo import discover

    return discover(Path.cwd(), for_reading=for_reading)


def repository_if_any() -> "UserRepo | None":
    """Return the repository around the current folder, None outside of one."""
    try:
        return repository()
    except WorkspaceError:
        return None


def user_settings_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the person's own settings file, whether it exists or not."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "reviewloop" / "config.toml"


def read_settings(root: Path | None, flags: Mapping[str, Any] | None = None) -> "Loaded":
    """Return the settings for the checkout at `root`; None means outside of a repository.

    Raises `UsageError` for a wrong file, variable or flag.
    """
    from reviewloop.settings import load_settings

    user = user_settings_path()
    name, data = repository_settings(root) if root else (SETTINGS_FILE, None)
    return load_settings(
        user=_read(user),
        user_name=shown_path(user),
        repository=data,
        repository_name=name,
        environ=os.environ,
        flags=flags or {},
    )


def repository_settings(root: Path) -> tuple[str, bytes | None]:
    """Return name and bytes of the file with the repository's settings; None when there is none.

    Raises `UsageError` when two files hold settings.
    """
    own = _read(root / SETTINGS_FILE)
    project = _read(root / PYPROJECT)
    has_table = project is not None and b"reviewloop" in project and _has_table(project)
    if own is not None and has_table:
        raise UsageError(
            f"{SETTINGS_FILE} and [tool.reviewloop] in {PYPROJECT} both hold settings; keep one"
        )
    return (PYPROJECT, project) if has_table else (SETTINGS_FILE, own)


def team_of(root: Path) -> "Team":
    """Return the team for a checkout; raise `UsageError` naming a malformed agent file."""
    from reviewloop.agents import build_team, collect_agent_files, prompt_reader

    home = Path.home()
    return build_team(collect_agent_files(root, home), prompt_reader(root, home))


def shown_path(path: Path) -> str:
    """Return a path as people write it, with ~ for their home."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _has_table(project: bytes) -> bool:
    import tomllib

    try:
        tool = tomllib.loads(project.decode("utf-8-sig")).get("tool", {})
    except ValueError:  # a broken pyproject.toml is its own tool's business
        return False
    return isinstance(tool, dict) and "reviewloop" in tool


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{shown_path(path)}: cannot be read ({error.strerror})") from error
