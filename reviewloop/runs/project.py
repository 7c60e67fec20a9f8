"""Where a command stands: the repository around it, the settings and the agents in force there."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.errors import UsageError, WorkspaceError
from reviewloop.workspace.projects import below, folders_down_to

if TYPE_CHECKING:
    from reviewloop.agents import Team
    from reviewloop.settings import Loaded
    from reviewloop.workspace.userrepo import UserRepo

SETTINGS_FILE = "reviewloop.toml"
PYPROJECT = "pyproject.toml"
_LARGEST = 4 << 20  # bytes of a settings file


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


def checkout_if_any() -> Path | None:
    """Return the checkout around the current folder, also one without a commit; None outside."""
    from reviewloop.workspace.whereabouts import find_root

    try:
        return find_root(Path.cwd())[0]
    except WorkspaceError:
        return None


def user_settings_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the person's own settings file, whether it exists or not."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "reviewloop" / "config.toml"


def read_settings(
    root: Path | None, flags: Mapping[str, Any] | None = None, *, project: str = ""
) -> "Loaded":
    """Return the settings for the checkout at `root`; None means outside of a repository.

    Those of the `project`'s folder in it win, key by key, over those of the folders above.
    Raises `UsageError` for a wrong file, variable or flag.
    """
    from reviewloop.models.settling import settled
    from reviewloop.settings import load_settings

    user = user_settings_path()
    name, data = repository_settings(root) if root else (SETTINGS_FILE, None)
    folders = folders_down_to(project)[1:] if root else []
    nearer = [repository_settings(root, folder) for folder in folders] if root else []
    loaded = load_settings(
        user=_read(user),
        user_name=shown_path(user),
        repository=data,
        repository_name=name,
        environ=os.environ,
        flags=flags or {},
        nearer=[(name, data) for name, data in nearer if data is not None],
        project=project,
    )
    return settled(loaded, os.environ)


def repository_settings(root: Path, folder: str = "") -> tuple[str, bytes | None]:
    """Return name and bytes of the file with a folder's settings; None when there is none.

    Raises `UsageError` when two files hold settings.
    """
    own_name, project_name = below(folder, SETTINGS_FILE), below(folder, PYPROJECT)
    own = _of_checkout(root, own_name)
    project = project_settings(root, folder)
    if own is not None and project is not None:
        raise UsageError(
            f"{own_name} and [tool.reviewloop] in {project_name} both hold settings; keep one"
        )
    return (own_name, own) if project is None else (project_name, project)


def project_settings(root: Path, folder: str = "") -> bytes | None:
    """Return the bytes of a folder's pyproject.toml that holds settings of ours, None without."""
    project = _of_checkout(root, below(folder, PYPROJECT))
    held = project is not None and b"reviewloop" in project and _has_table(project)
    return project if held else None


def team_of(root: Path, project: str = "") -> "Team":
    """Return the team for a project of a checkout.

    Raises `UsageError` naming a malformed agent file.
    """
    from reviewloop.agents import build_team, collect_agent_files, prompt_reader

    home = Path.home()
    files = collect_agent_files(root, home, project)
    return build_team(files, prompt_reader(root, home))


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


def _of_checkout(root: Path, name: str) -> bytes | None:
    """Return a file of a checkout, None without one; a link must not lead out of the checkout."""
    place = root / name
    if place.is_symlink() and not place.resolve().is_relative_to(root.resolve()):
        if name.endswith(PYPROJECT):  # another tool's file: it holds no settings that we would take
            return None
        raise UsageError(f"{name} is a link that leaves the repository; put a copy there instead")
    return _read(place)


def _read(path: Path) -> bytes | None:
    """Return the content of a regular file, None for no file; never waits, never reads on."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{shown_path(path)} is no regular file; replace it by one")
            data = file.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{shown_path(path)}: cannot be read ({error.strerror})") from error
    if len(data) > _LARGEST:
        raise UsageError(f"{shown_path(path)} is larger than {_LARGEST >> 20} MB; shorten it")
    return data
