"""Names of branches: which exist, and how to make one from words."""

import re
from hashlib import sha256
from pathlib import PurePosixPath

from reviewloop.workspace.git import Git
from reviewloop.workspace.userrepo import UserRepo

OURS = "reviewloop"
"""The folder of branches that are ours to name."""
_LONGEST_PART = 40


def branch_exists(user: UserRepo, name: str) -> bool:
    """Whether the person's repository has this branch."""
    git = Git(user.common_dir)
    return git.result("show-ref", "--verify", "--quiet", f"refs/heads/{name}").exit_code == 0


def safe_branch_name(words: str) -> str:
    """Return words as one component of a branch name: letters, digits, dots and hyphens."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", words).strip(".-")
    name = re.sub(r"\.{2,}|\.lock$", "-", name).strip(".-")
    return name[:60] or "change"


def task_name(spec: str, task: str) -> str:
    """Return what branch and artifact of a task are called, such as `001-login_T001`.

    `spec` is the path of its spec ("": none): ids begin anew in each. The same two always give the
    same name, and others give another one; case alone may be all that tells two apart.
    """
    name = PurePosixPath(spec).name.removesuffix(".md")
    return "_".join(_part(words) for words in (name, task) if words)


def _part(words: str) -> str:
    """Return words as part of a name; what gets lost of them lives on in a few digits."""
    part = safe_branch_name(words)
    if part == words and len(part) <= _LONGEST_PART:
        return part
    return f"{part[:_LONGEST_PART].rstrip('.-')}-{sha256(words.encode()).hexdigest()[:6]}"
