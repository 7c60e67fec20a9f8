"""A checkout of one commit in a folder of its own, with the user's objects and none of their files.

For trying the same work again from where it began: the user's repository is only read.
"""

from pathlib import Path

from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo

_BRANCH = "measured"


def checkout_apart(user: UserRepo, commit: str, folder: Path) -> None:
    """Make a repository in an empty folder whose one branch stands at a commit of the user's.

    Raises `WorkspaceError` where the commit is gone.
    """
    Git(None, cwd=folder).run("init", "--quiet", f"--initial-branch={_BRANCH}", ".")
    (folder / ".git/objects/info").mkdir(exist_ok=True)
    (folder / ".git/objects/info/alternates").write_text(f"{user.objects.resolve()}\n", "utf-8")
    git = Git(folder / ".git", folder)
    git.run("config", "user.name", "reviewloop")
    git.run("config", "user.email", "reviewloop@localhost")
    git.run("reset", "--quiet", "--hard", commit)
