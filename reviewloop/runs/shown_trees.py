"""The trees that models may read: without the files that a review leaves out."""

from collections.abc import Iterable

from reviewloop.reviewing.selection import Skipped
from reviewloop.workspace.attributes import kiroignored
from reviewloop.workspace.compared import Compared

_IGNORE_FILE = ".kiroignore"


def shown_trees(
    two: Compared, skipped: Iterable[Skipped], reviewed: str = ""
) -> tuple[str, str, str]:
    """Return old and new tree without skipped files and without what .kiroignore names.

    What is not in a tree can neither be part of its diff nor be read with a tool. The third one is
    `reviewed`, the tree of an earlier review, treated like these; "" for none.
    """
    hidden = {path for one in skipped for path in (one.file.path, one.file.old_path)}
    trees = [two.old, two.new, *([reviewed] if reviewed else [])]
    if two.private.read(two.base, _IGNORE_FILE):
        for tree in trees:
            paths = [entry.path for entry in two.private.entries(tree)]
            hidden |= kiroignored(two.private, two.base, paths).keys()
    hidden.discard("")
    gone = dict.fromkeys(hidden)
    old, new, *earlier = (two.private.edit(tree, gone) if gone else tree for tree in trees)
    return old, new, next(iter(earlier), "")
