"""Finds agent files: the project's, Kiro's, the user's own, and the ones that ship with us."""

from collections.abc import Callable
from pathlib import Path

from reviewloop.agents.definition import AgentFile, Place
from reviewloop.domain.errors import UsageError

_LARGEST = 1_000_000  # bytes; nobody writes a longer prompt by hand
_ENDINGS = {".json", ".md"}


def collect_agent_files(project_root: Path, home: Path, project: str = "") -> list[AgentFile]:
    """Return all agent files in the order in which names win.

    That order is `.reviewloop/agents`, `.kiro/agents`, `~/.kiro/agents`, shipped. Those of the
    folder `project` come first, then those of each folder above it. Sub-folders are read too.
    A link in the project that leads out of it raises UsageError.
    """
    files: list[AgentFile] = []
    for parts in reversed(range(len(project.split("/")) + 1 if project else 1)):
        above = "".join(f"{part}/" for part in project.split("/")[:parts])
        ours, kiro = f"{above}.reviewloop/agents", f"{above}.kiro/agents"
        files += _files("project", project_root, ours, inside=project_root)
        files += _files("kiro", project_root, kiro, inside=project_root)
    if project_root.resolve() != home.resolve():
        files += _files("user", home, ".kiro/agents", inside=None, prefix="~/")
    return files + shipped_agent_files()


def shipped_agent_files() -> list[AgentFile]:
    """Return the agents that come with reviewloop."""
    package = Path(__file__).resolve().parent.parent
    folder = package / "_agents"  # in an installed wheel
    if not folder.is_dir():
        folder = package.parent / "agents"  # in a checkout
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UsageError(f"the shipped agents are missing in {folder}; install reviewloop again")
    return [AgentFile("shipped", f"agents/{path.name}", path.read_bytes()) for path in paths]


def prompt_reader(project_root: Path, home: Path) -> Callable[[str], bytes | None]:
    """Return the function that reads the `file://` prompts of agent files from disk.

    It opens files inside the project and inside `~/.kiro` only, links followed; for any other
    it raises UsageError, and for a missing one it returns None.
    """

    def read(path: str) -> bytes | None:
        # Only the user's own files can name a path from `~/` or `/`; the parser sees to that.
        of_user = path.startswith(("~/", "/"))
        place = home / path[2:] if path.startswith("~/") else project_root / path
        if not place.is_file():
            return None
        roots = [project_root.resolve(), *([(home / ".kiro").resolve()] if of_user else [])]
        if not any(place.resolve().is_relative_to(root) for root in roots):
            raise UsageError(
                f"the prompt file {path} is outside the project and ~/.kiro; copy it there"
            )
        return _content(place, path)

    return read


def _files(
    place: Place, root: Path, folder: str, *, inside: Path | None, prefix: str = ""
) -> list[AgentFile]:
    found = []
    for path in sorted((root / folder).rglob("*")):
        shown = prefix + path.relative_to(root).as_posix()
        if path.suffix not in _ENDINGS or not path.is_file():
            continue
        if inside is not None and not path.resolve().is_relative_to(inside.resolve()):
            raise UsageError(f"{shown} is a link that leaves the project; put a copy there instead")
        found.append(AgentFile(place, shown, _content(path, shown)))
    return found


def _content(path: Path, shown: str) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{shown} is larger than {_LARGEST:,} bytes; shorten it")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from None
