"""Runs one hook by its name, as a person asks: on the checkout, in the sandbox, keeping nothing."""

import difflib
import shlex
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from reviewloop.app.held_values import redactor_here
from reviewloop.app.watch import Chosen, Edit, watching
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.hooks.hook import OF_FILES, Hook
from reviewloop.hooks.reading import read_hooks
from reviewloop.hooks.running import Occasion
from reviewloop.render.untrusted import one_line
from reviewloop.specs.files import TreeFiles, in_folder
from reviewloop.store.places import state_root
from reviewloop.store.trust import TrustStore


class TrialFacts(TypedDict):
    """A trial for programs; `exit_code` is None where nothing ended by itself."""

    hook: str
    event: str
    path: str
    command: str
    ran: bool
    exit_code: int | None
    blocks: bool
    output: str
    would_write: list[str]


@dataclass(frozen=True)
class Trial:
    """What a hook would run, or how it ended."""

    hook: Hook
    path: str
    command: str
    ran: bool = False
    exit_code: int | None = None
    output: str = ""
    would_write: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether this end would stop what fires it."""
        return self.ran and self.hook.blocks(self.exit_code)

    @property
    def exit(self) -> ExitCode:
        """The exit code of the command that tried it."""
        if not self.ran or self.exit_code == 0:
            return ExitCode.CLEAN
        if self.blocks:
            return ExitCode.GUARD_FAILED
        return ExitCode.INCOMPLETE if self.exit_code is None else ExitCode.FINDINGS

    @property
    def summary(self) -> str:
        """How it ended, on one line."""
        code = self.exit_code
        end = "could not run, or was too slow" if code is None else f"exit code {code}"
        return f"{end}; it would block" if self.blocks else end

    def plain(self) -> TrialFacts:
        """Return it for programs."""
        return {
            "hook": self.hook.name,
            "event": str(self.hook.event),
            "path": self.path,
            "command": self.command,
            "ran": self.ran,
            "exit_code": self.exit_code,
            "blocks": self.blocks,
            "output": self.output,
            "would_write": [*self.would_write],
        }


def hook_trial(user: UserRepo, name: str, path: str, *, dry_run: bool) -> Trial:
    """Run a trusted hook of the last commit, or only say what it would run.

    `path` counts from the project. Raises `UsageError` for a hook or file that cannot be meant.
    """
    with watching(user, partial(_named, name, trusted=not dry_run)) as watch:
        [hook] = watch.chosen.hooks
        full = f"{user.project}/{path}" if user.project and path else path
        if hook.event in OF_FILES and not path:
            raise UsageError(f"the hook {one_line(name)} is about a file; name one with --file")
        if path and not (user.root / full).is_file():
            raise UsageError(f"there is no file {one_line(path)}; --file counts from the project")
        values = Occasion("", path).values(hook)
        command = hook.filled(hook.command, {key: shlex.quote(one) for key, one in values.items()})
        if dry_run:
            return Trial(hook, path, command)
        ended = watch.run(hook, Edit(hook.event, full))
        output = redactor_here().for_people(ended.output)
        return Trial(hook, path, command, True, ended.exit_code, output, (*ended.proposal.files,))


def _file_names(source: str) -> tuple[str, ...]:
    """Return how people call the file of a hook: by its path, or its name without endings."""
    return (source, f"./{source}", source.rpartition("/")[2].partition(".")[0])


def _named(name: str, user: UserRepo, private: PrivateRepo, *, trusted: bool) -> Chosen:
    """Return the one hook of the last commit that is called so."""
    tree = private.tree_of(private.head)
    found = read_hooks(in_folder(TreeFiles(private.reader(tree)), user.project)).hooks
    hook = next((one for one in found if one.name == name), None)
    if hook is None:
        of_file = [one for one in found if name in _file_names(one.source)]
        if len(of_file) > 1:
            listed = ", ".join(one.name for one in of_file)
            raise UsageError(f"{one_line(name)} holds several hooks; name one: {one_line(listed)}")
        hook = of_file[0] if of_file else None
    if hook is None:
        names = [one.name for one in found]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        more = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names) or 'none'}"
        raise UsageError(
            f"the last commit has no hook {one_line(name)}; {one_line(more)} (commit a new one)"
        )
    if not hook.command:
        raise UsageError(f"the hook {one_line(name)} {one_line(hook.does)}: only a run does that")
    if trusted and not TrustStore(state_root()).is_trusted(user.key, hook.digest):
        raise UsageError(f"the hook {one_line(name)} is not trusted; `reviewloop trust` shows it")
    return Chosen((hook,), ())
