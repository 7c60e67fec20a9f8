"""Fires hooks at events outside of runs: a spec approved, a pull request, a deploy.

The trusted hooks of the last commit run on the checkout as it is, in the sandbox. Their writes are
discarded, and none of them blocks, as the event is over.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

from reviewloop.app.project import Repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.watch import Chosen, Edit, watching
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.tree_files import files_at
from reviewloop.hooks.hook import DESCRIPTION, Event, Hook
from reviewloop.hooks.reading import AGENTS, KIRO, ONE_FILE, OWN, SETTINGS, read_hooks
from reviewloop.hooks.running import Occasion
from reviewloop.render.untrusted import one_line
from reviewloop.specs.files import MemoryFiles, TreeFiles, in_folder
from reviewloop.store.folders import private_file, state_root
from reviewloop.store.trust import TrustStore

_LOG = "hook-moments.jsonl"
_MOST_ROWS = 1_000  # that are kept
_MOST_OUTPUT = 4_000  # characters of a hook's output that are kept


class MomentRow(TypedDict):
    """The end of a hook outside of runs; `exit_code` is None where it could not run."""

    at: float  # seconds since 1970
    run: str  # the run it is about, or ""
    name: str
    event: str
    exit_code: int | None
    ms: int
    output: str


@dataclass(frozen=True)
class CommandMoment:
    """An event of a command; hooks read `facts` on stdin.

    `paths` are the files that it is about, None where they are not known.
    """

    event: Event
    facts: Mapping[str, str]
    title: str = ""
    run: str = ""
    task: str = ""
    paths: Sequence[str] | None = None


def fire(repository: Repository, moment: CommandMoment, notify: Callable[[str], object]) -> None:
    """Run the hooks of an event in order, and report failed ones.

    Raises nothing when hooks cannot run: the command has done its work already.
    """
    user = repository.user
    try:
        if not user.head or not _has_hooks(user, moment.event):
            return
        with watching(user, partial(_hooks_at, moment)) as watch:
            for note in watch.chosen.notes:
                notify(note)
            for hook in watch.chosen.hooks:
                started = time.time()
                occasion = Occasion(
                    session=moment.run,
                    task_id=moment.task,
                    title=moment.title,
                    commit=moment.facts.get("commit", ""),
                    facts=moment.facts,
                )
                ended = watch.run(hook, Edit(hook.event, ""), occasion)
                output = redactor_of(user).for_people(ended.output)
                _keep(repository, moment, hook, started, ended.exit_code, output)
                if ended.exit_code != 0:
                    notify(_sentence(hook, ended.exit_code, output))
    except (ReviewLoopError, OSError) as error:
        notify(f"hooks of {moment.event} were not run: {one_line(str(error))}")


def changed_paths(user: UserRepo, base: str, commit: str) -> list[str] | None:
    """Return the files that a commit changes, relative to the project; None where it is unknown."""
    if not base or not commit:
        return None
    git = Git(user.git_dir, cwd=user.root)
    try:
        listed = git.run("diff-tree", "-r", "-z", "--name-only", base, commit).split(b"\0")
    except ReviewLoopError:  # only in a run's repository
        return None
    start = f"{user.project}/" if user.project else ""
    paths = (os.fsdecode(path) for path in listed if path)
    return [path.removeprefix(start) for path in paths if path.startswith(start)]


def moment_rows(repository: Repository) -> list[MomentRow]:
    """Return the hooks that ran outside of runs, oldest first; a torn line is left out."""
    try:
        lines = (repository.folder / _LOG).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [*_rows(lines)]


def _rows(lines: Sequence[str]) -> Iterator[MomentRow]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:  # torn by a kill
            continue


def _has_hooks(user: UserRepo, event: Event) -> bool:
    """Return whether the last commit has hooks of an event: without one nothing is prepared."""
    prefix = f"{user.project}/" if user.project else ""
    paths = (prefix + path for path in (KIRO, AGENTS, OWN, ONE_FILE, *SETTINGS))
    contents = files_at(user, user.head or "", *paths)
    read = read_hooks(in_folder(MemoryFiles(contents), user.project))
    return any(hook.event is event for hook in read.hooks)


def _hooks_at(moment: CommandMoment, user: UserRepo, private: PrivateRepo) -> Chosen:
    """Return the trusted hooks of an event, and notes on others that do not fire."""
    tree = private.tree_of(private.head)
    read = read_hooks(in_folder(TreeFiles(private.reader(tree)), user.project))
    trust, hooks = TrustStore(state_root()), []
    notes = []
    for hook in read.hooks:
        if hook.event is not moment.event or not _fits(hook, moment):
            continue
        if hook.action == DESCRIPTION:  # this action needs the text that is being written
            continue
        if hook.why_not_run:
            notes.append(f"the hook {one_line(hook.name)} is not run: {hook.why_not_run}")
        elif not trust.is_trusted(user.key, hook.digest):
            name = one_line(hook.name)
            notes.append(f"the hook {name} is not trusted and was not run; see `reviewloop trust`")
        else:
            hooks.append(hook)
    return Chosen(tuple(hooks), tuple(notes))


def _fits(hook: Hook, moment: CommandMoment) -> bool:
    if moment.paths is None or not hook.filters:
        return True
    return any(hook.fits_path(path) for path in moment.paths)


def _sentence(hook: Hook, exit_code: int | None, output: str) -> str:
    end = "could not run, or was too slow" if exit_code is None else f"exit code {exit_code}"
    words = " ".join(output.split())[:600]
    return f"hook {one_line(hook.name)} at {hook.event}: {end}{f': {words}' if words else ''}"


def _keep(
    repository: Repository,
    moment: CommandMoment,
    hook: Hook,
    started: float,
    exit_code: int | None,
    output: str,
) -> None:
    row: MomentRow = {
        "at": started,
        "run": moment.run,
        "name": hook.name,
        "event": str(moment.event),
        "exit_code": exit_code,
        "ms": round(1000 * (time.time() - started)),
        "output": output[:_MOST_OUTPUT],
    }
    path = private_file(repository.folder / _LOG)
    line = f"{json.dumps(row)}\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
    _shorten(path)


def _shorten(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    if len(lines) > 2 * _MOST_ROWS:
        beside = path.with_name(f"{path.name}.new")
        private_file(beside).write_text("".join(lines[-_MOST_ROWS:]), "utf-8")
        beside.replace(path)
