"""What a promotion or its undoing is about to do, written down before it begins."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.disk import Content, Disk, Kind


@dataclass(frozen=True)
class Move:
    """One way of the checkout from a commit to another; JSON in the intent file."""

    root: str
    private: str  # folder of the repository that has the new objects; empty: the user has them
    branch: str
    start: str
    end: str
    create: bool  # the branch must not exist yet
    delete: bool  # the branch goes away: an undone creation
    checkout: bool  # files and index follow, because the branch is checked out
    message: str
    extra: tuple[tuple[str, str, str], ...] = ()
    done: bool = False


def encoded(extra: Mapping[str, tuple[bytes, bytes]]) -> tuple[tuple[str, str, str], ...]:
    """Return path, old and new content (base64) of the untracked files that follow a commit."""
    return tuple(
        (path, base64.b64encode(old).decode(), base64.b64encode(new).decode())
        for path, (old, new) in extra.items()
    )


def read_intent(intent: Path) -> Move | None:
    """Return what is under way, None when there is no intent file."""
    try:
        values = json.loads(intent.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise WorkspaceError(f"{intent} is damaged: {error}; restore or remove it.") from error
    values["extra"] = tuple((path, old, new) for path, old, new in values["extra"])
    return Move(**values)


def write_intent(intent: Path, move: Move) -> None:
    """Write the intent file so that it survives whatever ends us next."""
    disk = Disk(intent.parent)
    data = json.dumps(asdict(move), indent=1).encode()
    disk.write(intent.name, Content(Kind.FILE, data), f"{intent.name}.new")
    intent.chmod(0o600)
