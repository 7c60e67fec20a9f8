"""Copies commits of a run into the user's repository, without a transport, and names them."""

from reviewloop.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.workspace.git import Git
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.userrepo import UserRepo

_DURABLE = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsync",
    "GIT_CONFIG_VALUE_0": "all",
}


def export_branch(user: UserRepo, private: PrivateRepo, commit: str, name: str) -> str:
    """Create branch `name` at a commit of the run and return the full name of its ref.

    The user's files, index and HEAD stay as they are. A branch that exists already at another
    commit is refused with WorkspaceError; at this commit it is fine.
    """
    reference = branch_ref(private.git, name)
    git = Git(user.git_dir, cwd=user.root)
    there = commit_at(git, reference)
    full = private.git.text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    if there not in {"", full}:
        raise WorkspaceError(f"The branch {name} exists already; choose another name.")
    fault("export.begin")
    copy_objects(private.git, git, full, user.head or "")
    fault("export.objects")
    if not there:
        move_ref(private.git, git, reference, full, "", f"reviewloop: checkout of {full[:12]}")
    return reference


def branch_ref(git: Git, name: str) -> str:
    """Return the full ref of a branch; UsageError when git does not allow the name."""
    reference = f"refs/heads/{name}"
    allowed = git.result("check-ref-format", reference).exit_code == 0
    if not allowed or name.startswith("-") or name == "HEAD":
        raise UsageError(f"{name!r} is not a name git allows for a branch; choose another one.")
    return reference


def commit_at(git: Git, reference: str) -> str:
    """Return the commit a ref points at, empty when there is no such ref."""
    return git.text("rev-parse", "-q", "--verify", reference, ok=(0, 1))


def copy_objects(source: Git, target: Git, commit: str, known: str) -> None:
    """Copy what `commit` needs and `target` lacks; `known` is a commit that `target` has.

    Copying again is harmless. Afterwards it is checked that nothing is missing.
    """
    wanted = f"{commit}\n" + (f"^{known}\n" if known else "")
    pack = source.run("pack-objects", "--revs", "--stdout", "-q", input=wanted.encode())
    target.run("unpack-objects", "-q", input=pack, env_extra=_DURABLE)
    target.run("rev-list", "--objects", "--quiet", "--stdin", input=wanted.encode())


def move_ref(source: Git, target: Git, reference: str, new: str, old: str, message: str) -> None:
    """Move a ref from `old` to `new` (empty: it must not exist), or delete it when `new` is empty.

    The reflog names the committer of the commit. WorkspaceError when the ref is not at `old`.
    """
    told = source.text("show", "-s", "--no-show-signature", "--format=%cn%n%ce", new or old)
    name, _, email = told.partition("\n")
    who = {"GIT_COMMITTER_NAME": name or "reviewloop", "GIT_COMMITTER_EMAIL": email}
    absent = "0" * len(new or old)
    if new:
        args = ("update-ref", "-m", message, reference, new, old or absent)
    else:
        args = ("update-ref", "-m", message, "-d", reference, old)
    fault("ref.before")
    target.run(*args, env_extra=_DURABLE | who)
    fault("ref.after")
