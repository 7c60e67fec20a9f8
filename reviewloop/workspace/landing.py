"""The steps of a promotion: what must hold before it, and each change to the user's checkout."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.workspace.disk import Content, Disk, Kind
from reviewloop.workspace.git import Git
from reviewloop.workspace.move import Move
from reviewloop.workspace.paths import checked_path, shown
from reviewloop.workspace.touched import Files, Staging, Touched, Version, index_versions
from reviewloop.workspace.userrepo import UserRepo, read_config


def checkout_follows(
    move: Move, user: UserRepo, git: Git, reference: str, there: str, intent: Path
) -> bool:
    """Whether the branch, which is at `there`, is checked out here.

    WorkspaceError when it must not move at all.
    """
    if move.create and there:
        raise WorkspaceError(f"The branch {move.branch} exists already; choose another name.")
    if not move.create and there != move.start:
        raise WorkspaceError(
            f"{move.branch} moved from {move.start[:12]} to {there[:12] or 'nowhere'} meanwhile, "
            "so nothing was touched; approving the run again rebases it first."
        )
    if user.operation:
        raise WorkspaceError(
            f"A {user.operation} is in progress in {user.root}; finish or abort it, then try again."
        )
    here = not move.create and is_checked_out(git, user.root, reference)
    if move.checkout and not here and intent.exists():
        raise WorkspaceError(
            f"The checkout left {move.branch} while files were being written; "
            f"go back with `git switch {move.branch}`, then resume."
        )
    return here


def is_checked_out(git: Git, root: Path, reference: str) -> bool:
    """Whether HEAD of this worktree is the branch; WorkspaceError when another worktree's is."""
    listed = git.text("worktree", "list", "--porcelain")
    for block in listed.split("\n\n"):
        lines = block.splitlines()
        if f"branch {reference}" not in lines:
            continue
        place = Path(lines[0].removeprefix("worktree "))
        if place.resolve() != root.resolve():
            raise WorkspaceError(
                f"{reference.removeprefix('refs/heads/')} is checked out in {place}; run there."
            )
        return True
    return False


def prepare_files(
    move: Move, user: UserRepo, git: Git, touched: tuple[Touched, ...], folder: Path
) -> Files:
    """Stage both looks of the files; WorkspaceError for edits, locks and conflicts."""
    lock = user.git_dir / "index.lock"
    if lock.exists():
        raise WorkspaceError(
            f"{lock} exists: another git is working in {user.root}, or one was killed. "
            "When none is running, remove that file; then try again."
        )
    if git.run("ls-files", "-u", "-z"):
        raise WorkspaceError(f"{user.root} has unresolved merge conflicts; resolve them first.")
    held = index_versions(git, [file.path for file in touched])
    for file in touched:
        if held.get(file.path, (None, False))[0] not in (file.old, file.new):
            raise WorkspaceError(
                f"{shown(file.path)} has staged changes in {user.root} that the run does not know; "
                "commit or unstage them, then try again."
            )
    reader = Git(Path(move.private)) if move.private else user.mirror(folder / "git")
    sides = []
    for side, commit in (("old", move.start), ("new", move.end)):
        paths = [t.path for t in touched if (t.old if side == "old" else t.new)]
        sides.append(Staging(reader, folder / side, commit, paths))
    files = Files(
        Disk(user.root),
        touched,
        *sides,
        file_modes=user.settings.get("core.filemode", "true").lower() != "false",
        sparse=frozenset(path for path, (_, sparse) in held.items() if sparse),
        mark=move.end[:12],
    )
    files.refuse_edits()
    return files


def bring(files: Files, user: UserRepo, git: Git, *, back: bool = False) -> None:
    """Change the files, then the index; `back` is the way a promotion that failed returns."""
    with _told(user.root):
        for _ in files.bring(back=back):
            fault("promote.file")
    fault("promote.index")
    _update_index(files, user, git, back)


@contextmanager
def _told(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"A file in {root} could not be written ({error}); put that right, then resume the run."
        ) from error


def _update_index(files: Files, user: UserRepo, git: Git, back: bool) -> None:
    """Replace the entries of the touched paths; all other entries keep what they say."""
    changes = [file.reversed() if back else file for file in files.touched.values()]
    changes.sort(key=lambda file: file.new is not None)
    lines = b"".join(_index_line(file.path, file.new, file.old) for file in changes)
    env = _no_filters(user)
    git.run("update-index", "-z", "--index-info", input=lines, env_extra=env)
    if files.sparse:
        names = b"".join(os.fsencode(path) + b"\0" for path in index_versions(git, files.sparse))
        git.run("update-index", "--skip-worktree", "-z", "--stdin", input=names, env_extra=env)


def _index_line(path: str, new: Version | None, old: Version | None) -> bytes:
    mode, oid = (new.mode, new.oid) if new else ("0", "0" * len(old.oid if old else ""))
    return f"{mode} {oid}\t".encode() + os.fsencode(path) + b"\0"


def _no_filters(user: UserRepo) -> dict[str, str]:
    """Return variables that empty every filter: git runs one for entries it finds too fresh."""
    keys = {value.key for value in read_config(user.git_dir, user.root)}
    names = {key.rpartition(".")[0] for key in keys if key.startswith("filter.")}
    settings = []
    for name in sorted(names):
        settings += [(f"{name}.{part}", "") for part in ("clean", "smudge", "process")]
        settings.append((f"{name}.required", "false"))
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def apply_extra(disk: Disk, move: Move) -> Iterator[str]:
    """Change the untracked files that follow the commit; yield a note for each one left alone."""
    for number, (path, old, new) in enumerate(move.extra):
        seen = disk.read(checked_path(path))
        before, after = base64.b64decode(old), base64.b64decode(new)
        if seen.kind is Kind.FILE and seen.data == before:
            content = Content(Kind.FILE, after, seen.executable)
            with _told(disk.root):
                disk.write(path, content, f".reviewloop-{move.end[:12]}-extra-{number}")
        elif seen.data != after:
            yield f"{shown(path)} was edited meanwhile and is left as it is."
