"""Promotes an approved commit into the user's checkout, or undoes it; both survive a kill."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.checkout.touched import (
    Files,
    Staging,
    Touched,
    Version,
    index_versions,
    scratch,
    touched_files,
)
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.stored import read_stored
from reviewloop.faults import fault
from reviewloop.git.commits import branch_ref, commit_at, copy_objects, move_ref
from reviewloop.git.paths import checked_path, shown
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, discover, read_config


@dataclass(frozen=True)
class Move:
    """One move of the checkout from a commit to another; JSON in the intent file."""

    root: str
    private: str  # folder of the repository with the new objects; empty: the user's has them
    branch: str
    start: str
    end: str
    create: bool  # the branch must not exist yet
    delete: bool  # the branch is deleted: an undone creation
    checkout: bool  # files and index change too, because the branch is checked out
    message: str
    extra: tuple[tuple[str, str, str], ...] = ()
    done: bool = False


def encoded(extra: Mapping[str, tuple[bytes, bytes]]) -> tuple[tuple[str, str, str], ...]:
    """Return path, old and new content (base64) of the untracked files that follow a commit."""
    return tuple(
        (path, base64.b64encode(old).decode(), base64.b64encode(new).decode())
        for path, (old, new) in extra.items()
    )


def read_intent(intent: Path) -> Move | None:
    """Return the move in progress, None when there is no intent file."""
    try:
        values = json.loads(intent.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise WorkspaceError(f"{intent} is damaged: {error}; restore or remove it.") from error
    values["extra"] = tuple((path, old, new) for path, old, new in values["extra"])
    return Move(**values)


def write_intent(intent: Path, move: Move) -> None:
    """Write the intent file durably."""
    disk = Disk(intent.parent)
    data = json.dumps(asdict(move), indent=1).encode()
    disk.write(intent.name, Content(Kind.FILE, data), f"{intent.name}.new")
    intent.chmod(0o600)


def switch(root: Path, branch: str) -> None:
    """Run `git switch`, with the user's own filters and without hooks.

    Raises `WorkspaceError` when git refuses; it has then changed nothing.
    """
    command = ["git", "-c", "core.hooksPath=/dev/null", "switch", "--quiet", branch]
    try:
        done = subprocess.run(
            command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise WorkspaceError(f"git could not be started: {error.strerror}") from error
    if done.returncode:
        errors = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise WorkspaceError(
            f"git did not switch to {branch}: {errors[0] if errors else 'no reason'}"
        )


def checkout_follows(
    move: Move, user: UserRepo, git: Git, reference: str, there: str, intent: Path
) -> bool:
    """Return whether the branch, which is at `there`, is checked out here.

    Raises WorkspaceError when it must not move at all.
    """
    if move.create and there:
        raise WorkspaceError(f"The branch {move.branch} exists already; choose another name.")
    if not move.create and there != move.start:
        raise WorkspaceError(
            f"{move.branch} moved from {move.start[:12]} to {there[:12] or 'nowhere'} meanwhile, "
            "so nothing was touched; approving the run again rebases it first.",
            says_untouched=True,
        )
    if user.operation:
        problem = f"A {user.operation} is in progress in {user.root}; finish or abort it"
        raise WorkspaceError.until(problem)
    here = not move.create and is_checked_out(git, user.root, reference)
    if move.checkout and not here and intent.exists():
        raise WorkspaceError(
            f"The checkout left {move.branch} while files were being written; "
            f"go back with `git switch {move.branch}`, then resume."
        )
    return here


def is_checked_out(git: Git, root: Path, reference: str) -> bool:
    """Return whether HEAD of this worktree is the branch; WorkspaceError when another worktree's
    is.
    """
    listed = git.text("worktree", "list", "--porcelain")
    for block in listed.split("\n\n"):
        lines = block.splitlines()
        if f"branch {reference}" not in lines:
            continue
        folder = Path(lines[0].removeprefix("worktree "))
        if folder.resolve() != root.resolve():
            raise WorkspaceError(
                f"{reference.removeprefix('refs/heads/')} is checked out in {folder}; run there."
            )
        return True
    return False


def prepare_files(
    move: Move, user: UserRepo, git: Git, touched: tuple[Touched, ...], folder: Path
) -> Files:
    """Stage both versions of the files; raise WorkspaceError for edits, locks and conflicts."""
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
            problem = (
                f"{shown(file.path)} has staged changes in {user.root} that the run does not know; "
                "commit or unstage them"
            )
            raise WorkspaceError.until(problem)
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


def apply_files(files: Files, user: UserRepo, git: Git, *, back: bool = False) -> None:
    """Change the files, then the index; `back` reverses a failed promotion."""
    with _explain_failures(user.root):
        for _ in files.apply_files(back=back):
            fault("promote.file")
    fault("promote.index")
    _update_index(files, user, git, back)


@contextmanager
def _explain_failures(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"A file in {root} could not be written ({error}); put that right, then resume the run."
        ) from error


def _update_index(files: Files, user: UserRepo, git: Git, back: bool) -> None:
    """Replace the entries of the touched paths; all other entries stay."""
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
    """Return variables that empty every filter, as git runs one for entries with recent times."""
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
    """Change the untracked files that follow the commit; yield a note for each skipped one."""
    for number, (path, old, new) in enumerate(move.extra):
        seen = disk.read(checked_path(path))
        before, after = base64.b64decode(old), base64.b64decode(new)
        if seen.kind is Kind.FILE and seen.data == before:
            content = Content(Kind.FILE, after, seen.executable)
            with _explain_failures(disk.root):
                disk.write(path, content, f".reviewloop-{move.end[:12]}-extra-{number}")
        elif seen.data != after:
            yield f"{shown(path)} was edited meanwhile and is left as it is."


@dataclass(frozen=True)
class Promotion:
    """The result of a promotion; stored in the run's record, so that it can be undone."""

    commit: str
    branch: str
    previous: str  # the branch's commit before
    created_branch: bool
    checkout_updated: bool  # False: only the branch moved, not files and HEAD
    files: tuple[str, ...]
    extra: tuple[tuple[str, str, str], ...] = ()  # path, base64 of old and new content
    notes: tuple[str, ...] = ()  # the first says so where only the branch moved

    @property
    def moved(self) -> str:
        """A sentence where only the branch moved, "" else."""
        return "" if self.checkout_updated else self.notes[0]

    @property
    def left(self) -> tuple[str, ...]:
        """The notes on files that were left as they are."""
        return self.notes if self.checkout_updated else self.notes[1:]

    def plain(self) -> dict[str, object]:
        """Return the record as JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, record: object) -> "Promotion":
        """Rebuild a record that `plain` wrote; raise ValueError for anything else."""
        return read_stored(cls, record)


def promote(
    user: UserRepo,
    private: PrivateRepo,
    commit: str,
    *,
    branch: str,
    expected_head: str,
    intent: Path,
    extra: Mapping[str, tuple[bytes, bytes]] | None = None,
    new_branch: bool = False,
) -> Promotion:
    """Promote `commit`, whose parent is `expected_head`, to `branch` of the user's repository.

    When the branch is checked out, exactly the commit's files and their index entries change. When
    it is not, or `new_branch` creates it, files, index and HEAD stay. `extra` names untracked files
    (old bytes, new bytes) to change afterwards; one that was edited meanwhile is skipped, with a
    note. `intent` is a file of the run. Raises WorkspaceError, and touches nothing, when the branch
    or one of the files has changed.
    """
    identity = private.git.text("show", "-s", "--no-show-signature", "--format=%P%n%s", commit)
    parents, _, subject = identity.partition("\n")
    if parents != expected_head:
        raise WorkspaceError(
            f"The approved commit {commit[:12]} does not follow {expected_head[:12]}; "
            "resume the run to have it rebuilt."
        )
    move = Move(
        root=str(user.root),
        private=str(private.folder),
        branch=branch,
        start=expected_head,
        end=commit,
        create=new_branch,
        delete=False,
        checkout=False,
        message=f"reviewloop: {subject}",
        extra=encoded(extra or {}),
    )
    under_way = read_intent(intent)
    if under_way is not None:
        if (under_way.end, under_way.branch) != (commit, branch):
            raise WorkspaceError(
                f"A promotion of {under_way.end[:12]} to {under_way.branch} was not finished; "
                "resume the run first."
            )
        move = under_way
    return _carry_out(move, intent)


def resume_promotion(intent: Path) -> Promotion:
    """Finish the move in the intent file; a finished one is only reported."""
    move = read_intent(intent)
    if move is None:
        raise WorkspaceError(f"There is no promotion to resume: {intent} does not exist.")
    return _carry_out(move, intent)


def undo(user: UserRepo, record: Promotion, *, intent: Path) -> Promotion:
    """Undo a promotion that was not pushed, built upon, or edited; return the reverse promotion.

    After a kill, `resume_promotion(intent)` finishes it. Raises WorkspaceError when it is too late.
    """
    git = Git(user.git_dir, cwd=user.root)
    remote = git.text(
        "for-each-ref", "--format=%(refname:short)", f"--contains={record.commit}", "refs/remotes"
    )
    if remote:
        raise WorkspaceError(
            f"{record.commit[:12]} was pushed to {remote.splitlines()[0]} already; "
            "take it back with `git revert`."
        )
    reference = branch_ref(git, record.branch)
    delete = record.created_branch and not is_checked_out(git, user.root, reference)
    move = Move(
        root=str(user.root),
        private="",
        branch=record.branch,
        start=record.commit,
        end=record.previous,
        create=False,
        delete=delete,
        checkout=False,
        message=f"reviewloop: take back {record.commit[:12]}",
        extra=tuple((path, new, old) for path, old, new in record.extra),
    )
    under_way = read_intent(intent)
    if under_way is not None and (under_way.start, under_way.end) == (move.start, move.end):
        move = under_way
    return _carry_out(move, intent)


def _carry_out(move: Move, intent: Path) -> Promotion:
    user = discover(Path(move.root), for_reading=True)  # read again
    git = Git(user.git_dir, user.root, user.git_dir / "index")
    source = Git(Path(move.private)) if move.private else git
    touched = touched_files(source, move.start, move.end)
    if move.done:
        return _report(move, touched, ())
    reference = branch_ref(git, move.branch)
    staged = intent.with_name(intent.name + ".files")
    there = commit_at(git, reference)
    if not _has_landed(move, git, there):
        follows = checkout_follows(move, user, git, reference, there, intent)
        move = replace(move, checkout=follows)
        with scratch(staged) as folder:
            files = prepare_files(move, user, git, touched, folder) if move.checkout else None
            write_intent(intent, move)
            fault("promote.intent")
            if move.private:
                copy_objects(source, git, move.end, move.start)
            fault("promote.objects")
            _land(move, user, git, reference, files, intent)
    shutil.rmtree(staged, ignore_errors=True)  # left by a kill after the branch had moved
    fault("promote.moved")
    notes = tuple(apply_extra(Disk(user.root), move))
    fault("promote.extra")
    write_intent(intent, replace(move, done=True))
    fault("promote.done")
    return _report(move, touched, notes)


def _has_landed(move: Move, git: Git, there: str) -> bool:
    """Return whether the branch is at its target; the user may have built on the commit since."""
    if there == ("" if move.delete else move.end):
        return True
    if not move.private or there in {"", move.start}:  # a start is never after its end
        return False
    return git.result("merge-base", "--is-ancestor", move.end, there).exit_code == 0


def _land(
    move: Move, user: UserRepo, git: Git, reference: str, files: Files | None, intent: Path
) -> None:
    """Change files and index, then move the branch; when it cannot move, reverse both."""
    if files is not None:
        apply_files(files, user, git)
    fault("promote.ref")
    new, old = "" if move.delete else move.end, "" if move.create else move.start
    try:
        move_ref(git, git, reference, new, old, move.message)
    except WorkspaceError:
        if files is not None:
            apply_files(files, user, git, back=True)
        intent.unlink(missing_ok=True)
        raise


def _report(move: Move, touched: tuple[Touched, ...], notes: tuple[str, ...]) -> Promotion:
    if not move.checkout:
        notes = (f"Only the branch {move.branch} moved; the checkout is as it was.", *notes)
    return Promotion(
        commit=move.end,
        branch=move.branch,
        previous=move.start,
        created_branch=move.create,
        checkout_updated=move.checkout,
        files=tuple(file.path for file in touched),
        extra=move.extra,
        notes=notes,
    )
