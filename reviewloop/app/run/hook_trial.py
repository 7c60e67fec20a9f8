"""Runs one hook by its name on the checkout, in the sandbox, and keeps none of its writes."""

import difflib
import shlex
from dataclasses import replace
from functools import partial
from typing import TypedDict

from reviewloop.app.redactors import redactor_here
from reviewloop.app.watch import Chosen, Edit, watching
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.hooks.hook import DESCRIPTION, OF_FILES, Hook
from reviewloop.hooks.reading import read_hooks
from reviewloop.hooks.running import Occasion
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.specs.files import TreeFiles, in_folder, inside
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore


class TrialFacts(TypedDict):
    """A trial as JSON; `exit_code` is None where the hook did not end by itself."""

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
    cost: str = ""  # of the models that the hook asked

    @property
    def blocks(self) -> bool:
        """Return whether this end would stop the step that fires the hook."""
        return self.ran and self.hook.blocks(self.exit_code)

    @property
    def exit(self) -> ExitCode:
        """Return the exit code of the command that tried it."""
        if not self.ran or self.exit_code == 0:
            return ExitCode.CLEAN
        if self.blocks:
            return ExitCode.GUARD_FAILED
        return ExitCode.INCOMPLETE if self.exit_code is None else ExitCode.FINDINGS

    @property
    def summary(self) -> str:
        """Return how it ended, on one line."""
        code = self.exit_code
        end = "could not run, or was too slow" if code is None else f"exit code {code}"
        return "; ".join(filter(None, (end, "it would block" if self.blocks else "", self.cost)))

    def plain(self) -> TrialFacts:
        """Return it as JSON-plain values."""
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


def hook_trial(
    user: UserRepo, name: str, path: str, *, dry_run: bool, model: str | None = None
) -> Trial:
    """Run a trusted hook of the last commit; with `dry_run`, only return what it would run.

    `path` is relative to the project; `model` is asked where the hook asks an agent. Raises
    `UsageError` for an unknown hook or file.
    """
    with watching(user, partial(_named, name, trusted=not dry_run)) as watch:
        [hook] = watch.chosen.hooks
        full = f"{user.project}/{path}" if user.project and path else path
        if hook.event in OF_FILES and not path:
            raise UsageError(f"the hook {one_line(name)} is about a file; name one with --file")
        if path and inside(path) is None:
            raise UsageError(f"{one_line(path)} is outside of the project; --file counts from it")
        if path and not (user.root / full).is_file():
            raise UsageError(f"there is no file {one_line(path)}; --file counts from the project")
        values = Occasion("", path).values(hook)
        quoted = {key: shlex.quote(one) for key, one in values.items()}
        command = hook.filled(hook.command, quoted) or hook.filled(hook.does, values)
        if dry_run:
            return Trial(hook, path, command)
        if hook.needs_run:
            return _in_session(Trial(hook, path, command), full, model)
        ended = watch.run(hook, Edit(hook.event, full))
        output = redactor_here().for_people(ended.output)
        return Trial(hook, path, command, True, ended.exit_code, output, (*ended.proposal.files,))


def _in_session(trial: Trial, path: str, model: str | None) -> Trial:
    """Return how a hook ended that needs the context of a run."""
    from reviewloop.app.hook_session import hook_session  # loads what asks models

    with hook_session([trial.hook], model=model) as session:
        ended = session.run(trial.hook, path)
    if ended is None:
        return replace(trial, output="it would not fire: its filter or condition does not hold")
    cost = f"{ended.spent.cost} for {counted(ended.spent.calls, 'call')}"
    return replace(
        trial,
        ran=True,
        exit_code=ended.exit_code,
        output=redactor_here().for_people(ended.output),
        would_write=(*ended.files,),
        cost=cost if ended.spent.calls else "",
    )


def _file_names(source: str) -> tuple[str, ...]:
    """Return the names under which a hook file is found: its path, or its name without endings."""
    return (source, f"./{source}", source.rpartition("/")[2].partition(".")[0])


def _named(name: str, user: UserRepo, private: PrivateRepo, *, trusted: bool) -> Chosen:
    """Return the one hook of the last commit that has this name."""
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
    if hook.action == DESCRIPTION:
        raise UsageError(
            f"the hook {one_line(name)} writes the text of a pull request: `reviewloop publish` "
            "does that"
        )
    if trusted and not TrustStore(state_root()).is_trusted(user.key, hook.digest):
        raise UsageError(f"the hook {one_line(name)} is not trusted; `reviewloop trust` shows it")
    return Chosen((hook,), ())
