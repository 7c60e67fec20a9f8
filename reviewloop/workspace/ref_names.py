"""Lists the names that commits go by in a repository, for completing them on a command line."""

import os
from pathlib import Path

from reviewloop.workspace.located import locate

_KINDS = ("refs/heads", "refs/tags", "refs/remotes")


def ref_names(start: Path) -> list[str]:
    """Return branches, then tags, then remotes' branches; raise WorkspaceError outside of git."""
    output = locate(start).git.run("for-each-ref", "--format=%(refname:lstrip=2)", *_KINDS)
    names = os.fsdecode(output).splitlines()
    return [name for name in dict.fromkeys(names) if not name.endswith("/HEAD")]
