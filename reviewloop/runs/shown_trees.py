"""The trees that models may read: without the files that a review leaves out."""

from reviewloop.reviewing.selection import Selection
from reviewloop.workspace.attributes import kiroignored
from reviewloop.workspace.compared import Compared

_IGNORE_FILE = ".kiroignore"


def shown_trees(two: Compared, selection: Selection) -> tuple[str, str]:
    """Return old and new tree without skipped files and without what .kiroignore names.

    What is not in a tree can neither be part of its diff nor be read with a tool.
    """
    hidden = {s.file.path for s in selection.skipped} | {s.file.old_path for s in selection.skipped}
    if two.private.read(two.base, _IGNORE_FILE):
        for tree in (two.old, two.new):
            paths = [entry.path for entry in two.private.entries(tree)]
            hidden |= kiroignored(two.private, two.base, paths).keys()
    hidden.discard("")
    if not hidden:
        return two.old, two.new
    gone = dict.fromkeys(hidden)
    return two.private.edit(two.old, gone), two.private.edit(two.new, gone)
