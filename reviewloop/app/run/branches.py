"""Chooses the branch that a run commits to, before anything is paid, and reads it again later."""

import os
from dataclasses import replace
from shlex import quote

from reviewloop.app.project import Repository
from reviewloop.checkout.promote import is_checked_out
from reviewloop.domain.errors import GuardRailError, UsageError
from reviewloop.git.commits import branch_ref
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, discover
from reviewloop.git.revisions import branch_exists, safe_branch_name
from reviewloop.guards.branch import check_branch
from reviewloop.settings import Settings
from reviewloop.store.runs import RunRecord


def choose_branch(
    repository: Repository,
    settings: Settings,
    requested: str,
    name: str,
    *,
    go_on: bool = False,
    spec_path: str = "",
) -> tuple[str, bool]:
    """Return (branch for the commit, whether approval creates it).

    `go_on` allows a branch that exists and is not checked out: the run starts from its commit.
    `spec_path` is the run's spec, or "". Raises `GuardRailError` on a protected branch or a
    detached HEAD without `--branch`.
    """
    user = repository.user
    offered = f"reviewloop/{safe_branch_name(name)}"
    if not requested:
        if user.branch is None:
            problem = "HEAD is detached, so there is no branch to commit to"
            raise GuardRailError(
                f"{problem}; switch to a branch, or start with --branch {offered}",
                offer=offered,
                problem=problem,
            ).in_brief("HEAD is detached")
        if check_branch(user.branch, settings).status.stops:
            problem = f"the branch {user.branch} is protected"
            way = f"start with --branch {offered}"
            if branch_exists(user, offered) and _is_without(user, offered, spec_path):
                goes = way_into_checkout(user, offered, spec_path)
                way = f"{offered} has earlier tasks and no {spec_path}; have both there: {goes}"
            raise GuardRailError(f"{problem}; {way}", offer=offered, problem=problem)
        return user.branch, False
    if check_branch(requested, settings).status.stops:
        problem = f"the branch {requested} is protected"
        raise GuardRailError(
            f"{problem}; choose another, say {offered}", offer=offered, problem=problem
        )
    branch_ref(Git(user.common_dir), requested)  # refuses a name that git does not allow
    if requested == user.branch:
        return requested, False
    if branch_exists(user, requested):
        if go_on:
            is_checked_out(Git(user.git_dir, cwd=user.root), user.root, f"refs/heads/{requested}")
            return requested, False
        raise UsageError(
            f"the branch {requested} exists already; "
            f"switch to it first (`git switch {requested}`), or "
            "choose another name"
        )
    return requested, True


def branch_step(user: UserRepo, settings: Settings, name: str) -> str:
    """Return the command to run first where the branch is protected or HEAD detached, else ""."""
    if not check_branch(user.branch, settings).status.stops:
        return ""
    free = (f"{name}{number}" for number in ("", *(f"-{count}" for count in range(2, 100))))
    return f"git switch -c {next((one for one in free if not branch_exists(user, one)), name)}"


def way_into_checkout(user: UserRepo, branch: str, spec_path: str = "") -> str:
    """Return the commands that bring a branch into the checkout and that git does not refuse.

    A spec that is committed here and not on the branch is merged.
    """
    way = f"git switch {quote(branch)}"
    if _is_without(user, branch, spec_path):
        way += f" && git merge {quote(user.branch or (user.head or '')[:10])}"
    if in_the_way := _overwritten(user, branch):
        shown = ", ".join(in_the_way[:3])
        shown += f" and {len(in_the_way) - 3} more" if len(in_the_way) > 3 else ""
        return f"commit or stash {shown}, which git would overwrite, then {way}"
    return way


def _is_without(user: UserRepo, branch: str, spec_path: str) -> bool:
    """Return whether a spec is committed in the checkout and not on the branch."""
    git = Git(user.git_dir, cwd=user.root)

    def holds(commit: str) -> bool:
        return bool(git.run("ls-tree", "--name-only", commit, "--", spec_path))

    return bool(spec_path and user.head) and holds("HEAD") and not holds(f"refs/heads/{branch}")


def _overwritten(user: UserRepo, branch: str) -> list[str]:
    """Return the uncommitted files that differ on the branch: git refuses to switch then."""
    git = Git(user.git_dir, cwd=user.root)
    listed = git.run(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", "HEAD", f"refs/heads/{branch}"
    )
    there = [os.fsdecode(path) for path in listed.split(b"\0") if path]
    return [
        path
        for path in user.dirty
        if any(f"{one}/".startswith(f"{path}/") or path.startswith(f"{one}/") for one in there)
    ]


def reread_repository(repository: Repository) -> Repository:
    """Return the repository read again: an approval has moved its branch."""
    user = discover(repository.user.root)
    project, here = repository.user.project, repository.user.here
    return replace(repository, user=replace(user, project=project, here=here))


def on_branch(repository: Repository, branch: str, *, made_on: str = "") -> Repository | None:
    """Return the repository as if this branch were checked out, None when there is none.

    `made_on` is the commit of a branch that approval will create.
    """
    user = repository.user
    if branch == user.branch:
        return repository
    head = repository.head_of(branch) or made_on
    return replace(repository, user=replace(user, branch=branch, head=head)) if head else None


def branch_with(user: UserRepo, run: RunRecord) -> str:
    """Return the branch that has a run's commit and is not checked out, or ""."""
    git = Git(user.git_dir, cwd=user.root)

    def holds(tip: str) -> bool:
        return git.result("merge-base", "--is-ancestor", run.commit, tip).exit_code == 0

    there = holds(f"refs/heads/{run.branch}") and not holds(user.head or "HEAD")
    return run.branch if there else ""
