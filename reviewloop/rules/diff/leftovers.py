"""Finds files that a merge, a patch or an editor left behind."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MAINTAINABILITY, SHOULD, ChangeCheck, ChangeView, Hit, Rule

_LEFT = re.compile(
    r"\.(?:orig|rej|swp|swo)$|[^/]~$|(?:^|/)\.DS_Store$|(?:^|/)Thumbs\.db$"
    r"|_(?:BACKUP|BASE|LOCAL|REMOTE)_\d+\.\w+$|\.(?:BACKUP|BASE|LOCAL|REMOTE)\.\d+\.\w+$"
)
_RULE = Rule(
    id="diff/leftover-file",
    reviewer=MAINTAINABILITY,
    severity=SHOULD,
    title="A file that a merge, a patch or an editor left behind is added",
    why="It is a stale copy: searches find it, and a rejected hunk says that a part of a patch "
    "was never applied.",
    fix="Apply what is missing, delete the file, and let `.gitignore` name its kind.",
    category="leftover",
    source="https://git-scm.com/docs/git-mergetool#_temporary_files",
)


def _run(view: ChangeView) -> Iterator[Hit]:
    for path in view.changed_paths:
        if _LEFT.search(path) and view.read_base(path) is None:
            name = path.rsplit("/", 1)[-1]
            yield Hit(_RULE.id, path, None, f"{name} looks left behind, not meant.")


LEFTOVERS = ChangeCheck("leftover files", (_RULE,), _run)
