"""Brings an approved commit into the user's checkout, or takes it back, whatever interrupts it.

Every step can be repeated: the objects, one file after the other, the index, and the branch last.
The intent file says what is under way, so that a killed process is finished by the next one.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from reviewloop.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.workspace.disk import Disk
from reviewloop.workspace.export import branch_ref, commit_at, copy_objects, move_ref
from reviewloop.workspace.git import Git
from reviewloop.workspace.landing import (
    apply_extra,
    bring,
    checkout_follows,
    is_checked_out,
    prepare_files,
)
from reviewloop.workspace.move import Move, encoded, read_intent, write_intent
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.touched import Files, Touched, scratch, touched_files
from reviewloop.workspace.userrepo import UserRepo, discover


@dataclass(frozen=True)
class Promotion:
    """What a promotion did; kept in the run's record, so that it can be taken back."""

    commit: str
    branch: str
    previous: str  # the branch's commit before
    created_branch: bool
    checkout_updated: bool  # False: only the branch moved, files and HEAD stayed
    files: tuple[str, ...]
    extra: tuple[tuple[str, str, str], ...] = ()  # path, base64 of old and new content
    notes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the record as JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, record: Mapping[str, Any]) -> "Promotion":
        """Rebuild a record that `plain` wrote."""
        values = dict(record)
        values["extra"] = tuple((path, old, new) for path, old, new in values["extra"])
        return cls(**values | {name: tuple(values[name]) for name in ("files", "notes")})


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
    """Bring `commit`, whose parent is `expected_head`, onto `branch` of the user's repository.

    When the branch is checked out, exactly the commit's files and their index entries follow.
    When it is not, or `new_branch` creates it, files, index and HEAD stay as they are. `extra`
    names untracked files (old bytes, new bytes) to change afterwards; one that was edited
    meanwhile is left alone, with a note. `intent` is a file of the run. WorkspaceError when the
    branch or one of the files has changed: nothing is touched then.
    """
    told = private.git.text("show", "-s", "--no-show-signature", "--format=%P%n%s", commit)
    parents, _, subject = told.partition("\n")
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
    """Finish what the intent file says is under way; a finished one is only reported."""
    move = read_intent(intent)
    if move is None:
        raise WorkspaceError(f"There is no promotion to resume: {intent} does not exist.")
    return _carry_out(move, intent)


def undo(user: UserRepo, record: Promotion, *, intent: Path) -> Promotion:
    """Take back a promotion that was not pushed, built upon, or edited; return the way back.

    Killed in between, `resume_promotion(intent)` finishes it. WorkspaceError when it is too late.
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
    user = discover(Path(move.root), for_reading=True)  # as it is now
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
    shutil.rmtree(staged, ignore_errors=True)  # of one that was killed when the branch had moved
    fault("promote.moved")
    notes = tuple(apply_extra(Disk(user.root), move))
    fault("promote.extra")
    write_intent(intent, replace(move, done=True))
    fault("promote.done")
    return _report(move, touched, notes)


def _has_landed(move: Move, git: Git, there: str) -> bool:
    """Whether the branch is where it shall go; the person may have built on the commit since."""
    if there == ("" if move.delete else move.end):
        return True
    if not move.private or there in {"", move.start}:  # where it starts is no later than its end
        return False
    return git.result("merge-base", "--is-ancestor", move.end, there).exit_code == 0


def _land(
    move: Move, user: UserRepo, git: Git, reference: str, files: Files | None, intent: Path
) -> None:
    """Bring files and index, then move the branch; when it cannot move, take both back."""
    if files is not None:
        bring(files, user, git)
    fault("promote.ref")
    new, old = "" if move.delete else move.end, "" if move.create else move.start
    try:
        move_ref(git, git, reference, new, old, move.message)
    except WorkspaceError:
        if files is not None:
            bring(files, user, git, back=True)
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
