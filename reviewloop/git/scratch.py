"""Checks out one commit in a new folder, with the user's objects and none of their files.

For repeating work from its start: the user's repository is only read.
"""

from pathlib import Path

from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo

_BRANCH = "measured"


def checkout_apart(user: UserRepo, commit: str, folder: Path) -> None:
    """Make a repository in an empty folder with one branch at a commit of the user's.

    Raises `WorkspaceError` where the commit is missing.
    """
    Git(None, cwd=folder).run("init", "--quiet", f"--initial-branch={_BRANCH}", ".")
    (folder / ".git/objects/info").mkdir(exist_ok=True)
    (folder / ".git/objects/info/alternates").write_text(f"{user.objects.resolve()}\n", "utf-8")
    git = Git(folder / ".git", folder)
    git.run("config", "user.name", "reviewloop")
    git.run("config", "user.email", "reviewloop@localhost")
    git.run("reset", "--quiet", "--hard", commit)
