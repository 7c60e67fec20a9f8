"""Gate: a protected branch never receives a commit."""

from fnmatch import fnmatchcase

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.base import GuardInput
from reviewloop.settings import Settings

NAME = "branch"


def check(change: GuardInput) -> GateResult:
    """Check the target branch of the change's commit."""
    return check_branch(change.branch, change.settings)


def check_branch(branch: str | None, settings: Settings) -> GateResult:
    """Check a branch by its short name before anything is paid; None is a detached HEAD."""
    if branch is None:
        summary = "HEAD is detached, so there is no branch to commit to; check one out"
        return GateResult(NAME, GateStatus.HARD_STOP, summary)
    short = branch.removeprefix("refs/heads/")
    for pattern in settings.guard.protected_branches:
        if fnmatchcase(short, pattern):
            by = "" if pattern == short else f" (by the pattern {pattern})"
            summary = f"{short} is a protected branch{by}; work on another, such as --branch NAME"
            return GateResult(NAME, GateStatus.HARD_STOP, summary)
    return GateResult(NAME, GateStatus.PASSED, f"{short} is not protected")
