"""Writes the handoff of a session, and compares one with the current state."""

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reviewloop.app.day.document import document, lines_done, read
from reviewloop.app.day.facts import gather
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import Repository, team_of
from reviewloop.app.redactors import redactor_of
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelSetupError, ReviewLoopError, UsageError
from reviewloop.domain.handoff import Handoff, Left
from reviewloop.git.repository import UserRepo
from reviewloop.git.status import commits_after
from reviewloop.render.text import counted
from reviewloop.specs.files import DiskFiles, in_folder

if TYPE_CHECKING:  # only where a model is asked
    from reviewloop.app.day.shorten import Shorter

NAME = "session-handoff.md"
FOLDERS = (".kiro/context", ".reviewloop/context")
_LARGEST = 1_000_000  # bytes of a handoff that is read


@dataclass(frozen=True)
class Written:
    """The handoff that was written, and notes about it."""

    path: str
    handoff: Handoff
    kept_as: str  # where the version edited by hand is kept, or ""
    shorter: "Shorter | None" = None  # if a model was asked and answered
    problem: ReviewLoopError | None = None  # why the model did not shorten it


def write_handoff(
    repository: Repository,
    fleet: Fleet,
    broken: Sequence[str],
    notes: Sequence[str],
    shorten: "Callable[[Sequence[str]], Shorter] | None" = None,
) -> Written:
    """Write the handoff of this session; a document edited by hand is kept beside it.

    Where `shorten` fails at the model, the document is written in full.
    """
    root, path = repository.user.root, _path_of(repository.user)
    before = last_handoff(root, project=repository.user.project) or Left(path)
    handoff = gather(repository, fleet, replace(before, path=path), broken=broken, notes=notes)
    shorter, problem = None, None
    show = redactor_of(repository.user).for_people
    done = [show(line) for line in lines_done(handoff)]
    if shorten is not None and done:
        try:
            shorter = shorten(done)
        except (UsageError, ModelSetupError):  # nothing was asked
            raise
        except ReviewLoopError as error:
            problem = error
    text = document(handoff, show, shorter.lines if shorter else None)
    disk, kept_as = Disk(root), ""
    there = disk.read(path)
    if there.kind not in (Kind.ABSENT, Kind.FILE) or there.blocker:
        raise UsageError(f"{path} is no regular file of this repository; move it away first")
    own = last_handoff(root, path)
    if own is not None and (not own.is_ours or own.is_edited):
        kept_as = f"{path}.bak"
        disk.write(kept_as, there, f".{NAME}.bak.new")
    disk.write(path, Content(Kind.FILE, text.encode()), f".{NAME}.new")
    return Written(path, handoff, kept_as, shorter, problem)


def _path_of(user: UserRepo) -> str:
    """Return the path of the project's handoff: in Kiro's folder where there is one."""
    prefix = f"{user.project}/" if user.project else ""
    has_kiro = (user.root / prefix / ".kiro").is_dir()
    return f"{prefix}{FOLDERS[0] if has_kiro else FOLDERS[1]}/{NAME}"


def last_handoff(root: Path, named: str = "", project: str = "") -> Left | None:
    """Return the newest handoff of a project, or the one at a path; None where there is none."""
    prefix = f"{project}/" if project else ""
    paths = [named] if named else [f"{prefix}{path}/{NAME}" for path in FOLDERS]
    found = [path for path in paths if _is_file(root / path)]
    if not found:
        return None
    newest = max(found, key=lambda path: (root / path).lstat().st_mtime)
    data = Disk(root).read(newest).data
    if len(data) > _LARGEST:
        raise UsageError(f"{newest} has {len(data):,} bytes; a handoff has at most {_LARGEST:,}")
    return read(newest, data.decode("utf-8", "replace"))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


@dataclass(frozen=True)
class Resumption:
    """What a session starts with: the last handoff, the current facts, and their differences."""

    left: Left
    now: Handoff
    discrepancies: tuple[str, ...]
    steering: tuple[str, ...]  # context files of agents and people
    agents: tuple[str, ...]
    skills: tuple[str, ...]


def resume_session(repository: Repository, fleet: Fleet, broken: Sequence[str]) -> Resumption:
    """Compare the newest handoff with the current state; raise `UsageError` where there is none."""
    user = repository.user
    left = last_handoff(user.root, project=user.project)
    if left is None:
        raise UsageError(
            "there is no handoff; `reviewloop handoff` writes one at the end of a session "
            "(`reviewloop resume` goes on with a run, `reviewloop spec resume` with a spec)"
        )
    now = gather(repository, fleet, left, broken=broken)
    files = in_folder(DiskFiles(user.root), user.project)
    listed = [*files.paths(".kiro/steering"), *files.paths(".reviewloop/steering")]
    team = team_of(user.root, user.project)
    return Resumption(
        left,
        now,
        tuple(_discrepancies(repository, left, now)),
        tuple(path for path in listed if path.endswith(".md")),
        tuple(agent.name for agent in team.members),
        tuple(_skills(user.root)),
    )


def _skills(root: Path) -> Iterator[str]:
    for path in (".kiro/skills", ".reviewloop/skills", ".claude/skills", ".agents/skills"):
        folder = root / path
        if folder.is_dir():
            names = sorted(one.name for one in folder.iterdir())
            yield from (name for name in names if _is_file(folder / name / "SKILL.md"))


def _discrepancies(repository: Repository, left: Left, now: Handoff) -> Iterator[str]:
    if not left.is_ours:
        yield f"{left.path} was not written by `reviewloop handoff`: its state is not compared"
        return
    git = now.git
    if git.branch != left.branch:
        yield f"branch: it was {left.branch or 'none'}, you are on {git.branch or 'none'}"
    if git.head != left.head:
        since = commits_after(repository.user, left.head)
        if since is None:
            yield f"commits: {left.head[:10]} of the handoff is not in the history of HEAD"
        elif since:
            subject = since[0].subject
            yield f"commits: {counted(len(since), 'commit')} since, the last is '{subject}'"
    if fresh := [path for path in git.dirty if path not in left.dirty]:
        more = f" and {len(fresh) - 3} more" if len(fresh) > 3 else ""
        yield f"files: edited since and not committed: {', '.join(fresh[:3])}{more}"
    if gone := [path for path in left.dirty if path not in git.dirty]:
        yield f"files: no longer uncommitted: {', '.join(gone[:3])}"
    for run, state in now.states.items():
        was = left.states.get(run)
        if was != state:
            yield f"run {run}: " + (f"it was {was}, now {state}" if was else f"new, {state}")
    for run in left.states.keys() - now.states.keys() if len(now.states) < 200 else ():
        yield f"run {run}: it was {left.states[run]} and is gone"
