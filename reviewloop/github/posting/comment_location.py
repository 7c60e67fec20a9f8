"""Chooses the diff line for a comment on a finding, and the suggestion that it offers."""

import re
from typing import NamedTuple, Protocol

from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.finding import Finding, Placement
from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.git.diff import Change, FileChange
from reviewloop.github.api.model import Comment, Side
from reviewloop.github.comments.bodies import break_marks, with_note
from reviewloop.github.rereview.matching import CommentLocation
from reviewloop.regex import regex
from reviewloop.review.fixes import parses

LONGEST_SUGGESTION = 10_000  # characters
_REDACTED = regex("…|⟦")  # placeholder for secrets and hidden characters in a report


class Files(Protocol):
    """A reader of files of a tree: the private repository."""

    def read(self, tree: str, path: str) -> bytes | None:
        """Return the content of a file, None for a missing file."""


class Anchors:
    """The lines of a pull request's diff; `change` runs from the merge base to the head.

    `new_tree` is the tree or commit that `private` reads the new files from.
    """

    def __init__(self, change: Change, private: Files, new_tree: str) -> None:
        self._change, self._private, self._tree = change, private, new_tree
        self._known: dict[str, _Hunks | None] = {}

    def locate(self, finding: Finding) -> CommentLocation | None:
        """Return the lines for a comment on a finding, None where no line can carry it.

        If they are in several hunks, the comment goes to the last of them that GitHub shows.
        """
        location = self._locate(finding)
        if location is None or not self._applies(finding, location):
            return location
        return location._replace(offers=True)

    def comment(self, finding: Finding, body: str) -> Comment | None:
        """Return the comment on the lines of a finding, None where no line can carry it."""
        location = self._locate(finding)
        return comment_on(finding, location, body) if location else None

    def suggestion(self, finding: Finding) -> str | None:
        """Return the new lines, each with its LF, that a user may commit; "" deletes the old.

        None unless the file with them was tried and still parses, and for lines that would write a
        redacted secret, a hidden character or other line endings.
        """
        location = self.locate(finding)
        return suggestion_at(finding, location) if location else None

    def _applies(self, finding: Finding, location: CommentLocation) -> bool:
        new = _lines(finding)
        if new is None or location.side == "LEFT" or not location.whole:
            return False
        old = self._text(finding.path)
        if old is None or "\r" in old + new or len(new) > LONGEST_SUGGESTION:
            return False
        lines = [line for line in re.split(r"(?<=\n)", old) if line]
        replaced = "".join(lines[location.first - 1 : location.last])
        if new.rstrip("\n") == replaced.rstrip("\n") or not _can_be_committed(new, replaced):
            return False
        after = "".join(lines[: location.first - 1]) + new + "".join(lines[location.last :])
        return parses(finding.path, old, after)

    def _locate(self, finding: Finding) -> CommentLocation | None:
        if finding.placement is not Placement.CHANGED or finding.line is None:
            return None
        hunks = self._hunks(finding.path)
        if hunks is None or any(map(_is_no_utf8, finding.path)):
            return None
        side: Side = "LEFT" if finding.side == "old" else "RIGHT"
        first, last = finding.line, max(finding.end_line or 0, finding.line)
        shown = hunks.left if side == "LEFT" else hunks.right
        # The last hunk that the finding touches; GitHub takes no comment across two.
        for hunk in reversed(shown):
            if hunk.start <= last and first < hunk.stop:
                if first in hunk and last in hunk:
                    return CommentLocation(side, first, last)
                end = min(last, hunk.stop - 1)
                return CommentLocation(side, end, end, whole=False)
        return None

    def _hunks(self, path: str) -> "_Hunks | None":
        if path not in self._known:
            file = self._change.file(path)
            self._known[path] = _read(file) if file and not file.submodule else None
        return self._known[path]

    def _text(self, path: str) -> str | None:
        data = self._private.read(self._tree, path)
        try:
            return None if data is None else data.decode("utf-8")
        except UnicodeDecodeError:
            return None


def comment_on(finding: Finding, location: CommentLocation, body: str) -> Comment:
    """Return the comment on a finding at the location found for it."""
    if not location.whole:
        end = finding.end_line or finding.line
        body = with_note(body, f"_About lines {finding.line}–{end}._")
    start = location.first if location.first < location.last else None
    return Comment(finding.path, body, location.last, start, location.side, finding.id)


def suggestion_at(finding: Finding, location: CommentLocation) -> str | None:
    """Return the lines that a user may commit at such a location; None for no suggestion."""
    return _lines(finding) if location.offers else None


def _lines(finding: Finding) -> str | None:
    new = finding.replacement
    return new + "\n" if new and not new.endswith("\n") else new


class _Hunks(NamedTuple):
    """The lines that GitHub shows on each side of the diff."""

    left: list[range]
    right: list[range]


def _read(file: FileChange) -> _Hunks | None:
    try:
        hunks = file.hunks
    except WorkspaceError:
        return None  # an inconsistent diff: no line of it is safe to comment on
    left = [range(h.old_start, h.old_start + h.old_count) for h in hunks]
    right = [range(h.new_start, h.new_start + h.new_count) for h in hunks]
    return _Hunks([r for r in left if r], [r for r in right if r])


def _can_be_committed(new: str, replaced: str) -> bool:
    """Whether a replacement can be committed as shown: nothing redacted, hidden or ours."""
    redacted = len(_REDACTED.findall(new)) > len(_REDACTED.findall(replaced))
    return not redacted and show_hidden(new) == new and break_marks(new) == new


def _is_no_utf8(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"
