"""Where reviewloop keeps its own files: under the user's state folder, never in a repository."""

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

_OTHERS = 0o077
_MAKING = Lock()


def state_root() -> Path:
    """Return the state folder, made if absent and readable by its owner only.

    `REVIEWLOOP_STATE_DIR` wins over `XDG_STATE_HOME/reviewloop`, then `~/.local/state/reviewloop`.
    """
    named = os.environ.get("REVIEWLOOP_STATE_DIR")
    if named:
        root = Path(named)
    else:
        base = os.environ.get("XDG_STATE_HOME")
        root = (Path(base) if base else Path.home() / ".local" / "state") / "reviewloop"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root


def repository_folder(repository_key: str) -> Path:
    """Return the folder that holds everything about one repository."""
    return private_folder(private_folder(state_root() / "repositories") / repository_key)


def run_folder(repository_key: str, run_id: str) -> Path:
    """Return one run's folder."""
    return private_folder(private_folder(repository_folder(repository_key) / "runs") / run_id)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter; one that others could enter is closed."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    info = path.stat()
    if info.st_mode & _OTHERS and info.st_uid == os.geteuid():
        path.chmod(0o700)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, unless it is there; return its path.

    One that is there is not even opened: closing it would take from this process the locks that
    SQLite holds on it, and another process would clear away the log that is written here. While
    one is made, no other thread may find it and open it: its locks would go with our closing.
    """
    with _MAKING, suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path
