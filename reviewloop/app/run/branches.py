"""The branch that a run commits to: chosen before anything is paid, and looked at as it is now."""

from dataclasses import replace

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
    repository: Repository, settings: Settings, requested: str, name: str, *, go_on: bool = False
) -> tuple[str, bool]:
    """Return (branch the commit goes to, whether it is made at approval).

    `go_on` allows one that exists and is not checked out: the run starts from its commit.
    Raises `GuardRailError` on a protected branch or a detached HEAD without `--branch`.
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
            raise GuardRailError(
                f"{problem}; start with --branch {offered}", offer=offered, problem=problem
            )
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


def looked_again(repository: Repository) -> Repository:
    """Return the repository as it is now: an approval has moved its branch."""
    user = discover(repository.user.root)
    project, here = repository.user.project, repository.user.here
    return replace(repository, user=replace(user, project=project, here=here))


def on_branch(repository: Repository, branch: str, *, made_on: str = "") -> Repository | None:
    """Return the repository as if this branch were checked out, None when there is none.

    A branch that is made at approval starts from `made_on`.
    """
    user = repository.user
    if branch == user.branch:
        return repository
    head = repository.head_of(branch) or made_on
    return replace(repository, user=replace(user, branch=branch, head=head)) if head else None


def branch_with(user: UserRepo, run: RunRecord) -> str:
    """Return the branch that has a run's commit and is not in the checkout, "" for none."""
    git = Git(user.git_dir, cwd=user.root)

    def holds(tip: str) -> bool:
        return git.result("merge-base", "--is-ancestor", run.commit, tip).exit_code == 0

    there = holds(f"refs/heads/{run.branch}") and not holds(user.head or "HEAD")
    return run.branch if there else ""
