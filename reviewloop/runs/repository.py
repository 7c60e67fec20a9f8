"""One repository as reviewloop sees it, and our own folder about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reviewloop.errors import UsageError
from reviewloop.settings import Loaded, Settings
from reviewloop.store.places import repository_folder, run_folder, state_root
from reviewloop.store.runs import RunRecord, RunStore
from reviewloop.store.shared import Shared
from reviewloop.store.trust import TrustStore
from reviewloop.workspace.userrepo import UserRepo, discover


@dataclass
class Repository:
    """The person's repository, and what we keep about it outside of it."""

    user: UserRepo
    folder: Path
    runs: RunStore
    shared: Shared | None = None  # where other machines find the runs, if there are others

    def run_folder(self, run_id: str) -> Path:
        """Return the folder of one run."""
        return run_folder(self.user.key, run_id)

    @property
    def lock(self) -> Path:
        """The lock that writers of this repository hold."""
        return self.folder / "lock"

    @property
    def batch_lock(self) -> Path:
        """The lock that a batch of this repository holds while it works."""
        return self.folder / "batch.lock"

    def run_lock(self, run_id: str) -> Path:
        """The lock that whoever moves a run holds."""
        return self.run_folder(run_id) / "lock"


def open_repository(start: Path | None = None, *, for_reading: bool = False) -> Repository:
    """Find the repository around a folder (the current one).

    Raises `WorkspaceError` when it cannot be worked on; `for_reading` is for looking at runs only.
    """
    user = discover(start or Path.cwd(), for_reading=for_reading)
    folder = repository_folder(user.key)
    return Repository(user, folder, RunStore(folder))


def require_trust(loaded: Loaded, repository: Repository) -> None:
    """Refuse to run commands that a repository's file asks for until the person trusted them."""
    require_trusted_commands(loaded, repository.user.key)


def require_trusted_commands(loaded: Loaded, key: str) -> None:
    """The same for the repository of this key."""
    trusted = TrustStore(state_root()).is_trusted(key, loaded.commands_digest)
    if not trusted:
        named = ", ".join(sorted(loaded.repository_commands))
        raise UsageError(
            f"the repository's settings ask to run commands of their own ({named}); look at them "
            "and allow them with `reviewloop trust`"
        )


def kept(settings: Settings) -> dict[str, Any]:
    """Return the settings that a run keeps: how a person is called is theirs, and may be secret."""
    return settings.model_dump(mode="json", exclude={"notify"})


def settings_of(record: RunRecord, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings a run was started with, with caps raised on resuming.

    Raises `UsageError` for a cap that cannot be.
    """
    values = dict(record.settings)
    for dotted, value in (overrides or {}).items():
        section, _, key = dotted.partition(".")
        values[section] = {**values[section], key: value}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
