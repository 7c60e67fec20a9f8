"""The table of the settings file about the files that builds and tests get to see."""

from typing import Literal

from pydantic import Field

from reviewloop.settings.section import Section


class WorkspaceFiles(Section):
    """What stands in the workspace besides the files that git itself holds."""

    lfs: Literal["refuse", "pointer", "copy"] = Field(
        default="refuse",
        description="Git LFS: refuse to change its files, allow new pointers, or show builds "
        "the content at hand, too.",
    )
    submodules: Literal["empty", "copy"] = Field(
        default="empty",
        description="Submodules: empty folders, or their files as .git/modules holds them.",
    )


WIDER = {
    "workspace.lfs": ("refuse", "pointer", "copy"),
    "workspace.submodules": ("empty", "copy"),
}
"""Values in ascending order; a repository's own file may choose an earlier one only."""
