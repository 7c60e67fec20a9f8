"""The tree of an earlier review of a change, brought up to the base that the change has now."""

import re

from reviewloop.workspace.private import PrivateRepo

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def earlier_tree(private: PrivateRepo, commit: str, base: str, head: str) -> str:
    """Return the tree to compare `head` with, to see what was done since `commit` was reviewed.

    `base` is the commit that the change is compared with now. Where work of the base was merged in
    meanwhile, the same merge is made with the earlier commit, so that only the change's own work
    differs. Returns "" where nothing can be said: other history, a conflict in that merge, a
    commit that is not here.
    """
    named = all(_ID.fullmatch(each) for each in (commit, base, head))
    if not named or not _is_ancestor(private, commit, head):
        return ""
    if _is_ancestor(private, base, commit):
        return private.tree_of(commit)
    merged = private.git.result("merge-tree", "--write-tree", "--no-messages", commit, base)
    tree = merged.stdout.decode().strip()
    return tree if merged.exit_code == 0 and "\n" not in tree else ""


def _is_ancestor(private: PrivateRepo, older: str, newer: str) -> bool:
    return not private.git.result("merge-base", "--is-ancestor", older, newer).exit_code
