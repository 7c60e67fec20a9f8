"""The repository of a command: the checkout, our folder about it, settings and agents."""

import os
import sqlite3
import stat
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from reviewloop.app.state_check import JOURNAL
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.repository import (
    UserRepo,
    dirty_files,
    discover,
    folders_down_to,
    head_of,
    path_in_repository,
)
from reviewloop.settings import Loaded, Settings
from reviewloop.store.blobs import Blobs
from reviewloop.store.folders import private_folder, repository_folder, state_root
from reviewloop.store.journal import stored_usages
from reviewloop.store.locks import is_held
from reviewloop.store.runs import Derived, RunRecord, RunStore
from reviewloop.store.shared import Shared
from reviewloop.store.trust import TrustStore

if TYPE_CHECKING:
    from reviewloop.agents import Team
    from reviewloop.domain.batch_report import Figures, RunReport
    from reviewloop.git.repository import UserRepo
    from reviewloop.llm.budget import Spent
    from reviewloop.render.proposal import Proposal
    from reviewloop.settings import Loaded
    from reviewloop.specs.files import Files
    from reviewloop.store.batches import Session


SCRATCH = "start-"  # folders with this prefix are deleted when their process is gone


@dataclass
class Repository:
    """The user's repository, and our folder about it outside of it."""

    user: UserRepo
    folder: Path
    runs: RunStore
    shared: Shared | None = None  # the store that other machines share, if any
    computed: dict[Derived, list[tuple[RunRecord, dict[str, Any]]]] = field(
        default_factory=lambda: {"spent": [], "figures": []}
    )
    """The usage and figures of finished runs that were computed here and are not saved yet."""

    def run_folder(self, run_id: str) -> Path:
        """Return the folder of one run."""
        return private_folder(private_folder(self.folder / "runs") / run_id)

    def stored(self, run_id: str) -> Path:
        """Return the folder of a run for reading; it is not created."""
        return self.folder / "runs" / run_id

    @property
    def lock(self) -> Path:
        """The lock for writing to this repository."""
        return self.folder / "lock"

    @property
    def batch_lock(self) -> Path:
        """The lock of a batch in this repository."""
        return self.folder / "batch.lock"

    def run_lock(self, run_id: str) -> Path:
        """The lock of the process that advances a run."""
        return self.run_folder(run_id) / "lock"

    # The rest implements `app.run_source.RunSource`.

    @property
    def branch(self) -> str | None:
        """The branch that is checked out."""
        return self.user.branch

    @property
    def head(self) -> str | None:
        """Its commit when it was read."""
        return self.user.head

    @property
    def checkout(self) -> "Repository":
        """Itself."""
        return self

    @property
    def by_workers(self) -> bool:
        """Whether other machines have the runs too."""
        return self.shared is not None

    @property
    def files(self) -> "Files":
        """The files of the checkout."""
        from reviewloop.specs.files import DiskFiles

        return DiskFiles(self.user.root)

    def head_of(self, branch: str) -> str:
        """Return the current commit of a branch, "" for none."""
        from reviewloop.git.commits import commit_at
        from reviewloop.git.process import Git

        git = Git(self.user.git_dir, cwd=self.user.root)
        if branch == self.user.branch:
            checked_out, head = head_of(self.user.root, git)  # reads files, starts no program
            if checked_out == branch:
                return head or ""
        return commit_at(git, f"refs/heads/{branch}")

    def is_clean(self) -> bool:
        """Return whether the checkout is known to have no uncommitted edits."""
        if self.user.dirty:
            return False
        with suppress(WorkspaceError):  # for reading, the list of files is not loaded
            return not dirty_files(self.user)
        return False

    def is_at_work(self, run_id: str) -> bool:
        """Return whether a process advances a run."""
        return is_held(self.run_lock(run_id))

    def is_batch_at_work(self, batch_id: str) -> bool:
        """Return whether a process works on a batch; there is one at a time."""
        return is_held(self.batch_lock)

    def sessions(self, batch_id: str) -> "Sequence[Session]":
        """Return the sessions of a batch."""
        from reviewloop.store.batches import sessions_of

        return sessions_of(self.folder, batch_id)

    def tasks_of(self, spec_path: str) -> list[str]:
        """Return the tasks of a spec as the latest batch took them."""
        from reviewloop.store.batches import BatchStore

        if not (self.folder / "batches.sqlite").exists():
            return []
        with closing(BatchStore(self.folder)) as store:
            newest = store.newest(spec_path)
        return list(newest.tasks) if newest else []

    def stored_title(self, title: str) -> str:
        """Return a title as records hold it, redacted."""
        return _stored_title(self.user.root, self.user.git_dir, title)

    def proposal(self, run: RunRecord) -> "Proposal | None":
        """Return the proposal of a run, None when it has none yet."""
        if not run.proposal:
            return None
        proposal: Proposal = Blobs(self.stored(run.run_id) / "blobs").get_json(run.proposal)
        return proposal

    def commit_of(self, run: RunRecord) -> str:
        """Return the commit that a run proposes; only the run's private repository has it."""
        # Without listing the folders of all waiting runs, which cost most of this call.
        return _commit_in(f"{self.folder}/runs/{run.run_id}", run.proposal) if run.proposal else ""

    def spent(self, run: RunRecord) -> "Spent":
        """Return the usage of a run's model calls."""
        from reviewloop.domain.stored import read_stored
        from reviewloop.llm.budget import Spent, spent_on

        if known := self.runs.derived("spent", run):
            return read_stored(Spent, known)
        spent = spent_on(stored_usages(self.stored(run.run_id) / JOURNAL))
        if run.status.over:
            self.computed["spent"].append((run, asdict(spent)))
        return spent

    def figures(self, run: RunRecord) -> "Figures":
        """Return the figures of a run's proposal; zeros without one."""
        from reviewloop.render.proposal import figures_of
        from reviewloop.store.batches import figures_of as figures_in

        if known := self.runs.derived("figures", run):
            return figures_in(known)
        found = figures_of(self.proposal(run))
        if run.status.over:
            self.computed["figures"].append((run, asdict(found)))
        return found

    def keep_computed(self) -> None:
        """Save what was computed of finished runs; without a writable store it is dropped."""
        for what, values in self.computed.items():
            with suppress(sqlite3.DatabaseError):
                self.runs.keep(what, values)
            values.clear()

    def reported(self, run: RunRecord) -> "RunReport | None":
        """Return None: the files of the runs are here."""
        return None


@lru_cache(maxsize=4096)
def _commit_in(run: str, proposal: str) -> str:
    """Return the commit of a proposal; the content of a blob never changes."""
    return str(Blobs(Path(run) / "blobs").get_json(proposal)["commit"] or "")


@lru_cache(maxsize=1024)
def _stored_title(root: Path, git_dir: Path, title: str) -> str:
    from reviewloop.app.redactors import redactor_for

    return redactor_for(root, git_dir).for_people(title)


def open_repository(start: Path | None = None, *, for_reading: bool = False) -> Repository:
    """Find the repository around a folder (the current one).

    Raises `WorkspaceError` when it cannot be used; `for_reading` is enough to read runs.
    """
    user = discover(start or Path.cwd(), for_reading=for_reading)
    folder = repository_folder(user.key)
    return Repository(user, folder, RunStore(folder))


def model_flags(model: str | None) -> dict[str, object]:
    """Return the settings that use one model for every kind of work, none for None."""
    return {} if model is None else {"models.reasoning": model, "models.generation": model}


def writers_and_readers(implementer: str | None, reviewers: str | None) -> dict[str, object]:
    """Return the settings for separate models of implementer and fixer, and of the reviewers.

    Where both are named, no other model is asked, so none is needed.
    """
    flags: dict[str, Any] = {}
    if implementer:
        flags |= {f"models.per_agent.{agent}": implementer for agent in ("implement", "fix")}
    if reviewers:
        flags["models.per_agent.reviewers"] = reviewers
    if implementer and reviewers:
        flags |= model_flags(implementer)
    return flags


def require_trust(loaded: Loaded, repository: Repository) -> None:
    """Raise for commands in a repository's settings that the user has not trusted."""
    require_trusted_commands(loaded, repository.user.key)


def require_trusted_commands(loaded: Loaded, key: str) -> None:
    """Do the same for the repository with this key."""
    trusted = TrustStore(state_root()).is_trusted(key, loaded.commands_digest)
    if not trusted:
        named = ", ".join(sorted(loaded.repository_commands))
        raise UsageError(
            f"the repository's settings ask to run commands of their own ({named}); look at them "
            "and allow them with `reviewloop trust`"
        )


def stored_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that a run stores: all but `notify`, which may hold secrets."""
    return settings.model_dump(mode="json", exclude={"notify"})


def settings_of(record: RunRecord, overrides: Mapping[str, object] | None = None) -> Settings:
    """Return the settings a run was started with, with caps raised on resuming.

    Raises `UsageError` for an invalid cap.
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


SETTINGS_FILE = "reviewloop.toml"
PYPROJECT = "pyproject.toml"
_LARGEST = 4 << 20  # bytes of a settings file


def repository(*, for_reading: bool = True) -> "UserRepo":
    """Return the repository around the current folder; raise `WorkspaceError` without one."""
    from reviewloop.git.repository import discover

    return discover(Path.cwd(), for_reading=for_reading)


def repository_if_any() -> "UserRepo | None":
    """Return the repository around the current folder, None outside of one."""
    try:
        return repository()
    except WorkspaceError:
        return None


def checkout_if_any() -> Path | None:
    """Return the checkout around the current folder, also one without a commit; None outside."""
    from reviewloop.git.repository import find_root

    try:
        return find_root(Path.cwd())[0]
    except WorkspaceError:
        return None


def user_settings_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the user's own settings file, whether it exists or not."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "reviewloop" / "config.toml"


def read_settings(
    root: Path | None, flags: Mapping[str, object] | None = None, *, project: str = ""
) -> "Loaded":
    """Return the settings for the checkout at `root`; None means outside of a repository.

    Those in the `project` folder override, key by key, those of the folders above. Raises
    `UsageError` for an invalid file, variable or flag.
    """
    from reviewloop.llm.model_choice import resolve_models
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
    return resolve_models(loaded, os.environ)


def repository_settings(root: Path, folder: str = "") -> tuple[str, bytes | None]:
    """Return name and bytes of the file with a folder's settings; None when there is none.

    Raises `UsageError` when two files hold settings.
    """
    own_name, project_name = (
        path_in_repository(folder, SETTINGS_FILE),
        path_in_repository(folder, PYPROJECT),
    )
    own = _of_checkout(root, own_name)
    project = project_settings(root, folder)
    if own is not None and project is not None:
        raise UsageError(
            f"{own_name} and [tool.reviewloop] in {project_name} both hold settings; keep one"
        )
    return (own_name, own) if project is None else (project_name, project)


def project_settings(root: Path, folder: str = "") -> bytes | None:
    """Return the bytes of a folder's pyproject.toml that holds settings of ours, None without."""
    project = _of_checkout(root, path_in_repository(folder, PYPROJECT))
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
    """Return a path as it is shown, with ~ for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _has_table(project: bytes) -> bool:
    import tomllib

    try:
        tool = tomllib.loads(project.decode("utf-8-sig")).get("tool", {})
    except ValueError:  # a broken pyproject.toml is reported by its own tools
        return False
    return isinstance(tool, dict) and "reviewloop" in tool


def _of_checkout(root: Path, name: str) -> bytes | None:
    """Return a file of a checkout, None without one; a link must not lead out of the checkout."""
    path = root / name
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        if name.endswith(PYPROJECT):  # another tool's file, which holds no settings of ours
            return None
        raise UsageError(f"{name} is a link that leaves the repository; put a copy there instead")
    return _read(path)


def _read(path: Path) -> bytes | None:
    """Return the content of a regular file, else None; never blocks."""
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
