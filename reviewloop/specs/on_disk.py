"""Which uncommitted files a run reads all the same, because it reads them from disk."""

from reviewloop.specs.model import Spec

_FOLDERS = (".kiro/steering/", ".kiro/agents/")
_FILES = ("AGENTS.md", "reviewloop.toml")


def is_read_from_disk(path: str, project: str = "", spec: Spec | None = None) -> bool:
    """Whether a run reads this file as it is on disk: its spec, steering, agents or settings."""
    if spec is not None and path in spec.files:
        return True
    inside = path.removeprefix(f"{project}/") if project else path
    return any(one.startswith(_FOLDERS) or one in _FILES for one in (path, inside))
