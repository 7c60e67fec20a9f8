"""When a file came into a repository, from its history; nothing is fetched or written."""

import tempfile
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.distrusted import shallow_commits
from reviewloop.workspace.userrepo import UserRepo

_LONGEST_LOOK = 10.0  # seconds; a history of a million commits is not worth more


def first_commit_time(user: UserRepo, path: str) -> float | None:
    """Return when the first commit with this file was made, in seconds since the epoch.

    `path` is relative to the root. None when the commit that is checked out does not hold it, when
    the history is cut off (a shallow or partial clone), or when looking takes too long.
    """
    if shallow_commits(user.common_dir / "shallow"):
        return None
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as folder:
        git = user.mirror(Path(folder))
        try:
            if git.result("cat-file", "-e", f"{user.head}:{path}").exit_code:
                return None
            listed = git.run(
                "rev-list", "--timestamp", str(user.head), "--", path, timeout=_LONGEST_LOOK
            )
        except WorkspaceError:
            return None
    lines = listed.split(b"\n")[:-1]
    return float(lines[-1].split()[0]) if lines else None
