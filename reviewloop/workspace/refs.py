"""Names of branches: which exist, and how to make one from words."""

import re

from reviewloop.workspace.git import Git
from reviewloop.workspace.userrepo import UserRepo


def branch_exists(user: UserRepo, name: str) -> bool:
    """Whether the person's repository has this branch."""
    git = Git(user.common_dir)
    return git.result("show-ref", "--verify", "--quiet", f"refs/heads/{name}").exit_code == 0


def safe_branch_name(words: str) -> str:
    """Return words as one component of a branch name: letters, digits, dots and hyphens."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", words).strip(".-")
    name = re.sub(r"\.{2,}|\.lock$", "-", name).strip(".-")
    return name[:60] or "change"
