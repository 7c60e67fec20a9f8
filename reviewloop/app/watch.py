"""Watches a checkout for a user's edits, and fires the repository's hooks about them.

Edits are found by comparing git's view of the checkout before and after a quiet moment: temporary
files of an editor are not edits. Writes of hooks are proposed, and written only when the user
agrees.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewloop.app.project import read_settings
from reviewloop.app.sandboxing import require_sandbox
from reviewloop.checkout.files import Content, Disk, Kind, remove_tree
from reviewloop.checkout.workspace import Workspace
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError, UsageError, WorkspaceError
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.guards.inputs import guard_input
from reviewloop.hooks.hook import OF_FILES, Event, Hook
from reviewloop.hooks.reading import read_hooks
from reviewloop.hooks.running import Occasion, run_hook, with_own_script
from reviewloop.llm.budget import Spent
from reviewloop.loop.agent_tools import with_edits
from reviewloop.sandbox.environment import ProjectEnv, build_environment, paths_for
from reviewloop.sandbox.interpreters import not_committed
from reviewloop.sandbox.run import NOT_FOUND
from reviewloop.settings import Settings
from reviewloop.specs.files import TreeFiles, in_folder
from reviewloop.store.folders import state_root
from reviewloop.store.own_writes import OwnWrites, recorded_writes
from reviewloop.store.trust import TrustStore
from reviewloop.tools.policy import WritePolicy
from reviewloop.tools.toolbox import allowed_part

NAME_A_MODEL = "name a model with --model provider:model"
_ASKING = ("regenerate-tests",)  # actions that may ask an agent


def asks_models(hook: Hook) -> bool:
    """Return whether a hook may ask a model."""
    return bool(hook.prompt) or hook.action in _ASKING


@dataclass(frozen=True)
class Edit:
    """One edit of a user: a file was saved, created or deleted."""

    event: Event
    path: str


@dataclass(frozen=True)
class Proposal:
    """What a hook would write: path -> (bytes now, bytes then)."""

    files: Mapping[str, tuple[bytes | None, bytes | None]]


@dataclass(frozen=True)
class Ended:
    """The end of a hook; `exit_code` is None where it could not run or timed out."""

    hook: Hook
    edit: Edit
    exit_code: int | None
    output: str
    proposal: Proposal
    cost: str = ""  # of all models asked so far


@dataclass(frozen=True)
class SessionEnd:
    """The end of a hook that needs the context of a run; `files` are those that it would write.

    They are path -> (bytes before, bytes after).
    """

    exit_code: int | None
    output: str
    files: Mapping[str, tuple[bytes | None, bytes | None]]
    spent: Spent  # by the session so far


InSession = Callable[[Hook, str], SessionEnd | None]  # None: its condition is false


@dataclass(frozen=True)
class Chosen:
    """The hooks that fire on edits, and notes on those that do not."""

    hooks: tuple[Hook, ...]
    notes: tuple[str, ...]


def hooks_for_edits(user: UserRepo, private: PrivateRepo, *, model: bool = False) -> Chosen:
    """Return the trusted hooks of the last commit that fire on files; `model`: one may be asked.

    Raises `UsageError` where none fires.
    """
    tree = private.tree_of(private.head)
    read = read_hooks(in_folder(TreeFiles(private.reader(tree)), user.project))
    notes = [one.sentence for one in read.errors]
    trust, hooks = TrustStore(state_root()), []
    for hook in read.hooks:
        if hook.event not in OF_FILES or not hook.enabled:
            continue
        if asks_models(hook) and not model:
            notes.append(f"hook {hook.name} is not run: it asks an agent; {NAME_A_MODEL}")
        elif not trust.is_trusted(user.key, hook.digest):
            notes.append(f"hook {hook.name} is not trusted; `reviewloop trust` shows it")
        else:
            hooks.append(hook)
    if not hooks:
        why = f": {notes[0]}" if notes else "; `reviewloop hooks list` shows what it has"
        raise UsageError(f"no hook of the last commit fires on edits of files{why}")
    return Chosen(tuple(hooks), tuple(notes))


Choose = Callable[[UserRepo, PrivateRepo], Chosen]


class Watch:
    """A watched checkout; `look` returns the edits since the last call."""

    def __init__(
        self,
        user: UserRepo,
        settings: Settings,
        workspace: Workspace,
        env: ProjectEnv,
        own: OwnWrites,
        choose: Choose,
    ) -> None:
        self.user = user
        self.private = workspace.private
        self.chosen = choose(user, self.private)
        self.in_session: InSession | None = None
        self._settings = settings
        self._workspace = workspace
        self._env = env
        self._own = own
        self._base = self.private.tree_of(self.private.head)
        self._tree = self._snapshot()
        self._head = self._head_tree()
        self._gone: frozenset[str] = frozenset()
        self._logs = workspace.folder.with_name("logs")
        self._logs.mkdir(exist_ok=True)
        self._count = 0

    def files(self) -> list[str]:
        """Return the files that match some hook, as they are now."""
        return [
            entry.path
            for entry in self.private.entries(self._tree)
            if any(self._fits(hook, entry.path) for hook in self.chosen.hooks)
        ]

    @property
    def waits(self) -> bool:
        """Whether a missing file may come back: look again after a quiet moment."""
        return bool(self._gone)

    def look(self) -> list[Edit]:
        """Return the user's edits since the last call, in the order of their paths."""
        tree, head = self._snapshot(), self._head_tree()
        change = self.private.change(self._tree, tree)
        gone = {file.old_path for file in change.files if file.status in {"D", "R"}}
        if gone - self._gone:  # an editor may be between removing and writing it
            self._gone = frozenset(gone)
            return []
        by_git = head != self._head
        found: list[Edit] = []
        for file in change.files:
            new = None if file.status == "D" else self.private.read(tree, file.path)
            if self._is_own(file.path, new) or (by_git and self._is(head, file.path, new)):
                continue
            if file.status == "D":
                found.append(Edit(Event.FILE_DELETE, file.path))
                continue
            if file.status == "R":
                found.append(Edit(Event.FILE_DELETE, file.old_path))
            if file.status in {"A", "R", "C"}:
                found.append(Edit(Event.FILE_CREATE, file.path))
            found.append(Edit(Event.FILE_SAVE, file.path))
        self._tree, self._head, self._gone = tree, head, frozenset()
        return found

    def fire(self, edit: Edit) -> Iterator[Ended]:
        """Run the hooks of one edit on the files as of the last look.

        Those that need the context of a run are run `in_session`.
        """
        for hook in self.chosen.hooks:
            if hook.event is not edit.event or not self._fits(hook, edit.path):
                continue
            if not hook.needs_run:
                yield self.run(hook, edit)
            elif self.in_session and (end := self.in_session(hook, edit.path)):
                cost = f"{end.spent.cost} so far" if end.spent.calls else ""
                yield Ended(hook, edit, end.exit_code, end.output, Proposal(end.files), cost)

    def write(self, proposal: Proposal) -> None:
        """Write what a hook proposed; raise `WorkspaceError` where a file has changed since."""
        disk = Disk(self.user.root)
        for path, (old, _) in proposal.files.items():
            there = disk.read(path)
            if (there.data if there.kind is Kind.FILE else None) != old:
                raise WorkspaceError(f"{path} was edited meanwhile; nothing was written")
        for path, (_, new) in proposal.files.items():
            if new is None:
                disk.remove(path)
            else:
                executable = disk.read(path).executable
                temporary = f".{os.getpid()}.reviewloop"
                disk.write(path, Content(Kind.FILE, new, executable), temporary)

    def run(self, hook: Hook, edit: Edit, occasion: Occasion | None = None) -> Ended:
        """Run one hook on the files as of the last look; a path of "" means no file."""
        project = self.user.project
        tree = with_own_script(self.private, self._base, project, hook, self._tree)
        self._count += 1
        guard = guard_input(
            settings=self._settings,
            private=self.private,
            base=self._base,
            tree=tree,
            workspace=self._workspace,
            env=self._env,
            logs=self._logs,
            branch=self.user.branch,
            label=f"hook-{self._count}-",
        )
        path = guard.relative(edit.path) if edit.path else ""
        occasion = occasion or Occasion(f"watch-{os.getpid()}", path)
        result = run_hook(guard, hook, occasion, self._logs / f"hook-{self._count}.log")
        output = guard.quote_log(result.log)
        try:
            written = self._workspace.taken(tree, leave=self._settings.gates.reuse)
            edited = with_edits(self.private, self._tree, tree, written)
        except (WorkspaceError, UnsafePathError) as error:
            edited, output = self._tree, f"{output}\n{error}"
        guarded = self._settings.guard
        policy = WritePolicy(guarded.secret_files, guarded.secret_files_allowed)
        edited, refused = allowed_part(self.private, self._tree, edited, policy)
        output += "".join(f"\nnot proposed: {reason}" for reason in refused)
        self._env.empty()
        could_run = not result.timed_out and result.exit_code != NOT_FOUND
        code = result.exit_code if could_run else None
        return Ended(hook, edit, code, output.strip(), self._proposal(edited))

    def _proposal(self, edited: str) -> Proposal:
        change = self.private.change(self._tree, edited)
        paths = {path for file in change.files for path in (file.path, file.old_path)}
        return Proposal(
            {
                path: (self.private.read(self._tree, path), self.private.read(edited, path))
                for path in sorted(paths)
            }
        )

    def _fits(self, hook: Hook, path: str) -> bool:
        start = f"{self.user.project}/" if self.user.project else ""
        return path.startswith(start) and hook.fits_path(path.removeprefix(start))

    def _snapshot(self) -> str:
        return self.private.snapshot_of_checkout(self.user, lfs_pointers=True)

    def _head_tree(self) -> str:
        git = Git(self.user.git_dir, cwd=self.user.root)
        return git.text("rev-parse", "HEAD^{tree}")

    def _is_own(self, path: str, data: bytes | None) -> bool:
        return self._own.has(self.user.root / path, data)

    def _is(self, tree: str, path: str, data: bytes | None) -> bool:
        """Return whether a commit, checkout or merge put the file there."""
        return self.private.read(tree, path) == data


@contextmanager
def watching(user: UserRepo, choose: Choose = hooks_for_edits) -> Iterator[Watch]:
    """Yield a watch of a checkout; raise `UsageError` with the reason where that cannot be."""
    loaded = read_settings(user.root, project=user.project)
    settings = loaded.settings
    sandbox = require_sandbox(settings, "", "no hook is run")
    if not sandbox.is_proven:
        raise UsageError("hooks need a proven sandbox; `reviewloop doctor` shows what is missing")
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name, recorded_writes() as own:
        folder = Path(name)
        workspace = Workspace(PrivateRepo.create(folder / "repository", user), folder / "workspace")
        workspace.folder.mkdir()
        env = build_environment(
            user_root=user.root,
            workspace=workspace.folder,
            folder=folder / "environment",
            reuse=not_committed(paths_for(user.project, settings.gates.reuse), workspace.private),
            python="" if loaded.repository_commands.get("gates.python") else settings.gates.python,
            sandbox=lambda: sandbox,
            objects=workspace.needed_folders,
            readable=settings.sandbox.read,
            project=user.project,
        )
        try:
            yield Watch(user, settings, workspace, env, own, choose)
        finally:
            env.discard()
            workspace.private.close()
            remove_tree(workspace.folder)


def quiet_moments(events: Iterable[Sequence[str]], watch: Watch) -> Iterator[list[Edit] | str]:
    """Yield the edits, or an error, at each quiet moment after a change.

    `events` yields changed paths, and nothing for each interval without any.
    """
    is_open = True  # edits made while the events started are in no event
    for batch in events:
        if batch:
            is_open = True
        elif is_open:
            try:
                edits = watch.look()
            except ReviewLoopError as error:
                is_open = False
                yield str(error)
                continue
            is_open = watch.waits
            if edits:
                yield edits
